"""Whether the errors of a recipe changed since it was trained: their mean, their size, and the season in them.

Three monitors, for three ways to go wrong. The cumulative sums of E. S. Page (`milk.evaluation.target_drift`) find
prices that keep coming above or below the forecasts. Errors that grow on both sides leave those sums where they are, so
a one-sided sum of the squared errors watches their size:

    growth_t = max(0, growth_(t-1) + min(z_t^2, 9) - 1.85),   alarm above 10 with four errors that added to it

1.85 is the allowance `2 ln r / (1 - 1 / r^2)` that finds errors grown by r = 2 soonest. A season that turned gives
errors of both signs and of no great size; but they undo, month by month, what the season was to add, and so

    season_t = - sum z s / sqrt(sum s^2)   over the last twelve months,   alarm above 3

with s the season in each forecast: standard normal where the season is right. Coverage of the intervals was weighed
for the size and refused: twelve months say little in hits and misses, and intervals that follow the errors
hide half of their growth (`benchmarks/retraining.py` measures it beside the sum).

A shock of one month is no reason to train. An error beyond three sizes may be taken back in the month after, which is
then set aside; of a lone shock of eight sizes the shock itself and its echo are, too; and growth takes four errors,
one more than a shock, its way back and its echo.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.target_drift import target_drift

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

CALIBRATION_MONTHS = 120
"""Errors behind their training size, ten years as for the intervals: with half of them a quarter more false alarms."""
SMALLEST_CALIBRATION = 24
ACCEPTED_MONTHS = 12
"""After an alarm the size of the last year counts, where it is the larger: it is what the training saw."""
MEAN_LIMIT = 6.0
"""h of the sums of the mean. The check of each issue warns at 5; to start a training takes twice as rare an alarm."""
MEAN_CUT = 3.0
GROWTH_CUT = 3.0
"""Training sizes beyond which an error counts no further."""
GROWTH_ALLOWANCE = 1.85
GROWTH_LIMIT = 10.0
"""Found by simulation: some five months after errors tripled."""
GROWTH_ERRORS = 4
SEASON_MONTHS = 12
SMALLEST_SEASON = 6
SEASON_CUT = 2.0
SEASON_LIMIT = 3.0
SHOCK = 8.0
"""Training sizes from which a lone error is a shock and set aside."""
SHOCK_MONTHS = 3
"""The shock, the way back, and the echo of both in the momentum."""
LARGE = 3.0
"""Training sizes beyond which an error of the other sign in the month after is its way back."""
LONE_MONTHS = 12
"""Another shock within so many months after one is not set aside."""
ALARMS = {"bias": "is_bias_alarm", "cusum": "is_cusum_alarm", "growth": "is_growth_alarm", "season": "is_season_alarm"}
"""Each rule, and the column that says whether it fires."""


def monitored_errors(
    record: pd.DataFrame, *, start: pd.Timestamp, answered: pd.Timestamp | None = None
) -> pd.DataFrame:
    """The monitors of the errors after a month, each as it stood when the price of its month became known.

    Args:
        record: `target_month` (first day, each once), `error` and `season` in log points, oldest first (see
            `milk.forecasting.issue.one_step_record`).
        start: errors of later target months are monitored; those up to it give their training size.
        answered: the month of the newest training that answered an alarm, none where none did: the errors of the year
            up to it are the usual ones, where they were larger.

    Returns:
        A row a month: `target_month`, `error`; `is_set_aside`, the month of a shock or after one, which takes no part:
        its sums are NaN; `error_size`, the training size, log points; `bias`, `bias_band`, `cusum_up`, `cusum_down`,
        `cusum_limit` (see `target_drift`); `growth`, `growth_limit`; `season_statistic`, `season_limit`; and
        the flags of `ALARMS`. NaN and no alarm where fewer than 24 errors lie before `start` or all are zero.
    """
    known = record[np.isfinite(record["error"].to_numpy(dtype=np.float64))].sort_values("target_month")
    is_new = (known["target_month"] > start).to_numpy()
    seen = known[~is_new]
    size = training_size(seen["error"].to_numpy(dtype=np.float64), accepted=_accepted(seen["target_month"], answered))
    watched = known[is_new].reset_index(drop=True)
    z = watched["error"].to_numpy(dtype=np.float64) / size
    is_set_aside = set_aside(z)
    judged = watched[~is_set_aside]
    # Cut off for the bias, too: of twelve errors one of five sizes would be half of what is allowed.
    cut = judged.assign(error=judged["error"].clip(-MEAN_CUT * size, MEAN_CUT * size)) if size > 0 else judged
    mean = target_drift(cut, sd=size if size > 0 else 0.0, limit=MEAN_LIMIT)
    left = z[~is_set_aside]
    growth, is_growth_alarm = growth_sums(left)
    season = season_statistics(left, judged["season"].to_numpy(dtype=np.float64))
    # A comparison with NaN is false: nothing alarms where nothing is judged.
    sums = mean.assign(
        growth=growth,
        growth_limit=GROWTH_LIMIT,
        season_statistic=season,
        season_limit=SEASON_LIMIT,
        is_growth_alarm=is_growth_alarm,
        is_season_alarm=season > SEASON_LIMIT,
    ).drop(columns="error")
    frame = watched[["target_month", "error"]].assign(is_set_aside=is_set_aside, error_size=size)
    whole: pd.DataFrame = frame.merge(sums, on="target_month", how="left", validate="1:1")
    return whole.assign(**{column: whole[column].eq(True).astype(bool) for column in ALARMS.values()})


def _accepted(months: pd.Series, answered: pd.Timestamp | None) -> Booleans:
    """Which errors of training belong to the year before the training that answered an alarm."""
    if answered is None:
        return np.zeros(len(months), dtype=np.bool_)
    year = months.between(answered - pd.DateOffset(months=ACCEPTED_MONTHS), answered, inclusive="right")
    return year.to_numpy(dtype=np.bool_)


def training_size(errors: Floats, *, accepted: Booleans | None = None) -> float:
    """Root mean square of the newest errors of training, each cut off at four times the usual size; NaN for too few.

    About zero, as in `target_drift`. The cut is by the median, so that one shock in training does not blind the
    monitors for the ten years after it.

    Args:
        errors: log points, oldest first.
        accepted: which of them count by themselves, where they were larger: those that an answered alarm was about.
    """
    newest = errors[-CALIBRATION_MONTHS:]
    if len(newest) < SMALLEST_CALIBRATION or not newest.any():
        return np.nan
    usual = 1.4826 * float(np.median(np.abs(newest)))
    cut = newest.clip(-4.0 * usual, 4.0 * usual) if usual > 0 else newest
    own = cut[accepted[-CALIBRATION_MONTHS:]] if accepted is not None else cut[:0]
    return max(float(np.sqrt(np.mean(part**2))) for part in (cut, own) if len(part))


def set_aside(standardised: Floats) -> Booleans:
    """The months that take no part: ways back, and lone shocks with what follows; each known in its own month."""
    aside = np.zeros(len(standardised), dtype=np.bool_)
    is_large = np.abs(standardised[:-1]) > LARGE
    aside[1:] = is_large & (standardised[:-1] * standardised[1:] < 0)
    last = -LONE_MONTHS - 1
    for month in np.flatnonzero(np.abs(standardised) > SHOCK):
        if month - last > LONE_MONTHS:
            aside[month : month + SHOCK_MONTHS] = True
        last = int(month)
    return aside


def growth_sums(standardised: Floats) -> tuple[Floats, Booleans]:
    """The sum of each month, as it stands before an alarm sets it back to zero, and where it raises one.

    NaN stays NaN and raises none.
    """
    sums, alarms = np.full(len(standardised), np.nan), np.zeros(len(standardised), dtype=np.bool_)
    total, errors = 0.0, 0
    for month, square in enumerate(np.minimum(standardised**2, GROWTH_CUT**2)):
        total = max(0.0, total + square - GROWTH_ALLOWANCE)
        errors = errors + int(square > GROWTH_ALLOWANCE) if total > 0 else 0
        sums[month] = total if np.isfinite(square) else np.nan
        if total > GROWTH_LIMIT and errors >= GROWTH_ERRORS:
            alarms[month] = True
            total, errors = 0.0, 0
    return sums, alarms


def season_statistics(standardised: Floats, season: Floats) -> Floats:
    """By how much the errors of the last twelve months undid the season of their forecasts, in standard errors.

    Returns:
        A value a month; NaN for the first five, and where no forecast of the year has a season.
    """
    products = pd.Series(standardised.clip(-SEASON_CUT, SEASON_CUT) * season)
    squares = pd.Series(season**2)
    total, size = (
        part.rolling(SEASON_MONTHS, min_periods=SMALLEST_SEASON).sum().to_numpy(dtype=np.float64)
        for part in (products, squares)
    )
    has_season = size > 0
    return np.where(has_season, -total / np.sqrt(np.where(has_season, size, 1.0)), np.nan)
