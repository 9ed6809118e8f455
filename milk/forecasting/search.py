"""The search for a setting: rolling origin on time-ordered folds, every setting on the same rows.

Half of the criterion is the next month and half the year ahead, because those are the two questions that users ask.
Each is a ratio of root mean squared log errors to those of the last value. The ratios are taken fold by fold and then
averaged: errors pooled over all origins would let one decade of high inflation decide for the calm ones
(docs/decisions/0007).
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from milk.forecasting.histories import Floats, Histories, observed
from milk.forecasting.model import last_log_price
from milk.forecasting.recipe import Setting, combine, forecast_member, prepared_members

STEPS = 12
FOLDS = 5
SEARCH_ORIGINS = 240
"""The newest origins that a search looks at: twenty years."""
SMALLEST_SEARCH = 24
"""With fewer origins than these a search would fit chance; then the setting is the one that `Setting()` gives."""
MEMORIES = ((24.0, 48.0), (48.0, 96.0), (24.0, 48.0, 96.0))
DRIFT_SHARES = (0.25, 0.5)
WEIGHT_POWERS = (0.0, 3.0)
SETTINGS = tuple(
    Setting(half_lives, share, power, has_pull)
    for half_lives, has_pull, share, power in itertools.product(MEMORIES, (True, False), DRIFT_SHARES, WEIGHT_POWERS)
)
"""Few on purpose: what a hundred settings differ in is noise, and the best of them would be its luckiest."""
SCORES = ("ratio_next_month", "ratio_year", "criterion")


def search_settings(histories: Histories) -> pd.DataFrame:
    """Score every setting.

    Args:
        histories: the origins that the search may see; the targets lie inside what the last of them knew.

    Returns:
        One row a setting, best first: its parameters (the half-lives as text), `SCORES` (RMSE ratio to the last value
        at horizon 1 and its mean over horizons 1 to 12, means over the folds, and the mean of the two) and the
        criterion of each fold (`fold_1` ...). Ties go to the setting that comes first in `SETTINGS`. No row where fewer
        than `SMALLEST_SEARCH` origins have a known year ahead.
    """
    usable = len(histories) - STEPS
    if usable < SMALLEST_SEARCH:
        return pd.DataFrame(columns=[*_row(Setting()), *SCORES])
    first = max(0, usable - SEARCH_ORIGINS)
    came = observed(histories, len(histories) - 1, STEPS)[first:usable]
    naive = (came - last_log_price(histories)[first:usable, None]) ** 2
    folds = _folds(len(came))
    rows = [
        {**_row(setting), **_score((came - log_price[first:usable]) ** 2, naive, folds)}
        for setting, log_price in _forecasts(histories)
    ]
    return pd.DataFrame(rows).sort_values("criterion", kind="stable", ignore_index=True)


def best_setting(table: pd.DataFrame) -> Setting:
    """The setting of the best row of a search table; the default one where nothing could be searched."""
    if table.empty:
        return Setting()
    best = table.iloc[int(table["criterion"].to_numpy(dtype=np.float64).argmin())]
    return Setting(
        half_lives_months=tuple(float(months) for months in str(best["half_lives_months"]).split(", ")),
        drift_share=float(best["drift_share"]),
        weight_power=float(best["weight_power"]),
        has_pull=bool(best["has_pull"]),
        outlier_sd=float(best["outlier_sd"]),
    )


def _row(setting: Setting) -> dict[str, object]:
    half_lives = ", ".join(f"{months:g}" for months in setting.half_lives_months)
    return {**setting.parameters(), "half_lives_months": half_lives}


def _forecasts(histories: Histories) -> Iterator[tuple[Setting, Floats]]:
    """Every setting with its forecasts. Shares and weights do not touch the fit, so one fit serves all of them."""
    for (half_lives, has_pull), settings in itertools.groupby(
        SETTINGS, key=lambda setting: (setting.half_lives_months, setting.has_pull)
    ):
        members, _cut = prepared_members(histories, Setting(half_lives, has_pull=has_pull))
        parts = [forecast_member(member, STEPS) for member in members]
        for setting in settings:
            forecast, _weights = combine(parts, histories, setting)
            yield setting, forecast.log_price


def _folds(rows: int) -> list[np.ndarray]:
    """The rows of each fold, oldest first; the oldest rows of all are in none."""
    # Here and not above: it takes seconds to load, and of all processes only the one that searches needs it.
    from sklearn.model_selection import TimeSeriesSplit

    return [test for _train, test in TimeSeriesSplit(FOLDS).split(np.arange(rows))]


def _score(squared: Floats, naive: Floats, folds: list[np.ndarray]) -> dict[str, float]:
    ratios = np.array([_ratios(squared[fold], naive[fold]) for fold in folds])
    next_month, year = ratios[:, 0], ratios.mean(axis=1)
    criteria = (next_month + year) / 2
    means = (float(next_month.mean()), float(year.mean()), float(criteria.mean()))
    by_fold = {f"fold_{number}": float(value) for number, value in enumerate(criteria, start=1)}
    return dict(zip(SCORES, means, strict=True)) | by_fold


def _ratios(squared: Floats, naive: Floats) -> Floats:
    """RMSE ratio to the last value by horizon; 1 where the price never moved."""
    reference = naive.mean(axis=0)
    is_moving = reference > 0
    return np.where(is_moving, np.sqrt(squared.mean(axis=0) / np.where(is_moving, reference, 1.0)), 1.0)
