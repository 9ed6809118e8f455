"""The macro file `banco_central.csv`: a row a month, 84 series whose decimal points were destroyed on the way.

Cells are kept as the text that was received. A text that is no number is reported and kept too, since the source said
it, unless it is longer than any value; so is one with a comma, since the source writes points only. What the digits
mean is a matter of the panel.
"""

import re

from milk.months import Month
from milk.series import series_register
from milk.sources.text import LONGEST_VALUE, NoMonth, Parsed, month_of_date, read_table, unique_months

FILE_NAME = "banco_central.csv"
_DATE = re.compile(r"(?P<year>[12][0-9]{3})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})( 00:00:00 UTC)?")
_DIGITS = re.compile(r"-?[0-9][0-9.]*")


def parse(content: bytes) -> Parsed:
    """Read the macro file.

    Returns:
        An observation for each non-empty cell of a possible month, its text as received.
    """
    register = series_register().of_source("central_bank")
    columns = [s.column for s in register]
    table = read_table(content, FILE_NAME, ("Periodo", *columns))
    observations = []
    for number, month, cells in unique_months(table, _month_of, columns, conflict_is_error=False):
        for series in register:
            text = cells[series.column]
            if text and len(text) <= LONGEST_VALUE:
                observations.append((series.name, month, text, number))
            if text and (not _DIGITS.fullmatch(text) or len(text) > LONGEST_VALUE):
                problem = f"the cell of {month} is not a number"
                table.warn(problem, kind="unreadable cell", row=number, column=series.column, value=text)
    return table.parsed(observations)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    return month_of_date(cells["Periodo"], _DATE) or NoMonth("Periodo", "it is not a month")
