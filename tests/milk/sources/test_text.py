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


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separator(source: SourceName, sign: str, name: str) -> None:
    content = file_of(source, rows_of(source, ["3.85"])).decode().replace(",", sign).replace(".", ",")
    fault = the_fault(source, content.encode())
    assert (fault.kind, fault.row) == ("wrong separator", 1)
    assert fault.problem == f"the columns are separated by {name}"
    assert "commas" in fault.remedy


def test_latin_1(source: SourceName) -> None:
    content = file_of(source, ["Año", *rows_of(source, ["3.85"])]).decode().encode("latin-1")
    fault = the_fault(source, content)
    assert (fault.kind, fault.row, fault.problem) == ("wrong encoding", 2, "the file is not UTF-8 text: byte 0xf1")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_its_kin(source: SourceName, encoding: str) -> None:
    fault = the_fault(source, file_of(source, rows_of(source, ["3.85"])).decode().encode(encoding))
    assert (fault.kind, fault.remedy) == ("wrong encoding", "Save it as UTF-8.")
    assert "looks like UTF-16" in fault.problem


def test_nul(source: SourceName) -> None:
    fault = the_fault(source, file_of(source, rows_of(source, ["3.\x0085"])))
    assert fault.kind == "wrong encoding"


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
