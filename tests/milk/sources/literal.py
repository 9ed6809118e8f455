"""What a file literally says: a slow, plain reading that shares only the names of the columns with the parsers.

It judges what a parser made of a file. Each observation must be what its line says under the header; each fault must
lead to its place; and what a parser accepts must be there or be told, cell by cell.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from milk.series import SourceName, series_register
from milk.sources.files import SOURCE_FILES
from milk.sources.text import Parsed

Complaint = tuple[str, str]
"""A kind of `FAULTS`, and what is wrong."""

WRONG_MONTH, WRONG_VALUE, UNTOLD, NO_PLACE = "wrong month", "wrong value", "untold", "no place"
FAULTS = (WRONG_MONTH, WRONG_VALUE, UNTOLD, NO_PLACE)

DATE_COLUMNS: dict[SourceName, tuple[str, ...]] = {
    "milk_price": ("Anio", "Mes"),
    "precipitation": ("date",),
    "central_bank": ("Periodo",),
}
MONTHS = {
    "ene": 1, "feb": 2, "mar": 3, "abr": 4, "may": 5, "jun": 6,
    "jul": 7, "ago": 8, "sep": 9, "oct": 10, "nov": 11, "dic": 12,
}  # fmt: skip
KINDS_OF_THE_WHOLE_FILE = ("empty file", "gap", "wrong encoding")


def split(line: str, sign: str) -> list[str] | None:
    """The cells of a line; nothing where a quotation mark is not closed on it, or closes before a cell ends."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(sign)]
    cells = []
    while True:
        if line.startswith('"'):
            quoted = re.match(r'"((?:[^"]|"")*)"', line)
            if not quoted:
                return None
            cell, line = quoted[1].replace('""', '"'), line[quoted.end() :]
        else:
            cell, line = line[: (line + sign).index(sign)], line[(line + sign).index(sign) :]
        cells.append(cell.strip())
        if not line:
            return cells
        if not line.startswith(sign):
            return None
        line = line[1:]


@dataclass(frozen=True)
class Reading:
    """A file of which nothing is known yet but its bytes."""

    source: SourceName
    content: bytes

    @cached_property
    def value_columns(self) -> dict[str, str]:
        """Series -> its column."""
        return {series.name: series.column for series in series_register().of_source(self.source)}

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file; bytes that are no text are shown as such."""
        return re.split("\r\n|\r|\n", self.content.decode("utf-8-sig", errors="replace"))

    @cached_property
    def headers(self) -> dict[str, tuple[int, list[str]]]:
        """Line and cells of the header by each separator with which it has all columns."""
        wanted = {*DATE_COLUMNS[self.source], *self.value_columns.values()}
        found = {}
        for sign in ",;\t":
            for number, line in enumerate(self.lines, start=1):
                cells = split(line, sign)
                if cells is None or any(cells):
                    if cells and wanted <= set(cells):
                        found[sign] = (number, cells)
                    break
        return found

    @property
    def sign(self) -> str:
        """The separator; empty where there is none, or more than one, or one that is not allowed."""
        (sign, *others) = self.headers or [""]
        return "" if others or sign == "\t" else sign

    @cached_property
    def below(self) -> dict[int, list[str] | None]:
        """The cells of each line below the header, as far as they can be told; lines without text are left out."""
        head, _header = self.headers[self.sign]
        split_lines = {number: split(line, self.sign) for number, line in enumerate(self.lines, start=1)}
        return {
            number: cells for number, cells in split_lines.items() if number > head and (cells is None or any(cells))
        }

    @cached_property
    def rows(self) -> dict[int, dict[str, str]]:
        """The cells of each line below the header that has as many as it."""
        _head, header = self.headers[self.sign]
        return {
            number: dict(zip(header, cells, strict=True))
            for number, cells in self.below.items()
            if cells and len(cells) == len(header)
        }

    @cached_property
    def decimal_signs(self) -> set[str]:
        """The signs of numbers that cannot be groups of thousands."""
        signs = set()
        for cells in self.rows.values():
            for column in self.value_columns.values():
                number = re.fullmatch(r"(\d+)([.,])(\d+)([eE][-+]?\d+)?", cells[column], re.ASCII)
                if number and (number[4] or len(number[1]) > 3 or number[1][0] == "0" or len(number[3]) != 3):
                    signs.add(number[2])
        return signs


def complaints(reading: Reading, parsed: Parsed) -> Iterator[Complaint]:
    """Everything that a parser has got wrong."""
    is_accepted = all(fault.severity != "error" for fault in parsed.faults)
    yield from _of_places(reading, parsed)
    if not reading.sign:
        if is_accepted or len(parsed.observations):
            yield UNTOLD, "a file without a header that can be read in one way is not refused"
        return
    yield from _of_observations(reading, parsed, is_accepted=is_accepted)
    if is_accepted:
        yield from _of_what_is_lost(reading, parsed)


def observed(parsed: Parsed) -> Iterator[tuple[str, str, str, int]]:
    """Series, month, value and row of each observation."""
    frame = parsed.observations
    months = [f"{month.year:04d}-{month.month:02d}" for month in frame["month"]]
    yield from zip(frame["series"].tolist(), months, frame["value"].tolist(), frame["row"].tolist(), strict=True)


def _of_observations(reading: Reading, parsed: Parsed, *, is_accepted: bool) -> Iterator[Complaint]:
    seen = set()
    for series, month, value, row in observed(parsed):
        if row not in reading.rows:
            yield WRONG_VALUE, f"{series} {month} comes from line {row}, which is no row"
            continue
        cells = reading.rows[row]
        said = _month_of(reading.source, cells)
        if said != month:
            yield WRONG_MONTH, f"{series}, line {row}: {month}, and the line says {said or 'no month'}"
        text = cells[reading.value_columns[series]]
        if not _means(reading, text, value) or (is_accepted and _is_doubtful(reading, text)):
            yield WRONG_VALUE, f"{series}, line {row}: {value!r}, and the line says {text!r}"
        if (series, month) in seen:
            yield WRONG_VALUE, f"{series} has {month} twice"
        seen.add((series, month))


def _month_of(source: SourceName, cells: dict[str, str]) -> str:
    """The month that a row spells; empty where it spells none."""
    if source == "milk_price":
        year, month = cells["Anio"], MONTHS.get(cells["Mes"].lower(), 0)
        return f"{year}-{month:02d}" if month and re.fullmatch("[0-9]{4}", year) else ""
    day = re.fullmatch("([0-9]{4})-([0-9]{2})(-[0-9]{2})?( 00:00:00 UTC)?", cells[DATE_COLUMNS[source][0]])
    if not day or not 1 <= int(day[2]) <= 12:
        return ""
    last = calendar.monthrange(int(day[1]), int(day[2]))[1]
    return f"{day[1]}-{day[2]}" if 1 <= int((day[3] or "-1")[1:]) <= last else ""


def _means(reading: Reading, text: str, value: str) -> bool:
    """Whether a cell says a value: letter by letter, but for the decimal comma of a file with semicolons."""
    if text == value:
        return "," not in text or reading.source == "central_bank"
    is_comma_file = reading.sign == "," or reading.source == "central_bank"
    return not is_comma_file and text.count(",") == 1 and "." not in text and text.replace(",", ".") == value


def _is_doubtful(reading: Reading, text: str) -> bool:
    """Whether a number may be in groups of thousands, for all that the rest of the file says."""
    if reading.sign == "," or reading.source == "central_bank":
        return False
    before, sign, after = text.replace(",", ".").partition(".")
    is_group = bool(sign) and len(before) <= 3 and before[:1] != "0" and len(after) == 3 and after.isdigit()
    return is_group and reading.decimal_signs != {text[len(before)]}


def _of_what_is_lost(reading: Reading, parsed: Parsed) -> Iterator[Complaint]:
    """In a file that is accepted each cell with text is an observation, or a fault leads to it."""
    told_rows = {fault.row for fault in parsed.faults if fault.column in ("", *DATE_COLUMNS[reading.source])}
    told_cells = {(fault.row, fault.column) for fault in parsed.faults}
    kept = {(row, reading.value_columns[series]) for series, _month, _value, row in observed(parsed)}
    if not reading.rows:
        yield UNTOLD, "a file without rows is not refused"
    for row in reading.below:
        if row not in reading.rows and row not in told_rows:
            yield UNTOLD, f"nothing is said of line {row}"
    for row, cells in reading.rows.items():
        for column in reading.value_columns.values():
            if cells[column] and row not in told_rows and (row, column) not in told_cells | kept:
                yield UNTOLD, f"nothing is said of line {row}, column {column}: {cells[column][:40]!r}"


def _of_places(reading: Reading, parsed: Parsed) -> Iterator[Complaint]:
    names = ("", *DATE_COLUMNS[reading.source], *reading.value_columns.values())
    for fault in parsed.faults:
        shown = f"'{str(fault)[:200]}'"
        if fault.file != SOURCE_FILES[reading.source].file_name or not str(fault).isprintable():
            yield NO_PLACE, f"{shown} names no file, or cannot be shown"
        if not fault.problem or (fault.severity == "error" and not fault.remedy):
            yield NO_PLACE, f"{shown} says no problem or no remedy"
        if fault.column not in names or not _leads_somewhere(reading, fault.kind, fault.row, fault.value):
            yield NO_PLACE, f"{shown} does not lead to its cell"


def _leads_somewhere(reading: Reading, kind: str, row: int, value: str) -> bool:
    if row == 0:
        is_text = b"\x00" not in reading.content and not reading.content.startswith((b"\xff\xfe", b"\xfe\xff"))
        return kind in KINDS_OF_THE_WHOLE_FILE and (kind != "wrong encoding" or not is_text)
    if row > len(reading.lines):
        return False
    line = reading.lines[row - 1]
    if kind == "wrong encoding":
        return "\ufffd" in line or "\x00" in line
    return bool(line.strip()) and (value in line or value in line.replace('""', '"'))
