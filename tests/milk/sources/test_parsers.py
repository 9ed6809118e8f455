"""The three parsers: what they read, and every fault named by file, row, column and value."""

from collections.abc import Callable

import pytest

from milk.errors import BadInput
from milk.months import Month
from milk.series import SourceName, series_register
from milk.sources.faults import Fault, refuse_unusable
from milk.sources.files import SOURCE_FILES
from milk.sources.text import LONGEST_VALUE, Parsed
from milk.tables import OBSERVATIONS
from tests.milk.sources.texts import HEADERS, MACRO_COLUMNS, RAIN_COLUMNS, START, file_of, row_of, rows_of

SOURCES: list[SourceName] = ["milk_price", "precipitation", "central_bank"]
VALUES = ["3.85", "4.58", "4.6", "4.71"]
FIRST_COLUMN = {"milk_price": "Precio_leche", "precipitation": RAIN_COLUMNS[0], "central_bank": MACRO_COLUMNS[0]}
DATE_COLUMN = {"milk_price": "Mes", "precipitation": "date", "central_bank": "Periodo"}


def parse(source: SourceName, content: bytes) -> Parsed:
    return SOURCE_FILES[source].parse(content)


def the_fault(source: SourceName, content: bytes) -> Fault:
    (fault,) = parse(source, content).faults
    assert fault.file == SOURCE_FILES[source].file_name
    assert str(fault).startswith(fault.file)
    return fault


def with_price(text: str) -> bytes:
    return file_of("milk_price", rows_of("milk_price", [VALUES[0], text, *VALUES[2:]]))


@pytest.mark.parametrize("source", SOURCES)
def test_sound_file(source: SourceName) -> None:
    parsed = parse(source, file_of(source, rows_of(source, VALUES)))
    series = series_register().of_source(source)[0].name
    assert parsed.faults == []
    assert parsed.rows_read == 4
    assert parsed.observations["series"].tolist() == [series] * 4
    assert parsed.observations["month"].dt.strftime("%Y-%m").tolist() == ["1979-01", "1979-02", "1979-03", "1979-04"]
    assert parsed.observations["value"].tolist() == VALUES
    assert parsed.observations["row"].tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.replace(b"\n", b"\r\n"),
        lambda c: c.replace(b"\n", b"\r"),
        lambda c: b"\xef\xbb\xbf" + c,
        lambda c: c.rstrip(b"\n"),
        lambda c: c.replace(b",", b" , "),
    ],
    ids=["CRLF", "CR", "BOM", "no last end of line", "blanks around cells"],
)
def test_ways_of_writing_the_same_file(source: SourceName, change: Callable[[bytes], bytes]) -> None:
    plain = file_of(source, rows_of(source, VALUES))
    parsed = parse(source, change(plain))
    assert parsed.faults == []
    assert parsed.observations.equals(parse(source, plain).observations)


@pytest.mark.parametrize("source", SOURCES)
def test_blank_lines_are_skipped_and_rows_keep_their_line(source: SourceName) -> None:
    lines = file_of(source, rows_of(source, VALUES)).decode().splitlines()
    content = "\n\n".join([*lines[:3], " , ,", *lines[3:]]) + "\n\n\n"
    parsed = parse(source, content.encode())
    assert parsed.faults == []
    assert parsed.rows_read == 4
    assert parsed.observations["row"].tolist() == [3, 5, 9, 11]


@pytest.mark.parametrize("source", SOURCES)
def test_rows_in_no_order_and_further_columns(source: SourceName) -> None:
    rows = rows_of(source, VALUES)
    content = "\n".join([f"n,{HEADERS[source]}", *(f"{n},{row}" for n, row in enumerate(reversed(rows)))])
    parsed = parse(source, content.encode())
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == VALUES
    assert parsed.observations["row"].tolist() == [5, 4, 3, 2]


@pytest.mark.parametrize("name", ["ene", "ENE", "eNe"])
def test_month_in_any_case(name: str) -> None:
    parsed = parse("milk_price", file_of("milk_price", [f"1979,{name},3.85"]))
    assert parsed.faults == []
    assert len(parsed.observations) == 1


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("", "missing price", "the price of 1979-02 is empty"),
        ("-4.58", "negative price", "the price of 1979-02 is negative"),
        ("0", "implausible price", "the price of 1979-02 is outside 0.1 to 5000 CLP/L"),
        ("0.00", "implausible price", "outside 0.1 to 5000"),
        ("5000.01", "implausible price", "outside 0.1 to 5000"),
        ("9" * 90, "implausible price", "outside 0.1 to 5000"),
        ("9" * (LONGEST_VALUE + 1), "unreadable price", "is not a number"),
        ("cheap", "unreadable price", "the price of 1979-02 is not a number with a decimal point"),
        ("4.58 CLP", "unreadable price", "is not a number"),
        ("nan", "unreadable price", "is not a number"),
        ("inf", "unreadable price", "is not a number"),
        ("1e2", "unreadable price", "is not a number"),
        ("1.234.5", "unreadable price", "is not a number"),
        ("٤", "unreadable price", "is not a number"),
        ('"4,58"', "unreadable price", "is not a number"),
    ],
)
def test_bad_price_is_named(text: str, kind: str, problem: str) -> None:
    fault = the_fault("milk_price", with_price(text))
    assert (fault.severity, fault.kind, fault.row, fault.column) == ("error", kind, 3, "Precio_leche")
    assert fault.value == text.strip('"')
    assert problem in fault.problem
    assert fault.remedy
    assert len(parse("milk_price", with_price(text)).observations) == 3


@pytest.mark.parametrize("text", ["4", "0004.58"])
def test_other_ways_of_writing_a_price_are_taken(text: str) -> None:
    assert parse("milk_price", with_price(text)).faults == []


@pytest.mark.parametrize("texts", [["0.1", "0.2"], ["4999.99", "5000"]])
def test_price_at_the_ends_of_the_plausible_range_is_taken(texts: list[str]) -> None:
    assert parse("milk_price", file_of("milk_price", rows_of("milk_price", texts))).faults == []


def semicolons(source: SourceName, values: list[str]) -> bytes:
    """A file with semicolons whose first value column holds the values, commas and all."""
    rows = [row_of(source, START + k, "@").replace(",", ";") for k in range(len(values))]
    rows = [row.replace("@", value) for row, value in zip(rows, values, strict=True)]
    return file_of(source, rows).replace(HEADERS[source].encode(), HEADERS[source].replace(",", ";").encode())


@pytest.mark.parametrize("source", ["milk_price", "precipitation"])
@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1,5", "2", "0,925"], ["1.5", "2", "0.925"]),
        (["1.5", "2", "0.925"], ["1.5", "2", "0.925"]),
        # What could be a group of thousands is read where another number proves the sign.
        (["1,5", "1,050"], ["1.5", "1.050"]),
        (["1.5", "1.050"], ["1.5", "1.050"]),
        (["312,5", "312.5"], ["312.5", "312.5"]),
        (["1050,5", "1234,567"], ["1050.5", "1234.567"]),
    ],
)
def test_decimal_comma_between_semicolons(source: SourceName, texts: list[str], values: list[str]) -> None:
    parsed = parse(source, semicolons(source, texts))
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == values
    assert parsed.observations["row"].tolist() == list(range(2, len(texts) + 2))


@pytest.mark.parametrize("source", ["milk_price", "precipitation"])
@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (["312,5", "1.234,5"], [3]),
        (["312.5", "1,234.5"], [3]),
        (["312,5", "1.234.567"], [3]),
        (["312.5", "1,234,567"], [3]),
        (["312", "1,050"], [3]),
        (["312", "1.050", "2.000"], [3, 4]),
        (["312,5", "1.050"], [3]),
        (["312.5", "1,050"], [3]),
        (["312,5", "312.5", "1.050", "1,050"], [4, 5]),
    ],
)
def test_number_that_can_be_read_in_two_ways_is_named(source: SourceName, texts: list[str], rows: list[int]) -> None:
    parsed = parse(source, semicolons(source, texts))
    severity = "error" if source == "milk_price" else "warning"
    assert [(f.severity, f.kind, f.row) for f in parsed.faults] == [(severity, "ambiguous number", n) for n in rows]
    for fault in parsed.faults:
        assert (fault.column, fault.value) == (FIRST_COLUMN[source], texts[fault.row - 2])
        assert fault.remedy == "Write it without groups of thousands."
    assert not set(rows) & set(parsed.observations["row"])


def test_between_commas_the_point_is_the_decimal_sign() -> None:
    assert parse("milk_price", with_price("4.050")).faults == []


def test_rain_with_a_decimal_comma_and_an_exponent() -> None:
    parsed = parse("precipitation", semicolons("precipitation", ["3,1e-05", "1,234"]))
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == ["3.1e-05", "1.234"]


def test_comma_in_a_macro_cell_is_reported_and_kept() -> None:
    parsed = parse("central_bank", semicolons("central_bank", ["102.949.972", "102,9"]))
    (fault,) = parsed.faults
    assert (fault.severity, fault.kind, fault.row, fault.column, fault.value) == (
        "warning", "unreadable cell", 3, MACRO_COLUMNS[0], "102,9",
    )  # fmt: skip
    assert parsed.observations["value"].tolist() == ["102.949.972", "102,9"]


def test_decimal_comma_between_commas_breaks_the_row() -> None:
    fault = parse("milk_price", with_price("4,58")).faults[-1]
    assert (fault.kind, fault.row, fault.problem) == ("broken row", 3, "the row has 4 cells, the header 3")


@pytest.mark.parametrize(
    ("row", "column", "value", "problem"),
    [
        ("1979,Foo,4", "Mes", "Foo", "the month is not one of Ene Feb"),
        ("1979,2,4", "Mes", "2", "the month is not one of"),
        ("1979,,4", "Mes", "", "the month is not one of"),
        ("1979,\u017fep,4", "Mes", "\u017fep", "the month is not one of"),
        ("MCM,Feb,4", "Anio", "MCM", "it is not a year"),
        ("79,Feb,4", "Anio", "79", "it is not a year"),
        ("0000,Feb,4", "Anio", "0000", "it is not a year"),
        ("١٩٧٩,Feb,4", "Anio", "١٩٧٩", "it is not a year"),
        (",Feb,4", "Anio", "", "it is not a year"),
    ],
)
def test_bad_date_of_a_price_is_an_error(row: str, column: str, value: str, problem: str) -> None:
    rows = rows_of("milk_price", VALUES)
    fault = the_fault("milk_price", file_of("milk_price", [*rows, row]))
    assert (fault.severity, fault.kind, fault.row) == ("error", "impossible month", 6)
    assert (fault.column, fault.value) == (column, value)
    assert problem in fault.problem


@pytest.mark.parametrize("source", ["precipitation", "central_bank"])
@pytest.mark.parametrize("month", ["2020-13", "2020-00", "0000-01", "9999-12", "20-01", "Ene 2020", "٢٠٢٠-01"])
def test_bad_date_of_another_source_is_a_warning(source: SourceName, month: str) -> None:
    rows = rows_of(source, VALUES)
    parsed = parse(source, file_of(source, [rows[0].replace("1979-01", month), *rows[1:]]))
    (fault,) = parsed.faults
    assert (fault.severity, fault.kind, fault.row) == ("warning", "impossible month", 2)
    assert fault.column == DATE_COLUMN[source]
    assert fault.value.startswith(month)
    assert len(parsed.observations) == 3
    assert parsed.rows_read == 4


@pytest.mark.parametrize("source", ["precipitation", "central_bank"])
@pytest.mark.parametrize(("day", "is_sound"), [("31", True), ("32", False), ("00", False), ("99", False)])
def test_day_must_exist_in_its_month(source: SourceName, day: str, *, is_sound: bool) -> None:
    rows = rows_of(source, VALUES)
    parsed = parse(source, file_of(source, [rows[0].replace("1979-01-01", f"1979-01-{day}"), *rows[1:]]))
    assert [(f.kind, f.row) for f in parsed.faults] == ([] if is_sound else [("impossible month", 2)])
    assert len(parsed.observations) == (4 if is_sound else 3)


@pytest.mark.parametrize(("source", "text"), [("precipitation", "wet"), ("precipitation", "-1"), ("central_bank", "a")])
def test_cell_that_is_no_number_is_a_warning(source: SourceName, text: str) -> None:
    parsed = parse(source, file_of(source, rows_of(source, [VALUES[0], text])))
    (fault,) = parsed.faults
    assert (fault.severity, fault.kind, fault.row) == ("warning", "unreadable cell", 3)
    assert (fault.column, fault.value) == (FIRST_COLUMN[source], text)
    kept = parsed.observations["value"].tolist()
    assert kept == ([VALUES[0], text] if source == "central_bank" else [VALUES[0]])


@pytest.mark.parametrize("source", ["precipitation", "central_bank"])
def test_cell_too_long_for_the_table_is_left_out(source: SourceName) -> None:
    checks = OBSERVATIONS.columns["value"].checks
    assert [(check.name, check.statistics["max_value"]) for check in checks] == [("str_length", LONGEST_VALUE)]
    content = file_of(source, rows_of(source, ["1" * LONGEST_VALUE, "1" * (LONGEST_VALUE + 1)]))
    assert the_fault(source, content).row == 3
    assert parse(source, content).observations["row"].tolist() == [2]


@pytest.mark.parametrize("text", ["0", "12.5", "3.1e-05", "2E1"])
def test_rain_as_statistics_programs_write_it(text: str) -> None:
    parsed = parse("precipitation", file_of("precipitation", rows_of("precipitation", [text])))
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == [text]


@pytest.mark.parametrize("source", ["precipitation", "central_bank"])
def test_empty_cell_is_no_observation_and_no_fault(source: SourceName) -> None:
    parsed = parse(source, file_of(source, rows_of(source, ["", "1"])))
    assert parsed.faults == []
    assert len(parsed.observations) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_identical_repetition_is_dropped_and_counted(source: SourceName) -> None:
    rows = rows_of(source, VALUES)
    content = file_of(source, [*rows, rows[1]])
    fault = the_fault(source, content)
    assert (fault.severity, fault.kind, fault.row) == ("warning", "repeated month", 6)
    assert "1979-02" in fault.problem
    assert parse(source, content).rows_read == 5
    assert parse(source, content).observations["row"].tolist() == [2, 3, 4, 5]
    refuse_unusable([fault])


@pytest.mark.parametrize("source", SOURCES)
def test_repetition_that_differs_in_a_further_column_only_says_the_same(source: SourceName) -> None:
    rows = [
        f"{row},{number}" for number, row in enumerate([*rows_of(source, VALUES), row_of(source, START, VALUES[0])])
    ]
    content = "\n".join([f"{HEADERS[source]},nota", *rows])
    fault = the_fault(source, content.encode())
    assert (fault.severity, fault.kind, fault.row) == ("warning", "repeated month", 6)


@pytest.mark.parametrize("source", SOURCES)
def test_conflicting_repetition(source: SourceName) -> None:
    content = file_of(source, [*rows_of(source, VALUES), row_of(source, START + 1, "9")])
    fault = the_fault(source, content)
    severity = "error" if source == "milk_price" else "warning"
    assert (fault.severity, fault.kind, fault.row) == (severity, "conflicting month", 6)
    assert "1979-02 stands there again, with other values than row 3" in fault.problem
    assert parse(source, content).observations["value"].tolist() == VALUES


@pytest.mark.parametrize(
    ("absent", "problem"), [([1], "no row for 1979-02"), ([1, 2], "no row for 1979-02 to 1979-03")]
)
def test_gap_in_the_price_is_an_error(absent: list[int], problem: str) -> None:
    rows = [row for n, row in enumerate(rows_of("milk_price", VALUES)) if n not in absent]
    fault = the_fault("milk_price", file_of("milk_price", rows))
    assert (fault.severity, fault.kind, fault.problem) == ("error", "gap", problem)


@pytest.mark.parametrize("source", ["precipitation", "central_bank"])
def test_gap_elsewhere_is_none(source: SourceName) -> None:
    rows = rows_of(source, VALUES)
    assert parse(source, file_of(source, [rows[0], rows[3]])).faults == []


def test_faults_stand_in_the_order_of_their_rows_after_those_of_the_whole_file() -> None:
    rows = ["1979,Ene,x", "1979,Feb", "1979,Foo,4", "1979,May,-1"]
    faults = parse("milk_price", file_of("milk_price", rows)).faults
    assert [(f.kind, f.row) for f in faults] == [
        ("gap", 0), ("unreadable price", 2), ("broken row", 3), ("impossible month", 4), ("negative price", 5),
    ]  # fmt: skip


def test_message_lists_the_first_faults_and_counts_the_rest() -> None:
    with pytest.raises(BadInput) as refused:
        refuse_unusable(parse("milk_price", file_of("milk_price", rows_of("milk_price", ["x"] * 25))).faults)
    lines = str(refused.value).splitlines()
    assert lines[0] == (
        "precio_leche.csv, row 2, column Precio_leche: the price of 1979-01 is not a number with a decimal point "
        "(value 'x'). Mend it in the file."
    )
    assert len(lines) == 21
    assert lines[-1] == "and 5 more."


def test_gap_of_a_decade_is_one_fault() -> None:
    rows = [row_of("milk_price", Month(1979, 1), "4"), row_of("milk_price", Month(1990, 1), "90")]
    assert the_fault("milk_price", file_of("milk_price", rows)).problem == "no row for 1979-02 to 1989-12"
