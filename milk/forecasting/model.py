"""The contract that the recipe and every baseline keep.

A forecaster works on log prices and on many histories at once: `fit` looks at a whole `Histories`, `forecast` gives a
row of steps for each of them. A forecast is a sum: the last log price and what each cause adds to it.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from milk.forecasting.histories import Floats, Histories

CAUSES = ("drift", "season", "momentum", "cycle", "other")


@dataclass(frozen=True)
class Forecast:
    """Log-price forecasts, split into causes that add up to them.

    Attributes:
        base: origins; log of the last known price.
        contributions: for each of `CAUSES` an array origins x steps in log points.
    """

    base: Floats
    contributions: dict[str, Floats]

    @property
    def log_price(self) -> Floats:
        """Origins x steps: the forecast, the median on the price scale."""
        total = self.base[:, None]
        for cause in CAUSES:
            total = total + self.contributions[cause]
        return total


class NotFittedError(RuntimeError):
    """A forecaster was asked for a forecast before it was fitted: a fault of the program that asked."""


class Forecaster(Protocol):
    """What can be fitted to histories and then asked for the months ahead.

    Constructors only store their parameters; what `fit` learns ends in an underscore. Asked for a forecast before it
    was fitted, it raises `NotFittedError`.
    """

    def fit(self, histories: Histories) -> Self:
        """Learn from what was known at each origin; returns itself."""
        ...

    def forecast(self, steps: int) -> Forecast:
        """The next `steps` months of each history fitted."""
        ...


def no_contributions(rows: int, steps: int) -> dict[str, Floats]:
    """Every cause at zero: the forecast is the last price."""
    return {cause: np.zeros((rows, steps)) for cause in CAUSES}


def last_log_price(histories: Histories) -> Floats:
    """Log of the last known price of each history."""
    return histories.log_price[np.arange(len(histories)), histories.origins]


def check_fitted(forecaster: Forecaster, learnt: str) -> None:
    """Raise where `fit` has not run.

    Args:
        forecaster: what is asked for a forecast.
        learnt: name of an attribute that only `fit` sets.

    Raises:
        NotFittedError: it has not.
    """
    if not hasattr(forecaster, learnt):
        raise NotFittedError(f"{type(forecaster).__name__} is asked for a forecast before it was fitted.")
