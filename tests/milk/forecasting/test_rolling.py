"""The rows of a rolling forecast: prices, means, and the measured coverage that travels with them."""

from functools import cache

import numpy as np
import pytest

from milk.errors import NotEnoughHistory
from milk.forecasting.intervals import IntervalMethod, mean_half_widths, mean_log_price
from milk.forecasting.recipe import Setting
from milk.forecasting.rolling import RollingForecast, rolling_forecast
from tests.builders import histories_of, price_features, seasonal_prices

STEPS = 14
MEANS = ["mean_price", "mean_lower_80", "mean_upper_80", "mean_lower_95", "mean_upper_95"]
COLUMNS = [
    "forecast_origin", "target_month", "horizon_months",
    "price", "lower_80", "upper_80", "lower_95", "upper_95", *MEANS,
    "measured_80", "measured_95", "measured_forecasts",
    "contribution_base", "contribution_drift", "contribution_season", "contribution_momentum", "contribution_cycle",
    "contribution_other", "interval_errors",
]  # fmt: skip


@cache
def rolled(first_step: int = 1) -> RollingForecast:
    histories = histories_of(price_features(seasonal_prices(200, seed=1, season=0.02, momentum=0.3)))
    recipe = Setting((24.0, 60.0), 0.5).forecaster()
    return rolling_forecast(recipe, histories, steps=STEPS, method=IntervalMethod(), first_step=first_step)


def test_columns_and_their_order() -> None:
    frame = rolled().frame([60, 100])
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 2 * STEPS
    assert frame["measured_forecasts"].dtype == np.int64
    assert frame.dtypes["measured_80"] == np.float64


@pytest.mark.parametrize("first_step", [1, 3])
def test_means_run_from_the_first_step_to_the_target(first_step: int) -> None:
    rolling = rolled(first_step)
    frame = rolling.frame([100])
    before, after = frame.iloc[: first_step - 1], frame.iloc[first_step - 1 :]
    assert before[MEANS].isna().all(axis=None)
    expected = after["price"].expanding().mean()
    np.testing.assert_allclose(after["mean_price"], expected, rtol=1e-12)
    np.testing.assert_allclose(
        after["mean_price"], np.exp(mean_log_price(rolling.forecast, first_step))[100, first_step - 1 :]
    )
    ordered = after[["mean_lower_95", "mean_lower_80", "mean_price", "mean_upper_80", "mean_upper_95"]].to_numpy()
    assert (np.diff(ordered, axis=1) > 0).all()
    assert after["mean_price"].iloc[0] == after["price"].iloc[0]
    widths = mean_half_widths(rolling.forecast, rolling.histories, IntervalMethod(), first_step=first_step)
    upper = after["mean_price"] * np.exp(widths.by_level[0.95][100, first_step - 1 :])
    np.testing.assert_allclose(after["mean_upper_95"], upper, rtol=1e-12)


def test_the_interval_of_a_mean_is_not_the_mean_of_the_ends() -> None:
    frame = rolled().frame([130])
    mean_of_ends = (frame["upper_80"] - frame["lower_80"]).mean()
    width = frame["mean_upper_80"] - frame["mean_lower_80"]
    assert abs(width.iloc[-1] / mean_of_ends - 1) > 0.01


def test_intervals_on_the_log_scale_never_narrow_with_the_horizon() -> None:
    rolling = rolled()
    frame = rolling.frame(list(range(40, len(rolling.histories))))
    for center, upper in (("price", "upper_80"), ("price", "upper_95"), ("mean_price", "mean_upper_80")):
        widths = np.log((frame[upper] / frame[center]).to_numpy()).reshape(-1, STEPS)
        assert (np.diff(widths, axis=1) > -1e-12).all()


def test_measured_shares_are_those_of_the_earlier_rows_of_the_frame() -> None:
    rolling = rolled()
    last = len(rolling.histories) - 1
    came = dict(enumerate(np.exp(rolling.histories.log_price[last]), start=rolling.histories.first.ordinal))
    # At the longest horizon the first interval of all is that of the first row that a frame may hold.
    frame = rolling.frame(list(range(2 * STEPS, last + 1)))
    own = frame[frame["horizon_months"] == STEPS]
    targets = own["target_month"].dt.year * 12 + own["target_month"].dt.month - 1
    judged = own.assign(observed=targets.map(came)).dropna(subset=["observed"])
    newest = own.iloc[-1]
    assert newest["measured_forecasts"] == len(judged)
    for level in ("80", "95"):
        held = judged["observed"].between(judged[f"lower_{level}"], judged[f"upper_{level}"])
        assert newest[f"measured_{level}"] == pytest.approx(held.mean())


def test_rows_without_an_earlier_interval_have_no_measured_share() -> None:
    # The first row with an error at each horizon: at the longest, no interval was made whose price is known.
    row = rolled().frame([2 * STEPS]).iloc[-1]
    assert row["interval_errors"] == 1
    assert np.isnan(row["measured_80"])
    assert np.isnan(row["measured_95"])
    assert row["measured_forecasts"] == 0


def test_rows_without_earlier_errors_are_still_refused() -> None:
    with pytest.raises(NotEnoughHistory, match="no earlier errors"):
        rolled().frame([2 * STEPS - 1])
