"""What a forecast is made of, in words that a client can add up: plain arithmetic on what was published of it.

The logarithm of the price is the sum of the causes. Each but the base multiplies the price: `factor` 1.02 is two per
cent more.
"""

import math
from dataclasses import dataclass

from milk.publication.read_forecasts import ForecastAnswer

CAUSES = ("base", "drift", "season", "momentum", "cycle", "other")
MEANING = {
    "base": "the last known price",
    "drift": "the trend",
    "season": "the months of the year on the way",
    "momentum": "the latest unexpected changes",
    "cycle": "the pull back from two years of unexpected changes",
    "other": "other data than the price",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause of a forecast.

    Attributes:
        cause: its name; the column `contribution_<cause>` of a forecast.
        meaning: what it is, in words.
        log_points: what it adds to the logarithm of the price.
        factor: by what it multiplies the price; of the base `None`.
        price_after: the price after this cause and those before it.
    """

    cause: str
    meaning: str
    log_points: float
    factor: float | None
    price_after: float


def causes_of(row: ForecastAnswer) -> list[Cause]:
    """The causes of a forecast in their order, from the base to the price; a cause of nothing is told, too."""
    found, log_price = [], 0.0
    for cause in CAUSES:
        points = getattr(row, f"contribution_{cause}")
        log_price += points
        found.append(
            Cause(
                cause=cause,
                meaning=MEANING[cause],
                log_points=points,
                factor=None if cause == "base" else math.exp(points),
                price_after=math.exp(log_price),
            )
        )
    return found
