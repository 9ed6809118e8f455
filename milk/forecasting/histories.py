"""What was known at each origin: one row of log prices for each state of knowledge.

A backtest of thirty years is four hundred histories of one series. Kept as one matrix, every recipe is fitted to all of
them at once, and a revised price is simply another number in the later rows. Several series of the same months and the
same instants of revision may lie one after the other in the rows (`milk.forecasting.cohorts`): what looks at one row
alone never notices, what looks from row to row does so within a series.
"""

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.errors import NotEnoughHistory
from milk.forecasting.features import PRICE
from milk.months import Availability, Month, data_cutoff, issue_month_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FIT_MONTHS = 36
"""Months of prices before the first origin at which a recipe is fitted at all."""
CALIBRATION_MONTHS = 28
"""Further origins that an interval needs: an error at the longest horizon, and the size of one made before it."""
HISTORY_MONTHS = FIT_MONTHS + CALIBRATION_MONTHS + 12
"""Months of prices before the first issue: six years."""


@dataclass(frozen=True)
class Histories:
    """Log prices as they were known at consecutive origins.

    Attributes:
        first: the month of column 0.
        log_price: origins x months, in log CLP/L; NaN after the origin of the row.
        origins: for each row the column of its last known price; each one more than the row before.
        series: how many series lie one after the other in the rows, each with the same origins.
    """

    first: Month
    log_price: Floats
    origins: Integers
    series: int = 1

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def rows_of_series(self) -> int:
        """How many origins each series has."""
        return len(self.origins) // self.series

    def alone(self, number: int) -> Self:
        """The histories of one of the series."""
        rows = slice(number * self.rows_of_series, (number + 1) * self.rows_of_series)
        return replace(self, log_price=self.log_price[rows], origins=self.origins[rows], series=1)

    def by_series(self, values: Floats) -> Floats:
        """Values of ... x rows x steps as ... x series x origins x steps."""
        *before, _rows, steps = values.shape
        return values.reshape(*before, self.series, self.rows_of_series, steps)

    @cached_property
    def vintages(self) -> list[tuple[int, int]]:
        """See `vintages`; found once, because every step of a forecast asks for it."""
        prices = self.by_series(self.log_price)
        later, earlier = prices[:, 1:], prices[:, :-1]
        is_revised = (np.isfinite(earlier) & (later != earlier)).any(axis=(0, 2))
        starts = [0, *(np.flatnonzero(is_revised) + 1).tolist()]
        return list(zip(starts, [*starts[1:], self.rows_of_series], strict=True))

    def origin_month(self, row: int) -> Month:
        """The month of the last known price of a row."""
        return self.first + int(self.origins[row])

    def row_of(self, origin: Month) -> int:
        """The row whose origin this is; below 0 or beyond the last row where there is none."""
        return (origin - self.first) - int(self.origins[0])

    def calendar(self) -> Integers:
        """Calendar month of each column, 0 for January."""
        return (self.first.ordinal + np.arange(self.log_price.shape[1], dtype=np.int64)) % 12

    def rows(self, start: int, stop: int) -> Self:
        """The histories of a range of rows; columns stay, so that calendar and origins keep their meaning."""
        return replace(self, log_price=self.log_price[start:stop], origins=self.origins[start:stop])

    def log_returns(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Log return of each column against the column before, 0 where unknown, and where it is known."""
        returns = np.full_like(self.log_price, np.nan)
        returns[:, 1:] = np.diff(self.log_price, axis=1)
        is_known = np.isfinite(returns)
        return np.where(is_known, returns, 0.0), is_known


def build_histories(features: pd.DataFrame, *, price_rule: Availability, last_origin: Month) -> Histories:
    """The histories of all origins from the first that can be fitted to `last_origin`.

    Args:
        features: the feature table; only rows of the price are used.
        price_rule: when the price of a month is known, which fixes the cutoff that belongs to an origin.
        last_origin: the newest origin wanted.

    Raises:
        NotEnoughHistory: fewer than `FIT_MONTHS` prices before the first origin, or an origin needs a price that was
            not known by its cutoff.
    """
    price = features[features["feature"] == PRICE].sort_values(["month", "known_since"])
    first = Month.of(price["month"].iloc[0])
    origins = [first + k for k in range(FIT_MONTHS, last_origin - first + 1)]
    if not origins:
        raise NotEnoughHistory(
            f"The prices begin in {first}: an origin needs {FIT_MONTHS} months of them before it, and the last one "
            f"wanted is {last_origin}. Give a longer price file."
        )
    cutoffs = [data_cutoff(issue_month_of(origin, price_rule)) for origin in origins]
    known = known_log_prices(price, first, cutoffs)
    columns = np.array([origin - first for origin in origins], dtype=np.int64)
    if last_origin - first >= known.shape[1]:
        raise NotEnoughHistory(
            f"There is no price of {last_origin}: the last one is that of {first + (known.shape[1] - 1)}."
        )
    is_past = np.arange(known.shape[1]) <= columns[:, None]
    _refuse_unknown(known, is_past, first)
    return Histories(first, np.where(is_past, known, np.nan), columns)


def vintages(histories: Histories) -> list[tuple[int, int]]:
    """Ranges of rows that saw the same past, `(start, stop)`: one range, and one more for each revision of a price.

    Rows are counted within a series.
    """
    return histories.vintages


def observed(histories: Histories, row: int, steps: int) -> Floats:
    """Origins x steps: the log price that came after each origin, as known at one row; NaN where it had not come.

    The row is counted within a series.
    """
    return observed_by_series(histories, row, histories.rows_of_series, steps).reshape(-1, steps)


def observed_by_series(histories: Histories, row: int, stop: int, steps: int) -> Floats:
    """The same of the origins before `stop` alone: series x origins x steps."""
    known = histories.by_series(histories.log_price)[:, row]
    prices = np.concatenate([known, np.full((histories.series, steps), np.nan)], axis=1)
    return np.asarray(prices[:, histories.origins[:stop, None] + np.arange(1, steps + 1)])


def discounted_sum(values: Floats, decay: float) -> Floats:
    """For each origin the sum of its value and of those before it, each times `decay` to the power of its distance.

    Args:
        values: ... x origins x steps.
        decay: 0 to 1.
    """
    summed, reach = values.copy(), 1
    # Over one origin, over two, over four ...: a dozen sums of arrays in place of one for each origin.
    while reach < summed.shape[-2]:
        summed[..., reach:, :] += decay**reach * summed[..., :-reach, :]
        reach *= 2
    return summed


def known_log_prices(price: pd.DataFrame, first: Month, cutoffs: list[dt.datetime]) -> Floats:
    """Origins x months: the newest vintage of each month that its cutoff allows.

    Args:
        price: `month`, `known_since`, `value` in CLP/L, ordered by month and by when it was known.
        first: the month of column 0.
        cutoffs: an aware instant for each origin.

    Returns:
        Log CLP/L up to the newest month of `price`; NaN where nothing was known.
    """
    column = (price["month"].dt.year * 12 + price["month"].dt.month - 1 - first.ordinal).to_numpy()
    vintage = price.groupby("month").cumcount().to_numpy()
    instants = price["known_since"].to_numpy(dtype="datetime64[us]")
    wanted = np.array([c.replace(tzinfo=None) for c in cutoffs], dtype="datetime64[us]")
    values = np.log(price["value"].to_numpy(dtype=np.float64))
    known = np.full((len(cutoffs), int(column.max()) + 1), np.nan)
    for number in range(int(vintage.max()) + 1):
        chosen = vintage == number
        is_known = instants[chosen][None, :] <= wanted[:, None]
        known[:, column[chosen]] = np.where(is_known, values[chosen], known[:, column[chosen]])
    return known


def _refuse_unknown(known: Floats, is_past: npt.NDArray[np.bool_], first: Month) -> None:
    unknown = np.argwhere(is_past & np.isnan(known))
    if len(unknown):
        row, column = unknown[0]
        origin = first + (FIT_MONTHS + int(row))
        raise NotEnoughHistory(
            f"The price of {first + int(column)} was not known at the cutoff of a forecast from {origin}."
        )
