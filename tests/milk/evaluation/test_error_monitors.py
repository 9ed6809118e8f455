"""The monitors against sums done by hand, and against what they must not see."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from milk.evaluation.error_monitors import (
    ALARMS,
    GROWTH_ALLOWANCE,
    GROWTH_CUT,
    GROWTH_LIMIT,
    LARGE,
    LONE_MONTHS,
    SHOCK,
    SHOCK_MONTHS,
    growth_sums,
    monitored_errors,
    season_statistics,
    set_aside,
    training_size,
)
from tests.milk.evaluation.monitored import CALIBRATION, FIRST, SIZE, calm, record_of

START = pd.Timestamp((FIRST + (CALIBRATION - 1)).first_day)


def test_the_sum_of_squares_is_the_one_done_by_hand_and_begins_again_after_an_alarm() -> None:
    sums, alarms = growth_sums(np.array([1.0, 2.0, -9.0, 2.0, 3.0, -1.0]))
    # 4 - 1.85; + 9 - 1.85, cut off; + 4 - 1.85; + 9 - 1.85 is beyond 10 with the fourth error; 1 - 1.85 is below 0.
    assert sums.tolist() == pytest.approx([0.0, 2.15, 9.3, 11.45, 18.6, 0.0])
    assert alarms.tolist() == [False, False, False, False, True, False]


def test_three_errors_of_any_size_raise_no_alarm_of_growth() -> None:
    assert not growth_sums(np.array([50.0, -50.0, 50.0, 1.0, 1.0]))[1].any()
    assert growth_sums(np.array([50.0, -50.0, 50.0, 1.5]))[1].tolist() == [False, False, False, True]
    assert GROWTH_CUT**2 - GROWTH_ALLOWANCE < GROWTH_LIMIT


def test_the_season_statistic_is_the_one_done_by_hand() -> None:
    season = np.array([0.03, -0.03] * 6)
    undone = season_statistics(np.array([-1.0, 1.0] * 6), season)
    assert np.isnan(undone[:5]).all()
    assert undone[5:].tolist() == pytest.approx(np.sqrt(np.arange(6, 13)).tolist())
    # Errors beyond two training sizes count no further, and those that follow the season are no alarm.
    assert season_statistics(np.full(12, -9.0), np.full(12, 0.03))[-1] == pytest.approx(2 * np.sqrt(12))
    assert season_statistics(np.array([1.0, -1.0] * 6), season)[-1] == pytest.approx(-np.sqrt(12))


def test_a_forecast_without_a_season_has_no_season_to_undo() -> None:
    assert np.isnan(season_statistics(np.ones(14), np.zeros(14))).all()


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=60))
def test_what_is_set_aside_follows_from_its_month_and_those_before(errors: list[float]) -> None:
    z = np.array(errors)
    aside = set_aside(z)
    for month in np.flatnonzero(aside):
        before = np.abs(z[max(0, month - SHOCK_MONTHS + 1) : month + 1])
        assert before.max() > LARGE, "set aside without a large error"
    for stop in range(1, len(z)):
        assert (set_aside(z[:stop]) == aside[:stop]).all(), "a later error changed an earlier month"


def test_a_second_shock_within_a_year_is_no_lone_one_and_later_it_is() -> None:
    quiet = np.zeros(40)
    for months, is_lone in ((LONE_MONTHS, False), (LONE_MONTHS + 1, True)):
        z = quiet.copy()
        z[[5, 5 + months]] = SHOCK + 1
        assert set_aside(z)[5 : 5 + SHOCK_MONTHS].all()
        assert set_aside(z)[5 + months] == is_lone


def test_the_way_back_of_a_large_error_is_set_aside_and_a_further_step_is_not() -> None:
    assert set_aside(np.array([4.0, -4.0, -0.5])).tolist() == [False, True, False]
    assert set_aside(np.array([4.0, 4.0, 0.5])).tolist() == [False, False, False]
    assert set_aside(np.array([2.9, -4.0])).tolist() == [False, False]


def test_one_shock_in_training_hardly_changes_the_size() -> None:
    errors = np.resize([0.02, -0.02], 120)
    shocked = errors.copy()
    shocked[60] = 1.0
    assert training_size(errors) == pytest.approx(0.02)
    assert training_size(shocked) < 1.2 * training_size(errors)
    assert np.isnan(training_size(errors[:20]))
    assert np.isnan(training_size(np.zeros(120)))


def test_after_an_answered_alarm_the_size_of_the_last_year_counts_where_it_is_larger() -> None:
    errors = np.concatenate([np.resize([0.02, -0.02], 108), np.resize([0.05, -0.05], 12)])
    is_last = np.arange(120) >= 108
    assert training_size(errors, accepted=is_last) == pytest.approx(0.05)
    assert training_size(errors) < 0.03
    assert training_size(errors[::-1], accepted=is_last) == training_size(errors[::-1])
    later = np.concatenate([errors, np.resize([0.02, -0.02], 24)])
    assert training_size(later, accepted=np.pad(is_last, (0, 24))) == pytest.approx(0.05), "two years later, too"


PLANTED = {
    "bias": [1.0] * 12,
    "cusum": [1.5] * 7,
    "growth": [2.5, -2.5] * 4,
    # The signs of the season, turned: .03 from January to June.
    "season": [-1.2] * 6 + [1.2] * 6,
}


@pytest.mark.parametrize("rule", PLANTED)
def test_each_monitor_fires_on_what_it_is_there_for(rule: str) -> None:
    judged = monitored_errors(record_of(PLANTED[rule]), start=START)
    assert judged[ALARMS[rule]].any()
    quiet = monitored_errors(record_of(calm(12)), start=START)
    assert not quiet[[*ALARMS.values()]].any(axis=None)


@pytest.mark.parametrize("after", [[30.0], [30.0, -30.0], [30.0, 4.0, 2.0], [-9.0, -2.5], [5.0, -6.0]])
def test_a_shock_of_one_month_raises_no_alarm(after: list[float]) -> None:
    for before in (0, 5):
        errors = [*calm(before), *after, *calm(12)]
        judged = monitored_errors(record_of(errors), start=START)
        assert not judged[[*ALARMS.values()]].any(axis=None)
        assert judged["is_set_aside"].any()
        assert judged.loc[judged["is_set_aside"], "growth"].isna().all()


def test_shocks_that_come_again_are_no_shocks() -> None:
    judged = monitored_errors(record_of([30.0, *calm(4), 30.0, 30.0, 30.0, 30.0]), start=START)
    assert judged["is_growth_alarm"].any()


def test_later_errors_change_no_earlier_month() -> None:
    rng = np.random.default_rng(1)
    errors = 2.0 * rng.standard_t(3, 40)
    whole = monitored_errors(record_of(errors), start=START)
    for months in (1, 7, 23):
        assert_frame_equal(monitored_errors(record_of(errors[:months]), start=START), whole.head(months))


def test_the_size_comes_from_the_errors_up_to_the_start_alone() -> None:
    small = monitored_errors(record_of(calm(12)), start=START)
    large = monitored_errors(record_of([*calm(11), 100.0]), start=START)
    assert small["error_size"].tolist() == pytest.approx([SIZE] * 12)
    assert large["error_size"].tolist() == pytest.approx([SIZE] * 12)


def test_too_few_errors_before_the_start_are_not_judged() -> None:
    record = record_of([5.0] * 12).tail(30)
    judged = monitored_errors(record, start=START)
    assert len(judged) == 12
    assert not judged[[*ALARMS.values()]].any(axis=None)
    assert judged["error_size"].isna().all()
    assert monitored_errors(record.head(0), start=START).empty


def test_the_input_is_left_alone_and_its_order_is_of_no_matter() -> None:
    record = record_of([2.5, -2.5] * 6)
    copy = record.copy(deep=True)
    expected = monitored_errors(record, start=START)
    assert_frame_equal(monitored_errors(record.sample(frac=1.0, random_state=1), start=START), expected)
    assert_frame_equal(record, copy)
