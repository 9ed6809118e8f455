"""The price file `precio_leche.csv`: year, Spanish month abbreviation, nominal CLP per litre.

Files of other series (`milk.sources.manifest`) are read by the same rules, each under the name of its series.

Without a sound price nothing can be forecast, so every doubt about it makes the file unusable; only an identical
repetition of a month is dropped.
"""

import math
import re
from itertools import pairwise, zip_longest
from typing import NamedTuple

from milk.months import Month
from milk.series import Series, series_register
from milk.sources.text import LONGEST_VALUE, DecimalSigns, NoMonth, Parsed, TextTable, read_table, unique_months

FILE_NAME = "precio_leche.csv"
LARGEST_CHANGE = 10**0.5
"""Of a price from one month to the next, as a factor. Beyond it the price is nearer to ten times the one before than to
that one itself. The original prices changed by a quarter at most."""
MONTHS_COMPARED = 12
"""Across a longer gap prices are not compared: the gap is reported, and in years a price may grow tenfold."""
SPANISH_MONTHS = ("Ene", "Feb", "Mar", "Abr", "May", "Jun", "Jul", "Ago", "Sep", "Oct", "Nov", "Dic")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_YEAR = re.compile(r"[12][0-9]{3}")


def parse(content: bytes) -> Parsed:
    """Read the price file.

    Returns:
        An observation a month of the series `price`; gaps between its months are errors among the faults.
    """
    return parse_file(content, FILE_NAME, series_register().price)


def parse_file(content: bytes, file: str, price: Series) -> Parsed:
    """Read the price file of a series.

    Args:
        content: the bytes as received.
        file: name of the file, for the faults.
        price: the series: its name, column, unit and plausible range.

    Returns:
        An observation a month under the name of the series; gaps between its months are errors among the faults.
    """
    table = read_table(content, file, ("Anio", "Mes", price.column))
    signs = DecimalSigns.of(table, [price.column])
    rows = unique_months(table, _month_of, [price.column], conflict_is_error=True)
    sound = []
    for number, month, cells in rows:
        text = cells[price.column]
        if _is_sound_price(table, (month, text, number), price, signs):
            sound.append(_Price(month, signs.plain(text), text, number))
    _report_slips(table, sound, price.column)
    _report_gaps(table, [month for _number, month, _cells in rows])
    return table.parsed([(price.name, one.month, one.plain, one.row) for one in sound])


class _Price(NamedTuple):
    """A price with a decimal point, beside the text that was received."""

    month: Month
    plain: str
    text: str
    row: int

    @property
    def value(self) -> float:
        return float(self.plain)


def _month_of(cells: dict[str, str]) -> Month | NoMonth:
    year, name = cells["Anio"], cells["Mes"]
    if not _YEAR.fullmatch(year):
        return NoMonth("Anio", "it is not a year")
    # Beyond ASCII a letter may become another one: the long s of old prints is an S.
    if not name.isascii() or name.capitalize() not in SPANISH_MONTHS:
        return NoMonth("Mes", f"the month is not one of {' '.join(SPANISH_MONTHS)}")
    return Month(int(year), SPANISH_MONTHS.index(name.capitalize()) + 1)


def _is_sound_price(table: TextTable, cell: tuple[Month, str, int], price: Series, signs: DecimalSigns) -> bool:
    month, text, row = cell
    if not text:
        problem = f"the price of {month} is empty"
        table.report(problem, kind="missing price", row=row, column=price.column, remedy="Fill it in.")
        return False
    doubt = _doubt(text, price, signs)
    if not doubt:
        return True
    kind, said = doubt
    remedy = "Write it without groups of thousands." if kind == "ambiguous number" else "Mend it in the file."
    problem = f"the price of {month} {said}"
    table.report(problem, kind=kind, row=row, column=price.column, value=text, remedy=remedy)
    return False


def _doubt(text: str, price: Series, signs: DecimalSigns) -> tuple[str, str] | None:
    """What is wrong with a price: the kind of the fault, and the words for it."""
    if text.startswith("-"):
        return "negative price", "is negative"
    if signs.is_ambiguous(text):
        return "ambiguous number", "can be read in two ways"
    plain = signs.plain(text)
    if not _NUMBER.fullmatch(plain) or len(text) > LONGEST_VALUE:
        return "unreadable price", "is not a number with a decimal point"
    low, high = price.plausible
    if not low <= float(plain) <= high:
        return "implausible price", f"is outside {low:g} to {high:g} {price.unit}"
    return None


def _report_slips(table: TextTable, prices: list[_Price], column: str) -> None:
    """Report prices that a slipped decimal point explains: a factor of ten is a believable price of other years.

    Accepted, such a price would be published as a forecast, and a forecast of its month could not be mended later: it
    uses what was known then. A level that lasts is reported once, as the beginning of another unit.
    """
    before: _Price | None = None
    for now, after in zip_longest(prices, prices[1:]):
        if before is None or not _is_slip(now, before):
            before = now
            continue
        lasts = after is not None and _is_like(after, now, other=before)
        factor = float(f"{now.value / before.value:.2g}")
        problem = f"the price of {now.month} is {factor:g} times that of {before.month}"
        table.report(
            f"{problem}, and the next one is like it: either is wrong" if lasts else problem,
            kind="implausible change",
            row=now.row,
            column=column,
            value=now.text,
            remedy="Look for a slipped decimal point or another unit: a series has one unit throughout.",
        )
        if lasts:
            before = now


def _is_like(after: _Price, now: _Price, *, other: _Price) -> bool:
    is_near = after.month - now.month <= MONTHS_COMPARED
    return is_near and abs(math.log(after.value / now.value)) < abs(math.log(after.value / other.value))


def _is_slip(now: _Price, before: _Price) -> bool:
    is_near = now.month - before.month <= MONTHS_COMPARED
    return is_near and not 1 / LARGEST_CHANGE < now.value / before.value < LARGEST_CHANGE


def _report_gaps(table: TextTable, months: list[Month]) -> None:
    for before, after in pairwise(months):
        if after - before > 1:
            first, last = before + 1, after + (-1)
            absent = str(first) if first == last else f"{first} to {last}"
            table.report(f"no row for {absent}", kind="gap", remedy="The months must follow each other without a gap.")
