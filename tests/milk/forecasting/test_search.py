"""The search: time-ordered, blind to what comes after, and of use."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.histories import Floats
from milk.forecasting.recipe import Setting
from milk.forecasting.search import (
    FOLDS,
    SETTINGS,
    SMALLEST_SEARCH,
    STEPS,
    best_setting,
    search_settings,
)
from tests.builders import histories_of, price_features, random_walk, sample_histories, seasonal_prices


def search(prices: Floats) -> pd.DataFrame:
    return search_settings(histories_of(price_features(prices)))


@pytest.fixture(scope="module")
def seasonal() -> pd.DataFrame:
    return search(seasonal_prices(280, seed=1, season=0.06, momentum=0.0))


@pytest.fixture(scope="module")
def persistent() -> pd.DataFrame:
    return search(seasonal_prices(300, seed=1, season=0.0, momentum=0.8))


def test_another_series_chooses_another_setting(seasonal: pd.DataFrame) -> None:
    # A season that never changes is worth a long memory.
    assert best_setting(seasonal).half_lives_months == (48.0, 96.0)
    # A price that swings round its season is worth the pull, and one that wanders is not.
    assert best_setting(search(swinging(300, seed=3))).has_pull
    assert gain_of_pull(search(swinging(300, seed=3))) > 0.05
    assert gain_of_pull(search(random_walk(300, seed=4))) < 0.01


def swinging(months: int, *, seed: int) -> Floats:
    """Prices that swing round a level in three to four years."""
    noise = np.random.default_rng(seed).normal(0, 0.02, months)
    log_price = np.zeros(months)
    for month in range(2, months):
        log_price[month] = 1.9 * log_price[month - 1] - 0.93 * log_price[month - 2] + noise[month]
    return np.asarray(200 * np.exp(log_price))


def gain_of_pull(table: pd.DataFrame) -> float:
    """How much better the best setting with it is, as a share of the criterion."""
    best = table.groupby("has_pull")["criterion"].min()
    return float(best[False] / best[True] - 1)


def test_the_best_setting_beats_the_last_value_where_there_is_something_to_learn(
    seasonal: pd.DataFrame, persistent: pd.DataFrame
) -> None:
    assert seasonal["ratio_next_month"].iloc[0] < 0.4
    assert persistent["ratio_next_month"].iloc[0] < 0.8


def test_every_setting_is_tried_once_and_the_best_stands_first(seasonal: pd.DataFrame) -> None:
    settings = seasonal[list(Setting.__dataclass_fields__)]
    assert len(settings) >= 12
    assert not settings.duplicated().any()
    assert seasonal["criterion"].is_monotonic_increasing
    worst_first = seasonal.iloc[::-1]
    assert best_setting(worst_first) == best_setting(seasonal)
    best = settings.to_dict(orient="records")[int(np.argmin(seasonal["criterion"]))]
    chosen = best_setting(seasonal)
    assert best == {**asdict(chosen), "half_lives_months": "48, 96"}


def test_the_criterion_is_the_mean_of_the_folds_and_of_both_ratios(seasonal: pd.DataFrame) -> None:
    folds = seasonal[[f"fold_{k}" for k in range(1, FOLDS + 1)]]
    assert seasonal["criterion"].to_numpy() == pytest.approx(folds.mean(axis=1).to_numpy())
    both = (seasonal["ratio_next_month"] + seasonal["ratio_year"]) / 2
    assert seasonal["criterion"].to_numpy() == pytest.approx(both.to_numpy())


def test_the_folds_are_ordered_in_time() -> None:
    prices = random_walk(260, seed=3)
    # 212 origins have a known year after them: folds of 35, the first of them from origin 37 on, the last up to 211.
    late = prices.copy()
    late[-30:] *= 2
    before, after = (search(p).sort_values([*Setting.__dataclass_fields__], ignore_index=True) for p in (prices, late))
    changed = [k for k in range(1, FOLDS + 1) if not before[f"fold_{k}"].equals(after[f"fold_{k}"])]
    assert changed == [FOLDS]


def test_the_search_sees_nothing_after_its_last_origin() -> None:
    prices = random_walk(260, seed=7)
    changed = prices.copy()
    changed[200:] *= np.random.default_rng(7).uniform(0.2, 5, 60)
    seen, seen_changed = (histories_of(price_features(p)).rows(0, 200 - 36) for p in (prices, changed))
    assert seen.origins[-1] == 199
    pd.testing.assert_frame_equal(search_settings(seen), search_settings(seen_changed), check_exact=True)
    further, further_changed = (histories_of(price_features(p)).rows(0, 201 - 36) for p in (prices, changed))
    assert not search_settings(further).equals(search_settings(further_changed))


def test_the_search_is_deterministic() -> None:
    pd.testing.assert_frame_equal(
        search_settings(sample_histories()), search_settings(sample_histories()), check_exact=True
    )


def test_too_few_origins_are_not_searched_and_take_the_usual_setting() -> None:
    histories = histories_of(price_features(random_walk(120, seed=1)))
    enough = STEPS + SMALLEST_SEARCH
    assert len(search_settings(histories.rows(0, enough))) == len(SETTINGS)
    for rows in (enough - 1, 5, 0):
        table = search_settings(histories.rows(0, rows))
        assert table.empty
        assert best_setting(table) == Setting()


def test_a_series_that_never_moves_takes_the_first_setting() -> None:
    table = search(np.full(200, 250.0))
    assert best_setting(table) == SETTINGS[0]
    assert table["criterion"].to_numpy() == pytest.approx(1.0)


def test_a_score_is_the_ratio_of_errors_on_the_log_scale_fold_by_fold(seasonal: pd.DataFrame) -> None:
    histories = histories_of(price_features(seasonal_prices(280, seed=1, season=0.06, momentum=0.0)))
    usable = len(histories) - STEPS
    rows = np.arange(usable)
    came = histories.log_price[-1][histories.origins[rows][:, None] + np.arange(1, STEPS + 1)]
    for number in (0, 11, 23):
        line = seasonal.iloc[number]
        setting = best_setting(seasonal.iloc[[number]])
        ahead = setting.forecaster().fit(histories).forecast(STEPS)
        size = usable // (FOLDS + 1)
        ratios = []
        for number in range(FOLDS):
            fold = slice(usable - size * (FOLDS - number), usable - size * (FOLDS - number - 1))
            own = np.sqrt(((came[fold] - ahead.log_price[:usable][fold]) ** 2).mean(axis=0))
            naive = np.sqrt(((came[fold] - ahead.base[:usable][fold][:, None]) ** 2).mean(axis=0))
            ratios.append(own / naive)
        assert line["ratio_next_month"] == pytest.approx(np.mean([r[0] for r in ratios]), rel=1e-9)
        assert line["ratio_year"] == pytest.approx(np.mean([r.mean() for r in ratios]), rel=1e-9)
