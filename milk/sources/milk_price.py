"""The price file `precio_leche.csv`: year, Spanish month abbreviation, nominal CLP per litre.

Without a sound price nothing can be forecast, so every doubt about it makes the file unusable; only an identical
repetition of a month is dropped.
"""

import re
from itertools import pairwise

from milk.months import Month
from milk.series import series_register
from milk.sources.text import LONGEST_VALUE, NoMonth, Parsed, TextTable, read_table, unique_months

FILE_NAME = "precio_leche.csv"
SPANISH_MONTHS = ("Ene", "Feb", "Mar", "Abr", "May", "Jun", "Jul", "Ago", "Sep", "Oct", "Nov", "Dic")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_YEAR = re.compile(r"[12][0-9]{3}")


def parse(content: bytes) -> Parsed:
    """Read the price file.

    Returns:
        An observation a month of the series `price`; gaps between its months are errors among the faults.
    """
    price = series_register().price
    table = read_table(content, FILE_NAME, ("Anio", "Mes", price.column))
    rows = unique_months(table, _month_of, conflict_is_error=True)
    cells = [(price.name, month, cells[price.column], number) for number, month, cells in rows]
    sound = [cell for cell in cells if _is_sound_price(table, cell, price.column, price.plausible)]
    _report_gaps(table, [month for _number, month, _cells in rows])
    return table.parsed(sound)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    year, name = cells["Anio"], cells["Mes"]
    if not _YEAR.fullmatch(year):
        return NoMonth("Anio", "it is not a year")
    if name.capitalize() not in SPANISH_MONTHS:
        return NoMonth("Mes", f"the month is not one of {' '.join(SPANISH_MONTHS)}")
    return Month(int(year), SPANISH_MONTHS.index(name.capitalize()) + 1)


def _is_sound_price(
    table: TextTable, cell: tuple[str, Month, str, int], column: str, plausible: tuple[float, float]
) -> bool:
    _name, month, text, row = cell
    if not text:
        problem = f"the price of {month} is empty"
        table.report(problem, kind="missing price", row=row, column=column, remedy="Fill it in.")
        return False
    if text.startswith("-"):
        problem, kind = f"the price of {month} is negative", "negative price"
    elif not _NUMBER.fullmatch(text) or len(text) > LONGEST_VALUE:
        problem, kind = f"the price of {month} is not a number with a decimal point", "unreadable price"
    elif not plausible[0] <= float(text) <= plausible[1]:
        kind = "implausible price"
        problem = f"the price of {month} is outside {plausible[0]:g} to {plausible[1]:g} CLP/L"
    else:
        return True
    table.report(problem, kind=kind, row=row, column=column, value=text, remedy="Mend it in the file.")
    return False


def _report_gaps(table: TextTable, months: list[Month]) -> None:
    for before, after in pairwise(months):
        if after - before > 1:
            first, last = before + 1, after + (-1)
            absent = str(first) if first == last else f"{first} to {last}"
            table.report(f"no row for {absent}", kind="gap", remedy="The months must follow each other without a gap.")
