"""The macro file `banco_central.csv`: a row a month, 84 series whose decimal points were destroyed on the way.

Cells are kept as the text that was received. A text that is no number is reported and kept too, since the source said
it, unless it is longer than any value. What the digits mean is a matter of the panel.
"""

import re

from milk.months import Month
from milk.series import series_register
from milk.sources.text import LONGEST_VALUE, NoMonth, Parsed, read_table, unique_months

FILE_NAME = "banco_central.csv"
_DATE = re.compile(r"([12][0-9]{3})-([0-9]{2})-[0-9]{2}( 00:00:00 UTC)?")
_DIGITS = re.compile(r"-?[0-9][0-9.]*")


def parse(content: bytes) -> Parsed:
    """Read the macro file.

    Returns:
        An observation for each non-empty cell of a possible month, its text as received.
    """
    columns = series_register().of_source("central_bank")
    table = read_table(content, FILE_NAME, ("Periodo", *(s.column for s in columns)))
    observations = []
    for number, month, cells in unique_months(table, _month_of, conflict_is_error=False):
        for series in columns:
            text = cells[series.column]
            if text and len(text) <= LONGEST_VALUE:
                observations.append((series.name, month, text, number))
            if text and (not _DIGITS.fullmatch(text) or len(text) > LONGEST_VALUE):
                problem = f"the cell of {month} is not a number"
                table.warn(problem, kind="unreadable cell", row=number, column=series.column, value=text)
    return table.parsed(observations)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    match = _DATE.fullmatch(cells["Periodo"])
    if not match or not 1 <= int(match[2]) <= 12:
        return NoMonth("Periodo", "it is not a month")
    return Month(int(match[1]), int(match[2]))
