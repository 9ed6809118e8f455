"""The running statistics of the scorecard: bias, error against the baselines, and coverage, each with its band."""

import math
from typing import Any, Final

import numpy as np
import pandas as pd

from milk.evaluation.bands import Floats, Integers, Shared, hit_band, mean_band, shared_surprises
from milk.evaluation.scorecard import LATEST
from milk.evaluation.scores import bounded_ratio
from milk.evaluation.significance import bootstrap_ratio

ALL = 0
"""Stands for all horizons together."""
FEWEST_MONTHS = 12
"""Months below which nothing is judged: a whole year, so that no season is taken for a bias."""
BLOCKS = 2
"""Nor is anything judged before there are so many stretches of months that share nothing: an interval of a ratio is
drawn from blocks as long as the horizon."""
REFERENCES: Final = ("last_value", "seasonal_drift")
OBSERVED_AS: Final = {"first": "", "latest": LATEST}
LEVELS: Final = {"80": 0.80, "95": 0.95}
FLAGS: Final = ["is_biased", "is_outside_80", "is_outside_95", "is_worse_than_last_value"]
COLUMNS: Final = [
    "series_id", "observed_as", "horizon_months", "months_judged", "forecasts", "first_target", "last_target",
    "bias", "bias_band", "rmse",
    *(f"ratio_{name}{end}" for name in REFERENCES for end in ("", "_low", "_high")),
    *(f"coverage_{name}{end}" for name in LEVELS for end in ("", "_low", "_high")),
    "is_judged", *FLAGS, "finding",
]  # fmt: skip


def running_statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """What can be said of the published forecasts so far, by horizon and for all of them.

    Args:
        rows: see `milk.evaluation.scorecard.judged_forecasts`, of one series.

    Returns:
        `COLUMNS`: for the first value of each price and for the newest, a row for all horizons (`horizon_months` 0) and
        one for each. `bias` is the mean of the log errors, `bias_band` how far from zero it may lie by chance; `rmse`
        in CLP/L; `ratio_*` the RMSE over that of a baseline on the same rows, with its 95 % interval from blocks of
        target months as long as the longest horizon; `coverage_*` with the band in which it lies with a probability of
        99 % if the intervals hold what they say. Where fewer than twelve target months, or than two such blocks, are
        judged there are figures but neither bands nor flags. No rows where nothing is judged.
    """
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    horizons = sorted(rows["horizon_months"].unique())
    parts = {ALL: rows} | {int(h): rows[rows["horizon_months"] == h] for h in horizons}
    found = [_row(part, horizon, said) for said in OBSERVED_AS for horizon, part in parts.items()]
    return pd.DataFrame(found)[COLUMNS]


def overall_statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """The same of many series, for all horizons together alone: a tenth of the work, and what ranks thousands."""
    found = [_row(part, ALL, said) for _series, part in rows.groupby("series_id") for said in OBSERVED_AS]
    return pd.DataFrame(found, columns=COLUMNS)


def months_needed(longest_horizon: int) -> int:
    """How many target months must be judged before anything is said."""
    return max(FEWEST_MONTHS, BLOCKS * longest_horizon)


def _row(part: pd.DataFrame, horizon: int, observed_as: str) -> dict[str, Any]:
    months = int(part["target_month"].nunique())
    horizons = part["horizon_months"].to_numpy(dtype=np.int64)
    needed, suffix = months_needed(int(horizons.max())), OBSERVED_AS[observed_as]
    squared = _squared(part, suffix)
    row = {
        "series_id": part["series_id"].iloc[0],
        "observed_as": observed_as,
        "horizon_months": horizon,
        "months_judged": months,
        "forecasts": len(part),
        "first_target": part["target_month"].min(),
        "last_target": part["target_month"].max(),
        "is_judged": months >= needed,
        **_figures(part, squared, suffix),
    }
    if not row["is_judged"]:
        said = f"{months} of the {needed} months that it takes"
        return row | dict.fromkeys(FLAGS, False) | {"finding": said}
    shared = shared_surprises(_ordinals(part["forecast_origin"]), horizons)
    row |= _bands(part, horizons, shared, suffix)
    row |= _ratio_intervals(squared, int(horizons.max()))
    row |= _flags(row)
    return row | {"finding": "; ".join(_findings(row))}


def _figures(part: pd.DataFrame, squared: tuple[Floats, Floats], suffix: str) -> dict[str, float]:
    """The statistics themselves; bands and ends of intervals are not there yet."""
    error = part[f"error{suffix}"].to_numpy(dtype=np.float64)
    figures = {
        "bias": float(part[f"log_error{suffix}"].mean()),
        "bias_band": math.nan,
        "rmse": float(np.sqrt(np.mean(error**2))),
    }
    own, references = squared
    ratios = bounded_ratio(np.sqrt(own.sum(axis=0)), np.sqrt(references.sum(axis=0)))
    for name, ratio in zip(REFERENCES, ratios, strict=True):
        figures |= {f"ratio_{name}": float(ratio) if len(own) else math.nan}
        figures |= {f"ratio_{name}_low": math.nan, f"ratio_{name}_high": math.nan}
    for name in LEVELS:
        figures |= {f"coverage_{name}": float(part[f"is_inside_{name}{suffix}"].mean())}
        figures |= {f"coverage_{name}_low": math.nan, f"coverage_{name}_high": math.nan}
    return figures


def _bands(part: pd.DataFrame, horizons: Integers, shared: Shared, suffix: str) -> dict[str, float]:
    log_error = part[f"log_error{suffix}"].to_numpy(dtype=np.float64)
    bands = {"bias_band": mean_band(log_error, horizons, shared)}
    for name, share in LEVELS.items():
        low, high = hit_band(shared, share)
        bands |= {f"coverage_{name}_low": low, f"coverage_{name}_high": high}
    return bands


def _ratio_intervals(squared: tuple[Floats, Floats], block_months: int) -> dict[str, float]:
    own, references = squared
    if len(own) < months_needed(block_months):
        return {}
    ends = bootstrap_ratio(own, references, block_months=block_months)
    return {
        f"ratio_{name}_{end}": float(values[k])
        for end, values in zip(("low", "high"), ends, strict=True)
        for k, name in enumerate(REFERENCES)
    }


def _squared(part: pd.DataFrame, suffix: str) -> tuple[Floats, Floats]:
    """Squared errors, added up by target month: months x references, of the recipe and of each reference."""
    # Without frames: two dozen horizons go through this each month, and grouping takes longer than adding.
    came, error = (part[name].to_numpy(dtype=np.float64) for name in (f"observed{suffix}", f"error{suffix}"))
    said = part[[*REFERENCES]].to_numpy(dtype=np.float64)
    is_known = ~np.isnan(said).any(axis=1)
    _months, at = np.unique(_ordinals(part["target_month"])[is_known], return_inverse=True)
    of_references = (came[is_known, None] - said[is_known]) ** 2
    own = np.bincount(at, weights=error[is_known] ** 2)
    references = [np.bincount(at, weights=column) for column in of_references.T]
    return np.column_stack([own] * len(REFERENCES)).astype(np.float64), np.column_stack(references).astype(np.float64)


def _flags(row: dict[str, Any]) -> dict[str, bool]:
    outside = {
        f"is_outside_{name}": not row[f"coverage_{name}_low"] <= row[f"coverage_{name}"] <= row[f"coverage_{name}_high"]
        for name in LEVELS
    }
    return {
        "is_biased": abs(row["bias"]) > row["bias_band"],
        **outside,
        "is_worse_than_last_value": row["ratio_last_value_low"] > 1,
    }


def _findings(row: dict[str, Any]) -> list[str]:
    said = []
    if row["is_biased"]:
        side = "above" if row["bias"] > 0 else "below"
        said.append(f"prices came {side} the forecasts: mean log error {row['bias']:+.3f}, band {row['bias_band']:.3f}")
    for name in LEVELS:
        if row[f"is_outside_{name}"]:
            low, high = row[f"coverage_{name}_low"], row[f"coverage_{name}_high"]
            said.append(f"the {name} % intervals held {row[f'coverage_{name}']:.0%}, band {low:.0%} to {high:.0%}")
    if row["is_worse_than_last_value"]:
        low, high = row["ratio_last_value_low"], row["ratio_last_value_high"]
        said.append(f"RMSE {row['ratio_last_value']:.2f} of the last value's, interval {low:.2f} to {high:.2f}")
    return said


def _ordinals(months: pd.Series) -> Integers:
    return np.asarray(months.dt.year * 12 + months.dt.month, dtype=np.int64)
