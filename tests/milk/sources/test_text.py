"""Files that are no table: empty, cut, in another encoding, separated by something else."""

import pytest

from milk.series import SourceName
from milk.sources.faults import Fault, count_by_kind, errors_of
from milk.sources.files import SOURCE_FILES
from tests.milk.sources.texts import HEADERS, file_of, rows_of

SOURCES: list[SourceName] = ["milk_price", "precipitation", "central_bank"]
pytestmark = pytest.mark.parametrize("source", SOURCES)


def the_fault(source: SourceName, content: bytes) -> Fault:
    """The one fault, an error, of a file with no observations."""
    parsed = SOURCE_FILES[source].parse(content)
    (fault,) = parsed.faults
    assert (fault.severity, fault.file) == ("error", SOURCE_FILES[source].file_name)
    assert parsed.observations.empty
    assert list(parsed.observations.columns) == ["series", "month", "value", "row"]
    return fault


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" , ,\r\n", b'""'])
def test_empty_file(source: SourceName, content: bytes) -> None:
    fault = the_fault(source, content)
    assert (fault.kind, fault.problem) == ("empty file", "the file is empty")


def test_header_only(source: SourceName) -> None:
    fault = the_fault(source, file_of(source, ["", ""]))
    assert (fault.kind, fault.problem) == ("empty file", "the file has a header but no rows")


def test_missing_column_is_named_with_what_the_header_has(source: SourceName) -> None:
    names = HEADERS[source].split(",")
    content = ",".join(["Fecha", *names[:-1]]) + "\n" + ",".join("1" * len(names))
    fault = the_fault(source, content.encode())
    assert (fault.kind, fault.row, fault.column) == ("missing column", 1, names[-1])
    assert fault.problem.startswith("it is missing; the header has: Fecha, ")


def test_missing_columns_are_named_together(source: SourceName) -> None:
    names = HEADERS[source].split(",")
    fault = the_fault(source, b"a,b\n1,2\n")
    assert (fault.row, fault.column) == (1, names[0])
    assert fault.problem.startswith(f"it is missing, and so are {', '.join(names[1:5])}; the header has: a, b")


def test_column_that_stands_there_twice(source: SourceName) -> None:
    name = HEADERS[source].split(",")[-1]
    content = file_of(source, [row + ",7" for row in rows_of(source, ["3.85"])])
    fault = the_fault(source, content.replace(HEADERS[source].encode(), f"{HEADERS[source]},{name}".encode()))
    assert (fault.kind, fault.row, fault.column) == ("repeated column", 1, name)


def test_semicolons_say_the_same_as_commas(source: SourceName) -> None:
    plain = file_of(source, rows_of(source, ["3.85", "4", ""]))
    parsed = SOURCE_FILES[source].parse(plain.replace(b",", b";"))
    wanted = SOURCE_FILES[source].parse(plain)
    assert parsed.faults == wanted.faults
    assert parsed.observations.equals(wanted.observations)


def test_a_header_of_semicolons_above_rows_of_commas_breaks_the_rows(source: SourceName) -> None:
    header, row = file_of(source, rows_of(source, ["3.85"])).splitlines()
    fault = the_fault(source, header.replace(b",", b";") + b"\n" + row)
    cells = len(header.split(b","))
    assert (fault.kind, fault.row, fault.problem) == ("broken row", 2, f"the row has 1 cells, the header {cells}")


def test_tabs(source: SourceName) -> None:
    content = file_of(source, rows_of(source, ["3.85"])).replace(b",", b"\t")
    fault = the_fault(source, b"\n\n" + content)
    assert (fault.kind, fault.row) == ("wrong separator", 3)
    assert fault.problem == "the columns are separated by tabs"
    assert "commas or semicolons" in fault.remedy


@pytest.mark.parametrize(
    ("sign", "other", "problem"),
    [
        (",", ";", "the header can be split by commas and by semicolons"),
        (";", ",", "the header can be split by commas and by semicolons"),
        (",", "\t", "the header can be split by commas and by tabs"),
        (";", "\t", "the header can be split by semicolons and by tabs"),
    ],
)
def test_header_that_can_be_split_in_two_ways(source: SourceName, sign: str, other: str, problem: str) -> None:
    names = HEADERS[source].split(",")
    header = f"{sign.join(names)}{sign}x{other}{other.join(names)}{other}y"
    rows = [row.replace(",", sign) + f"{sign}7" for row in rows_of(source, ["3.85"])]
    fault = the_fault(source, "\n".join(["", header, *rows]).encode())
    assert (fault.kind, fault.row, fault.problem) == ("ambiguous separator", 2, problem)
    assert fault.remedy


@pytest.mark.parametrize("sign", [",", ";"])
def test_the_other_separator_in_a_further_column_is_text(source: SourceName, sign: str) -> None:
    other = ";" if sign == "," else ","
    header, row = file_of(source, rows_of(source, ["3.85"])).decode().replace(",", sign).splitlines()
    parsed = SOURCE_FILES[source].parse(f"{header}{sign}n{other}m\n{row}{sign}{other}a{other}".encode())
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == ["3.85"]


@pytest.mark.parametrize("sign", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_order_of_columns_with_others_between_them(source: SourceName, sign: str, mark: bytes) -> None:
    lines = [line.split(",") for line in file_of(source, rows_of(source, ["3.85", "4.58"])).decode().splitlines()]
    further = (["nota", "", "nota"], ["x", "", "1"], ["", "y", "2"])
    turned = [sign.join([more[0], *reversed(line), *more[1:]]) for line, more in zip(lines, further, strict=True)]
    parsed = SOURCE_FILES[source].parse(mark + "\r\n".join(turned).encode())
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == ["3.85", "4.58"]
    assert parsed.observations["row"].tolist() == [2, 3]


def test_faults_of_a_header_that_is_not_on_the_first_line_name_its_line(source: SourceName) -> None:
    name = HEADERS[source].split(",")[-1]
    content = file_of(source, rows_of(source, ["3.85"])).replace(name.encode(), b"x", 1)
    assert the_fault(source, b"\n , \n" + content).row == 3


def test_control_characters_of_a_header_do_not_reach_the_terminal(source: SourceName) -> None:
    shown = str(the_fault(source, b"a\x1b[2J,b\n1,2\n"))
    assert r"the header has: a\x1b[2J, b" in shown
    assert shown.isprintable()


def test_latin_1(source: SourceName) -> None:
    content = file_of(source, ["Año", *rows_of(source, ["3.85"])]).decode().encode("latin-1")
    fault = the_fault(source, content)
    assert (fault.kind, fault.row, fault.problem) == ("wrong encoding", 2, "the file is not UTF-8 text: byte 0xf1")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_that_is_no_text_is_named_with_its_line(source: SourceName, end: bytes, mark: bytes) -> None:
    lines = file_of(source, rows_of(source, ["3.85", "4\u00f158"])).decode().encode("latin-1").splitlines()
    fault = the_fault(source, mark + end.join(lines))
    assert (fault.kind, fault.row, fault.problem) == ("wrong encoding", 3, "the file is not UTF-8 text: byte 0xf1")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_its_kin(source: SourceName, encoding: str) -> None:
    fault = the_fault(source, file_of(source, rows_of(source, ["3.85"])).decode().encode(encoding))
    assert (fault.kind, fault.remedy) == ("wrong encoding", "Save it as UTF-8.")
    assert "looks like UTF-16" in fault.problem


def test_nul(source: SourceName) -> None:
    fault = the_fault(source, file_of(source, rows_of(source, ["3.\x0085"])))
    assert (fault.kind, fault.row, fault.problem) == ("wrong encoding", 2, "the file is not text: a NUL stands in it")
    assert fault.remedy


@pytest.mark.parametrize("more", [1, -1])
def test_row_with_too_many_or_too_few_cells(source: SourceName, more: int) -> None:
    rows = rows_of(source, ["3.85", "4.58"])
    cells = len(rows[1].split(","))
    rows[1] = rows[1] + ",1" if more == 1 else rows[1].rpartition(",")[0]
    parsed = SOURCE_FILES[source].parse(file_of(source, rows))
    (fault,) = parsed.faults
    assert (fault.severity, fault.kind, fault.row) == ("error", "broken row", 3)
    assert fault.problem == f"the row has {cells + more} cells, the header {cells}"
    assert parsed.rows_read == 2
    assert len(parsed.observations) == 1


def test_quotation_mark_that_nobody_closes_does_not_swallow_the_rest(source: SourceName) -> None:
    rows = rows_of(source, ["3.85", '"4.58', "4.6", "4.7"])
    parsed = SOURCE_FILES[source].parse(file_of(source, rows))
    (fault,) = errors_of(parsed.faults)
    assert (fault.kind, fault.row) == ("broken row", 3)
    assert "quotation mark" in fault.remedy
    assert len(parsed.observations) == 1


def test_cell_over_several_lines(source: SourceName) -> None:
    rows = rows_of(source, ["3.85", '"4\n.58"', "4.6"])
    parsed = SOURCE_FILES[source].parse(file_of(source, rows))
    assert [f.row for f in parsed.faults if f.kind == "broken row"] == [3]
    assert parsed.observations["row"].tolist() == [2, 5]


@pytest.mark.parametrize("cell", ['"4.58\n"', '"\r4.58"', '"\n"'])
def test_line_break_at_the_edge_of_a_cell_is_no_blank(source: SourceName, cell: str) -> None:
    parsed = SOURCE_FILES[source].parse(file_of(source, rows_of(source, ["3.85", cell, "4.6"])))
    assert [f.row for f in errors_of(parsed.faults) if f.kind == "broken row"] == [3]
    assert parsed.observations["row"].tolist() == [2, 5]


def test_quotation_mark_in_the_header_does_not_swallow_rows(source: SourceName) -> None:
    header, *rows = file_of(source, rows_of(source, ["3.85", "4.58", "4.6"])).decode().splitlines()
    fault = the_fault(source, "\n".join([f'{header},"n', rows[0], f'{rows[1]}"', rows[2]]).encode())
    assert (fault.kind, fault.row) == ("broken row", 1)
    assert fault.problem == "a cell of the header runs over several lines"


def test_cell_of_a_megabyte(source: SourceName) -> None:
    parsed = SOURCE_FILES[source].parse(file_of(source, rows_of(source, ["3.85", "4" * 1_000_000])))
    assert count_by_kind(errors_of(parsed.faults)) == {"broken row": 1}
    fault = the_fault(source, b"4" * 1_000_000)
    assert (fault.kind, fault.row) == ("broken row", 1)


def test_quoted_cells_are_read(source: SourceName) -> None:
    rows = [",".join(f'"{cell}"' for cell in row.split(",")) for row in rows_of(source, ["3.85"])]
    parsed = SOURCE_FILES[source].parse(file_of(source, rows))
    assert parsed.faults == []
    assert parsed.observations["value"].tolist() == ["3.85"]
