"""Scores of a backtest: error, ratio to the last value, coverage and width, by model and horizon."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.forecasting.histories import Floats

REFERENCE = "last_value"
ROUNDING = 1e-9
"""CLP/L: an error below it is none."""
WORST_RATIO = 1000.0
"""Stands for a ratio without bound, which neither JSON nor the ledger can hold."""


def scores_by_horizon(backtest: pd.DataFrame) -> pd.DataFrame:
    """Score every model at every horizon.

    Args:
        backtest: the table `backtest`; rows without an observed price are left out.

    Returns:
        One row for each model and horizon, the models in their order and the nearest horizon first: `rmse` and `mae`
        in CLP/L, `ratio` (RMSE over that of the last value on the same rows, at most `WORST_RATIO`), `coverage_80`,
        `coverage_95`, `width_80` in CLP/L, `forecasts` (how many).
    """
    known = backtest.dropna(subset=["observed"])
    error = known["prediction"] - known["observed"]
    rows = known[["model", "horizon_months"]].assign(
        squared=error**2,
        absolute=error.abs(),
        coverage_80=known["observed"].between(known["lower_80"], known["upper_80"]),
        coverage_95=known["observed"].between(known["lower_95"], known["upper_95"]),
        width_80=known["upper_80"] - known["lower_80"],
    )
    groups = rows.groupby(["model", "horizon_months"], sort=False)
    scores = groups[["coverage_80", "coverage_95", "width_80"]].mean()
    rmse = np.sqrt(groups["squared"].mean())
    # A price repeated by way of its logarithm comes back with another last digit, which is no error.
    scores["rmse"] = without_rounding(rmse)
    scores["mae"] = groups["absolute"].mean()
    scores["forecasts"] = groups.size()
    scores = scores.reset_index()
    models = pd.factorize(scores["model"])[0]
    scores = scores.iloc[np.lexsort((scores["horizon_months"], models))].reset_index(drop=True)
    reference = scores[scores["model"] == REFERENCE].set_index("horizon_months")["rmse"]
    base = scores["horizon_months"].map(reference)
    # A price that never moved leaves nothing to win: equal errors of zero are a ratio of one.
    scores["ratio"] = bounded_ratio(scores["rmse"], base)
    columns = ["model", "horizon_months", "rmse", "mae", "ratio", "coverage_80", "coverage_95", "width_80", "forecasts"]
    return scores[columns]


def summary(scores: pd.DataFrame, model: str) -> dict[str, float]:
    """The figures of one model that a gate or a reader asks for first.

    Returns:
        `ratio_next_month` (the shortest horizon), `ratio_year` (mean over all horizons), `rmse_next_month` in CLP/L,
        `coverage_80` and `coverage_95` (mean over all horizons), `forecasts` (at the shortest horizon).
    """
    own = scores[scores["model"] == model].sort_values("horizon_months")
    nearest = own.iloc[0]
    return {
        "ratio_next_month": float(nearest["ratio"]),
        "ratio_year": float(own["ratio"].mean()),
        "rmse_next_month": float(nearest["rmse"]),
        "coverage_80": float(own["coverage_80"].mean()),
        "coverage_95": float(own["coverage_95"].mean()),
        "forecasts": int(nearest["forecasts"]),
    }


def bounded_ratio(error: npt.ArrayLike, reference_error: npt.ArrayLike) -> Floats:
    """Ratio of two sizes of errors, without rounding and without bound.

    Args:
        error: CLP/L, any shape; at most `ROUNDING` is zero.
        reference_error: the same.

    Returns:
        Their ratio, at most `WORST_RATIO`, which also stands where only the reference is zero; 1 where both are.
    """
    own, reference = without_rounding(error), without_rounding(reference_error)
    has_base = reference > 0
    ratio = own / np.where(has_base, reference, 1.0)
    return np.where(has_base, np.minimum(ratio, WORST_RATIO), np.where(own > 0, WORST_RATIO, 1.0))


def without_rounding(error: npt.ArrayLike) -> Floats:
    """Sizes of errors, CLP/L, with zero in place of what is only the rounding of a computation; NaN stays NaN."""
    size = np.asarray(error, dtype=np.float64)
    return np.where(size <= ROUNDING, 0.0, size)
