"""The fast rolling origin against the slow one, origin by origin."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from milk.evaluation.backtest import TargetWindow, run_backtest
from milk.forecasting.baselines import BASELINES
from milk.forecasting.intervals import LEVELS, IntervalMethod
from milk.forecasting.model import CAUSES, Forecaster
from milk.forecasting.recipe import SeasonalAutoregression
from milk.forecasting.rolling import rolling_forecast
from milk.forecasting.search import Setting
from milk.months import Month
from tests.builders import RULE, histories_of, last_price_months, revise, sample_features, sample_histories
from tests.milk.evaluation._reference_backtest import FIRST_ORIGIN, Reference

MONTHS = 210
STEPS = 12
PRECISE: dict[str, Any] = {"rtol": 0, "atol": 1e-9}
SETTINGS = {
    "ar2": Setting(36.0, 0.5, 1.0, 2, 5.0),
    "ar0": Setting(24.0, 1.0, 0.0, 0, 0.0),
    "ar3": Setting(60.0, 0.0, 0.0, 3, 20.0),
}


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    """Part of the sample, two of its prices revised, one of them long after."""
    part = last_price_months(sample_features(), MONTHS)
    part = revise(part, "2014-03", 300.0, known_since="2015-08-09 10:00")
    return revise(part, "2024-05", 390.0, known_since="2024-07-20 10:00")


def rows_compared(rows: int) -> list[int]:
    """Thirty origins: those around the end, where everything is known, and every fifth before."""
    return [*range(rows - 10, rows), *range(rows - 15, rows - 115, -5)]


CASES: list[tuple[str, Forecaster, dict[str, float] | None]] = [
    *(("milk", setting.forecaster(), asdict(setting)) for setting in SETTINGS.values()),
    *((name, BASELINES[name](), None) for name in ("last_value", "seasonal_naive", "drift")),
]


@pytest.mark.parametrize(("name", "forecaster", "setting"), CASES, ids=[*SETTINGS, "last_value", "naive", "drift"])
def test_forecasts_and_intervals_are_those_of_the_reference(
    features: pd.DataFrame, name: str, forecaster: Forecaster, setting: dict[str, float] | None
) -> None:
    rolling = rolling_forecast(forecaster, histories_of(features), steps=STEPS, method=IntervalMethod())
    reference = Reference(features, name, setting)
    rows = rows_compared(len(rolling.histories))
    assert len(rows) == 30
    for row in rows:
        expected = pd.DataFrame(reference.forecast(FIRST_ORIGIN + row, STEPS))
        np.testing.assert_allclose(rolling.forecast.log_price[row], expected["log_price"], **PRECISE)
        np.testing.assert_allclose(rolling.forecast.base[row], expected["base"].iloc[0], **PRECISE)
        for cause in CAUSES:
            np.testing.assert_allclose(rolling.forecast.contributions[cause][row], expected[cause], **PRECISE)
    for row in rows[::5]:
        for step in range(1, STEPS + 1):
            expected_widths = reference.half_widths(FIRST_ORIGIN + row, step, LEVELS, STEPS)
            widths = [rolling.widths.by_level[level][row, step - 1] for level in LEVELS]
            np.testing.assert_allclose(widths, expected_widths, **PRECISE)


def test_rows_of_a_backtest_are_those_of_the_reference(features: pd.DataFrame) -> None:
    setting = SETTINGS["ar2"]
    last = Month.of(features["month"].max())
    window = TargetWindow(last + (-3), last)
    table, used = run_backtest(features, window, price_rule=RULE, method=IntervalMethod(), setting=setting)
    assert used == setting
    reference = Reference(features, "milk", asdict(setting))
    own = table[table["model"] == "milk"]
    assert len(own) == 4 * STEPS
    for row in own.sample(20, random_state=1).to_dict(orient="records"):
        origin = list(reference.months).index(row["forecast_origin"])
        expected = reference.forecast(origin, STEPS)[row["horizon_months"] - 1]["log_price"]
        narrow, wide = reference.half_widths(origin, row["horizon_months"], LEVELS, STEPS)
        prices = [row["prediction"], row["lower_80"], row["upper_80"], row["lower_95"], row["upper_95"]]
        wanted = [0, -narrow, narrow, -wide, wide]
        np.testing.assert_allclose(np.log(prices), expected + np.array(wanted), **PRECISE)
        observed = features[features["month"] == row["target_month"]]["value"].iloc[-1]
        np.testing.assert_allclose(row["observed"], observed, rtol=1e-12)


def test_autoregression_is_that_of_ridge_at_every_origin_of_the_sample() -> None:
    histories = sample_histories()
    model = SeasonalAutoregression(half_life_months=36.0, season_shrinkage=0.0, ar_order=3, ar_ridge=7.0).fit(histories)
    returns, _is_known = histories.log_returns()
    for row in range(0, len(histories), 17):
        end = int(histories.origins[row]) + 1
        effects = model.fit_.month_effects[row][histories.calendar()[:end]]
        left = (returns[row, :end] - model.fit_.drift[row] - effects)[1:]
        weights = 0.5 ** (np.arange(len(left))[::-1] / 36.0)
        lags = np.column_stack([left[3 - lag : -lag] for lag in (1, 2, 3)])
        variance = np.average(left[3:] ** 2, weights=weights[3:])
        ridge = Ridge(alpha=7.0 * variance, fit_intercept=False).fit(lags, left[3:], sample_weight=weights[3:])
        np.testing.assert_allclose(model.fit_.autoregression[row], ridge.coef_, **PRECISE)
        np.testing.assert_allclose(model.fit_.last_residuals[row], left[:-4:-1], **PRECISE)


def test_last_value_is_the_recipe_with_every_cause_at_zero() -> None:
    histories = sample_histories()
    still = SeasonalAutoregression(drift_share=0.0, season_shrinkage=1e15, ar_order=0).fit(histories)
    last_value = BASELINES["last_value"]().fit(histories)
    np.testing.assert_allclose(still.forecast(STEPS).log_price, last_value.forecast(STEPS).log_price, **PRECISE)


def test_month_effects_add_up_to_zero_and_follow_the_calendar() -> None:
    histories = sample_histories()
    fit = SeasonalAutoregression().fit(histories).fit_
    np.testing.assert_allclose(fit.month_effects.sum(axis=1), 0, atol=1e-12)
    two_seasons = SeasonalAutoregression().fit(histories).forecast(24).contributions["season"]
    np.testing.assert_allclose(two_seasons[:, 11], 0, atol=1e-12)
    np.testing.assert_allclose(two_seasons[:, 12:], two_seasons[:, :12], atol=1e-12)
