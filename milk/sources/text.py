"""From received bytes to rows of text: decoding, header and row numbers, the same for the three files."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pandas as pd

from milk.months import Month
from milk.sources.faults import Fault

OBSERVATION_COLUMNS = ["series", "month", "value", "row"]
LONGEST_VALUE = 100
"""Characters of a value: the table `observations` holds no longer text."""

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Parsed:
    """What a file says.

    Attributes:
        observations: a row for each non-empty cell of a sound month: `series` (name of the register), `month` (first
            day), `value` (text as received), `row` (line of the file).
        faults: everything wrong with it, in the order of its rows; first what concerns the whole file.
        rows_read: data rows in the file, unsound ones included; lines without any text are none.
    """

    observations: pd.DataFrame
    faults: list[Fault]
    rows_read: int


@dataclass(frozen=True, slots=True)
class NoMonth:
    """Why the date of a row is not a month.

    Attributes:
        column: the column that is to blame.
        problem: what is wrong with it.
    """

    column: str
    problem: str


@dataclass
class TextTable:
    """The rows of a file as text, with their line numbers, and the faults found so far."""

    file: str
    header: list[str] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    rows_read: int = 0

    def report(
        self, problem: str, *, kind: str, row: int = 0, column: str = "", value: str = "", remedy: str = ""
    ) -> None:
        """Note a fault that makes the file unusable."""
        self.faults.append(Fault("error", kind, self.file, row, column, value, problem, remedy))

    def warn(
        self, problem: str, *, kind: str, row: int = 0, column: str = "", value: str = "", remedy: str = ""
    ) -> None:
        """Note a fault that leaves out a row or a cell."""
        self.faults.append(Fault("warning", kind, self.file, row, column, value, problem, remedy))

    def parsed(self, cells: list[tuple[str, Month, str, int]]) -> Parsed:
        """What the file says: the sound cells, and everything found wrong on the way to them."""
        return Parsed(observations_frame(cells), sorted(self.faults, key=lambda fault: fault.row), self.rows_read)


def read_table(content: bytes, file: str, required: tuple[str, ...]) -> TextTable:
    """Decode a comma-separated file and split it into rows.

    Args:
        content: the bytes as received; UTF-8 with or without a byte order mark, any end of line.
        file: name of the file, for the faults.
        required: columns without which the file is unusable.

    Returns:
        The rows; none of them where the file is unusable, with the fault that says why.
    """
    table = TextTable(file)
    text = _decode(content, table)
    if text is None:
        return table
    lines = _numbered_rows(text, table)
    _number, table.header = next(lines, (0, []))
    if _is_usable_header(table, required):
        _split_rows(lines, table)
    return table


def _is_usable_header(table: TextTable, required: tuple[str, ...]) -> bool:
    missing = [name for name in required if name not in table.header]
    repeated = [name for name in required if table.header.count(name) > 1]
    separator = next((name for sign, name in _OTHER_SEPARATORS.items() if sign in "".join(table.header)), None)
    if not table.header:
        if not table.faults:
            table.report("the file is empty", kind="empty file", remedy="Give a file with a header and a row a month.")
    elif missing and separator:
        table.report(
            f"the columns are separated by {separator}",
            kind="wrong separator",
            row=1,
            remedy="Save the file with commas between the columns and a point in the numbers.",
        )
    elif missing:
        others = f", and so are {', '.join(missing[1:5])}" if missing[1:] else ""
        table.report(
            f"it is missing{others}; the header has: {', '.join(table.header)[:120]}",
            kind="missing column",
            row=1,
            column=missing[0],
            remedy="Columns are separated by commas and named as in docs/data-format.md.",
        )
    elif repeated:
        table.report(
            f"the header has it {table.header.count(repeated[0])} times",
            kind="repeated column",
            row=1,
            column=repeated[0],
            remedy="Keep one of them.",
        )
    else:
        return True
    return False


def _decode(content: bytes, table: TextTable) -> str | None:
    if content.startswith(_UTF16_MARKS) or b"\x00" in content:
        problem = "the file is not UTF-8 text (it looks like UTF-16)"
        table.report(problem, kind="wrong encoding", remedy="Save it as UTF-8.")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        table.report(
            f"the file is not UTF-8 text: byte 0x{content[error.start]:02x}",
            kind="wrong encoding",
            row=row,
            remedy="Save it as UTF-8.",
        )
        return None


def _numbered_rows(text: str, table: TextTable) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold any text, each with the line at which it begins.

    Strict, so that a quotation mark that nobody closes is a fault; it would swallow the rows after it in silence.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield begin, stripped
            begin = reader.line_num + 1
    except csv.Error as error:
        table.report(
            f"the file cannot be split into cells from here on: {error}",
            kind="broken row",
            row=begin,
            remedy="Look for a quotation mark that is not closed.",
        )


def _split_rows(lines: Iterator[tuple[int, list[str]]], table: TextTable) -> None:
    for number, cells in lines:
        table.rows_read += 1
        if any("\n" in cell or "\r" in cell for cell in cells):
            table.report(
                "a cell runs over several lines", kind="broken row", row=number, remedy="Mend or delete the row."
            )
        elif len(cells) == len(table.header):
            table.rows.append((number, dict(zip(table.header, cells, strict=True))))
        else:
            table.report(
                f"the row has {len(cells)} cells, the header {len(table.header)}",
                kind="broken row",
                row=number,
                remedy="Mend or delete the row.",
            )
    if not table.rows and not table.faults:
        table.report("the file has a header but no rows", kind="empty file", remedy="Give a row a month.")


def unique_months(
    table: TextTable, month_of: Callable[[dict[str, str]], Month | NoMonth], *, conflict_is_error: bool
) -> list[tuple[int, Month, dict[str, str]]]:
    """The rows of sound months, each month once, oldest first.

    Args:
        table: the rows; faults are added to it.
        month_of: the month of a row, or what is wrong with its date.
        conflict_is_error: whether a month that stands there twice with different values makes the file unusable; where
            it does not, the first row is kept.
    """
    kept: dict[Month, tuple[int, dict[str, str]]] = {}
    for number, cells in table.rows:
        month = month_of(cells)
        note = table.report if conflict_is_error else table.warn
        if isinstance(month, NoMonth):
            note(
                month.problem,
                kind="impossible month",
                row=number,
                column=month.column,
                value=cells[month.column],
                remedy="Mend or delete the row." if conflict_is_error else "The row is left out.",
            )
        elif month not in kept:
            kept[month] = (number, cells)
        elif kept[month][1] == cells:
            table.warn(f"{month} stands there again, with the same values", kind="repeated month", row=number)
        else:
            note(
                f"{month} stands there again, with other values than row {kept[month][0]}",
                kind="conflicting month",
                row=number,
                remedy="Keep one of the two rows." if conflict_is_error else "The first row is used.",
            )
    return [(number, month, cells) for month, (number, cells) in sorted(kept.items())]


def observations_frame(cells: list[tuple[str, Month, str, int]]) -> pd.DataFrame:
    """The observations as a frame; see `Parsed`."""
    frame = pd.DataFrame(cells, columns=OBSERVATION_COLUMNS)
    months = {month: pd.Timestamp(month.first_day) for month in {cell[1] for cell in cells}}
    return frame.assign(
        series=frame["series"].astype("str"),
        month=pd.to_datetime(frame["month"].map(months)).astype("datetime64[us]"),
        value=frame["value"].astype("str"),
        row=frame["row"].astype("int64"),
    )
