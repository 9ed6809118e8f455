"""What the checks of the inputs find, what they leave alone, and that each issue sees only what it could know."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from milk.evaluation.distribution import training_distribution
from milk.evaluation.drift import BROKEN, COLUMNS, MOVED, group_alarms, input_drift
from milk.months import Availability, Month, available_from, data_cutoff

Floats = npt.NDArray[np.float64]
Distribution = Mapping[str, Mapping[str, Any]]

RULE = Availability("month_end")
FIRST = Month(2000, 1)
TRAINING = 150
LAST = FIRST + TRAINING  # the first month after training
SEASON = 0.2 * np.sin(np.arange(12))


def noise(seed: int, series: int = 5, months: int = TRAINING + 240, sd: float = 0.03) -> Floats:
    """Monthly log changes with a season that is far larger than what else they do."""
    values = np.random.default_rng(seed).normal(size=(series, months)) * sd
    return np.asarray(values + SEASON[np.arange(months) % 12])


def frame_of(values: Floats, first: Month = FIRST, rule: Availability = RULE) -> pd.DataFrame:
    series, count = values.shape
    months = [first + k for k in range(count)]
    since = pd.to_datetime([available_from(rule, month) for month in months]).as_unit("us")
    frame = pd.DataFrame(
        {
            "feature": pd.Series(np.repeat([f"f{row}" for row in range(series)], count), dtype="str"),
            "month": np.tile(np.array([month.first_day for month in months], dtype="datetime64[us]"), series),
            "value": values.ravel(),
            "known_since": since.take(np.tile(np.arange(count), series)),
        }
    )
    return frame.dropna(subset=["value"])


def trained(changes: pd.DataFrame, group: str = "block") -> dict[str, dict[str, Any]]:
    names = changes["feature"].unique()
    return training_distribution(changes, until=data_cutoff(LAST), groups=dict.fromkeys(names, group))


def checked(
    changes: pd.DataFrame, distribution: Distribution, months: Sequence[Month], rule: Availability = RULE
) -> pd.DataFrame:
    expected = dict.fromkeys({*changes["feature"], *distribution}, rule)
    return input_drift(changes, distribution, [(m, data_cutoff(m)) for m in months], expected=expected)


def found_months(drift: pd.DataFrame, feature: str, flag: str) -> list[int]:
    """Months after training, 1 for the first, in which a flag is up."""
    rows = drift[(drift["feature"] == feature) & drift[flag]]
    return [Month.of(month) - LAST for month in rows["issue_month"]]


def episodes(is_alarm: pd.Series) -> int:
    return int((is_alarm & ~is_alarm.shift(fill_value=False)).sum())


def test_undisturbed_series_raise_at_most_two_alarms_in_twenty_years() -> None:
    months = [LAST + k for k in range(1, 241)]
    counts = []
    for seed in range(12):
        changes = frame_of(noise(seed))
        distribution = trained(changes)
        alarms = group_alarms(checked(changes, distribution, months), distribution)
        counts.append(episodes(alarms["features_found"] > 0))
    assert np.mean(counts) <= 1
    assert np.mean(np.array(counts) <= 2) >= 0.9
    assert sum(counts) > 0, "a check that never speaks shows nothing"


@pytest.mark.parametrize("planted", ["level", "sd", "sd of all"])
def test_planted_shifts_are_found_within_six_months(planted: str) -> None:
    start, found, early = TRAINING + 12, 0, 0
    for seed in range(20):
        values = noise(seed, months=start + 6)
        if planted == "level":
            values[2, start] += np.log(1.5)
        else:
            rows = [2] if planted == "sd" else [0, 1, 2, 3, 4]
            mean = values[rows, :TRAINING].mean(axis=1, keepdims=True)
            values[rows, start:] = mean + 3 * (values[rows, start:] - mean)
        changes = frame_of(values)
        drift = checked(changes, trained(changes), [FIRST + k for k in range(TRAINING + 1, start + 7)])
        is_after = drift["issue_month"] > pd.Timestamp((FIRST + start).first_day)
        rows_found = drift[MOVED].any(axis=1)
        found += bool(rows_found[is_after].any())
        early += bool(rows_found[~is_after].any())
    assert found >= 18
    assert early <= 2


def test_a_jump_is_named_in_its_month_only_and_drifts_while_it_is_in_the_window() -> None:
    values = noise(1, months=TRAINING + 24)
    values[0, TRAINING + 3] += np.log(1.5)
    changes = frame_of(values)
    drift = checked(changes, trained(changes), [LAST + k for k in range(1, 20)])
    assert found_months(drift, "f0", "is_out_of_range") == [4]
    assert found_months(drift, "f0", "is_drifted") == [4, 5, 6, 7, 8, 9]
    finding = drift[drift["finding"] != ""].iloc[0]["finding"]
    assert "the value of 2012-10, " in finding
    assert "6 months to 2012-10 moved" in finding


@pytest.mark.parametrize(("factor", "said"), [(10, "10"), (1000, "1000"), (0.1, "10"), (1e-3, "1000"), (100, "100")])
def test_swapped_units_are_found_in_the_first_month(factor: float, said: str) -> None:
    for seed in range(5):
        values = noise(seed, months=TRAINING + 12)
        values[1, TRAINING + 3] += np.log(factor)
        changes = frame_of(values)
        drift = checked(changes, trained(changes), [LAST + k for k in range(1, 12)])
        assert found_months(drift, "f1", "is_unit_jump") == [4]
        assert drift["finding"].str.contains(f"about the log of {said}: another unit").sum() == 1


def test_a_frozen_series_is_found_in_the_first_month_and_as_long_as_it_stands_still() -> None:
    values = noise(3, months=TRAINING + 12)
    values[4, TRAINING + 2 : TRAINING + 6] = 0.0
    changes = frame_of(values)
    drift = checked(changes, trained(changes), [LAST + k for k in range(1, 12)])
    assert found_months(drift, "f4", "is_frozen") == [3, 4, 5, 6]
    assert "repeated for 1 months in a row, 0 at most are usual" in drift.loc[drift["is_frozen"], "finding"].iloc[0]


def test_a_series_that_stood_still_in_training_may_do_so_again_for_as_long() -> None:
    values = noise(3, months=TRAINING + 24)
    values[4, 20:23] = values[4, 70:72] = 0.0
    values[4, TRAINING + 2 : TRAINING + 12] = 0.0
    changes = frame_of(values)
    distribution = trained(changes)
    limit = distribution["f4"]["repeat_limit"]
    assert limit == 5
    assert found_months(checked(changes, distribution, [LAST + k for k in range(1, 24)]), "f4", "is_frozen") == list(
        range(3 + limit, 13)
    )


def test_repeats_may_be_told_by_a_column_of_their_own() -> None:
    changes = frame_of(noise(3, months=TRAINING + 6))
    is_last = changes["month"] == changes["month"].max()
    changes["is_repeated"] = is_last & (changes["feature"] == "f0")
    drift = checked(changes, trained(changes), [LAST + 5, LAST + 6])
    assert drift["is_frozen"].sum() == 1
    assert found_months(drift, "f0", "is_frozen") == [6]


def test_a_month_that_is_due_and_not_there_is_told() -> None:
    values = noise(4, months=TRAINING + 12)
    values[0, TRAINING + 4] = np.nan
    values[1, TRAINING + 8 :] = np.nan
    changes = frame_of(values)
    drift = checked(changes, trained(changes), [LAST + k for k in range(1, 13)])
    assert found_months(drift, "f0", "is_missing") == [5, 6, 7, 8, 9, 10]
    assert found_months(drift, "f1", "is_missing") == [9, 10, 11, 12]
    assert not drift.loc[drift["feature"] == "f2", "is_missing"].any()
    words = drift[drift["is_missing"]].set_index(["feature", "issue_month"])["finding"]
    assert words["f0"].iloc[0] == "the last month is 2012-10, 2012-11 is due"
    assert words["f0"].iloc[1] == "months before 2012-12 are missing, 1 in a row"
    assert words["f1"].iloc[-1] == "the last month is 2013-02, 2013-06 is due"
    counts = drift[drift["feature"] == "f1"].set_index("issue_month")["values_in_window"]
    assert counts.iloc[-5:].tolist() == [6, 5, 4, 3, 2]
    assert drift.loc[drift["values_in_window"] < 4, "statistic"].isna().all()


def test_what_is_due_depends_on_the_rule_of_the_series() -> None:
    late = Availability("month_end", lag_months=2)
    changes = frame_of(noise(4, months=TRAINING + 12), rule=late)
    distribution = trained(changes)
    months = [LAST + k for k in range(3, 12)]
    assert not checked(changes, distribution, months, late)["is_missing"].any()
    assert checked(changes, distribution, months)["is_missing"].all()


def test_gaps_that_are_a_habit_and_months_before_the_first_are_not_missing() -> None:
    values = noise(5, months=TRAINING + 12)
    values[0, 2::3] = np.nan  # every third month is never there
    values[1, :60] = np.nan  # begins later
    changes = frame_of(values)
    distribution = trained(changes)
    assert distribution["f0"]["missing_limit"] == 1
    assert distribution["f1"]["share_missing"] == 0.0
    assert not checked(changes, distribution, [FIRST + k for k in range(12, TRAINING + 12)])["is_missing"].any()


def test_a_feature_that_no_longer_comes_is_missing() -> None:
    changes = frame_of(noise(5, months=TRAINING))
    distribution = trained(changes)
    drift = checked(changes[changes["feature"] != "f2"], distribution, [LAST])
    assert drift.loc[drift["is_missing"], "feature"].tolist() == ["f2"]
    assert drift.loc[drift["is_missing"], "finding"].tolist() == ["nothing is known, 2012-06 is due"]
    assert drift.loc[drift["is_missing"], "last_month"].isna().all()


def as_known(changes: pd.DataFrame, cutoff: dt.datetime) -> pd.DataFrame:
    """The slow way: the newest vintage of each month among what was known."""
    known = changes[changes["known_since"] <= cutoff]
    return known.sort_values("known_since", kind="stable").drop_duplicates(["feature", "month"], keep="last")


REVISED = frame_of(noise(6, series=3, months=TRAINING + 12))
REVISED_DISTRIBUTION = trained(REVISED)


@settings(max_examples=15, deadline=None)
@given(
    revisions=st.lists(
        st.tuples(
            st.integers(0, len(REVISED) - 1), st.integers(0, 400), st.sampled_from([-2.3, -0.1, 0.0, 0.01, 0.4, 6.9])
        ),
        max_size=40,
    )
)
def test_an_issue_sees_what_was_known_at_its_cutoff_and_a_later_revision_changes_nothing(
    revisions: list[tuple[int, int, float]],
) -> None:
    rows = REVISED.iloc[[row for row, _days, _value in revisions]]
    later = rows.assign(
        value=[value for _row, _days, value in revisions],
        known_since=rows["known_since"] + pd.to_timedelta([days for _row, days, _value in revisions], unit="D"),
    )
    changes = pd.concat([REVISED, later], ignore_index=True)
    changes = changes.drop_duplicates(["feature", "month", "known_since"], keep="first")
    months = [LAST + k for k in range(-2, 12, 3)]
    together = checked(changes, REVISED_DISTRIBUTION, months)
    one_by_one = [checked(as_known(changes, data_cutoff(month)), REVISED_DISTRIBUTION, [month]) for month in months]
    assert_frame_equal(together, pd.concat(one_by_one, ignore_index=True))


def test_a_revision_counts_from_the_issue_that_could_know_it() -> None:
    changes = frame_of(noise(6, months=TRAINING + 12))
    row = changes[(changes["feature"] == "f1") & (changes["month"] == pd.Timestamp((LAST + 3).first_day))]
    revised = row.assign(value=row["value"] + np.log(10), known_since=data_cutoff(LAST + 6))
    drift = checked(pd.concat([changes, revised]), trained(changes), [LAST + k for k in range(1, 12)])
    assert found_months(drift, "f1", "is_unit_jump") == [6]
    before = checked(changes, trained(changes), [LAST + k for k in range(1, 6)])
    assert_frame_equal(drift.head(len(before)), before)


def test_the_unit_of_the_changes_does_not_matter() -> None:
    values = noise(7, months=TRAINING + 36)
    values[2, TRAINING + 12 :] *= 3
    months = [LAST + k for k in range(1, 36)]
    one, other = frame_of(values), frame_of(values * 0.01)
    once, again = checked(one, trained(one), months), checked(other, trained(other), months)
    assert once["is_drifted"].any()
    columns = ["feature", "last_month", "statistic", "threshold", "values_in_window", *MOVED]
    assert_frame_equal(once[columns], again[columns], rtol=1e-9)


def test_shape_types_order_and_the_input_is_left_alone() -> None:
    changes = frame_of(noise(8, months=TRAINING + 12))
    distribution = trained(changes)
    copy, said = changes.copy(deep=True), json.dumps(distribution)
    months = [LAST + 2, LAST + 5, LAST + 3]
    drift = checked(changes, distribution, months)
    assert list(drift.columns) == COLUMNS
    assert drift["feature"].tolist() == [f"f{k}" for k in range(5)] * 3
    assert [Month.of(month) for month in drift["issue_month"].unique()] == months
    assert drift[[*MOVED, *BROKEN]].dtypes.eq("bool").all()
    assert drift.dtypes[["issue_month", "last_month"]].eq("datetime64[us]").all()
    shuffled = changes.sample(frac=1.0, random_state=1)
    assert_frame_equal(checked(shuffled, distribution, months), drift)
    assert_frame_equal(changes, copy)
    assert json.dumps(distribution) == said


def test_nothing_to_compare_is_an_empty_table_and_no_training_is_no_verdict() -> None:
    changes = frame_of(noise(9, months=TRAINING + 3))
    assert checked(changes, trained(changes), []).empty
    assert input_drift(changes[:0], {}, [(LAST, data_cutoff(LAST))], expected={}).empty
    assert group_alarms(checked(changes, trained(changes), []), trained(changes)).empty
    drift = checked(changes, {}, [LAST + 1])
    assert len(drift) == 5
    assert drift[["statistic", "threshold"]].isna().all(axis=None)
    assert (drift["finding"] == "").all()


def test_a_group_raises_an_alarm_where_one_of_its_features_has_a_finding() -> None:
    values = noise(10, months=TRAINING + 12)
    values[0, TRAINING + 6] += np.log(1.5)
    values[3, TRAINING + 6] = 0.0
    changes = frame_of(values)
    groups = {"f0": "a", "f1": "a", "f3": "b", "f4": "b"}
    distribution = training_distribution(changes, until=data_cutoff(LAST), groups=groups)
    alarms = group_alarms(checked(changes, distribution, [LAST + 7]), distribution).set_index("group")
    assert alarms["features"].to_dict() == {"a": 2, "b": 2, "f2": 1}
    assert alarms["features_found"].to_dict() == {"a": 1, "b": 1, "f2": 0}
    assert alarms["has_moved"].to_dict() == {"a": True, "b": False, "f2": False}
    assert alarms["is_broken"].to_dict() == {"a": False, "b": True, "f2": False}
    assert alarms["finding"]["a"].startswith("f0: the value of 2013-01, ")
    assert alarms["finding"]["f2"] == ""
