"""Rolling origin: the one function behind the backtest, the issued forecast and its intervals.

Every origin is fitted anew on what was known there; a forecaster is asked for all origins at once. What an issue
publishes for an origin is the very row that the backtest would hold for it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from milk.errors import NotEnoughHistory
from milk.forecasting.histories import Floats, Histories, Integers
from milk.forecasting.intervals import HalfWidths, IntervalMethod, half_widths
from milk.forecasting.model import CAUSES, Forecast, Forecaster


@dataclass(frozen=True)
class RollingForecast:
    """Forecasts of every origin of `histories`, with the intervals that could have been known there."""

    histories: Histories
    forecast: Forecast
    widths: HalfWidths

    def frame(self, rows: list[int]) -> pd.DataFrame:
        """The forecasts of some origins, one row for each origin and step.

        Returns:
            `forecast_origin, target_month, horizon_months, price, lower_80, upper_80, lower_95, upper_95,
            contribution_base, contribution_drift, contribution_season, contribution_momentum, interval_errors`; prices
            in CLP/L, contributions in log points that add up to the log of the price.

        Raises:
            NotEnoughHistory: an origin is not among the histories, or has no earlier error at some horizon.
        """
        self._refuse_absent(rows)
        log_price = self.forecast.log_price[rows]
        steps = log_price.shape[1]
        counts = self.widths.errors[rows]
        if (counts < 1).any():
            row = rows[int(np.argwhere(counts < 1)[0][0])]
            raise NotEnoughHistory(
                f"There are no earlier errors for the intervals of a forecast from {self.histories.origin_month(row)}."
            )
        origins = np.repeat([self.histories.origins[row] for row in rows], steps)
        ahead = np.tile(np.arange(1, steps + 1, dtype=np.int64), len(rows))
        columns: dict[str, Floats] = {"price": np.exp(log_price)}
        for level, name in ((0.80, "80"), (0.95, "95")):
            width = self.widths.by_level[level][rows]
            columns[f"lower_{name}"] = np.exp(log_price - width)
            columns[f"upper_{name}"] = np.exp(log_price + width)
        columns["contribution_base"] = np.repeat(self.forecast.base[rows], steps)
        for cause in CAUSES:
            columns[f"contribution_{cause}"] = self.forecast.contributions[cause][rows]
        flat = {name: values.ravel() for name, values in columns.items()}
        dates = {
            "forecast_origin": _months(self.histories, origins),
            "target_month": _months(self.histories, origins + ahead),
            "horizon_months": ahead,
        }
        return pd.DataFrame({**dates, **flat, "interval_errors": counts.ravel()})

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
    forecaster: Forecaster, histories: Histories, *, steps: int, method: IntervalMethod
) -> RollingForecast:
    """Fit a forecaster at every origin and forecast from it.

    Args:
        forecaster: the recipe or a baseline; fitted in place.
        histories: what was known at each origin.
        steps: months ahead.
        method: how the intervals are made; the same for every forecaster.
    """
    forecast = forecaster.fit(histories).forecast(steps)
    return RollingForecast(histories, forecast, half_widths(forecast, histories, method))


def _months(histories: Histories, columns: Integers) -> pd.Series:
    """Months of columns as first days."""
    ordinals = histories.first.ordinal + columns
    return pd.Series((ordinals - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]"))
