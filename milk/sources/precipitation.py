"""The rain file `precipitaciones.csv`: a row a month in no order, mean rain of eight regions in mm."""

import re

from milk.months import Month
from milk.series import series_register
from milk.sources.text import LONGEST_VALUE, NoMonth, Parsed, read_table, unique_months

FILE_NAME = "precipitaciones.csv"
_DATE = re.compile(r"([12][0-9]{3})-([0-9]{2})(-[0-9]{2})?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?")


def parse(content: bytes) -> Parsed:
    """Read the rain file.

    Returns:
        An observation for each region and month; a cell that is no number is left out with a warning.
    """
    regions = series_register().of_source("precipitation")
    table = read_table(content, FILE_NAME, ("date", *(s.column for s in regions)))
    observations = []
    for number, month, cells in unique_months(table, _month_of, conflict_is_error=False):
        for series in regions:
            text = cells[series.column]
            if _NUMBER.fullmatch(text) and len(text) <= LONGEST_VALUE:
                observations.append((series.name, month, text, number))
            elif text:
                problem = f"the rain of {month} is not a number"
                table.warn(problem, kind="unreadable cell", row=number, column=series.column, value=text)
    return table.parsed(observations)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    match = _DATE.fullmatch(cells["date"])
    if not match or not 1 <= int(match[2]) <= 12:
        return NoMonth("date", "it is not a month")
    return Month(int(match[1]), int(match[2]))
