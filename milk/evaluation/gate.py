"""The gate for other data: a block enters the model only where it beats the price-only recipe, and not by chance.

Both forecast in rolling origin, over the origins that may choose a recipe and never over those that judge it. The
larger model holds the smaller one, so where the block says nothing its squared errors are larger by the noise of what
it estimates. The statistic of Clark & West (2007) takes this noise out: with the price-only error e and correction c,

    f_t = e_t^2 - ((e_t - c_t)^2 - c_t^2),   CW = mean of f / sqrt(long-run variance of f / n)

The long-run variance is that of Newey & West (1987) with h - 1 lags, since errors of h months overlap.

CW alone admits noise: errors that a recipe repeats can be followed by any slow column, of which a large block has many,
and 150 overlapping months hold too few independent ones for the normal law. So the same block is put beside the
prices of other years, moved around by 12, 24 ... months, which keeps its own course, its size and its season; what it
still wins there is no merit. With mean m and deviation s of these placebos,

    statistic = (CW - m) / max(1, s),   one-sided p of Student's t with n / h - 1 degrees of freedom

Blocks and horizons are many, so their p values are adjusted together as Holm (1979) has it.

References:
    Clark & West (2007), Approximately normal tests for equal predictive accuracy in nested models, J. Econometrics 138.
    Diebold & Mariano (1995), Comparing predictive accuracy, J. Business & Economic Statistics 13.
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian J. Statistics 6.
    Newey & West (1987), A simple, positive semi-definite ... covariance matrix, Econometrica 55.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from milk.forecasting.blocks import CorrectionMethod, block_design, corrections
from milk.forecasting.histories import Floats, Histories, Integers, observed
from milk.forecasting.model import Forecast
from milk.forecasting.other_data import STEPS_OF
from milk.months import Availability

HORIZONS = tuple(STEPS_OF)
LEVEL = 0.03
"""Chance that any block of mere noise is admitted."""
SMALLEST_JUDGED = 60
"""Corrected forecasts below which a horizon is not judged: at twelve months they are five independent ones."""
SMALLEST_PLACEBOS = 8
COLUMNS = [
    "block", "horizon_months", "forecasts", "ratio", "clark_west", "placebo_mean", "placebo_deviation", "statistic",
    "p_value", "p_diebold_mariano", "p_adjusted", "is_admitted",
]  # fmt: skip


def judge_blocks(
    features: pd.DataFrame,
    histories: Histories,
    base: Forecast,
    price_rule: Availability,
    blocks: Mapping[str, Sequence[str]],
    *,
    method: CorrectionMethod | None = None,
) -> pd.DataFrame:
    """Judge every block at every horizon.

    Args:
        features: the feature table.
        histories: the origins that may choose a recipe; targets count as the last of them knew their prices.
        base: the price-only forecasts of all these origins.
        price_rule: when the price of a month is known.
        blocks: the features of each block (see `declared_blocks`).
        method: how the correction is learnt; the default where None.

    Returns:
        One row a block and horizon of `HORIZONS`: `forecasts` (how many could be corrected), `ratio` (RMSE in log
        points, corrected over price-only, on these), `clark_west`, `placebo_mean`, `placebo_deviation`, `statistic`,
        `p_value`, `p_diebold_mariano` (the same one-sided p without Clark's and West's term and without placebos),
        `p_adjusted` (Holm, over all rows judged), `is_admitted`: the ratio is below 1 and `p_adjusted` at most
        `LEVEL`. Where there are too few forecasts or placebos, the figures are NaN and nothing is admitted.

    Raises:
        IndexError: `base` reaches less far than the longest of `HORIZONS`.
    """
    log_price = base.log_price
    errors = observed(histories, len(histories) - 1, log_price.shape[1]) - log_price
    rows = []
    for block, names in blocks.items():
        design = block_design(features, histories, price_rule, names)
        made = [corrections(design, log_price, histories, method, steps=HORIZONS)]
        if ((made[0].errors > 0) & np.isfinite(errors)).sum(axis=0).max() >= SMALLEST_JUDGED:
            made += [
                corrections(placebo, log_price, histories, method, steps=HORIZONS) for placebo in _placebos(design)
            ]
        for horizon in HORIZONS:
            pairs = [
                _pairs(errors[:, horizon - 1], each.log_points[:, horizon - 1], each.errors[:, horizon - 1])
                for each in made
            ]
            rows.append({"block": block, "horizon_months": horizon, **_judge(pairs, horizon)})
    table = pd.DataFrame(rows, columns=COLUMNS[:-2]).astype({"block": "str"})
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=np.float64))
    table["is_admitted"] = (table["ratio"] < 1) & (table["p_adjusted"] <= LEVEL)
    return table[COLUMNS]


def admitted_blocks(table: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """The blocks that enter, each with the horizons at which it does, in the order of the table."""
    admitted = table[table["is_admitted"]]
    return {
        str(block): tuple(int(h) for h in group["horizon_months"])
        for block, group in admitted.groupby("block", sort=False)
    }


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    """What the gate says of each block, in words: a sentence with the numbers of its best horizon."""
    return {str(block): _verdict(group) for block, group in table.groupby("block", sort=False)}


def _verdict(group: pd.DataFrame) -> str:
    judged = group.dropna(subset=["p_value"])
    if judged.empty:
        most = int(group["forecasts"].max())
        return (
            f"Not judged: {most} forecasts could be corrected, and a verdict needs {SMALLEST_JUDGED} of the block and "
            f"as many in each of {SMALLEST_PLACEBOS} placebos."
        )
    best = judged.sort_values(["p_adjusted", "p_value"]).iloc[0]
    admitted = [str(h) for h in group.loc[group["is_admitted"], "horizon_months"]]
    said = f"Admitted at horizons {', '.join(admitted)}." if admitted else "Refused."
    return (
        f"{said} At horizon {best['horizon_months']}, where it does best, its RMSE is {best['ratio']:.3f} of the "
        f"price-only one over {best['forecasts']} forecasts (statistic {best['statistic']:.2f}, "
        f"p {best['p_value']:.2g}, {best['p_adjusted']:.2g} among all that were tried)."
    )


def holm(p_values: Floats) -> Floats:
    """Adjusted p values of Holm (1979): the k-th smallest of m times (m - k + 1), never below the one before.

    Args:
        p_values: one for each hypothesis; NaN for one that was not tested and takes no part.
    """
    order = np.argsort(p_values)  # NaN goes last
    tested = int(np.isfinite(p_values).sum())
    raised = p_values[order[:tested]] * np.arange(tested, 0, -1)
    adjusted = np.full(len(p_values), np.nan)
    adjusted[order[:tested]] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return adjusted


def mean_over_error(values: Floats, lags: int) -> float:
    """The mean over its standard error by Newey & West (1987), with Bartlett weights; 0 where nothing varies."""
    centred = values - values.mean()
    variance = float(centred @ centred)
    for lag in range(1, min(lags, len(values) - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag])
    if variance <= 0:
        return 0.0
    return float(values.mean() * len(values) / np.sqrt(variance))


def _placebos(design: Floats) -> list[Floats]:
    """The same design moved around by 12, 24 ... origins within those that know anything of it."""
    is_known = np.isfinite(design).any(axis=1)
    first = int(np.argmax(is_known)) if is_known.any() else len(design)
    shifts = range(12, len(design) - first - 11, 12)
    return [np.concatenate([design[:first], np.roll(design[first:], shift, axis=0)]) for shift in shifts]


def _pairs(errors: Floats, corrected_by: Floats, learnt_from: Integers) -> tuple[Floats, Floats]:
    """Price-only errors and corrections of the forecasts that were corrected and whose target has come."""
    is_judged = (learnt_from > 0) & np.isfinite(errors)
    return errors[is_judged], corrected_by[is_judged]


def _clark_west(pair: tuple[Floats, Floats], horizon: int) -> float:
    error, correction = pair
    return mean_over_error(error**2 - ((error - correction) ** 2 - correction**2), horizon - 1)


def _judge(pairs: list[tuple[Floats, Floats]], horizon: int) -> dict[str, float]:
    """The figures of one block and horizon; the first pair is the block itself, the others are placebos."""
    # Here and not above: it takes a second to load, and only a training needs it.
    from scipy.stats import t as student  # type: ignore[import-untyped]  # because SciPy ships no types

    error, correction = pairs[0]
    forecasts = len(error)
    placebos = [_clark_west(pair, horizon) for pair in pairs[1:] if len(pair[0]) >= SMALLEST_JUDGED]
    if forecasts < SMALLEST_JUDGED or len(placebos) < SMALLEST_PLACEBOS:
        return {"forecasts": forecasts}
    clark_west = _clark_west(pairs[0], horizon)
    mean, deviation = float(np.mean(placebos)), float(np.std(placebos, ddof=1))
    statistic = (clark_west - mean) / max(1.0, deviation)
    reference = float((error**2).mean())
    gain = mean_over_error(error**2 - (error - correction) ** 2, horizon - 1)
    return {
        "forecasts": forecasts,
        "ratio": float(np.sqrt(((error - correction) ** 2).mean() / reference)) if reference > 0 else 1.0,
        "clark_west": clark_west,
        "placebo_mean": mean,
        "placebo_deviation": deviation,
        "statistic": statistic,
        "p_value": float(student.sf(statistic, forecasts / horizon - 1)),
        "p_diebold_mariano": float(student.sf(gain, forecasts / horizon - 1)),
    }
