"""The search for hyperparameters: rolling origin on time-ordered folds, every setting on the same rows.

Half of the criterion is the next month and half the year ahead, because those are the two questions that users ask.
Each is a ratio of root mean squared log errors to those of the last value. The ratios are taken fold by fold and then
averaged: errors pooled over all origins would let one decade of high inflation decide for the calm ones.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from milk.errors import NotEnoughHistory
from milk.forecasting.histories import Floats, Histories
from milk.forecasting.model import last_log_price
from milk.forecasting.recipe import SeasonalAutoregression

STEPS = 12
FOLDS = 5
SEARCH_ORIGINS = 240
"""The newest origins that a search looks at: twenty years."""
SMALLEST_SEARCH = 24
HALF_LIVES = (24.0, 36.0, 48.0, 60.0)
DRIFT_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SEASON_SHRINKAGES = (0.0, 1.0)
AUTOREGRESSIONS = ((0, 0.0), (1, 5.0), (2, 5.0), (2, 20.0), (3, 20.0))


@dataclass(frozen=True)
class Setting:
    """One setting of `SeasonalAutoregression`; the fields are its parameters."""

    half_life_months: float
    drift_share: float
    season_shrinkage: float
    ar_order: int
    ar_ridge: float

    def forecaster(self) -> SeasonalAutoregression:
        """A new forecaster with this setting."""
        return SeasonalAutoregression(**asdict(self))


def search_settings(histories: Histories) -> pd.DataFrame:
    """Score every setting.

    Args:
        histories: the origins that the search may see; the targets lie inside what the last of them knew.

    Returns:
        One row a setting, best first: its parameters, `ratio_next_month` and `ratio_year` (horizon 1, mean over
        horizons 1 to 12; means over the folds), `criterion` (the mean of the two) and the criterion of each fold
        (`fold_1` ...).
        Ties go to the simpler setting.

    Raises:
        NotEnoughHistory: fewer than `SMALLEST_SEARCH` origins with a known year ahead.
    """
    usable = len(histories) - STEPS
    if usable < SMALLEST_SEARCH:
        raise NotEnoughHistory(
            f"The search for hyperparameters has {max(usable, 0)} origins with a known year after them and needs "
            f"{SMALLEST_SEARCH}. Give a longer price file, or evaluate a later period."
        )
    first = max(0, usable - SEARCH_ORIGINS)
    seen = histories.rows(first, len(histories))
    observed = _observed(seen, usable - first)
    naive = (observed - last_log_price(seen)[: len(observed), None]) ** 2
    folds = _folds(len(observed))
    rows = [
        {**asdict(setting), **_score((observed - log_price[: len(observed)]) ** 2, naive, folds)}
        for setting, log_price in _forecasts(seen)
    ]
    table = pd.DataFrame(rows)
    simpler_first = ["criterion", "ar_order", "drift_share", "half_life_months"]
    return table.sort_values(simpler_first, kind="stable", ignore_index=True)


def best_setting(table: pd.DataFrame) -> Setting:
    """The setting of the best row of a search table."""
    best = table.iloc[int(table["criterion"].to_numpy().argmin())]
    return Setting(
        half_life_months=float(best["half_life_months"]),
        drift_share=float(best["drift_share"]),
        season_shrinkage=float(best["season_shrinkage"]),
        ar_order=int(best["ar_order"]),
        ar_ridge=float(best["ar_ridge"]),
    )


def _forecasts(histories: Histories) -> Iterator[tuple[Setting, Floats]]:
    """Every setting with its forecasts. The drift share does not touch the fit, so one fit serves all shares."""
    for half_life, shrinkage, (order, ridge) in itertools.product(HALF_LIVES, SEASON_SHRINKAGES, AUTOREGRESSIONS):
        whole = Setting(half_life, 1.0, shrinkage, order, ridge).forecaster().fit(histories).forecast(STEPS)
        without_drift = whole.log_price - whole.contributions["drift"]
        for share in DRIFT_SHARES:
            setting = Setting(half_life, share, shrinkage, order, ridge)
            yield setting, without_drift + share * whole.contributions["drift"]


def _folds(rows: int) -> list[np.ndarray]:
    """The rows of each fold, oldest first; the oldest rows of all are in none."""
    # Here and not above: it takes seconds to load, and of all processes only the one that searches needs it.
    from sklearn.model_selection import TimeSeriesSplit

    return [test for _train, test in TimeSeriesSplit(FOLDS).split(np.arange(rows))]


def _observed(histories: Histories, rows: int) -> Floats:
    """Rows x steps: the log prices that came, as the last origin knew them."""
    known = histories.log_price[-1]
    return np.asarray(known[histories.origins[:rows, None] + np.arange(1, STEPS + 1)])


def _score(squared: Floats, naive: Floats, folds: list[np.ndarray]) -> dict[str, float]:
    ratios = np.array([_ratios(squared[fold], naive[fold]) for fold in folds])
    next_month, year = ratios[:, 0], ratios.mean(axis=1)
    criteria = (next_month + year) / 2
    scores = {
        "ratio_next_month": float(next_month.mean()),
        "ratio_year": float(year.mean()),
        "criterion": float(criteria.mean()),
    }
    return scores | {f"fold_{number}": float(value) for number, value in enumerate(criteria, start=1)}


def _ratios(squared: Floats, naive: Floats) -> Floats:
    """RMSE ratio to the last value by horizon; 1 where the price never moved."""
    reference = naive.mean(axis=0)
    is_moving = reference > 0
    return np.where(is_moving, np.sqrt(squared.mean(axis=0) / np.where(is_moving, reference, 1.0)), 1.0)
