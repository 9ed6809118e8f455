"""The forecasts that an issue month publishes: the promoted recipe, refitted on what was known at its cutoff."""

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
) -> pd.DataFrame:
    """The forecasts of some issue months.

    Args:
        forecaster: the recipe of the promoted version; it is refitted at every origin.
        histories: what was known at each origin, up to the newest issue wanted.
        issue_months: the issues wanted.
        price_rule: when the price is known; it fixes the origin of an issue.
        method: how the intervals are made.
        other: the blocks that the recipe uses beside the price.

    Returns:
        One row for each issue and target month: the columns `KEYS`, `NUMBERS` and `data_cutoff`.

    Raises:
        NotEnoughHistory: the origin of an issue is not among the histories, or has no earlier error.
    """
    steps = horizons(price_rule)
    rolling = rolling_forecast(
        forecaster, histories, steps=steps, method=method, first_step=issue_step(price_rule), other=other
    )
    rows = [histories.row_of(forecast_origin(month, price_rule)) for month in issue_months]
    frame = rolling.frame(rows)
    repeats = len(frame) // len(issue_months)
    issued = [month for month in issue_months for _ in range(repeats)]
    frame["series_id"] = pd.Series(SERIES_ID, index=frame.index, dtype="str")
    frame["issue_month"] = pd.Series([pd.Timestamp(m.first_day) for m in issued], dtype="datetime64[us]")
    frame["data_cutoff"] = pd.Series([data_cutoff(m) for m in issued], dtype="datetime64[us, UTC]")
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
