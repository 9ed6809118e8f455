"""What moved a forecast away from the last known price: the published causes, in pesos.

The causes are published as log points and add up to the log of the price. In pesos they add up as well, if each takes
the logarithmic mean of start and forecast as the worth of a log point (the additive form of the Divisia index: Ang, The
LMDI approach to decomposition analysis, Energy Policy 33, 2005); a percentage of the start would leave a remainder.
"""

import math
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from milk.publication.rows import ForecastRow

CAUSES: Final = ("season", "momentum", "drift", "cycle", "other")
SELDOM: Final = ("cycle", "other")
"""Not every recipe has them: they are left out where they move nothing."""

BAR_WIDTH, BAR_HEIGHT = 120, 14


@dataclass(frozen=True, slots=True)
class Moved:
    """From where a forecast starts, what each cause adds, where it ends; in the unit of the price."""

    start: float
    causes: dict[str, float]
    price: float


def moved(row: ForecastRow) -> Moved:
    """The causes of a forecast as differences of price, which add up to it."""
    start = math.exp(row.contribution_base)
    whole = math.log(row.price) - row.contribution_base
    # At no difference at all a log point is worth the price itself.
    worth = (row.price - start) / whole if abs(whole) > 1e-9 else row.price
    return Moved(start, {name: worth * getattr(row, f"contribution_{name}") for name in CAUSES}, row.price)


def shown_causes(rows: list[ForecastRow]) -> list[str]:
    """The causes that are worth a line: those that any recipe has, and the others where they move something."""
    return [name for name in CAUSES if name not in SELDOM or any(getattr(row, f"contribution_{name}") for row in rows)]


def bar(value: float, largest: float) -> Markup:
    """A bar to the right for what raises the price, to the left for what lowers it; `largest` fills its half."""
    middle = BAR_WIDTH / 2
    length = middle * abs(value) / largest if largest > 0 else 0.0
    left = middle if value >= 0 else middle - length
    return Markup(
        '<svg class="bar" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">'
        '<path class="year" d="M{},0V{}"/><rect class="{}" x="{:.1f}" y="2" width="{:.1f}" height="{}" rx="1"/></svg>'
    ).format(
        BAR_WIDTH, BAR_HEIGHT, middle, BAR_HEIGHT, "raises" if value >= 0 else "lowers", left, length, BAR_HEIGHT - 4
    )
