"""Published forecasts and prices for the tests of the scorecard: every number follows from the month."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from milk.evaluation.scorecard import judged_forecasts
from milk.forecasting.histories import Floats
from milk.months import Month, available_from, data_cutoff
from tests.builders import RULE, random_walk

FIRST_PRICE = Month(2015, 1)
DAY = dt.timedelta(days=1)


def prices(values: Floats | None = None) -> pd.DataFrame:
    """Eight years of prices, each known when its month ends, never revised."""
    value = random_walk(96, seed=5) if values is None else values
    months = [FIRST_PRICE + k for k in range(len(value))]
    return pd.DataFrame(
        {
            "month": pd.Series([pd.Timestamp(m.first_day) for m in months], dtype="datetime64[us]"),
            "known_since": pd.Series([available_from(RULE, m) for m in months], dtype="datetime64[us, UTC]"),
            "value": np.asarray(value, dtype=np.float64),
        }
    )


def revised(table: pd.DataFrame, month: Month, value: float, known_since: dt.datetime) -> pd.DataFrame:
    """One more state of knowledge of a price."""
    row = {"month": pd.Timestamp(month.first_day), "known_since": pd.Timestamp(known_since), "value": value}
    return pd.concat([table, pd.DataFrame([row]).astype(table.dtypes.to_dict())], ignore_index=True)


def issued(
    month: Month,
    level: float,
    *,
    revision: int = 1,
    kind: str = "live",
    published_at: dt.datetime | None = None,
    width: float = 0.05,
    steps: int = 12,
) -> pd.DataFrame:
    """One revision: the level for each month ahead, with intervals of `width` and twice that in log points."""
    targets = [month + k for k in range(steps)]
    said: dict[str, Any] = {
        "series_id": "s",
        "issue_month": pd.Timestamp(month.first_day),
        "revision": revision,
        "kind": kind,
        "issue_published_at": pd.Timestamp(published_at or data_cutoff(month) + 2 * DAY),
        "target_month": [pd.Timestamp(target.first_day) for target in targets],
        "forecast_origin": pd.Timestamp((month + (-1)).first_day),
        "horizon_months": [k + 1 for k in range(steps)],
        "price": level,
        "lower_80": level * np.exp(-width),
        "upper_80": level * np.exp(width),
        "lower_95": level * np.exp(-2 * width),
        "upper_95": level * np.exp(2 * width),
        "unit": "CLP/L",
        "model_version": "v-1",
        "data_cutoff": pd.Timestamp(data_cutoff(month)),
    }
    months = ["issue_month", "target_month", "forecast_origin"]
    instants = ["issue_published_at", "data_cutoff"]
    types = dict.fromkeys(months, "datetime64[us]") | dict.fromkeys(instants, "datetime64[us, UTC]")
    return pd.DataFrame(said).astype(types)


def record(
    first: Month, months: int, table: pd.DataFrame, *, factor: float = 1.0, width: float = 0.05, steps: int = 12
) -> pd.DataFrame:
    """Consecutive live issues of the last value times a factor, judged by the prices."""
    known = table.drop_duplicates("month").set_index("month")["value"]
    issues = [first + k for k in range(months)]
    forecasts = [
        issued(m, float(known[pd.Timestamp((m + (-1)).first_day)]) * factor, width=width, steps=steps) for m in issues
    ]
    return judged_forecasts(pd.concat(forecasts, ignore_index=True), table)
