"""The backtest: every row there once, and every choice made before."""

import numpy as np
import pandas as pd
import pytest

from milk.errors import NotEnoughHistory
from milk.evaluation.backtest import (
    EARLIEST_TARGET,
    TargetWindow,
    choose_recipe,
    evaluation_window,
    origins_for_search,
    run_backtest,
)
from milk.evaluation.scores import scores_by_horizon
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.recipe import Setting
from milk.months import Month
from milk.tables import BACKTEST, MODELS
from tests.builders import RULE, histories_of, last_price_months, price_features, random_walk, sample_features

METHOD = IntervalMethod()
WINDOW = TargetWindow(Month(2020, 3), Month(2022, 2))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return run_backtest(sample_features(), WINDOW, price_rule=RULE, method=METHOD, setting=Setting())


def test_every_month_horizon_and_model_is_there_exactly_once(table: pd.DataFrame) -> None:
    keys = table[["model", "target_month", "horizon_months"]]
    assert not keys.duplicated().any()
    wanted = pd.MultiIndex.from_product([MODELS, pd.date_range("2020-03-01", "2022-02-01", freq="MS"), range(1, 13)])
    assert set(pd.MultiIndex.from_frame(keys)) == set(wanted)
    BACKTEST.validate(table, lazy=True)


def test_observed_is_the_price_that_came(table: pd.DataFrame) -> None:
    price = sample_features().query("feature == 'price'").set_index("month")["value"]
    np.testing.assert_allclose(table["observed"], price[table["target_month"]], rtol=1e-12)


def test_the_last_value_is_the_price_of_the_origin(table: pd.DataFrame) -> None:
    price = sample_features().query("feature == 'price'").set_index("month")["value"]
    own = table[table["model"] == "last_value"]
    np.testing.assert_allclose(own["prediction"], price[own["forecast_origin"]], rtol=1e-12)


def test_no_choice_depends_on_what_came_after_the_first_origin() -> None:
    features = last_price_months(sample_features(), 260)
    last = Month.of(features["month"].max())
    window = TargetWindow(last + (-35), last)
    first_origin = pd.Timestamp((window.first + (-12)).first_day)
    later = (features["month"] > first_origin).to_numpy()
    factor = np.exp(np.random.default_rng(1).normal(0, 0.4, len(features)))
    changed = features.assign(value=features["value"].where(~later, features["value"] * factor))
    choices = [choose_recipe(f, window, price_rule=RULE) for f in (features, changed)]
    assert choices[0].setting == choices[1].setting
    assert choices[0].method == choices[1].method
    pd.testing.assert_frame_equal(choices[0].settings, choices[1].settings, check_exact=True)
    pd.testing.assert_frame_equal(choices[0].methods, choices[1].methods, check_exact=True)
    before, after = (
        run_backtest(f, window, price_rule=RULE, method=choice.method, setting=choice.setting)
        for f, choice in zip((features, changed), choices, strict=True)
    )
    predicted = before.columns.drop(["observed", "mean_observed"])
    at_first = before["forecast_origin"] <= first_origin
    assert at_first.sum() == len(MODELS)
    pd.testing.assert_frame_equal(before.loc[at_first, predicted], after.loc[at_first, predicted], check_exact=True)
    own = (before["model"] == "milk") & ~at_first
    assert (before.loc[own, "prediction"] != after.loc[own, "prediction"]).all()


def test_rows_of_earlier_origins_keep_their_bits_when_later_prices_change() -> None:
    features = last_price_months(sample_features(), 260)
    last = Month.of(features["month"].max())
    window = TargetWindow(last + (-35), last)
    known = pd.Timestamp((last + (-20)).first_day)
    changed = features.assign(value=features["value"].where(features["month"] <= known, 1000.0))
    before, after = (
        run_backtest(f, window, price_rule=RULE, method=METHOD, setting=Setting()) for f in (features, changed)
    )
    early = before["forecast_origin"] <= known
    assert early.sum() > len(MODELS) * 12
    predicted = before.columns.drop(["observed", "mean_observed"])
    pd.testing.assert_frame_equal(before.loc[early, predicted], after.loc[early, predicted], check_exact=True)


def test_a_late_price_means_more_horizons_from_the_last_known_price() -> None:
    late = RULE.later_by(2)
    window = TargetWindow(Month(2020, 3), Month(2020, 8))
    table = run_backtest(sample_features(), window, price_rule=late, method=METHOD, setting=Setting())
    assert len(table) == 6 * 14 * len(MODELS)
    assert sorted(table["horizon_months"].unique()) == list(range(1, 15))
    price = sample_features().query("feature == 'price'").set_index("month")["value"]
    own = table[(table["model"] == "last_value") & (table["horizon_months"] == 3)]
    expected = [price[month - pd.DateOffset(months=3)] for month in own["target_month"]]
    np.testing.assert_allclose(own["prediction"], expected, rtol=1e-12)


def test_the_search_of_a_late_price_ends_at_its_own_first_origin() -> None:
    histories = histories_of(sample_features())
    for steps, last in ((12, Month(2019, 3)), (14, Month(2019, 1))):
        seen = origins_for_search(histories, WINDOW, steps=steps)
        assert seen.origin_month(0) == histories.origin_month(0)
        assert seen.origin_month(len(seen) - 1) == last


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2001-01", "2000-12", "There is no month from 2001-01 to 2000-12"),
        ("1996-06", "1996-12", "first month that can be evaluated is 1996-07: 1996-06 is too early"),
        ("2006-07", "2007-01", "last price is that of 2006-08: 2007-01 cannot be compared"),
    ],
)
def test_a_window_that_cannot_be_evaluated_is_refused(first: str, last: str, message: str) -> None:
    features = price_features(random_walk(200, seed=1))
    window = TargetWindow(Month.parse(first), Month.parse(last))
    with pytest.raises(NotEnoughHistory, match=message):
        run_backtest(features, window, price_rule=RULE, method=METHOD, setting=Setting())


@pytest.mark.parametrize("lag", [0, 2])
def test_the_earliest_window_of_all_can_be_evaluated(lag: int) -> None:
    features = price_features(random_walk(EARLIEST_TARGET + 1, seed=1))
    window = TargetWindow(Month(1996, 7), Month(1996, 7))
    table = run_backtest(features, window, price_rule=RULE.later_by(lag), method=METHOD, setting=Setting())
    assert len(table) == len(MODELS) * (12 + lag)
    BACKTEST.validate(table, lazy=True)


def test_the_evaluation_window_is_the_newest_months() -> None:
    assert evaluation_window(Month(1979, 1), Month(2017, 12), months=24) == TargetWindow(
        Month(2016, 1), Month(2017, 12)
    )


def test_a_price_file_too_short_for_any_evaluation_is_refused_with_the_months_it_takes() -> None:
    with pytest.raises(NotEnoughHistory, match=r"from 1990-01 to 1998-03, 99 months: .* takes 100\. Give a longer"):
        evaluation_window(Month(1990, 1), Month(1998, 3), months=120)
    assert evaluation_window(Month(1990, 1), Month(1998, 4), months=120) == TargetWindow(Month(1996, 7), Month(1998, 4))


def test_a_price_that_never_moves_has_neither_errors_nor_a_ratio_of_rounding() -> None:
    features = price_features(np.full(EARLIEST_TARGET + 12, 249.68))
    window = TargetWindow(Month(1996, 7), Month(1997, 6))
    scores = scores_by_horizon(run_backtest(features, window, price_rule=RULE, method=METHOD, setting=Setting()))
    assert scores["rmse"].eq(0).all()
    assert scores["ratio"].eq(1).all()


def test_the_mean_that_came_is_that_of_the_months_from_the_issue_month_on() -> None:
    price = sample_features().query("feature == 'price'").set_index("month")["value"]
    for lag, first_step in ((0, 1), (2, 3)):
        window = TargetWindow(Month(2020, 3), Month(2020, 12))
        table = run_backtest(sample_features(), window, price_rule=RULE.later_by(lag), method=METHOD, setting=Setting())
        BACKTEST.validate(table, lazy=True)
        own = table[table["model"] == "milk"]
        assert own.loc[own["horizon_months"] < first_step, "mean_observed"].isna().all()
        for row in own[own["horizon_months"] >= first_step].sample(20, random_state=1).to_dict(orient="records"):
            issue_month = row["forecast_origin"] + pd.DateOffset(months=first_step)
            assert row["mean_observed"] == pytest.approx(price[issue_month : row["target_month"]].mean(), rel=1e-12)
            assert row["mean_lower_95"] < row["mean_prediction"] < row["mean_upper_95"]
