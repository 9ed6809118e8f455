"""The comparison of interval methods, and which of them is taken."""

import math
from dataclasses import asdict, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.baselines import LastValue
from milk.forecasting.histories import CALIBRATION_MONTHS, FIT_MONTHS, Floats, Histories
from milk.forecasting.interval_choice import BOUNDS, METHODS, choose_method, compare_methods
from milk.forecasting.intervals import IntervalMethod, half_widths
from tests.builders import histories_of, price_features, random_walk

STEPS = 12


def table_of(histories: Histories) -> pd.DataFrame:
    return compare_methods(LastValue().fit(histories).forecast(STEPS), histories)


def walk(months: int = 260, *, seed: int = 3) -> Histories:
    return histories_of(price_features(random_walk(months, seed=seed)))


def judged_errors(histories: Histories, log_price: Floats, step: int) -> dict[int, float]:
    """The error of each origin that is judged, by the prices that the last row knew."""
    known = histories.log_price[-1]
    last = len(histories) - step
    return {
        row: abs(known[histories.origins[row] + step] - log_price[row, step - 1])
        for row in range(CALIBRATION_MONTHS, last)
    }


def test_the_table_is_that_of_plain_loops() -> None:
    histories = walk()
    forecast = LastValue().fit(histories).forecast(STEPS)
    table = compare_methods(forecast, histories)
    widths = [half_widths(forecast, histories, method) for method in METHODS]
    for number, method in enumerate(METHODS):
        row = table.iloc[number]
        assert {name: row[name] for name in asdict(method)} == asdict(method)
        for level, name in ((0.80, "80"), (0.95, "95")):
            ratios, width_ratios, held = [], [], []
            for step in range(1, STEPS + 1):
                errors = judged_errors(histories, forecast.log_price, step)
                scores, means = [], []
                for own in (widths[number], widths[0]):
                    half = {origin: own.by_level[level][origin, step - 1] for origin in errors}
                    outside = [max(errors[origin] - half[origin], 0) for origin in errors]
                    penalties = [2 / (1 - level) * distance for distance in outside]
                    scores.append(np.mean([2 * h + p for h, p in zip(half.values(), penalties, strict=True)]))
                    means.append(np.mean(list(half.values())))
                ratios.append(scores[0] / scores[1])
                width_ratios.append(means[0] / means[1])
                half = {origin: widths[number].by_level[level][origin, step - 1] for origin in errors}
                held.append([errors[origin] <= half[origin] for origin in errors])
            assert row[f"score_{name}"] == pytest.approx(np.mean(ratios))
            assert row[f"width_{name}"] == pytest.approx(np.mean(width_ratios))
            assert row[f"coverage_{name}_near"] == pytest.approx(np.mean([*chain(*held[:6])]))
            assert row[f"coverage_{name}_far"] == pytest.approx(np.mean([*chain(*held[6:])]))
        assert row["score"] == pytest.approx((row["score_80"] + row["score_95"]) / 2)
    number_judged = [len(judged_errors(histories, forecast.log_price, step)) for step in range(1, STEPS + 1)]
    assert table["independent_near"].to_numpy() == pytest.approx(np.mean(number_judged[:6]) / 3.5)
    assert table["independent_far"].to_numpy() == pytest.approx(np.mean(number_judged[6:]) / 9.5)


def test_the_first_method_is_the_measure_of_all() -> None:
    first = table_of(walk()).iloc[0]
    assert METHODS[0] == IntervalMethod("split")
    assert [first[name] for name in ("score_80", "score_95", "score", "width_80", "width_95")] == [1.0] * 5


def test_prices_that_came_after_the_last_origin_change_nothing() -> None:
    prices = random_walk(300, seed=4)
    shocked = prices.copy()
    shocked[250:] *= 3
    one, other = (histories_of(price_features(series)) for series in (prices, shocked))
    before = 250 - FIT_MONTHS
    assert table_of(one.rows(0, before)).equals(table_of(other.rows(0, before)))
    assert not table_of(one.rows(0, before + 1)).equals(table_of(other.rows(0, before + 1)))


def test_scaled_errors_are_chosen_where_the_noise_slowly_changes_its_size() -> None:
    size = 0.02 * np.exp(np.sin(2 * np.pi * np.arange(600) / 240))
    noise = np.random.default_rng(5).normal(0, 1, 600) * size
    table = table_of(histories_of(price_features(200 * np.exp(np.cumsum(noise)), first="1950-01")))
    assert table["score"].iloc[1] < 0.9
    assert choose_method(table).name != "split"


def made_table(**of_second: float) -> pd.DataFrame:
    """Three methods that cover what they say, the second the best, with some of its figures replaced."""
    row: dict[str, Any] = {"independent_near": 100.0, "independent_far": 25.0}
    for group in ("near", "far"):
        row |= {f"coverage_80_{group}": 0.80, f"coverage_95_{group}": 0.95}
    rows = [asdict(method) | row | {"score": score} for method, score in zip(METHODS, (1.0, 0.8, 0.9), strict=False)]
    rows[1] |= of_second
    return pd.DataFrame(rows)


def test_the_best_score_wins_and_of_equal_ones_the_first() -> None:
    assert choose_method(made_table()) == METHODS[1]
    assert choose_method(made_table(score=0.95)) == METHODS[2]
    assert choose_method(made_table(score=0.9)) == METHODS[1]
    assert choose_method(made_table().iloc[::-1]) == METHODS[1]


@pytest.mark.parametrize("level", [0.80, 0.95])
@pytest.mark.parametrize(("group", "independent"), [("near", 100), ("far", 25)])
@pytest.mark.parametrize("side", [0, 1])
def test_coverage_beyond_its_bound_by_more_than_one_standard_error_excludes(
    level: float, group: str, independent: int, side: int
) -> None:
    sign = (-1, 1)[side]
    edge = BOUNDS[level][side] + sign * math.sqrt(level * (1 - level) / independent)
    column = f"coverage_{round(level * 100)}_{group}"
    assert choose_method(made_table(**{column: edge - sign * 1e-9})) == METHODS[1]
    assert choose_method(made_table(**{column: edge + sign * 1e-9})) == METHODS[2]


def test_the_default_is_taken_where_no_method_covers_what_it_says() -> None:
    table = made_table()
    table["coverage_80_near"] = 0.5
    assert choose_method(table) == IntervalMethod()


def test_the_default_is_taken_for_a_price_that_never_moves() -> None:
    table = table_of(histories_of(price_features(np.full(250, 200.0))))
    assert (table["score"] == 1).all()
    assert (table["coverage_80_near"] == 1).all()
    assert choose_method(table) == IntervalMethod()


@pytest.mark.parametrize("origins", [1, CALIBRATION_MONTHS, CALIBRATION_MONTHS + 1])
def test_the_default_is_taken_where_there_is_nothing_to_measure(origins: int) -> None:
    table = table_of(walk().rows(0, origins))
    assert table["score"].isna().all()
    assert (table[["independent_near", "independent_far"]] == 0).all(axis=None)
    assert choose_method(table) == IntervalMethod()


def test_a_few_measured_months_are_enough_to_choose_at_all() -> None:
    table = table_of(walk().rows(0, CALIBRATION_MONTHS + 10))
    assert np.isfinite(table["score"]).all()
    assert (table["independent_near"] > 0).all()
    assert choose_method(table) in METHODS


def test_every_method_is_judged_on_the_same_rows() -> None:
    # Two years ahead, some methods have no error yet where judging begins: such rows count for none.
    histories = walk()
    forecast = LastValue().fit(histories).forecast(30)
    table = compare_methods(forecast, histories)
    longest = replace(forecast, contributions={c: v[:, :24] for c, v in forecast.contributions.items()})
    assert np.isfinite(table.drop(columns="name").to_numpy(dtype=float)).all()
    assert compare_methods(longest, histories)["independent_far"].iloc[0] > table["independent_far"].iloc[0]
