"""The scores of a backtest in full: errors, ratios, how good the intervals are, and whether a gain is chance."""

import math
from typing import Literal, get_args

import numpy as np
import pandas as pd

from milk.evaluation.backtest import RECIPE
from milk.evaluation.scores import REFERENCE, bounded_ratio, without_rounding
from milk.evaluation.significance import (
    BOOTSTRAP_SEED,
    SMALLEST_SAMPLE,
    bootstrap_ratio,
    diebold_mariano,
)

By = Literal["horizon_months", "calendar_month", "period"]

SEASONAL_REFERENCE = "seasonal_drift"
QUANTILES = {"lower_95": 0.025, "lower_80": 0.1, "prediction": 0.5, "upper_80": 0.9, "upper_95": 0.975}
"""The probability that the price stays below each column."""
PERIOD_YEARS = 5
SCORES = [
    "rmse", "mae", "mase", "smape", "ratio_last_value", "ratio_seasonal_drift", "pinball", "interval_score_80",
    "interval_score_95", "coverage_80", "coverage_95", "width_80", "width_95", "forecasts",
]  # fmt: skip
COMPARISON_COLUMNS = [
    "baseline", "horizon_months", "ratio", "ratio_low", "ratio_high", "dm_statistic", "dm_p_value", "forecasts",
]  # fmt: skip
_LOSSES = [
    "squared", "absolute", "scale", "squared_last_value", "squared_seasonal_drift", "smape", "pinball",
    "interval_score_80", "interval_score_95", "coverage_80", "coverage_95", "width_80", "width_95",
]  # fmt: skip
"""What is known of each forecast; a score is a mean of it, or made of such means."""


def score_table(backtest: pd.DataFrame, *, by: By) -> pd.DataFrame:
    """Score every model, at every horizon, in all months or in groups of them.

    The interval score is width plus `2/(1 - level)` times the distance by which the price lies outside, and the pinball
    loss of the quantile q at probability t is `max(t (y - q), (t - 1)(y - q))`: T. Gneiting and A. E. Raftery, Strictly
    proper scoring rules, Journal of the American Statistical Association 102 (2007). MASE follows R. J. Hyndman and
    A. B. Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22 (2006), but
    its scale is that of the months which are scored and not of a training sample, which each origin has another of.

    Args:
        backtest: the table `backtest`; rows without an observed price are left out.
        by: `horizon_months`: all months together; `calendar_month`: the target's month of the year, 1 to 12; `period`:
            five calendar years such as `2003-2007`, counted from the year of the first target.

    Returns:
        A row for each model, `by` and horizon, the models in their order: `rmse` and `mae` in CLP/L; `mase`, the MAE
        over that of the last value one month ahead in the same target months; `smape`, mean of
        `200 |y - p| / (|y| + |p|)`, percent; `ratio_last_value` and `ratio_seasonal_drift`, RMSE over that of the model
        named on the same rows; `pinball`, mean over `QUANTILES`, `interval_score_80` and `interval_score_95` in CLP/L;
        `coverage_80`, `coverage_95`; `width_80`, `width_95` in CLP/L; `forecasts` (how many). No ratio, nor `mase`, is
        more than `WORST_RATIO`; where both errors are zero it is 1.

    Raises:
        ValueError: there is no such grouping, no row has an observed price, or the last value or the seasonal drift
            lacks a row that another model has.
    """
    if by not in get_args(By):
        raise ValueError(f"The scores cannot be grouped by '{by}': it is one of {', '.join(get_args(By))}.")
    losses = _losses(_observed(backtest))
    keys = [*dict.fromkeys(["model", by, "horizon_months"])]
    groups = losses.groupby(keys, observed=True)
    scores = groups[_LOSSES].mean()
    scores["rmse"] = without_rounding(np.sqrt(scores["squared"]))
    scores["mae"] = without_rounding(scores["absolute"])
    scores["mase"] = bounded_ratio(scores["mae"], scores["scale"])
    for name in (REFERENCE, SEASONAL_REFERENCE):
        scores[f"ratio_{name}"] = bounded_ratio(scores["rmse"], np.sqrt(scores[f"squared_{name}"]))
    scores["forecasts"] = groups.size()
    return scores.reset_index().astype({"model": "str"})[[*keys, *SCORES]]


def comparisons(backtest: pd.DataFrame, *, model: str = RECIPE, seed: int = BOOTSTRAP_SEED) -> pd.DataFrame:
    """Hold one model against each of the others, at every horizon.

    Args:
        backtest: the table `backtest`; rows without an observed price are left out.
        model: the model that is judged; every other one is a baseline.
        seed: of the bootstrap; all horizons and baselines with blocks of one length get the same blocks.

    Returns:
        A row for each baseline and horizon, the baselines in their order: `ratio`, the RMSE of the model over that of
        the baseline on the same rows; `ratio_low` and `ratio_high`, its 95 % interval (`bootstrap_ratio`, by
        `block_months`); `dm_statistic` (below zero where the model is better) and `dm_p_value` of `diebold_mariano` on
        squared errors; `forecasts` (how many). Interval and test are NaN where there are fewer than `SMALLEST_SAMPLE`
        forecasts or no more than the horizon has months.

    Raises:
        ValueError: the model has no row with an observed price, or two models have not the same rows.
    """
    known = _observed(backtest)
    models = [str(name) for name in known["model"].unique()]
    if model not in models:
        raise ValueError(f"The backtest has no row of '{model}' with an observed price.")
    errors = known.assign(squared=without_rounding((known["observed"] - known["prediction"]).abs()) ** 2)
    baselines = [name for name in models if name != model]
    parts = [_at_horizon(rows, model, baselines, seed=seed) for _, rows in errors.groupby("horizon_months")]
    table = pd.concat(parts, ignore_index=True)
    order = pd.Index(baselines).get_indexer(pd.Index(table["baseline"]))
    return table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def block_months(months: int, horizon_months: int) -> int:
    """Length of the blocks of a bootstrap.

    At least the horizon, as far as errors move together, and at least the cube root of the months, by which the best
    length grows (P. Hall, J. L. Horowitz and B.-Y. Jing, On blocking rules for the bootstrap with dependent data,
    Biometrika 82 (1995)); at most a third of the months, for fewer blocks hardly differ from one sample to the next.
    """
    return max(1, min(max(horizon_months, math.ceil(math.cbrt(months))), months // 3))


def _observed(backtest: pd.DataFrame) -> pd.DataFrame:
    """The rows that can be scored.

    Raises:
        ValueError: there is none, or one lacks its forecast or an end of an interval.
    """
    known = backtest.dropna(subset=["observed"], ignore_index=True)
    if known.empty:
        raise ValueError("The backtest has no row with an observed price.")
    if known[[*QUANTILES]].isna().any(axis=None):
        raise ValueError("The backtest lacks a forecast or an end of an interval of a month whose price is known.")
    return known


def _losses(known: pd.DataFrame) -> pd.DataFrame:
    """What is known of each forecast: `_LOSSES`, and the columns by which they are grouped."""
    target, observed, prediction = known["target_month"], known["observed"], known["prediction"]
    error = (prediction - observed).abs()
    losses = pd.DataFrame(
        {
            # Groups of a category come in its order, which is that of the table.
            "model": pd.Categorical(known["model"], categories=known["model"].unique()),
            "target_month": target,
            "horizon_months": known["horizon_months"],
            "calendar_month": target.dt.month.astype("int64"),
            "period": _periods(target.dt.year),
            "squared": error**2,
            "absolute": error,
            "smape": 200 * error / (observed.abs() + prediction.abs()),
            "pinball": _pinball(known),
            **_interval_losses(observed, known["lower_80"], known["upper_80"], level=80),
            **_interval_losses(observed, known["lower_95"], known["upper_95"], level=95),
        }
    )
    for name in (REFERENCE, SEASONAL_REFERENCE):
        own = losses[losses["model"] == name].set_index(["target_month", "horizon_months"])["squared"]
        losses[f"squared_{name}"] = _beside(losses, own, f"'{name}'")
    is_one_ahead = (losses["model"] == REFERENCE) & (losses["horizon_months"] == 1)
    scale = losses[is_one_ahead].set_index("target_month")["absolute"]
    losses["scale"] = _beside(losses, scale, f"'{REFERENCE}' one month ahead")
    return losses


def _beside(losses: pd.DataFrame, reference: pd.Series, name: str) -> pd.Series:
    """The loss of a reference in the months, or months and horizons, of every row.

    Raises:
        ValueError: the reference lacks a row, or has it twice.
    """
    keys = [str(key) for key in reference.index.names]
    beside = losses[keys].join(reference.rename("reference"), on=keys, validate="m:1")
    if beside["reference"].isna().any():
        month = beside.loc[beside["reference"].isna(), "target_month"].iloc[0]
        raise ValueError(f"The backtest lacks a row of {name} for {month:%Y-%m}, of which another model has one.")
    return beside["reference"]


def _pinball(known: pd.DataFrame) -> pd.Series:
    """Mean pinball loss over `QUANTILES`, CLP/L."""
    probability = np.array([*QUANTILES.values()])
    above = known[["observed"]].to_numpy() - known[[*QUANTILES]].to_numpy()
    loss = np.maximum(probability * above, (probability - 1) * above).mean(axis=1)
    return pd.Series(loss, index=known.index)


def _interval_losses(observed: pd.Series, lower: pd.Series, upper: pd.Series, *, level: int) -> dict[str, pd.Series]:
    """Coverage, width and interval score of each interval of a level in percent."""
    outside = (lower - observed).clip(lower=0) + (observed - upper).clip(lower=0)
    width = upper - lower
    return {
        f"coverage_{level}": observed.between(lower, upper).astype("float64"),
        f"width_{level}": width,
        f"interval_score_{level}": width + 200 / (100 - level) * outside,
    }


def _periods(year: pd.Series) -> pd.Series:
    """The calendar years `PERIOD_YEARS` by `PERIOD_YEARS`, from the first that there is."""
    first = year - (year - year.min()) % PERIOD_YEARS
    label: pd.Series = first.astype("str") + "-" + (first + PERIOD_YEARS - 1).astype("str")
    return label


def _at_horizon(errors: pd.DataFrame, model: str, baselines: list[str], *, seed: int) -> pd.DataFrame:
    """The rows of `comparisons` of one horizon, from the `squared` errors of all models at it."""
    wide = errors.pivot(index="target_month", columns="model", values="squared")  # noqa: PD010 because a repeated key must raise
    by_month = wide.reindex(columns=[model, *baselines])
    if by_month.isna().any(axis=None):
        raise ValueError("The models cannot be compared: one has a horizon and target month that another lacks.")
    months, horizon = len(by_month), int(errors["horizon_months"].iloc[0])
    reference = by_month[baselines].to_numpy(dtype=np.float64)
    squared = np.broadcast_to(by_month[[model]].to_numpy(dtype=np.float64), reference.shape)
    table = pd.DataFrame({"baseline": pd.Series(baselines, dtype="str")})
    table["horizon_months"], table["forecasts"] = horizon, months
    table["ratio"] = bounded_ratio(np.sqrt(squared.mean(axis=0)), np.sqrt(reference.mean(axis=0)))
    table = table.reindex(columns=COMPARISON_COLUMNS)
    if months >= max(SMALLEST_SAMPLE, horizon + 1):
        block = block_months(months, horizon)
        table["ratio_low"], table["ratio_high"] = bootstrap_ratio(squared, reference, block_months=block, seed=seed)
        tests = [diebold_mariano(*pair, horizon_months=horizon) for pair in zip(squared.T, reference.T, strict=True)]
        table["dm_statistic"] = [test.statistic for test in tests]
        table["dm_p_value"] = [test.p_value for test in tests]
    return table
