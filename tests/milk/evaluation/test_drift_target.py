"""Bias and CUSUM of the one-step errors against sums done by hand, and the run lengths that the docstring states."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from milk.evaluation.target_drift import CALIBRATION_ERRORS, COLUMNS, target_drift


def errors_of(error: npt.ArrayLike) -> pd.DataFrame:
    values = np.asarray(error, dtype=np.float64)
    months = (np.arange(len(values)) - 4000).astype("datetime64[M]").astype("datetime64[us]")
    return pd.DataFrame({"target_month": months, "error": values})


def test_sums_are_those_done_by_hand_and_begin_again_after_an_alarm() -> None:
    table = target_drift(errors_of([1.0, 1.0, -0.5, 2.5, 9.0, 1.0, -1.0]), sd=1.0)
    assert list(table.columns) == COLUMNS
    assert table["cusum_up"].tolist() == pytest.approx([0.5, 1.0, 0.0, 2.0, 4.5, 5.0, 3.5])
    assert table["cusum_down"].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5])
    assert not table["is_cusum_alarm"].any()
    table = target_drift(errors_of([-2.5, -2.5, -2.5, -1.0]), sd=1.0)
    assert table["cusum_down"].tolist() == pytest.approx([2.0, 4.0, 6.0, 0.5])
    assert table["is_cusum_alarm"].tolist() == [False, False, True, False]


def test_bias_is_the_mean_of_a_year_within_its_band() -> None:
    table = target_drift(errors_of([0.0] * 12 + [0.9] * 12), sd=1.0)
    assert table["bias"].iloc[:5].isna().all()
    assert table["bias"].iloc[-1] == pytest.approx(0.9)
    assert table["bias_band"].iloc[[5, -1]].tolist() == pytest.approx([3 / np.sqrt(6), 3 / np.sqrt(12)])
    assert table["is_bias_alarm"].tolist() == [False] * 23 + [True]


def test_another_limit_is_another_alarm_and_the_same_sums_until_then() -> None:
    error = errors_of([-2.5, -2.5, -2.5, -1.0])
    table = target_drift(error, sd=1.0, limit=6.0)
    assert table["cusum_down"].tolist() == pytest.approx([2.0, 4.0, 6.0, 6.5])
    assert table["is_cusum_alarm"].tolist() == [False, False, False, True]
    assert table["cusum_limit"].tolist() == [6.0] * 4


def test_one_shock_is_no_alarm() -> None:
    table = target_drift(errors_of([0.0] * 30 + [50.0] + [0.0] * 30), sd=10.0)
    assert not table["is_cusum_alarm"].any()


def test_without_an_sd_the_first_errors_give_it_and_later_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    error = rng.normal(size=120) * 0.04
    given = target_drift(errors_of(error), sd=float(np.sqrt(np.mean(error[:CALIBRATION_ERRORS] ** 2))))
    assert_frame_equal(target_drift(errors_of(error)), given)
    later = np.concatenate([error[:100], 5 * error[100:]])
    assert_frame_equal(target_drift(errors_of(later)).head(100), given.head(100))


@pytest.mark.parametrize("error", [[], [0.1] * 10, [0.0] * 40])
def test_too_few_errors_or_none_at_all_are_not_judged(error: list[float]) -> None:
    table = target_drift(errors_of(error))
    assert len(table) == len(error)
    assert table[["cusum_up", "cusum_down", "bias_band"]].isna().all(axis=None)
    assert not table[["is_bias_alarm", "is_cusum_alarm"]].any(axis=None)
    assert not target_drift(errors_of(error), sd=0.0)["is_cusum_alarm"].any()


def test_months_in_any_order_unknown_errors_left_out_and_the_input_left_alone() -> None:
    errors = errors_of(np.random.default_rng(2).normal(size=80))
    expected = target_drift(errors)
    shuffled = pd.concat([errors, errors_of([np.nan] * 90)]).sample(frac=1.0, random_state=1)
    copy = shuffled.copy(deep=True)
    assert_frame_equal(target_drift(shuffled), expected)
    assert_frame_equal(shuffled, copy)


def test_run_lengths_are_those_that_the_docstring_states() -> None:
    rng = np.random.default_rng(3)
    quiet = target_drift(errors_of(rng.normal(size=40_000)), sd=1.0)
    assert 410 <= len(quiet) / quiet["is_cusum_alarm"].sum() <= 640
    delays = [
        int(target_drift(errors_of(rng.normal(size=60) + 1.0), sd=1.0)["is_cusum_alarm"].to_numpy().argmax()) + 1
        for _ in range(100)
    ]
    assert 8 <= np.median(delays) <= 10


def test_twenty_quiet_years_raise_at_most_two_alarms() -> None:
    rng = np.random.default_rng(4)
    alarms, bias_episodes = [], []
    for _ in range(60):
        table = target_drift(errors_of(rng.standard_t(5, size=300))).iloc[60:]
        alarms.append(int(table["is_cusum_alarm"].sum()))
        bias_episodes.append(int((table["is_bias_alarm"] & ~table["is_bias_alarm"].shift(fill_value=False)).sum()))
    for counts in (alarms, bias_episodes):
        assert 0 < np.mean(counts) <= 1
        assert np.mean(np.array(counts) <= 2) >= 0.9
