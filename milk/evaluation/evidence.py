"""What the gate judges a recipe by: its rolling-origin forecasts of months that no search saw.

One row a target month, one column a horizon, so that two recipes are compared month by month on the very same rows.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.binomial import binomial_band
from milk.evaluation.scores import REFERENCE, ROUNDING, bounded_ratio, without_rounding
from milk.forecasting.histories import Floats
from milk.months import Month

Flags = npt.NDArray[np.bool_]

COVERAGE_LEVEL = 0.998
"""Of the bands of coverage. A sound recipe leaves one of its ends once in a thousand times; the gate is asked at each
training, so that 5 % would turn away a sound recipe within two years."""
MONTHS_OF_ONE_YEAR_AHEAD = 3
"""So many neighbouring months count as one where coverage is a mean over all horizons, since forecasts a year ahead
share their surprises. Simulated (`benchmarks/promotion.py`), such a mean over n months varies as if of n / 2.3 to
n / 2.5 independent ones: the band is wider than it need be."""


@dataclass(frozen=True)
class Evidence:
    """The forecasts of one recipe, with the last value beside them.

    Attributes:
        months: the target months, oldest first, each with a forecast from every horizon.
        observed: their prices, CLP/L.
        prediction: months x horizons, the shortest first, CLP/L.
        last_value: the price repeated from the same origins, months x horizons, CLP/L.
        is_inside_80: whether the interval held the price, months x horizons.
        is_inside_95: likewise.
    """

    months: tuple[Month, ...]
    observed: Floats
    prediction: Floats
    last_value: Floats
    is_inside_80: Flags
    is_inside_95: Flags

    @property
    def said(self) -> str:
        """The months, for a sentence."""
        return f"{len(self.months)} months, {self.months[0]} to {self.months[-1]}" if self.months else "no month"


def evidence_of(backtest: pd.DataFrame, model: str, *, search_last_origins: Iterable[Month]) -> Evidence:
    """The rows of a model that none of some searches saw.

    A search whose newest origin is s knew the prices up to s and no later one. So it saw no target of a forecast made
    at s or after it; what was forecast before s is left out, whatever its target.

    Args:
        backtest: the table `backtest` of one rule of availability, the last value among its models.
        model: the model.
        search_last_origins: the newest origin of each search that must not have seen a row; of both recipes, where two
            are to be compared.

    Returns:
        The evidence; without a month where every row was seen, or where none has its price yet.
    """
    since = max((pd.Timestamp(month.first_day) for month in search_last_origins), default=pd.Timestamp.min)
    rows = backtest[(backtest["forecast_origin"] >= since) & backtest["model"].isin([model, REFERENCE])]
    rows = rows.assign(
        is_inside_80=rows["observed"].between(rows["lower_80"], rows["upper_80"]),
        is_inside_95=rows["observed"].between(rows["lower_95"], rows["upper_95"]),
    )
    steps = sorted(backtest["horizon_months"].unique())
    own, reference = (_grids(rows[rows["model"] == name], steps) for name in (model, REFERENCE))
    # A month that lacks a horizon would stand for a year of which it tells a part only.
    months = own["prediction"].dropna().index
    return Evidence(
        months=tuple(Month.of(month) for month in months),
        observed=own["observed"].loc[months, steps[0]].to_numpy(dtype=np.float64),
        prediction=own["prediction"].loc[months].to_numpy(dtype=np.float64),
        last_value=reference["prediction"].loc[months].to_numpy(dtype=np.float64),
        is_inside_80=own["is_inside_80"].loc[months].to_numpy(dtype=np.bool_),
        is_inside_95=own["is_inside_95"].loc[months].to_numpy(dtype=np.bool_),
    )


def _grids(rows: pd.DataFrame, steps: list[int]) -> dict[str, pd.DataFrame]:
    """For each figure the target months that have a price, one row a month, one column a horizon."""
    known = rows.dropna(subset=["observed"])
    return {
        name: known.pivot_table(index="target_month", columns="horizon_months", values=name).reindex(columns=steps)
        for name in ("prediction", "observed", "is_inside_80", "is_inside_95")
    }


def evidence_scores(evidence: Evidence) -> dict[str, float]:
    """The figures of a recipe: those of `milk.evaluation.scores.summary` on these rows, and the coverage next month.

    Returns:
        `ratio_next_month`, `ratio_year`, `rmse_next_month` in CLP/L, `coverage_80` and `coverage_95` (means over all
        horizons), `coverage_next_month_80` and `coverage_next_month_95`, `forecasts` (months).
    """
    own = _rmse(evidence.prediction, evidence)
    ratio = bounded_ratio(own, _rmse(evidence.last_value, evidence))
    return {
        "ratio_next_month": float(ratio[0]),
        "ratio_year": float(ratio.mean()),
        "rmse_next_month": float(without_rounding(own[0])),
        "coverage_80": float(evidence.is_inside_80.mean()),
        "coverage_95": float(evidence.is_inside_95.mean()),
        "coverage_next_month_80": float(evidence.is_inside_80[:, 0].mean()),
        "coverage_next_month_95": float(evidence.is_inside_95[:, 0].mean()),
        "forecasts": len(evidence.months),
    }


def monthly_losses(evidence: Evidence) -> Floats:
    """One loss a month: half of it for the next month, half for the year.

    The squared error of the log price at each horizon, divided by the mean squared log error of the last value there,
    so that the year is not drowned by its farthest months; then half the shortest horizon, half the mean over all. It
    is the criterion of the search.

    Returns:
        Months; 1 is as good as the last value in the mean.
    """
    log_observed = np.log(evidence.observed)[:, None]
    squared = (np.log(evidence.prediction) - log_observed) ** 2
    base = ((np.log(evidence.last_value) - log_observed) ** 2).mean(axis=0)
    # A price that never moved leaves nothing to divide by.
    scaled = squared / np.where(base > ROUNDING**2, base, 1.0)
    return np.asarray((scaled[:, 0] + scaled.mean(axis=1)) / 2)


def coverage_problem(evidence: Evidence) -> str:
    """Which interval does not hold what it says; empty where chance explains each.

    The next month against the exact binomial band of as many months at `COVERAGE_LEVEL`; the mean over all horizons
    against that of a third of them (`MONTHS_OF_ONE_YEAR_AHEAD`).
    """
    problems = []
    for level, inside in ((80, evidence.is_inside_80), (95, evidence.is_inside_95)):
        for name, share, months in (
            ("next month", float(inside[:, 0].mean()), len(inside)),
            ("over the year", float(inside.mean()), max(len(inside) // MONTHS_OF_ONE_YEAR_AHEAD, 1)),
        ):
            low, high = (count / months for count in binomial_band(months, level / 100, level=COVERAGE_LEVEL))
            if not low - ROUNDING <= share <= high + ROUNDING:
                problems.append(
                    f"the {level} % interval {name} held {share:.0%} of the prices, not {low:.0%}-{high:.0%}"
                )
    return "; ".join(problems)


def _rmse(prediction: Floats, evidence: Evidence) -> Floats:
    """By horizon, CLP/L."""
    squared = (prediction - evidence.observed[:, None]) ** 2
    return np.sqrt(squared.mean(axis=0)) if len(squared) else np.full(prediction.shape[1], math.nan)
