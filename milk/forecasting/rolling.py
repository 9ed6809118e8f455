"""Rolling origin: the one function behind the backtest, the issued forecast and its intervals.

Every origin is fitted anew on what was known there; a forecaster is asked for all origins at once. What an issue
publishes for an origin is the very row that the backtest would hold for it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from milk.errors import NotEnoughHistory
from milk.forecasting.histories import Floats, Histories, Integers
from milk.forecasting.intervals import (
    LEVEL_NAMES,
    HalfWidths,
    IntervalMethod,
    half_widths,
    mean_half_widths,
    mean_log_price,
)
from milk.forecasting.model import CAUSES, Forecast, Forecaster
from milk.forecasting.other_data import OtherData


@dataclass(frozen=True)
class RollingForecast:
    """Forecasts of every origin of `histories`, with the intervals that could have been known there.

    Attributes:
        histories: what was known at each origin.
        forecast: the forecasts.
        widths: of the price of each month ahead.
        mean_widths: of the mean price of the months `first_step` to h.
        first_step: the first month of those means.
    """

    histories: Histories
    forecast: Forecast
    widths: HalfWidths
    mean_widths: HalfWidths
    first_step: int

    def frame(self, rows: list[int]) -> pd.DataFrame:
        """The forecasts of some origins, one row for each origin and step.

        Returns:
            `forecast_origin, target_month, horizon_months, price, lower_80, upper_80, lower_95, upper_95`;
            `mean_price, mean_lower_80, mean_upper_80, mean_lower_95, mean_upper_95`, the mean price of the months from
            `first_step` to the target and its intervals, NaN before `first_step`; `measured_80, measured_95`, the share
            of earlier intervals of this horizon that held the price, as known at the origin, and
            `measured_forecasts`, how many those were (NaN and 0 where there are none); `contribution_base,
            contribution_drift, contribution_season, contribution_momentum, contribution_cycle, contribution_other,
            interval_errors`. Prices are in CLP/L, contributions in log points that add up to the log of the price.

        Raises:
            NotEnoughHistory: an origin is not among the histories, or has no earlier error at some horizon.
        """
        self._refuse_absent(rows)
        self._refuse_without_errors(rows)
        log_price = self.forecast.log_price[rows]
        steps = log_price.shape[1]
        origins = np.repeat([self.histories.origins[row] for row in rows], steps)
        ahead = np.tile(np.arange(1, steps + 1, dtype=np.int64), len(rows))
        mean_price = mean_log_price(self.forecast, self.first_step)[rows]
        columns: dict[str, Floats | Integers] = {
            **_prices("", log_price, self.widths, rows),
            **_prices("mean_", mean_price, self.mean_widths, rows),
            **{f"measured_{name}": self.widths.measured[level][rows] for level, name in LEVEL_NAMES.items()},
            "measured_forecasts": self.widths.measured_forecasts[rows],
            "contribution_base": np.repeat(self.forecast.base[rows], steps),
            **{f"contribution_{cause}": self.forecast.contributions[cause][rows] for cause in CAUSES},
            "interval_errors": self.widths.errors[rows],
        }
        dates = {
            "forecast_origin": _months(self.histories, origins),
            "target_month": _months(self.histories, origins + ahead),
            "horizon_months": ahead,
        }
        return pd.DataFrame({**dates, **{name: values.ravel() for name, values in columns.items()}})

    def _refuse_without_errors(self, rows: list[int]) -> None:
        counts = self.widths.errors[rows]
        if (counts < 1).any():
            row = rows[int(np.argwhere(counts < 1)[0][0])]
            raise NotEnoughHistory(
                f"There are no earlier errors for the intervals of a forecast from {self.histories.origin_month(row)}."
            )

    def _refuse_absent(self, rows: list[int]) -> None:
        """A row below zero would be counted from the end: the forecast of another origin, without a word."""
        absent = [row for row in rows if not 0 <= row < len(self.histories)]
        if absent:
            wanted = self.histories.first + (int(self.histories.origins[0]) + absent[0])
            raise NotEnoughHistory(
                f"There is no forecast from {wanted}: the origins run from {self.histories.origin_month(0)} to "
                f"{self.histories.origin_month(len(self.histories) - 1)}."
            )


def rolling_forecast(
    forecaster: Forecaster,
    histories: Histories,
    *,
    steps: int,
    method: IntervalMethod,
    first_step: int = 1,
    other: OtherData | None = None,
) -> RollingForecast:
    """Fit a forecaster at every origin and forecast from it.

    Args:
        forecaster: the recipe or a baseline; fitted in place.
        histories: what was known at each origin.
        steps: months ahead.
        method: how the intervals are made; the same for every forecaster.
        first_step: the first month of the mean prices: the step of the issue month, which is 1 where a price is known
            when its month ends and 3 where it comes two months late.
        other: the blocks that the recipe uses beside the price; none where not given.
    """
    forecast = forecaster.fit(histories).forecast(steps)
    if other is not None:
        forecast = other.added_to(forecast, histories)
    widths = half_widths(forecast, histories, method)
    mean_widths = mean_half_widths(forecast, histories, method, first_step=first_step)
    return RollingForecast(histories, forecast, widths, mean_widths, first_step)


def _prices(prefix: str, log_price: Floats, widths: HalfWidths, rows: list[int]) -> dict[str, Floats]:
    """A price and the ends of its intervals in CLP/L, rows x steps."""
    prices = {f"{prefix}price": np.exp(log_price)}
    for level, name in LEVEL_NAMES.items():
        width = widths.by_level[level][rows]
        prices[f"{prefix}lower_{name}"] = np.exp(log_price - width)
        prices[f"{prefix}upper_{name}"] = np.exp(log_price + width)
    return prices


def _months(histories: Histories, columns: Integers) -> pd.Series:
    """Months of columns as first days."""
    ordinals = histories.first.ordinal + columns
    return pd.Series((ordinals - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]"))
