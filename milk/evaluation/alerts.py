"""What somebody should be told of, and when it was said: conditions, and the episodes in which they hold.

A condition is looked for again and again. It is told once when it begins and once when it is over, however often it was
seen meanwhile.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from milk.months import SANTIAGO, Availability, Month, available_from

Kind = Literal["run_failed", "stale_data", "no_issue", "coverage"]
Event = Literal["alert", "over", "test"]

GRACE_DAYS = 5
"""Files come some days after a value is known, and the schedule issues on the second day of a month."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds now.

    Attributes:
        kind: what it is.
        subject: of what: a job, a source, a series, a horizon. Kind and subject are the condition.
        text: the whole of it in a sentence or two, for a person.
        numbers: what it rests on.
    """

    kind: Kind
    subject: str
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """By which it is known again."""
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Episode:
    """A condition that was told: since when it holds, and what was said."""

    condition: Condition
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be told: that a condition began, or that it is over."""

    event: Event
    episode: Episode


def changes(
    told: Mapping[str, Episode], found: Sequence[Condition], *, looked_for: Collection[Kind], now: dt.datetime
) -> list[Change]:
    """What is to be told after a look.

    Args:
        told: the episodes that were told and are not over, by the keys of their conditions.
        found: what holds now.
        looked_for: the kinds that were looked for; nothing is known of the others.
        now: the instant of the look.
    """
    holding = {condition.key: condition for condition in found}
    over = [
        Change("over", episode)
        for key, episode in sorted(told.items())
        if key not in holding and episode.condition.kind in looked_for
    ]
    return over + [Change("alert", Episode(holding[key], now)) for key in sorted(holding.keys() - told.keys())]


def stale_data(source: str, newest: Month, rule: Availability, *, now: dt.datetime) -> Condition | None:
    """The newest value of a source is older than its rule of availability lets expect."""
    expected = newest
    while available_from(rule, expected + 1) <= now - dt.timedelta(days=GRACE_DAYS):
        expected += 1
    if expected == newest:
        return None
    text = (
        f"The newest value of {source} is that of {newest}; by its rule that of {expected} has been known for more "
        f"than {GRACE_DAYS} days. Give a newer file: until then every forecast starts from {newest}."
    )
    return Condition("stale_data", source, text, {"newest": str(newest), "expected": str(expected)})


def missing_issue(series_id: str, newest: Month | None, *, now: dt.datetime) -> Condition | None:
    """Nothing is published for the present month, some days into it."""
    expected = Month.of((now - dt.timedelta(days=GRACE_DAYS)).astimezone(SANTIAGO).date())
    if newest is not None and newest >= expected:
        return None
    so_far = "nothing was published yet" if newest is None else f"the newest is {newest}"
    text = f"No forecast of {series_id} is published for {expected}: {so_far}. Look at the runs in the Dagster UI."
    return Condition("no_issue", series_id, text, {"newest": str(newest or ""), "expected": str(expected)})


def uncovered(
    series_id: str, level: int, *, coverage: float, low: float | None, high: float | None, months: int
) -> Condition:
    """The intervals of what was published held the price more seldom, or more often, than sound ones do."""
    band = "" if low is None or high is None else f", where sound intervals hold {low:.0%} to {high:.0%}"
    text = (
        f"The {level} % intervals of the published forecasts of {series_id} held the price in {coverage:.0%} of "
        f"{months} months{band}. See the scorecard."
    )
    numbers = {"coverage": coverage, "low": low, "high": high, "months": months}
    return Condition("coverage", f"{series_id}/{level}", text, numbers)
