"""The forecasts that an issue month publishes: the promoted recipe, refitted on what was known at its cutoff."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from milk.forecasting.histories import Histories
from milk.forecasting.intervals import LEVEL_NAMES, IntervalMethod
from milk.forecasting.model import Forecast, Forecaster
from milk.forecasting.other_data import OtherData
from milk.forecasting.rolling import rolling_forecast
from milk.months import Availability, Month, data_cutoff, forecast_origin, horizons, issue_step
from milk.series import SERIES_ID

KEYS = ["series_id", "issue_month", "target_month", "forecast_origin", "horizon_months"]
NUMBERS = [
    "price", "lower_80", "upper_80", "lower_95", "upper_95",
    "mean_price", "mean_lower_80", "mean_upper_80", "mean_lower_95", "mean_upper_95",
    "measured_80", "measured_95", "measured_forecasts",
    "contribution_base", "contribution_drift", "contribution_season", "contribution_momentum", "contribution_cycle",
    "contribution_other", "interval_errors",
]  # fmt: skip


def issue_forecasts(
    forecaster: Forecaster,
    histories: Histories,
    issue_months: list[Month],
    *,
    price_rule: Availability,
    method: IntervalMethod,
    other: OtherData | None = None,
    series_ids: Sequence[str] = (SERIES_ID,),
) -> pd.DataFrame:
    """The forecasts of some issue months.

    Args:
        forecaster: the recipe of the promoted version; it is refitted at every origin.
        histories: what was known at each origin, up to the newest issue wanted.
        issue_months: the issues wanted.
        price_rule: when the price is known; it fixes the origin of an issue.
        method: how the intervals are made.
        other: the blocks that the recipe uses beside the price.
        series_ids: the series of the histories, in their order.

    Returns:
        One row for each series, issue and target month: the columns `KEYS`, `NUMBERS` and `data_cutoff`.

    Raises:
        NotEnoughHistory: the origin of an issue is not among the histories, or has no earlier error.
    """
    steps = horizons(price_rule)
    rolling = rolling_forecast(
        forecaster, histories, steps=steps, method=method, first_step=issue_step(price_rule), other=other
    )
    own = [histories.row_of(forecast_origin(month, price_rule)) for month in issue_months]
    absent = [row for row in own if not 0 <= row < histories.rows_of_series]
    # One that is absent of the first series is so of all; its number would be a row of another one.
    begins = range(0, len(histories), histories.rows_of_series)
    frame = rolling.frame(absent or [begin + row for begin in begins for row in own])
    repeats = len(frame) // (len(issue_months) * histories.series)
    issue = np.tile(np.repeat(np.arange(len(issue_months)), repeats), histories.series)
    series = np.repeat(np.arange(histories.series), repeats * len(issue_months))
    months = pd.Series([pd.Timestamp(m.first_day) for m in issue_months], dtype="datetime64[us]")
    cutoffs = pd.Series([data_cutoff(m) for m in issue_months], dtype="datetime64[us, UTC]")
    frame["series_id"] = pd.Series([*series_ids], dtype="str").take(series).array
    frame["issue_month"] = months.take(issue).array
    frame["data_cutoff"] = cutoffs.take(issue).array
    return frame[[*KEYS, *NUMBERS, "data_cutoff"]]


def one_step_errors(forecaster: Forecaster, histories: Histories) -> pd.DataFrame:
    """By how much the recipe missed the month after each origin, as the price of that month was first known.

    Returns:
        `target_month`, `error` = log observed - log predicted, oldest first; one row fewer than there are origins.
    """
    return _next_months(forecaster.fit(histories).forecast(1), histories)


def one_step_record(
    forecaster: Forecaster, histories: Histories, *, method: IntervalMethod, other: OtherData | None = None
) -> pd.DataFrame:
    """The same with what was said beside the forecast of the month after each origin: what watches a recipe looks at.

    Returns:
        `target_month`; `error`, log points; `season`, what the season was to add to the log price; `half_width_80` and
        `half_width_95`, those of the intervals, log points, NaN where there was no earlier error. Oldest first.
    """
    rolling = rolling_forecast(forecaster, histories, steps=1, method=method, other=other)
    widths = {f"half_width_{name}": rolling.widths.by_level[level][:-1, 0] for level, name in LEVEL_NAMES.items()}
    season = rolling.forecast.contributions["season"][:-1, 0]
    return _next_months(rolling.forecast, histories).assign(season=season, **widths)


def _next_months(forecast: Forecast, histories: Histories) -> pd.DataFrame:
    """The month after each origin but the last, and by how much the first step of a forecast missed it."""
    rows = np.arange(1, len(histories))
    observed = histories.log_price[rows, histories.origins[rows]]
    months = [pd.Timestamp(histories.origin_month(int(row)).first_day) for row in rows]
    error = observed - forecast.log_price[:-1, 0]
    return pd.DataFrame({"target_month": pd.Series(months, dtype="datetime64[us]"), "error": error})
