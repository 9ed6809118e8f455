"""The choice of the interval method: the best interval score among those that cover what they say.

The interval score of a level, on the log scale (Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction,
and estimation", equation 43), is the width and 2 / (1 - level) times by how much the price lies outside: it rewards
narrow intervals that hold. At each horizon it is divided by that of plain split-conformal on the same rows, because
errors a year ahead are several times those of the next month and would decide alone. Coverage is looked at by groups of
horizons, because a method that covers too much next month and too little next year is right on average.

The coverage of a year ahead rests on few independent errors: those of n consecutive origins h months ahead overlap and
say about as much as n / h. The bounds of coverage are widened by one standard error of a share of that many.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from milk.forecasting.histories import CALIBRATION_MONTHS, Floats, Histories
from milk.forecasting.intervals import LEVEL_NAMES, HalfWidths, IntervalMethod, half_widths, log_errors
from milk.forecasting.model import Forecast

METHODS = (
    IntervalMethod("split"),
    IntervalMethod(),
    IntervalMethod(memory_months=240),
    IntervalMethod(scaling=0.75, memory_months=240),
    IntervalMethod("neighbours", memory_months=240),
    IntervalMethod("adaptive"),
)
"""What is compared, split-conformal first. A memory of twenty years leaves `neighbours` sixty errors."""
BOUNDS = {0.80: (0.76, 0.84), 0.95: (0.92, 0.975)}
"""Where coverage may lie, before the sampling error."""
FIGURES = (
    "score_80", "width_80", "score_95", "width_95", "score", "coverage_80_near", "coverage_95_near", "independent_near",
    "coverage_80_far", "coverage_95_far", "independent_far",
)  # fmt: skip
"""What is measured of each method, see `compare_methods`."""
GROUPS = {"near": slice(0, 6), "far": slice(6, None)}
"""Steps up to half a year, and beyond."""


def compare_methods(forecast: Forecast, histories: Histories) -> pd.DataFrame:
    """Measure every method on the origins from `CALIBRATION_MONTHS` after the first: an issue is never made earlier.

    Args:
        forecast: forecasts of all origins of `histories`, in order.
        histories: the origins that may choose; prices are those that the last of them knew, and no later one counts.

    Returns:
        One row a method, in the order of `METHODS`: the fields of `IntervalMethod`; `score_80` and `score_95`, interval
        scores relative to those of the first method, mean over the horizons; `score`, the mean of the two; `width_80`
        and `width_95`, mean widths relative to the first method's; `coverage_80_near`, `coverage_80_far` and so for 95,
        shares over the horizons of a group of `GROUPS`; `independent_near` and `independent_far`, on how many
        independent forecasts these rest. NaN, and 0 of the last two, where there is nothing to measure.
    """
    widths = [half_widths(forecast, histories, method) for method in METHODS]
    errors = log_errors(forecast, histories)
    errors[:CALIBRATION_MONTHS] = np.nan
    is_judged = np.isfinite(errors) & np.all([own.errors > 0 for own in widths], axis=0)
    errors[~is_judged] = np.nan
    rows = [
        asdict(method) | _scores(errors, own, widths[0]) | _coverages(errors, own)
        for method, own in zip(METHODS, widths, strict=True)
    ]
    return pd.DataFrame(rows)[[*IntervalMethod.__dataclass_fields__, *FIGURES]]


def choose_method(table: pd.DataFrame) -> IntervalMethod:
    """The method of the best `score` among those whose coverage lies within `BOUNDS`, widened by the sampling error.

    Args:
        table: of `compare_methods`.

    Returns:
        The method; of equal ones the first. The default method where none covers what it says, as on a price that
        never moves, or where there is nothing to measure.
    """
    fitting = table[[_covers(row) for row in table.to_dict(orient="records")]]
    if fitting.empty:
        return IntervalMethod()
    best = fitting.iloc[int(fitting["score"].to_numpy().argmin())]
    return IntervalMethod(
        name=best["name"],
        decay=float(best["decay"]),
        scaling=float(best["scaling"]),
        memory_months=int(best["memory_months"]),
        learning_rate=float(best["learning_rate"]),
    )


def _covers(row: Mapping[Hashable, float]) -> bool:
    for level, (lowest, highest) in BOUNDS.items():
        for group in GROUPS:
            independent = row[f"independent_{group}"]
            if independent == 0:
                return False
            slack = math.sqrt(level * (1 - level) / independent)
            if not lowest - slack <= row[f"coverage_{LEVEL_NAMES[level]}_{group}"] <= highest + slack:
                return False
    return True


def _scores(errors: Floats, widths: HalfWidths, reference: HalfWidths) -> dict[str, float]:
    """Interval scores and widths relative to those of the reference; both are halved, which no ratio shows."""
    figures: dict[str, float] = {}
    for level, name in LEVEL_NAMES.items():
        own, base = widths.by_level[level], reference.by_level[level]
        outside = [np.maximum(errors - width, 0) for width in (own, base)]
        figures[f"score_{name}"] = _mean_ratio(
            own + outside[0] / (1 - level), base + outside[1] / (1 - level), np.isfinite(errors)
        )
        figures[f"width_{name}"] = _mean_ratio(own, base, np.isfinite(errors))
    return figures | {"score": (figures["score_80"] + figures["score_95"]) / 2}


def _mean_ratio(own: Floats, base: Floats, is_judged: np.ndarray) -> float:
    """Mean over the steps of the ratio of the sums over the judged rows; NaN where there are none."""
    steps = is_judged.any(axis=0)
    if not steps.any():
        return math.nan
    totals = [np.where(is_judged, values, 0.0).sum(axis=0)[steps] for values in (own, base)]
    return float((totals[0] / totals[1]).mean())


def _coverages(errors: Floats, widths: HalfWidths) -> dict[str, float]:
    """Shares held, and on how many independent forecasts they rest, by group of horizons."""
    figures: dict[str, float] = {}
    number = np.isfinite(errors).sum(axis=0)
    ahead = np.arange(1, len(number) + 1)
    for group, steps in GROUPS.items():
        judged = int(number[steps].sum())
        for level, name in LEVEL_NAMES.items():
            held = errors[:, steps] <= widths.by_level[level][:, steps]
            figures[f"coverage_{name}_{group}"] = float(held.sum() / judged) if judged else math.nan
        figures[f"independent_{group}"] = judged / max(int(ahead[steps].sum()), 1)
    return figures
