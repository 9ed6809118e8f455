"""What the published forecasts were worth, once the prices came: a row for each live issue month and target month.

Only what was really published takes part: live forecasts, and of them the revision that stood when the price of its
target month became known. Hindcasts are left out here, whatever is handed in.
"""

from typing import Final

import numpy as np
import pandas as pd

from milk.forecasting.baselines import BASELINES
from milk.forecasting.histories import Histories, known_log_prices
from milk.months import Month

ISSUE: Final = ["series_id", "issue_month"]
TARGET: Final = [*ISSUE, "target_month"]
_MONTH: Final = ["series_id", "target_month"]
LATEST: Final = "_latest"
"""Ends the names of what the newest revision of a price says; the others rest on its first value."""
VERDICTS: Final = ["observed", "known_since", "error", "log_error", "is_inside_80", "is_inside_95"]
COLUMNS: Final = [
    "series_id", "issue_month", "revision", "target_month", "forecast_origin", "horizon_months",
    "price", "lower_80", "upper_80", "lower_95", "upper_95", "unit", "model_version", "data_cutoff",
    "issue_published_at", *VERDICTS, *(f"{name}{LATEST}" for name in VERDICTS), *BASELINES,
]  # fmt: skip


def judged_forecasts(forecasts: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Judge what was published by the prices that came.

    Of each issue month the revision counts that stood when the first price of the target month became known: the newest
    live one that was published by then. What was published later could have known the price, and is not judged.

    Args:
        forecasts: a row for each revision of an issue and target month: `series_id`, `issue_month`, `revision`, `kind`,
            `issue_published_at` (when that revision was published), and the columns of `COLUMNS` from `target_month` to
            `data_cutoff`.
        prices: every price that was ever known: `month`, `known_since`, `value` in the unit of the forecasts; each
            month and instant once. Where the forecasts are those of several series, with their `series_id`.

    Returns:
        `COLUMNS`, ordered by issue month and target month. `error` (CLP/L) and `log_error` (log points) are what came
        less what was forecast. The baselines are forecasts in CLP/L from the prices known at the `data_cutoff` of the
        issue; NaN where one of those that they need was not known.
    """
    live = forecasts[forecasts["kind"] == "live"]
    if "series_id" not in prices:
        prices = prices.merge(live[["series_id"]].drop_duplicates(), how="cross", validate="m:1")
    rows = _standing(live, first_and_latest(prices))
    for suffix in ("", LATEST):
        rows = rows.assign(**_verdict(rows, suffix))
    rows = rows.join(_baselines(rows, prices)).sort_values(TARGET, ignore_index=True)
    return rows[COLUMNS]


def first_and_latest(prices: pd.DataFrame) -> pd.DataFrame:
    """The first price of each month and its newest: series, `target_month`, `observed`, `known_since`, both twice."""
    names = {"month": "target_month", "value": "observed"}
    ordered = prices.rename(columns=names)[[*_MONTH, "observed", "known_since"]]
    ordered = ordered.sort_values([*_MONTH, "known_since"])
    first, latest = (ordered.drop_duplicates(_MONTH, keep=keep) for keep in ("first", "last"))
    return first.merge(latest, on=_MONTH, suffixes=("", LATEST), validate="1:1")


def _standing(live: pd.DataFrame, observed: pd.DataFrame) -> pd.DataFrame:
    """The rows of the revisions that stood, with the prices that came."""
    known = live.merge(observed, on=_MONTH, validate="m:1")
    revisions = live[[*ISSUE, "revision", "issue_published_at"]].drop_duplicates([*ISSUE, "revision"])
    asked = known[[*TARGET, "known_since"]].drop_duplicates(TARGET)
    there = asked.merge(revisions, on=ISSUE, validate="m:m")
    there = there[there["issue_published_at"] <= there["known_since"]]
    stood = there.groupby(TARGET, as_index=False)["revision"].max()
    return known.merge(stood, on=[*TARGET, "revision"], validate="1:1")


def _verdict(rows: pd.DataFrame, suffix: str) -> dict[str, pd.Series]:
    """How the forecasts did against one of the two prices."""
    came = rows[f"observed{suffix}"]
    return {
        f"error{suffix}": came - rows["price"],
        f"log_error{suffix}": np.log(came) - np.log(rows["price"]),
        f"is_inside_80{suffix}": came.between(rows["lower_80"], rows["upper_80"]),
        f"is_inside_95{suffix}": came.between(rows["lower_95"], rows["upper_95"]),
    }


def _baselines(rows: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """What each baseline would have said on the day of the issue, in the order of the rows."""
    if rows.empty:
        return pd.DataFrame(columns=[*BASELINES], index=rows.index, dtype="float64")
    of_series = dict(iter(prices.groupby("series_id")))
    parts = [_baselines_of_series(part, of_series[series_id]) for series_id, part in rows.groupby("series_id")]
    return pd.concat(parts)


def _baselines_of_series(rows: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    issues = rows.drop_duplicates(ISSUE)[[*ISSUE, "forecast_origin", "data_cutoff"]].reset_index(drop=True)
    histories = _histories(issues, prices)
    row = rows[ISSUE].merge(issues.assign(row=issues.index), on=ISSUE, how="left", validate="m:1")["row"].to_numpy()
    step = rows["horizon_months"].to_numpy() - 1
    steps = int(step.max()) + 1
    said = {
        name: np.exp(make().fit(histories).forecast(steps).log_price[row, step]) for name, make in BASELINES.items()
    }
    return pd.DataFrame(said, index=rows.index)


def _histories(issues: pd.DataFrame, prices: pd.DataFrame) -> Histories:
    """What was known at the cutoff of each issue.

    Its own cutoff and origin, as published: a rule of availability may have changed since. The issues may have gaps;
    no baseline looks from one row to another.
    """
    ordered = prices.sort_values(["month", "known_since"])
    first = Month.of(ordered["month"].iloc[0])
    known = known_log_prices(ordered, first, [*issues["data_cutoff"]])
    origins = np.array([Month.of(month) - first for month in issues["forecast_origin"]], dtype=np.int64)
    is_past = np.arange(known.shape[1]) <= origins[:, None]
    return Histories(first, np.where(is_past, known, np.nan), origins)
