"""The fast rolling origin against the slow one, origin by origin."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.backtest import TargetWindow, run_backtest
from milk.forecasting.baselines import BASELINES
from milk.forecasting.histories import Floats
from milk.forecasting.intervals import LEVELS, IntervalMethod
from milk.forecasting.model import CAUSES, Forecaster
from milk.forecasting.recipe import ORDERS, Recipe, Setting, forecast_member
from milk.forecasting.rolling import rolling_forecast
from milk.months import Month
from tests.builders import (
    RULE,
    histories_of,
    last_price_months,
    price_features,
    revise,
    sample_features,
    sample_histories,
    seasonal_prices,
)
from tests.milk.evaluation._reference_backtest import FIRST_ORIGIN, Reference

MONTHS = 150
STEPS = 12
PRECISE: dict[str, Any] = {"rtol": 0, "atol": 1e-9}
SETTINGS = {
    "usual": Setting(),
    "without pull": Setting((24.0, 48.0), 0.5, has_pull=False),
    "equal weights": Setting((96.0,), 1.0, 0.0),
    "much cut": Setting((48.0,), 0.0, 1.0, outlier_sd=1.5),
}


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    """Part of the sample, two of its prices revised, one of them long after."""
    part = last_price_months(sample_features(), MONTHS)
    part = revise(part, "2018-03", 300.0, known_since="2019-08-09 10:00")
    return revise(part, "2024-05", 390.0, known_since="2024-07-20 10:00")


def rows_compared(rows: int) -> list[int]:
    """Twenty-six origins: those around the end, where everything is known, and every fifth before."""
    return [*range(rows - 10, rows), *range(rows - 15, rows - 95, -5)]


CASES: list[tuple[str, Forecaster, dict[str, Any] | None]] = [
    *(("milk", setting.forecaster(), asdict(setting)) for setting in SETTINGS.values()),
    *((name, BASELINES[name](), None) for name in ("last_value", "seasonal_naive", "drift")),
]


@pytest.fixture(scope="module")
def usual(features: pd.DataFrame) -> Reference:
    """Slow, and so shared: it remembers what it was asked before."""
    return Reference(features, "milk", asdict(SETTINGS["usual"]))


@pytest.mark.parametrize(("name", "forecaster", "setting"), CASES, ids=[*SETTINGS, "last_value", "naive", "drift"])
def test_forecasts_and_intervals_are_those_of_the_reference(
    features: pd.DataFrame, usual: Reference, name: str, forecaster: Forecaster, setting: dict[str, Any] | None
) -> None:
    rolling = rolling_forecast(forecaster, histories_of(features), steps=STEPS, method=IntervalMethod())
    reference = usual if setting == usual.setting else Reference(features, name, setting)
    rows = rows_compared(len(rolling.histories))
    assert len(rows) == 26
    for row in rows:
        expected = pd.DataFrame(reference.forecast(FIRST_ORIGIN + row, STEPS))
        np.testing.assert_allclose(rolling.forecast.log_price[row], expected["log_price"], **PRECISE)
        np.testing.assert_allclose(rolling.forecast.base[row], expected["base"].iloc[0], **PRECISE)
        for cause in CAUSES:
            np.testing.assert_allclose(rolling.forecast.contributions[cause][row], expected[cause], **PRECISE)
    for row in rows[::5]:
        widths = np.column_stack([rolling.widths.by_level[level][row] for level in LEVELS])
        np.testing.assert_allclose(widths, growing_widths(reference, FIRST_ORIGIN + row), **PRECISE)


def growing_widths(reference: Reference, origin: int, steps: int = STEPS) -> Floats:
    """Steps x levels. The reference takes each step by itself; what is published never narrows from one to the next."""
    widths = [reference.half_widths(origin, step, LEVELS, STEPS) for step in range(1, steps + 1)]
    return np.asarray(np.maximum.accumulate(widths, axis=0))


def test_rows_of_a_backtest_are_those_of_the_reference(features: pd.DataFrame, usual: Reference) -> None:
    setting = SETTINGS["usual"]
    last = Month.of(features["month"].max())
    window = TargetWindow(last + (-3), last)
    table = run_backtest(features, window, price_rule=RULE, method=IntervalMethod(), setting=setting)
    own = table[table["model"] == "milk"]
    assert len(own) == 4 * STEPS
    for row in own.sample(20, random_state=1).to_dict(orient="records"):
        origin = list(usual.months).index(row["forecast_origin"])
        expected = usual.forecast(origin, STEPS)[row["horizon_months"] - 1]["log_price"]
        narrow, wide = growing_widths(usual, origin, row["horizon_months"])[-1]
        prices = [row["prediction"], row["lower_80"], row["upper_80"], row["lower_95"], row["upper_95"]]
        wanted = [0, -narrow, narrow, -wide, wide]
        np.testing.assert_allclose(np.log(prices), expected + np.array(wanted), **PRECISE)
        observed = features[features["month"] == row["target_month"]]["value"].iloc[-1]
        np.testing.assert_allclose(row["observed"], observed, rtol=1e-12)


def test_the_weights_are_those_of_the_reference_for_members_of_very_different_worth() -> None:
    # A strong season that turned round a few years ago: the long memory is far worse than the short one.
    prices = np.concatenate(
        [
            seasonal_prices(120, seed=5, season=0.08, momentum=0.0),
            seasonal_prices(60, seed=6, season=-0.08, momentum=0.0),
        ]
    )
    features = price_features(prices)
    setting = Setting((24.0, 96.0), 0.25)
    histories = histories_of(features)
    model = Recipe(setting).fit(histories)
    log_price = model.forecast(STEPS).log_price
    assert model.weights_.shape == (4, len(histories), STEPS)
    assert model.weights_[: len(ORDERS), -1, -1].sum() > 0.8
    reference = Reference(features, "milk", asdict(setting))
    expected = [step["log_price"] for step in reference.forecast(FIRST_ORIGIN + len(histories) - 1, STEPS)]
    np.testing.assert_allclose(log_price[-1], expected, **PRECISE)


def test_seasonal_drift_is_unshrunk_month_effects_and_half_the_drift() -> None:
    histories = sample_histories()
    forecast = BASELINES["seasonal_drift"]().fit(histories).forecast(STEPS)
    returns, _is_known = histories.log_returns()
    calendar = histories.calendar()
    for row in range(0, len(histories), 29):
        end = int(histories.origins[row])
        ages = np.arange(min(end, 240))
        r, month = returns[row, end - ages], calendar[end - ages]
        w = 0.5 ** (ages / 36.0)
        drift = np.average(r, weights=w)
        effects = np.array([np.average(r[month == m] - drift, weights=w[month == m]) for m in range(12)])
        effects -= effects.mean()
        path = np.cumsum([drift / 2 + effects[(calendar[end] + step) % 12] for step in range(1, STEPS + 1)])
        np.testing.assert_allclose(forecast.log_price[row] - forecast.base[row], path, **PRECISE)


def test_a_price_that_never_moves_is_forecast_to_stay() -> None:
    histories = histories_of(price_features(np.full(150, 250.0)))
    forecast = Setting().forecaster().fit(histories).forecast(STEPS)
    np.testing.assert_allclose(forecast.log_price, np.log(250.0), **PRECISE)


def test_month_effects_add_up_to_zero_and_follow_the_calendar() -> None:
    histories = sample_histories()
    model = Setting().forecaster().fit(histories)
    for member in model.members_:
        np.testing.assert_allclose(member.season.effects.sum(axis=1), 0, atol=1e-12)
        two_seasons = forecast_member(member, 24)["season"]
        np.testing.assert_allclose(two_seasons[:, 11], 0, atol=1e-12)
        np.testing.assert_allclose(two_seasons[:, 12:], two_seasons[:, :12], atol=1e-12)
