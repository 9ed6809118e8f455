"""The table of scores against slow loops, against `scores_by_horizon`, and against faults that are planted."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from milk.evaluation.score_table import (
    COMPARISON_COLUMNS,
    QUANTILES,
    SCORES,
    By,
    block_months,
    comparisons,
    score_table,
)
from milk.evaluation.scores import WORST_RATIO, scores_by_horizon
from milk.evaluation.significance import bootstrap_ratio, diebold_mariano

MODELS = {"milk": 0.8, "last_value": 1.3, "seasonal_naive": 1.5, "drift": 1.3, "seasonal_drift": 1.0}
GROUPINGS: list[By] = ["horizon_months", "calendar_month", "period"]


def backtest_of(months: int, horizons: int, *, seed: int = 0, sizes: dict[str, float] | None = None) -> pd.DataFrame:
    """Random forecasts; a model's errors have its size, the price that was observed is the same for all."""
    rng = np.random.default_rng(seed)
    sizes = sizes or MODELS
    shape = (len(sizes), horizons, months)
    size = np.array([*sizes.values()])[:, None, None] * np.sqrt(np.arange(1, horizons + 1))[:, None]
    observed = 150 + 10 * rng.standard_normal(months).cumsum() / 4
    prediction = observed + size * (rng.standard_normal(shape[1:]) + 0.5 * rng.standard_normal(shape))
    half = size * rng.uniform(0.8, 1.8, shape)
    target = np.datetime64("2003-03", "M") + np.broadcast_to(np.arange(months), shape).ravel()
    horizon = np.broadcast_to(np.arange(1, horizons + 1)[:, None], shape).ravel()
    return pd.DataFrame(
        {
            "series_id": "cl_farmgate_milk",
            "model": pd.Series(np.repeat([*sizes], horizons * months), dtype="str"),
            "forecast_origin": (target - horizon).astype("datetime64[us]"),
            "target_month": target.astype("datetime64[us]"),
            "horizon_months": horizon,
            "prediction": prediction.ravel(),
            "lower_80": (prediction - half).ravel(),
            "upper_80": (prediction + 1.2 * half).ravel(),
            "lower_95": (prediction - 1.7 * half).ravel(),
            "upper_95": (prediction + 1.9 * half).ravel(),
            "observed": np.broadcast_to(observed, shape).ravel(),
        }
    )


Row = dict[str, Any]
Rows = dict[tuple[str, pd.Timestamp, int], Row]


def rows_of(backtest: pd.DataFrame) -> Rows:
    rows: list[Row] = backtest.to_dict("records")  # type: ignore[assignment]  # names are text
    return {(row["model"], row["target_month"], row["horizon_months"]): row for row in rows}


def slow_scores(rows: Rows, keep: Callable[[pd.Timestamp], bool], model: str, horizon: int) -> list[float]:
    """The scores of one group, by a loop over its rows."""
    targets = [t for m, t, h in rows if m == model and h == horizon and keep(t)]

    def mean(score: Callable[[Row], float], name: str = model, h: int = horizon) -> float:
        return sum(score(rows[name, t, h]) for t in targets) / len(targets)

    rmse = math.sqrt(mean(slow_squared))
    mae = mean(slow_absolute)
    return [
        rmse,
        mae,
        mae / mean(slow_absolute, "last_value", 1),
        mean(lambda row: 100 * slow_absolute(row) / ((row["observed"] + row["prediction"]) / 2)),
        rmse / math.sqrt(mean(slow_squared, "last_value")),
        rmse / math.sqrt(mean(slow_squared, "seasonal_drift")),
        mean(slow_pinball),
        mean(lambda row: slow_interval_score(row, "80", 0.2)),
        mean(lambda row: slow_interval_score(row, "95", 0.05)),
        mean(lambda row: 1.0 if row["lower_80"] <= row["observed"] <= row["upper_80"] else 0.0),
        mean(lambda row: 1.0 if row["lower_95"] <= row["observed"] <= row["upper_95"] else 0.0),
        mean(lambda row: row["upper_80"] - row["lower_80"]),
        mean(lambda row: row["upper_95"] - row["lower_95"]),
        len(targets),
    ]


def slow_squared(row: Row) -> float:
    return float((row["prediction"] - row["observed"]) ** 2)


def slow_absolute(row: Row) -> float:
    return float(abs(row["prediction"] - row["observed"]))


def slow_pinball(row: Row) -> float:
    total = 0.0
    for column, probability in [
        ("lower_95", 0.025), ("lower_80", 0.1), ("prediction", 0.5), ("upper_80", 0.9), ("upper_95", 0.975),
    ]:  # fmt: skip
        above = row["observed"] - row[column]
        total += probability * above if above >= 0 else (1 - probability) * -above
    return total / 5


def slow_interval_score(row: Row, level: str, alpha: float) -> float:
    lower, upper, y = row[f"lower_{level}"], row[f"upper_{level}"], row["observed"]
    score = float(upper - lower)
    if y < lower:
        score += 2 / alpha * (lower - y)
    if y > upper:
        score += 2 / alpha * (y - upper)
    return score


def is_in(by: By, group: object, target: pd.Timestamp) -> bool:
    if by == "calendar_month":
        return bool(target.month == group)
    first, _, last = str(group).partition("-")
    return by == "horizon_months" or int(first) <= target.year <= int(last)


@pytest.mark.parametrize("by", GROUPINGS)
def test_scores_are_those_of_the_slow_loop(by: By) -> None:
    backtest = backtest_of(80, 2)
    rows = rows_of(backtest)
    table = score_table(backtest, by=by)
    assert [*table.columns] == [*dict.fromkeys(["model", by, "horizon_months"]), *SCORES]
    for row in table.to_dict("records"):
        keep = partial(is_in, by, row[by])
        expected = slow_scores(rows, keep, str(row["model"]), int(row["horizon_months"]))
        assert [row[name] for name in SCORES] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("horizon_months", [1, 2, 3]),
        ("calendar_month", [group for group in range(1, 13) for _ in range(3)]),
        ("period", [group for group in ("2003-2007", "2008-2012") for _ in range(3)]),
    ],
)
def test_groups_come_in_order_and_hold_every_forecast(by: By, groups: list[int] | list[str]) -> None:
    backtest = backtest_of(80, 3)
    table = score_table(backtest, by=by)
    assert table[by].tolist() == groups * len(MODELS)
    assert table["model"].tolist() == [model for model in MODELS for _ in groups]
    assert table["horizon_months"].tolist() == [1, 2, 3] * (len(table) // 3)
    assert table["forecasts"].sum() == len(backtest)


def test_what_both_tables_hold_is_the_same() -> None:
    backtest = backtest_of(60, 4)
    full, short = score_table(backtest, by="horizon_months"), scores_by_horizon(backtest)
    full = full.rename(columns={"ratio_last_value": "ratio"})
    assert_frame_equal(full[[*short.columns]], short)


def test_a_reference_has_ratio_one_to_itself_and_the_last_value_has_mase_one_next_month() -> None:
    table = score_table(backtest_of(50, 2), by="horizon_months").set_index(["model", "horizon_months"])
    for name in ("last_value", "seasonal_drift"):
        assert [table[f"ratio_{name}"].to_dict()[name, h] for h in (1, 2)] == [1.0, 1.0]
    assert table["mase"].to_dict()["last_value", 1] == 1.0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(GROUPINGS), st.sampled_from([0.01, 7.0, 1000.0]))
def test_scores_in_money_scale_with_the_unit_and_the_others_do_not(seed: int, by: By, factor: float) -> None:
    backtest = backtest_of(20, 2, seed=seed)
    prices = [*QUANTILES, "observed"]
    scaled = backtest.assign(**{name: factor * backtest[name] for name in prices})
    table, other = score_table(backtest, by=by), score_table(scaled, by=by)
    money = ["rmse", "mae", "pinball", "interval_score_80", "interval_score_95", "width_80", "width_95"]
    assert_frame_equal(table.assign(**{name: factor * table[name] for name in money}), other)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(GROUPINGS))
def test_bounds_of_the_scores_and_no_change_by_the_order_of_rows(seed: int, by: By) -> None:
    backtest = backtest_of(30, 2, seed=seed)
    untouched = backtest.copy()
    table = score_table(backtest, by=by)
    assert_frame_equal(backtest, untouched)
    assert (table["mae"] <= table["rmse"] * (1 + 1e-12)).all()
    assert table["smape"].between(0, 200).all()
    assert table["coverage_80"].between(0, 1).all()
    assert (table["coverage_80"] <= table["coverage_95"]).all()
    for level in (80, 95):
        assert (table[f"interval_score_{level}"] >= table[f"width_{level}"] - 1e-12).all()
    # The interval score is the pinball loss of both ends, and half the error that of the median.
    pinball = (0.2 * table["interval_score_80"] + 0.05 * table["interval_score_95"] + table["mae"]) / 10
    assert table["pinball"].to_numpy() == pytest.approx(pinball.to_numpy())
    shuffled = pd.concat([part.sample(frac=1, random_state=seed) for _, part in backtest.groupby("model", sort=False)])
    assert_frame_equal(score_table(shuffled, by=by), table)


def test_the_true_quantiles_have_the_smallest_pinball_loss_and_interval_scores() -> None:
    rng = np.random.default_rng(4)
    normal = {
        "lower_95": -1.959964,
        "lower_80": -1.281552,
        "prediction": 0.0,
        "upper_80": 1.281552,
        "upper_95": 1.959964,
    }
    base = backtest_of(2000, 1, sizes={"last_value": 1.0, "seasonal_drift": 1.0})
    observed = 100 + rng.standard_normal(2000)
    scores: dict[float, dict[str, Any]] = {}
    for size in (0.6, 1.0, 1.6):
        own = base.assign(**{name: 100 + size * z for name, z in normal.items()}, observed=np.tile(observed, 2))
        scores[size] = {str(name): value for name, value in score_table(own, by="horizon_months").iloc[0].items()}
    for name in ("pinball", "interval_score_80", "interval_score_95"):
        assert scores[1.0][name] < min(scores[0.6][name], scores[1.6][name])
    assert scores[1.0]["coverage_80"] == pytest.approx(0.8, abs=0.03)
    assert scores[1.0]["coverage_95"] == pytest.approx(0.95, abs=0.02)


def test_rows_without_an_observed_price_are_left_out() -> None:
    backtest = backtest_of(40, 2)
    last = backtest["target_month"] > "2006-02-01"
    unknown = backtest.assign(observed=backtest["observed"].mask(last))
    for by in GROUPINGS:
        assert_frame_equal(score_table(unknown, by=by), score_table(backtest[~last], by=by))
    assert_frame_equal(comparisons(unknown), comparisons(backtest[~last]))


def test_a_price_that_never_moved_makes_finite_scores() -> None:
    backtest = backtest_of(12, 1, sizes={"milk": 1.0, "last_value": 0.0, "seasonal_drift": 0.0})
    backtest["observed"] = 100.0
    backtest["prediction"] = np.where(backtest["model"] == "milk", 101.0, 100.0 + 1e-12)
    table = score_table(backtest, by="horizon_months").set_index("model")
    for name in ("mase", "ratio_last_value", "ratio_seasonal_drift"):
        assert table[name].to_dict() == {"milk": WORST_RATIO, "last_value": 1.0, "seasonal_drift": 1.0}
    assert table["rmse"].to_dict() == {"milk": 1.0, "last_value": 0.0, "seasonal_drift": 0.0}
    against = comparisons(backtest, model="seasonal_drift").set_index("baseline")
    judged = ["ratio", "ratio_low", "ratio_high", "dm_statistic", "dm_p_value"]
    assert [against[name].to_dict()["last_value"] for name in judged] == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert np.isfinite(comparisons(backtest)[COMPARISON_COLUMNS[1:]].to_numpy(dtype=np.float64)).all()


def test_comparisons_are_those_of_the_pure_functions_one_by_one() -> None:
    backtest = backtest_of(60, 3)
    table = comparisons(backtest, seed=5)
    assert [*table.columns] == COMPARISON_COLUMNS
    assert table["baseline"].tolist() == [name for name in MODELS if name != "milk" for _ in range(3)]
    assert table["horizon_months"].tolist() == [1, 2, 3] * 4
    backtest["squared"] = (backtest["prediction"] - backtest["observed"]) ** 2
    for row in table.to_dict("records"):
        h = int(row["horizon_months"])
        own, other = (
            backtest.loc[(backtest["model"] == name) & (backtest["horizon_months"] == h), "squared"].to_numpy()
            for name in ("milk", row["baseline"])
        )
        low, high = bootstrap_ratio(own, other, block_months=block_months(60, h), seed=5)
        test = diebold_mariano(own, other, horizon_months=h)
        ratio = math.sqrt(own.mean() / other.mean())
        expected = [ratio, float(low), float(high), test.statistic, test.p_value, 60]
        assert [row[name] for name in COMPARISON_COLUMNS[2:]] == pytest.approx(expected)
        assert row["ratio_low"] < row["ratio"] < row["ratio_high"]


def test_the_ratio_of_a_comparison_is_that_of_the_scores() -> None:
    backtest = backtest_of(60, 3)
    scores = score_table(backtest, by="horizon_months")
    own = scores[scores["model"] == "milk"]
    table = comparisons(backtest)
    for name in ("last_value", "seasonal_drift"):
        found = table.loc[table["baseline"] == name, "ratio"].to_numpy()
        assert found == pytest.approx(own[f"ratio_{name}"].to_numpy())


def test_another_model_is_judged_the_other_way_round() -> None:
    backtest = backtest_of(60, 2)
    one = comparisons(backtest).set_index(["baseline", "horizon_months"]).loc["drift"]
    other = comparisons(backtest, model="drift").set_index(["baseline", "horizon_months"]).loc["milk"]
    assert other["ratio"].to_numpy() == pytest.approx(1 / one["ratio"].to_numpy())
    assert other["dm_statistic"].to_numpy() == pytest.approx(-one["dm_statistic"].to_numpy())


def test_the_order_of_rows_does_not_change_a_comparison() -> None:
    backtest = backtest_of(40, 3)
    parts = [part.iloc[::-1] for _, part in backtest.groupby("model", sort=False)]
    assert_frame_equal(comparisons(pd.concat(parts)), comparisons(backtest))


@pytest.mark.parametrize(("months", "judged"), [(7, []), (8, [1, 2, 3]), (24, [1, 2, 3])])
def test_too_few_forecasts_have_a_ratio_and_no_judgement(months: int, judged: list[int]) -> None:
    table = comparisons(backtest_of(months, 3))
    assert table["ratio"].notna().all()
    for name in ("ratio_low", "ratio_high", "dm_statistic", "dm_p_value"):
        assert table.loc[table[name].notna(), "horizon_months"].unique().tolist() == judged


def test_a_horizon_as_long_as_the_window_has_no_judgement() -> None:
    table = comparisons(backtest_of(10, 12))
    assert table.loc[table["dm_p_value"].notna(), "horizon_months"].max() == 9


def test_blocks_span_the_horizon_and_leave_three_of_them() -> None:
    assert [block_months(180, h) for h in (1, 6, 12, 14)] == [6, 6, 12, 14]
    assert [block_months(24, h) for h in (1, 6, 14)] == [3, 6, 8]
    assert block_months(8, 7) == 2


def test_a_backtest_with_one_model_has_nothing_to_compare() -> None:
    table = comparisons(backtest_of(20, 2, sizes={"milk": 1.0}))
    assert ([*table.columns], len(table)) == (COMPARISON_COLUMNS, 0)


def test_a_better_model_is_found_out_and_an_equal_one_is_not() -> None:
    table = comparisons(backtest_of(180, 1, sizes={"milk": 1.0, "worse": 1.5, "equal": 1.0})).set_index("baseline")
    assert table["ratio_high"].to_dict()["worse"] < 1
    assert table["dm_p_value"].to_dict()["worse"] < 0.001
    assert table["ratio_low"].to_dict()["equal"] < 1 < table["ratio_high"].to_dict()["equal"]
    assert table["dm_p_value"].to_dict()["equal"] > 0.05


def without(backtest: pd.DataFrame, model: str, month: str, horizon: int) -> pd.DataFrame:
    is_it = (backtest["model"] == model) & (backtest["target_month"] == month) & (backtest["horizon_months"] == horizon)
    assert is_it.sum() == 1
    return backtest[~is_it]


@pytest.mark.parametrize(
    ("model", "horizon", "said"),
    [
        ("last_value", 2, "lacks a row of 'last_value' for 2003-08"),
        ("seasonal_drift", 2, "lacks a row of 'seasonal_drift' for 2003-08"),
        ("last_value", 1, "lacks a row of 'last_value' for 2003-08"),
    ],
)
def test_a_reference_that_lacks_a_row_is_refused(model: str, horizon: int, said: str) -> None:
    broken = without(backtest_of(20, 2), model, "2003-08-01", horizon)
    with pytest.raises(ValueError, match=said):
        score_table(broken, by="horizon_months")
    with pytest.raises(ValueError, match="cannot be compared"):
        comparisons(broken)


def test_a_window_without_the_next_month_has_no_scale_for_mase() -> None:
    backtest = backtest_of(20, 3)
    with pytest.raises(ValueError, match="'last_value' one month ahead for 2003-03"):
        score_table(backtest[backtest["horizon_months"] > 1], by="horizon_months")


def test_a_row_that_stands_twice_is_refused() -> None:
    backtest = backtest_of(20, 2)
    twice = pd.concat([backtest, backtest[backtest["model"] == "last_value"].head(1)])
    with pytest.raises(ValueError, match="merge"):
        score_table(twice, by="period")
    with pytest.raises(ValueError, match="duplicate"):
        comparisons(twice)


def test_a_model_that_lacks_a_whole_horizon_is_refused() -> None:
    backtest = backtest_of(20, 2)
    lacks = backtest[(backtest["model"] != "drift") | (backtest["horizon_months"] == 1)]
    with pytest.raises(ValueError, match="cannot be compared"):
        comparisons(lacks)


@pytest.mark.parametrize("column", [*QUANTILES])
def test_a_missing_forecast_or_end_is_refused(column: str) -> None:
    backtest = backtest_of(20, 1)
    backtest.loc[3, column] = np.nan
    with pytest.raises(ValueError, match="lacks a forecast or an end of an interval"):
        score_table(backtest, by="horizon_months")
    with pytest.raises(ValueError, match="lacks a forecast or an end of an interval"):
        comparisons(backtest)


def test_a_backtest_without_prices_an_unknown_model_and_an_unknown_grouping_are_refused() -> None:
    backtest = backtest_of(10, 1)
    with pytest.raises(ValueError, match="no row with an observed price"):
        score_table(backtest.assign(observed=np.nan), by="horizon_months")
    with pytest.raises(ValueError, match="no row of 'cow'"):
        comparisons(backtest, model="cow")
    with pytest.raises(ValueError, match="cannot be grouped by 'year': it is one of horizon_months, calendar_month"):
        score_table(backtest, by="year")  # type: ignore[arg-type]  # what is tested


def seconds_of_all(backtest: pd.DataFrame) -> float:
    started = time.process_time()
    for by in GROUPINGS:
        score_table(backtest, by=by)
    comparisons(backtest)
    return time.process_time() - started


def test_fifteen_years_of_fourteen_horizons_take_less_than_a_second() -> None:
    backtest = backtest_of(180, 14)
    assert any(seconds_of_all(backtest) < 1.0 for _ in range(4))
