"""The rain file `precipitaciones.csv`: a row a month in no order, mean rain of eight regions in mm."""

import re

from milk.months import Month
from milk.series import series_register
from milk.sources.text import (
    LONGEST_VALUE,
    DecimalSigns,
    NoMonth,
    Parsed,
    TextTable,
    month_of_date,
    read_table,
    unique_months,
)

FILE_NAME = "precipitaciones.csv"
_DATE = re.compile(r"(?P<year>[12][0-9]{3})-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2}))?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?")


def parse(content: bytes) -> Parsed:
    """Read the rain file.

    Returns:
        An observation for each region and month; a cell that is no number is left out with a warning.
    """
    regions = series_register().of_source("precipitation")
    columns = [s.column for s in regions]
    table = read_table(content, FILE_NAME, ("date", *columns))
    signs = DecimalSigns.of(table, columns)
    observations = []
    for number, month, cells in unique_months(table, _month_of, columns, conflict_is_error=False):
        for series in regions:
            text = cells[series.column]
            if text and _is_rain(table, (month, text, number), series.column, signs):
                observations.append((series.name, month, signs.plain(text), number))
    return table.parsed(observations)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    return month_of_date(cells["date"], _DATE) or NoMonth("date", "it is not a month")


def _is_rain(table: TextTable, cell: tuple[Month, str, int], column: str, signs: DecimalSigns) -> bool:
    month, text, row = cell
    if signs.is_ambiguous(text):
        problem, kind = f"the rain of {month} can be read in two ways", "ambiguous number"
    elif not _NUMBER.fullmatch(signs.plain(text)) or len(text) > LONGEST_VALUE:
        problem, kind = f"the rain of {month} is not a number", "unreadable cell"
    else:
        return True
    remedy = "Write it without groups of thousands." if kind == "ambiguous number" else ""
    table.warn(problem, kind=kind, row=row, column=column, value=text, remedy=remedy)
    return False
