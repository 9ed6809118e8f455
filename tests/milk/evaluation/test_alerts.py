import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.evaluation.alerts import (
    GRACE_DAYS,
    Change,
    Condition,
    Episode,
    Kind,
    changes,
    missing_issue,
    stale_data,
    uncovered,
)
from milk.months import Availability, Month, available_from, data_cutoff
from milk.series import series_register

NOON = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
RULE = series_register().price.availability
LATE = RULE.later_by(2)
KINDS: tuple[Kind, ...] = ("run_failed", "stale_data", "no_issue", "coverage")
CONDITIONS = [Condition(kind, subject, f"{kind} of {subject}") for kind in KINDS for subject in ("a", "b")]


def follow(told: dict[str, Episode], wanted: list[Change]) -> dict[str, Episode]:
    """What was told after all of it was taken."""
    after = dict(told)
    for change in wanted:
        key = change.episode.condition.key
        if change.event == "over":
            del after[key]
        else:
            after[key] = change.episode
    return after


@given(looks=st.lists(st.sets(st.sampled_from(CONDITIONS)), max_size=12))
def test_each_episode_is_told_once_when_it_begins_and_once_when_it_is_over(looks: list[set[Condition]]) -> None:
    told: dict[str, Episode] = {}
    before: set[Condition] = set()
    for number, holding in enumerate(looks):
        now = NOON + dt.timedelta(hours=number)
        wanted = changes(told, [*holding], looked_for=KINDS, now=now)
        begun = {change.episode.condition for change in wanted if change.event == "alert"}
        over = {change.episode.condition for change in wanted if change.event == "over"}
        assert (begun, over) == (holding - before, before - holding)
        assert len(wanted) == len(begun) + len(over)
        told, before = follow(told, wanted), holding
        assert changes(told, [*holding], looked_for=KINDS, now=now) == []


def test_a_condition_that_says_something_else_by_now_is_the_same_one() -> None:
    told = {c.key: Episode(c, NOON) for c in CONDITIONS[:1]}
    again = Condition(CONDITIONS[0].kind, CONDITIONS[0].subject, "it got worse")
    assert changes(told, [again], looked_for=KINDS, now=NOON) == []


def test_of_what_was_not_looked_for_nothing_is_over() -> None:
    told = {c.key: Episode(c, NOON) for c in CONDITIONS}
    assert {c.episode.condition.kind for c in changes(told, [], looked_for=["coverage"], now=NOON)} == {"coverage"}


@pytest.mark.parametrize("rule", [RULE, LATE])
def test_data_are_stale_some_days_after_the_next_value_is_known(rule: Availability) -> None:
    newest = Month(2026, 8)
    due = available_from(rule, newest + 1) + dt.timedelta(days=GRACE_DAYS)
    assert stale_data("milk_price", newest, rule, now=due - dt.timedelta(seconds=1)) is None
    found = stale_data("milk_price", newest, rule, now=due)
    assert found is not None
    assert found.numbers == {"newest": "2026-08", "expected": "2026-09"}
    far = stale_data("milk_price", newest, rule, now=available_from(rule, newest + 7) + dt.timedelta(days=GRACE_DAYS))
    assert far is not None
    assert (far.key, far.numbers["expected"]) == (found.key, "2027-03")


def test_a_month_without_an_issue_is_missed_some_days_into_it() -> None:
    begins = data_cutoff(Month(2026, 11)) + dt.timedelta(days=GRACE_DAYS)
    assert missing_issue("s", Month(2026, 10), now=begins - dt.timedelta(hours=1)) is None
    missed = missing_issue("s", Month(2026, 10), now=begins + dt.timedelta(hours=1))
    assert missed is not None
    assert "2026-11" in missed.text
    assert "2026-10" in missed.text
    assert missing_issue("s", Month(2026, 11), now=begins + dt.timedelta(hours=1)) is None
    nothing = missing_issue("s", None, now=begins)
    assert nothing is not None
    assert "nothing was published yet" in nothing.text


def test_a_month_that_is_missed_stays_missed_when_the_next_one_begins() -> None:
    days = [NOON + dt.timedelta(days=day) for day in range(60)]
    found = [missing_issue("s", Month(2026, 10), now=day) for day in days]
    assert {condition.key for condition in found if condition is not None} == {"no_issue:s"}
    assert None not in found


def test_coverage_says_its_band_where_there_is_one() -> None:
    found = uncovered("s", 80, coverage=0.5, low=0.64, high=0.92, months=48)
    assert "50%" in found.text
    assert "64% to 92%" in found.text
    assert uncovered("s", 95, coverage=0.5, low=None, high=None, months=48).key != found.key
