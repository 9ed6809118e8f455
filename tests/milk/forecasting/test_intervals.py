"""What an interval promises: nested, calibrated, and made of errors known at its origin."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.forecasting.baselines import BASELINES, LastValue
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import NEGLIGIBLE_SIZE, IntervalMethod
from milk.forecasting.recipe import Setting
from milk.forecasting.rolling import RollingForecast, rolling_forecast
from milk.months import Month
from tests.builders import histories_of, price_features, random_walk, revise

METHOD = IntervalMethod()
RECIPE = Setting((24.0, 60.0), 0.5)


def rolled(features: pd.DataFrame, *, steps: int = 12) -> RollingForecast:
    return rolling_forecast(RECIPE.forecaster(), histories_of(features), steps=steps, method=METHOD)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sigma=st.floats(1e-3, 0.3),
    decay=st.floats(0.5, 0.999),
    memory=st.integers(20, 150),
    steps=st.integers(1, 14),
)
def test_80_lies_inside_95_whatever_the_series_and_the_method(
    seed: int, sigma: float, decay: float, memory: int, steps: int
) -> None:
    histories = histories_of(price_features(random_walk(150, seed=seed, sigma=sigma)))
    method = IntervalMethod(decay=decay, memory_months=memory)
    widths = rolling_forecast(LastValue(), histories, steps=steps, method=method).widths
    has_errors = widths.errors > 0
    narrow, wide = (widths.by_level[level][has_errors] for level in (0.80, 0.95))
    assert ((narrow >= 0) & (narrow <= wide) & np.isfinite(wide)).all()
    assert np.isnan(widths.by_level[0.95][~has_errors]).all()
    assert widths.errors.max() <= memory


def covered(rolling: RollingForecast, level: float, step: int) -> float:
    """The share of origins whose price, as it came, lies inside; those with a full memory of errors."""
    histories = rolling.histories
    rows = np.arange(160, len(histories) - step)
    came = histories.log_price[-1][histories.origins[rows] + step]
    miss = np.abs(came - rolling.forecast.log_price[rows, step - 1])
    return float((miss <= rolling.widths.by_level[level][rows, step - 1]).mean())


@pytest.mark.parametrize(("step", "within"), [(1, 0.03), (3, 0.05), (6, 0.07)])
def test_coverage_on_a_random_walk_is_what_it_says(step: int, within: float) -> None:
    # The misses of overlapping steps move together: the longer the step, the fewer independent ones there are.
    shares = []
    for seed in (1, 2):
        histories = histories_of(price_features(random_walk(1300, seed=seed), first="1900-01"))
        rolling = rolling_forecast(LastValue(), histories, steps=6, method=METHOD)
        shares.append([covered(rolling, level, step) for level in (0.80, 0.95)])
    assert np.mean(shares, axis=0) == pytest.approx([0.80, 0.95], abs=within)


def test_coverage_holds_where_the_noise_changes_its_size() -> None:
    calm_then_wild = np.where(np.arange(1300) % 240 < 120, 0.01, 0.05)
    noise = np.random.default_rng(5).normal(0, 1, 1300) * calm_then_wild
    histories = histories_of(price_features(200 * np.exp(np.cumsum(noise)), first="1900-01"))
    rolling = rolling_forecast(LastValue(), histories, steps=1, method=METHOD)
    assert covered(rolling, 0.80, 1) == pytest.approx(0.80, abs=0.05)
    assert covered(rolling, 0.95, 1) == pytest.approx(0.95, abs=0.03)


def test_an_error_whose_target_lies_after_the_origin_never_enters() -> None:
    prices = random_walk(200, seed=4)
    last_known = 150
    shocked = prices.copy()
    shocked[last_known + 1 :] *= 3
    before, after = rolled(price_features(prices)), rolled(price_features(shocked))
    row = last_known - int(before.histories.origins[0])
    for level, widths in before.widths.by_level.items():
        np.testing.assert_array_equal(after.widths.by_level[level][: row + 1], widths[: row + 1])
        # The very next origin has seen the shock, at the horizon of one month and at that of twelve.
        assert (after.widths.by_level[level][row + 1] > widths[row + 1]).all()


def test_the_number_of_errors_is_that_of_known_targets_up_to_the_memory() -> None:
    widths = rolled(price_features(random_walk(240, seed=6)), steps=3).widths
    rows = np.arange(len(widths.errors))
    for step in (1, 2, 3):
        np.testing.assert_array_equal(widths.errors[:, step - 1], np.clip(rows - 2 * step + 1, 0, METHOD.memory_months))


def revised_and_not() -> tuple[pd.DataFrame, pd.DataFrame, Histories]:
    features = price_features(random_walk(200, seed=8))
    revised = revise(features, "2002-05", 900.0, known_since="2004-02-10 12:00")
    return features, revised, histories_of(features)


def test_rows_before_a_revision_keep_their_bits_and_rows_after_use_the_new_value() -> None:
    features, revised, histories = revised_and_not()
    before, after = rolled(features), rolled(revised)
    # The forecast from 2004-01 is made when February begins: too early for the tenth of February.
    row = histories.row_of(Month(2004, 1))
    np.testing.assert_array_equal(after.forecast.log_price[: row + 1], before.forecast.log_price[: row + 1])
    for level, widths in before.widths.by_level.items():
        np.testing.assert_array_equal(after.widths.by_level[level][: row + 1], widths[: row + 1])
        assert (after.widths.by_level[level][row + 1] != widths[row + 1]).any()
    column = Month(2002, 5) - histories.first
    assert np.exp(after.histories.log_price[row, column]) == pytest.approx(features["value"][column])
    assert np.exp(after.histories.log_price[row + 1 :, column]) == pytest.approx(900.0)
    assert (after.forecast.log_price[row + 1] != before.forecast.log_price[row + 1]).all()


def test_a_price_that_never_moves_has_an_interval_like_a_point() -> None:
    histories = histories_of(price_features(np.full(150, 200.0)))
    for make in BASELINES.values():
        rolling = rolling_forecast(make(), histories, steps=12, method=METHOD)
        row = rolling.frame([len(histories) - 1])
        assert row["price"].to_numpy() == pytest.approx(200.0)
        assert (row["upper_95"] - row["lower_95"]).max() < 1e-6


def test_the_first_moves_after_years_of_a_fixed_price_leave_usable_intervals() -> None:
    # A move divided by "no error so far" would be a ratio of 1e11, and the intervals of ten years infinite.
    prices = np.concatenate([np.full(100, 200.0), random_walk(100, seed=0)])
    histories = histories_of(price_features(prices))
    for make in [*BASELINES.values(), RECIPE.forecaster]:
        rolling = rolling_forecast(make(), histories, steps=12, method=METHOD)
        assert np.nanmax(rolling.widths.by_level[0.95]) < 50
        assert (rolling.widths.by_level[0.95][-1] < 10).all()


def test_errors_below_the_rounding_of_a_price_count_as_usual_ones() -> None:
    prices = random_walk(160, seed=9, sigma=NEGLIGIBLE_SIZE / 10)
    widths = rolling_forecast(LastValue(), histories_of(price_features(prices)), steps=1, method=METHOD).widths
    np.testing.assert_array_equal(widths.by_level[0.80], widths.by_level[0.95])
