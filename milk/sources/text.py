"""From received bytes to rows of text: decoding, separator, header and row numbers, the same for the three files.

What can be read in one way only is read; what can be read in two is refused with its line. So a file may be separated
by commas or by semicolons, its columns may stand in any order and have others between them, but a header that both
separators split into the wanted columns is nobody's.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import pandas as pd

from milk.months import Month
from milk.sources.faults import Fault, printable

OBSERVATION_COLUMNS = ["series", "month", "value", "row"]
LONGEST_VALUE = 100
"""Characters of a value: the table `observations` holds no longer text."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LINE_END = re.compile(r"\r\n|\r|\n")
_ONE_SIGN = re.compile(r"[0-9]+([.,])[0-9]+([eE][-+]?[0-9]+)?")
_MAY_BE_A_GROUP = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_SEVERAL_SIGNS = re.compile(r"[0-9]+([.,][0-9]+){2,}")


@dataclass(frozen=True)
class Parsed:
    """What a file says.

    Attributes:
        observations: a row for each non-empty cell of a sound month: `series` (name of the register), `month` (first
            day), `value` (text as received; see `DecimalSigns` for the one exception), `row` (line of the file).
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
    separator: str = ","
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
    """Decode a file separated by commas or semicolons and split it into rows.

    Args:
        content: the bytes as received; UTF-8 with or without a byte order mark, any end of line.
        file: name of the file, for the faults.
        required: columns without which the file is unusable; they may stand in any order, with others between them.

    Returns:
        The rows; none of them where the file is unusable, with the fault that says why.
    """
    table = TextTable(file)
    text = _decode(content, table)
    if text is None:
        return table
    found = _wanted_columns(text, required)
    table.separator = max(found, key=lambda sign: found[sign])
    lines = _numbered_rows(text, table)
    number, table.header = next(lines, (1, []))
    complete = [_SEPARATORS[sign] for sign, count in found.items() if count == len(required)]
    if _is_one_header(table, number, complete) and _is_usable_header(table, number, required):
        _split_rows(lines, table)
    return table


def _wanted_columns(text: str, required: tuple[str, ...]) -> dict[str, int]:
    """How many of the wanted columns each separator finds in the header."""
    found = {}
    for sign in _SEPARATORS:
        _number, header = next(_numbered_rows(text, TextTable("", sign)), (1, []))
        found[sign] = sum(name in header for name in required)
    return found


def _is_one_header(table: TextTable, number: int, complete: Sequence[str]) -> bool:
    """Whether there is a header, on one line, that can be split in one way."""
    if not table.header:
        if not table.faults:
            table.report("the file is empty", kind="empty file", remedy="Give a file with a header and a row a month.")
    elif _runs_over_lines(table.header):
        # A quotation mark that is closed rows later would swallow them in silence.
        problem = "a cell of the header runs over several lines"
        table.report(problem, kind="broken row", row=number, remedy="Mend the header.")
    elif len(complete) > 1:
        table.report(
            f"the header can be split by {' and by '.join(complete)}",
            kind="ambiguous separator",
            row=number,
            remedy="Keep each column once, with one separator.",
        )
    elif complete == ["tabs"]:
        remedy = "Save the file with commas or semicolons between the columns."
        table.report("the columns are separated by tabs", kind="wrong separator", row=number, remedy=remedy)
    else:
        return True
    return False


def _is_usable_header(table: TextTable, number: int, required: tuple[str, ...]) -> bool:
    """Whether each wanted column is there once."""
    missing = [name for name in required if name not in table.header]
    repeated = [name for name in required if table.header.count(name) > 1]
    if missing:
        others = f", and so are {', '.join(missing[1:5])}" if missing[1:] else ""
        table.report(
            f"it is missing{others}; the header has: {printable(', '.join(table.header)[:120])}",
            kind="missing column",
            row=number,
            column=missing[0],
            remedy="Columns are separated by commas or semicolons and named as in docs/data-format.md.",
        )
    elif repeated:
        table.report(
            f"the header has it {table.header.count(repeated[0])} times",
            kind="repeated column",
            row=number,
            column=repeated[0],
            remedy="Keep one of them.",
        )
    return not missing and not repeated


def _decode(content: bytes, table: TextTable) -> str | None:
    remedy = "Save it as UTF-8."
    # Of the letters and digits of these files, UTF-16 makes a NUL of every second byte, UTF-32 of three in four.
    if content.startswith(_UTF16_MARKS) or 4 * content.count(b"\x00") > len(content):
        table.report("the file is not UTF-8 text (it looks like UTF-16)", kind="wrong encoding", remedy=remedy)
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from behind a byte order mark, in bytes of its own.
        row = _line_of(error.object[: error.start].decode())
        problem = f"the file is not UTF-8 text: byte 0x{error.object[error.start]:02x}"
        table.report(problem, kind="wrong encoding", row=row, remedy=remedy)
        return None
    before, nul, _after = text.partition("\x00")
    if nul:
        problem = "the file is not text: a NUL stands in it"
        table.report(problem, kind="wrong encoding", row=_line_of(before), remedy=remedy)
        return None
    return text


def _line_of(text_before: str) -> int:
    return len(_LINE_END.findall(text_before)) + 1


def _numbered_rows(text: str, table: TextTable) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold any text, each with the line at which it begins.

    Strict, so that a quotation mark that nobody closes is a fault; it would swallow the rows after it in silence.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.separator, strict=True)
    begin = 1
    try:
        for cells in reader:
            # A line break at the edge of a cell is no blank around it: the row runs over lines, and is to be reported.
            stripped = [cell if _LINE_END.search(cell) else cell.strip() for cell in cells]
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
        if _runs_over_lines(cells):
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


def _runs_over_lines(cells: list[str]) -> bool:
    return any(_LINE_END.search(cell) for cell in cells)


def unique_months(
    table: TextTable,
    month_of: Callable[[dict[str, str]], Month | NoMonth],
    columns: Sequence[str],
    *,
    conflict_is_error: bool,
) -> list[tuple[int, Month, dict[str, str]]]:
    """The rows of sound months, each month once, oldest first.

    Args:
        table: the rows; faults are added to it.
        month_of: the month of a row, or what is wrong with its date.
        columns: those that hold values; rows that differ elsewhere only, as in a note, say the same.
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
        elif all(kept[month][1][column] == cells[column] for column in columns):
            table.warn(f"{month} stands there again, with the same values", kind="repeated month", row=number)
        else:
            note(
                f"{month} stands there again, with other values than row {kept[month][0]}",
                kind="conflicting month",
                row=number,
                remedy="Keep one of the two rows." if conflict_is_error else "The first row is used.",
            )
    return [(number, month, cells) for month, (number, cells) in sorted(kept.items())]


def month_of_date(text: str, pattern: re.Pattern[str]) -> Month | None:
    """The month of a date, of which the pattern finds year, month and day; nothing where there is no such day."""
    match = pattern.fullmatch(text)
    if not match:
        return None
    try:
        day = dt.date(int(match["year"]), int(match["month"]), int(match["day"] or 1))
    except ValueError:
        return None
    return Month.of(day)


@dataclass(frozen=True, slots=True)
class DecimalSigns:
    """How the numbers of a file are written.

    Between commas a point is the decimal sign. Between semicolons, as a spreadsheet set to Spanish writes, a comma may
    be it too; but `1.050` may then be a thousand and fifty. Such a number is read only where others of the file, which
    cannot be groups of thousands, have the same sign and none has the other.

    Attributes:
        separator: of the columns.
        proved: the signs of numbers that cannot be groups of thousands.
    """

    separator: str
    proved: frozenset[str]

    @classmethod
    def of(cls, table: TextTable, columns: Sequence[str]) -> Self:
        """Look at the numbers of some columns."""
        texts = (cells[column] for _number, cells in table.rows for column in columns)
        matches = (_ONE_SIGN.fullmatch(text) for text in texts if not _MAY_BE_A_GROUP.fullmatch(text))
        return cls(table.separator, frozenset(match[1] for match in matches if match))

    def is_ambiguous(self, text: str) -> bool:
        """Whether a number can be read in two ways, or mixes the signs."""
        if self.separator == ",":
            return False
        if _MAY_BE_A_GROUP.fullmatch(text):
            return self.proved != {"," if "," in text else "."}
        return bool(_SEVERAL_SIGNS.fullmatch(text))

    def plain(self, text: str) -> str:
        """The number with a point, as every reader of the observations expects it; other texts as received."""
        is_plain = self.separator == "," or not _ONE_SIGN.fullmatch(text)
        return text if is_plain else text.replace(",", ".")


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
