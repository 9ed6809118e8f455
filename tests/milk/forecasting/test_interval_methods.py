"""Every interval method against the slow account of it, and what each promises by itself."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.errors import BadSetting
from milk.forecasting.baselines import LastValue, SeasonalNaive
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import (
    LEVELS,
    HalfWidths,
    IntervalMethod,
    MethodName,
    half_widths,
    mean_half_widths,
    mean_log_price,
)
from milk.forecasting.model import Forecast
from tests.builders import histories_of, price_features, random_walk, revise, seasonal_prices
from tests.milk.forecasting._interval_oracle import Oracle

METHODS = {
    "split": IntervalMethod("split", memory_months=30),
    "ewma": IntervalMethod("ewma", decay=0.9, memory_months=25),
    "damped": IntervalMethod("ewma", scaling=0.6, memory_months=30),
    "neighbours": IntervalMethod("neighbours", memory_months=53),
    "adaptive": IntervalMethod("adaptive", memory_months=40, learning_rate=0.05),
}
STEPS = 4
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
methods = st.builds(
    IntervalMethod,
    name=st.sampled_from(get_args(MethodName)),
    decay=st.floats(0.5, 0.999),
    scaling=st.floats(0.1, 1.0),
    memory_months=st.integers(12, 150),
    learning_rate=st.floats(0.001, 0.2),
)


def forecast_of(histories: Histories, steps: int = STEPS) -> Forecast:
    return LastValue().fit(histories).forecast(steps)


def revised_histories() -> Histories:
    """Prices with several states of knowledge: late revisions, and months that were provisional at first."""
    features = price_features(random_walk(150, seed=8))
    features = revise(features, "1997-05", 300.0, known_since="1999-02-10 12:00")
    features = revise(features, "1998-11", 150.0, known_since="2001-07-20 12:00")
    for month in pd.date_range("2000-01", periods=6, freq="MS"):
        known_since = str(month + pd.DateOffset(months=2, days=9))
        value = float(features.loc[features["month"] == month, "value"].iloc[0]) * 1.03
        features = revise(features, f"{month:%Y-%m}", value, known_since=known_since)
    return histories_of(features)


LONG = histories_of(price_features(seasonal_prices(300, seed=3, season=0.03, momentum=0.4), first="1981-10"))
REVISED = revised_histories()


def both(histories: Histories, method: IntervalMethod, *, steps: int = STEPS, first_step: int = 1) -> list[HalfWidths]:
    """Those of the price of each month and those of the means."""
    forecast = forecast_of(histories, steps)
    means = mean_half_widths(forecast, histories, method, first_step=first_step)
    return [half_widths(forecast, histories, method), means]


def assert_like_oracle(widths: HalfWidths, oracle: Oracle, rows: list[int]) -> None:
    for row in rows:
        for step in range(1, STEPS + 1):
            expected = oracle.widths(row)[step - 1]
            assert widths.errors[row, step - 1] == len(oracle.used(row, step))
            for level in LEVELS:
                np.testing.assert_allclose(
                    widths.by_level[level][row, step - 1], expected.get(level, np.nan), rtol=0, atol=1e-12
                )
                share, number = oracle.measured(row, step, level)
                np.testing.assert_allclose(widths.measured[level][row, step - 1], share, rtol=0, atol=1e-12)
                assert widths.measured_forecasts[row, step - 1] == number


@every_method
@pytest.mark.parametrize(
    ("histories", "first_step"),
    [(LONG, None), (LONG, 3), (REVISED, None), (REVISED, 1)],
    ids=["long", "long-means", "revised", "revised-means"],
)
def test_widths_and_measured_shares_are_those_of_the_slow_account(
    method: IntervalMethod, histories: Histories, first_step: int | None
) -> None:
    forecast = SeasonalNaive().fit(histories).forecast(STEPS)
    if first_step is None:
        widths = half_widths(forecast, histories, method)
    else:
        widths = mean_half_widths(forecast, histories, method, first_step=first_step)
    oracle = Oracle(forecast.log_price, histories, method, first_step)
    rows = len(histories)
    assert_like_oracle(widths, oracle, [*range(0, 20, 3), *range(20, rows, 31), rows - 2, rows - 1])


@settings(max_examples=40, deadline=None)
@given(method=methods, seed=st.integers(0, 10_000), steps=st.integers(1, 14), first_step=st.integers(1, 3))
def test_intervals_nest_and_never_narrow_with_the_horizon(
    method: IntervalMethod, seed: int, steps: int, first_step: int
) -> None:
    histories = histories_of(price_features(random_walk(140, seed=seed)))
    for widths in both(histories, method, steps=steps, first_step=min(first_step, steps)):
        narrow, wide = (widths.by_level[level] for level in LEVELS)
        has_errors = widths.errors > 0
        assert ((narrow > 0) & (narrow <= wide) & np.isfinite(wide))[has_errors].all()
        assert np.isnan([narrow[~has_errors], wide[~has_errors]]).all()
        assert widths.errors.max() <= method.memory_months
        for width in (narrow, wide):
            # A step without errors is passed over: the next one is compared with the last that has some.
            widest = np.fmax.accumulate(width, axis=1)
            np.testing.assert_array_equal(width[has_errors], widest[has_errors])


@settings(max_examples=25, deadline=None)
@given(method=methods, seed=st.integers(0, 10_000), known=st.integers(0, 58))
def test_later_prices_change_no_bit(method: IntervalMethod, seed: int, known: int) -> None:
    histories = histories_of(price_features(random_walk(120, seed=seed)))
    later = corrupted(histories, known)
    for before, after in zip(both(histories, method), both(later, method), strict=True):
        assert same_rows(before, after, known + 1)
        assert not same_rows(before, after, len(histories))


def corrupted(histories: Histories, known: int) -> Histories:
    """Later rows know other prices, of past months too."""
    log_price = histories.log_price.copy()
    log_price[known + 1 :] += np.random.default_rng(known).normal(0, 0.3, log_price.shape[1])
    return replace(histories, log_price=log_price)


def same_rows(one: HalfWidths, other: HalfWidths, rows: int) -> bool:
    pairs = [
        *((one.by_level[level], other.by_level[level]) for level in LEVELS),
        *((one.measured[level], other.measured[level]) for level in LEVELS),
        (one.measured_forecasts, other.measured_forecasts),
    ]
    return all(np.array_equal(a[:rows], b[:rows], equal_nan=True) for a, b in pairs)


def knows_the_next_month(forecast: Forecast, histories: Histories, method: IntervalMethod) -> HalfWidths:
    """Leaks: each row judges past forecasts by the prices of the row after it."""
    later = np.vstack([histories.log_price[1:], histories.log_price[-1:]])
    return half_widths(forecast, replace(histories, log_price=later), method)


def knows_the_last_vintage(forecast: Forecast, histories: Histories, method: IntervalMethod) -> HalfWidths:
    """Leaks: past forecasts are judged by what their prices became in the end."""
    is_known = np.isfinite(histories.log_price)
    return half_widths(
        forecast, replace(histories, log_price=np.where(is_known, histories.log_price[-1], np.nan)), method
    )


def knows_its_own_errors(forecast: Forecast, histories: Histories, method: IntervalMethod) -> HalfWidths:
    """Leaks into the measured shares alone: they are those of the end, at every row."""
    honest = half_widths(forecast, histories, method)
    at_end = {level: np.broadcast_to(share[-1], share.shape) for level, share in honest.measured.items()}
    return replace(honest, measured=at_end)


@every_method
@pytest.mark.parametrize("leaking", [knows_the_next_month, knows_the_last_vintage, knows_its_own_errors])
def test_a_leak_is_caught(
    leaking: Callable[[Forecast, Histories, IntervalMethod], HalfWidths], method: IntervalMethod
) -> None:
    known = 60
    forecast = forecast_of(REVISED)
    later = corrupted(REVISED, known)
    for make, is_caught in ((half_widths, False), (leaking, True)):
        before, after = make(forecast, REVISED, method), make(forecast, later, method)
        assert same_rows(before, after, known + 1) is not is_caught


@every_method
@settings(max_examples=4, deadline=None)
@given(factor=st.floats(1e-3, 1e4))
def test_the_unit_of_the_price_does_not_matter(method: IntervalMethod, factor: float) -> None:
    scaled = replace(LONG, log_price=LONG.log_price + np.log(factor))
    for one, other in zip(both(LONG, method), both(scaled, method), strict=True):
        for level in LEVELS:
            np.testing.assert_allclose(other.by_level[level], one.by_level[level], rtol=1e-6)
            np.testing.assert_allclose(other.measured[level], one.measured[level], atol=0.02)


@every_method
def test_a_price_that_never_moves_has_an_interval_like_a_point_that_always_held(method: IntervalMethod) -> None:
    histories = histories_of(price_features(np.full(150, 200.0)))
    for widths in both(histories, method):
        for level in LEVELS:
            assert 0 < widths.by_level[level][-1].max() < 1e-9
            assert (widths.measured[level][-1] == 1).all()


@every_method
def test_the_first_moves_after_years_of_a_fixed_price_leave_usable_intervals(method: IntervalMethod) -> None:
    histories = histories_of(price_features(np.concatenate([np.full(100, 200.0), random_walk(100, seed=0)])))
    widths = half_widths(forecast_of(histories), histories, method)
    assert np.nanmax(widths.by_level[0.95]) < 50
    assert (widths.by_level[0.80][-1] > 0.01).all()


def test_the_mean_of_one_month_is_that_month() -> None:
    forecast = forecast_of(LONG)
    single = half_widths(forecast, LONG, IntervalMethod())
    mean = mean_half_widths(forecast, LONG, IntervalMethod(), first_step=1)
    np.testing.assert_array_equal(mean_log_price(forecast, 1)[:, 0], forecast.log_price[:, 0])
    for level in LEVELS:
        np.testing.assert_array_equal(mean.by_level[level][:, 0], single.by_level[level][:, 0])
        np.testing.assert_array_equal(mean.measured[level][:, 0], single.measured[level][:, 0])


def test_the_mean_price_is_the_mean_of_prices_and_not_of_their_logs() -> None:
    forecast = SeasonalNaive().fit(LONG).forecast(12)
    prices = np.exp(forecast.log_price)
    mean = np.exp(mean_log_price(forecast, 3))
    assert np.isnan(mean[:, :2]).all()
    for step in (3, 4, 12):
        np.testing.assert_allclose(mean[:, step - 1], prices[:, 2:step].mean(axis=1), rtol=1e-12)


def test_means_before_the_first_step_have_no_interval() -> None:
    widths = mean_half_widths(forecast_of(LONG), LONG, IntervalMethod(), first_step=3)
    for values in (*widths.by_level.values(), *widths.measured.values()):
        assert np.isnan(values[:, :2]).all()
        assert np.isfinite(values[-1, 2:]).all()
    assert (widths.errors[:, :2] == 0).all()
    assert (widths.measured_forecasts[:, :2] == 0).all()


def test_measured_shares_look_back_fifteen_years() -> None:
    widths = half_widths(forecast_of(LONG), LONG, IntervalMethod("split"))
    rows = np.arange(len(LONG))
    for step in range(1, STEPS + 1):
        expected = np.clip(rows - 2 * step + 1, 0, 180)
        np.testing.assert_array_equal(widths.measured_forecasts[:, step - 1], expected)


def test_a_price_at_the_very_end_of_its_interval_lies_inside() -> None:
    # Steps of a quarter are exact in binary: every error is the same number, and so is every width.
    stairs = np.where(np.isfinite(LONG.log_price), np.arange(LONG.log_price.shape[1]) / 4, np.nan)
    histories = replace(LONG, log_price=stairs)
    widths = half_widths(forecast_of(histories), histories, IntervalMethod("split"))
    for level in LEVELS:
        np.testing.assert_array_equal(widths.by_level[level][-1], [0.25, 0.5, 0.75, 1.0])
        np.testing.assert_array_equal(widths.measured[level][-1], 1.0)


def test_neighbours_know_that_one_season_is_harder_than_another() -> None:
    noise = np.random.default_rng(1).normal(0, 1, 600) * np.where(np.arange(600) % 12 < 6, 0.002, 0.05)
    histories = histories_of(price_features(200 * np.exp(np.cumsum(noise)), first="1950-01"))
    forecast = forecast_of(histories, 1)
    calm, wild = (
        [row for row in range(400, 530) if (row + 61) % 12 == 3],
        [row for row in range(400, 530) if (row + 61) % 12 == 9],
    )
    method = IntervalMethod("neighbours", decay=0.99, memory_months=240)
    width = half_widths(forecast, histories, method).by_level[0.80][:, 0]
    assert width[calm].max() < width[wild].min() / 5


def test_an_adaptive_level_follows_misses_where_the_noise_grows() -> None:
    noise = np.random.default_rng(2).normal(0, 0.01, 700) * np.exp(np.arange(700) / 120)
    histories = histories_of(price_features(200 * np.exp(np.cumsum(noise)), first="1950-01"))
    forecast = forecast_of(histories, 1)
    fixed, moving = (
        half_widths(forecast, histories, IntervalMethod("adaptive", decay=0.999, learning_rate=rate)).measured[0.80][
            -1, 0
        ]
        for rate in (0.0, 0.05)
    )
    assert fixed < 0.77
    assert moving == pytest.approx(0.80, abs=0.02)


def test_an_adaptive_level_that_does_not_learn_is_ewma() -> None:
    still = half_widths(forecast_of(REVISED), REVISED, IntervalMethod("adaptive", learning_rate=0.0))
    assert same_rows(still, half_widths(forecast_of(REVISED), REVISED, IntervalMethod("ewma")), len(REVISED))


def test_a_method_is_made_of_its_fields_and_an_unknown_one_is_refused() -> None:
    method = IntervalMethod("adaptive", learning_rate=0.02)
    assert IntervalMethod(**json.loads(json.dumps(asdict(method)))) == method
    assert IntervalMethod(decay=0.94, memory_months=120) == IntervalMethod()
    with pytest.raises(BadSetting, match="'magic' makes no intervals: the methods are split, ewma"):
        IntervalMethod(**json.loads('{"name": "magic"}'))
