"""Numbers, months and days as a reader of Spanish or English writes them.

By hand and not by Babel: two languages need forty lines, Babel weighs ten megabytes and four times the memory.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

from milk.months import SANTIAGO, Month
from milk_serving.pages.language import Language

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"
NONE = "\N{EM DASH}"
"""Stands where a figure is missing."""

_MONTHS: Final[dict[Language, tuple[str, ...]]] = {
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
}  # fmt: skip
_SHORT: Final[dict[Language, tuple[str, ...]]] = {
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_OTHER_MARKS = str.maketrans({",": ".", ".": ","})


def places_of(price: float) -> int:
    """Decimals that give a price three figures: none for 330, two for 4.5."""
    return min(6, max(0, 2 - math.floor(math.log10(price)))) if price > 0 else 0


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes; `places` are the decimals of a price that is said in words."""

    language: Language
    places: int = 0

    def number(self, value: float | None, places: int = 0, *, is_signed: bool = False) -> str:
        """A number with the marks of the language, a true minus sign, and no negative zero."""
        if value is None:
            return NONE
        rounded = round(value, places)
        text = f"{abs(rounded):,.{places}f}"
        if self.language == "es":
            text = text.translate(_OTHER_MARKS)
        sign = MINUS if rounded < 0 else "+" if is_signed and rounded > 0 else ""
        return sign + text

    def price(self, value: float | None) -> str:
        """A price as it is said in words."""
        return self.number(value, self.places)

    def exact(self, value: float | None, *, is_signed: bool = False) -> str:
        """A price as a table has it: one decimal more."""
        return self.number(value, self.places + 1, is_signed=is_signed)

    def span(self, low: float | None, high: float | None, places: int | None = None) -> str:
        """From one number to another, for a table."""
        if low is None or high is None:
            return NONE
        places = self.places if places is None else places
        return f"{self.number(low, places)}{DASH}{self.number(high, places)}"

    def percent(self, share: float | None, places: int = 0, *, is_signed: bool = False) -> str:
        """A share as a percentage."""
        if share is None:
            return NONE
        return self.number(100 * share, places, is_signed=is_signed) + (
            f"{NO_BREAK}%" if self.language == "es" else "%"
        )

    def month(self, month: Month) -> str:
        """`noviembre de 2026`, `November 2026`."""
        name = _MONTHS[self.language][month.month - 1]
        return f"{name} de {month.year}" if self.language == "es" else f"{name} {month.year}"

    def short_month(self, month: Month) -> str:
        """`nov 2026`, `Nov 2026`."""
        return f"{_SHORT[self.language][month.month - 1]}{NO_BREAK}{month.year}"

    def day(self, instant: dt.datetime) -> str:
        """The day in Chile: `26 de noviembre de 2026`, `26 November 2026`."""
        day = instant.astimezone(SANTIAGO).date()
        return f"{day.day}{' de' if self.language == 'es' else ''} {self.month(Month.of(day))}"

    def minute(self, instant: dt.datetime) -> str:
        """The day and the time of it in Chile."""
        return f"{self.day(instant)}, {instant.astimezone(SANTIAGO):%H:%M}"


def capital(text: str) -> str:
    """With a capital letter, the rest as it is."""
    return text[:1].upper() + text[1:]
