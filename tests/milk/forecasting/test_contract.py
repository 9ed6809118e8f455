"""The one contract of the recipe and of every baseline."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from milk.forecasting.baselines import BASELINES
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.model import CAUSES, Forecaster, NotFittedError, last_log_price
from milk.forecasting.recipe import Setting
from milk.forecasting.rolling import rolling_forecast
from tests.builders import sample_histories

STEPS = 14
SETTINGS = {
    "usual": Setting(),
    "no_drift": Setting((24.0,), 0.0, 1.0),
    "no_pull": Setting((60.0, 36.0), 1.0, has_pull=False),
    "equal_weights": Setting((24.0, 96.0), 0.75, 0.0),
    "uncut": Setting(outlier_sd=None),
}
MODELS: dict[str, Callable[[], Forecaster]] = {
    **BASELINES,
    **{f"recipe_{name}": setting.forecaster for name, setting in SETTINGS.items()},
}

every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())


@pytest.fixture(scope="module")
def histories() -> Histories:
    return sample_histories().rows(120, 200)


@every_model
def test_unfitted_model_refuses_to_forecast(make: Callable[[], Forecaster]) -> None:
    with pytest.raises(NotFittedError):
        make().forecast(STEPS)


@every_model
def test_fit_returns_the_model_itself(make: Callable[[], Forecaster], histories: Histories) -> None:
    model = make()
    assert model.fit(histories) is model


@every_model
@pytest.mark.parametrize("steps", [1, STEPS, 30])
def test_forecast_has_a_row_per_origin_and_a_column_per_step(
    make: Callable[[], Forecaster], histories: Histories, steps: int
) -> None:
    forecast = make().fit(histories).forecast(steps)
    assert forecast.base.shape == (len(histories),)
    assert set(forecast.contributions) == set(CAUSES)
    for array in (forecast.log_price, *forecast.contributions.values()):
        assert array.shape == (len(histories), steps)
        assert np.isfinite(array).all()


@every_model
def test_a_longer_forecast_begins_like_a_shorter_one(make: Callable[[], Forecaster], histories: Histories) -> None:
    model = make().fit(histories)
    np.testing.assert_array_equal(model.forecast(30).log_price[:, :12], model.forecast(12).log_price)


@every_model
def test_input_is_not_mutated(make: Callable[[], Forecaster], histories: Histories) -> None:
    before = histories.log_price.copy(), histories.origins.copy()
    make().fit(histories).forecast(STEPS)
    np.testing.assert_array_equal(histories.log_price, before[0])
    np.testing.assert_array_equal(histories.origins, before[1])


@every_model
def test_same_input_gives_the_same_bits_also_when_fitted_twice(
    make: Callable[[], Forecaster], histories: Histories
) -> None:
    model = make()
    first = model.fit(histories).forecast(STEPS).log_price
    model.fit(histories.rows(0, 10)).forecast(STEPS)
    np.testing.assert_array_equal(model.fit(histories).forecast(STEPS).log_price, first)
    np.testing.assert_array_equal(make().fit(histories).forecast(STEPS).log_price, first)


@every_model
def test_base_and_contributions_add_up_to_the_log_price(make: Callable[[], Forecaster], histories: Histories) -> None:
    rolling = rolling_forecast(make(), histories, steps=STEPS, method=IntervalMethod())
    frame = rolling.frame([40, 60, 79])
    causes = frame[[f"contribution_{cause}" for cause in ("base", *CAUSES)]].sum(axis=1)
    np.testing.assert_allclose(causes, np.log(frame["price"]), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(rolling.forecast.base, last_log_price(histories))


@every_model
def test_intervals_nest(make: Callable[[], Forecaster]) -> None:
    histories = sample_histories()
    rolling = rolling_forecast(make(), histories, steps=STEPS, method=IntervalMethod())
    frame = rolling.frame(list(range(2 * STEPS, len(histories))))
    ordered = frame[["lower_95", "lower_80", "price", "upper_80", "upper_95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert (frame["lower_95"] < frame["upper_95"]).all()


@every_model
def test_a_row_does_not_see_what_later_rows_know(make: Callable[[], Forecaster], histories: Histories) -> None:
    known = 40
    later = histories.log_price.copy()
    later[known + 1 :] += np.random.default_rng(3).normal(0, 0.3, later[known + 1 :].shape)
    changed = replace(histories, log_price=later)
    before = rolling_forecast(make(), histories, steps=STEPS, method=IntervalMethod())
    after = rolling_forecast(make(), changed, steps=STEPS, method=IntervalMethod())
    rows = slice(0, known + 1)
    np.testing.assert_array_equal(after.forecast.log_price[rows], before.forecast.log_price[rows])
    for level, widths in before.widths.by_level.items():
        np.testing.assert_array_equal(after.widths.by_level[level][rows], widths[rows])
    assert (after.forecast.log_price[known + 1 :] != before.forecast.log_price[known + 1 :]).any(axis=1).all()


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_constructor_of_the_recipe_only_stores(setting: Setting) -> None:
    assert vars(setting.forecaster()) == {"setting": setting}


@every_model
def test_a_model_fitted_again_remembers_nothing_of_the_first_fit(
    make: Callable[[], Forecaster], histories: Histories
) -> None:
    again = make().fit(histories.rows(0, 10))
    again.fit(histories)
    expected = make().fit(histories).forecast(STEPS).log_price
    np.testing.assert_array_equal(again.forecast(STEPS).log_price, expected)
