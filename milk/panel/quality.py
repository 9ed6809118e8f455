"""What a careful reader asks of a source: absent months, freshness, agreement with what stood before.

Each function gives a frame that a person reads, and a sentence is one line of it; whoever shows them decides what is a
warning. The clock is given.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from milk.months import Availability, Month, available_from, contiguous_ranges, month_range
from milk.panel.identities import SUMS
from milk.panel.observations import KEY, latest
from milk.panel.restored import drop_before_first_valid_month
from milk.series import Series

EMPTY_MEANS_NONE: Final = frozenset(name for one in SUMS for name in one.small)
"""Series of which an empty cell says that there was none, so that a gap in them is no absent month."""
LARGE_REVISION = 0.02
"""A value that changes by more was revised by more than ordinary: the accounts of a year move by less."""
MOST_REVISED = 0.20
"""Share of the values of a series that may be revised by so much before it is taken to be another series."""
FEWEST_REVISED = 3
"""Fewer large revisions are never taken for another series: a short file may bring one or two."""


def absent_months(observations: pd.DataFrame, series: Sequence[Series]) -> pd.DataFrame:
    """The months between the first and the newest of a series that it lacks.

    Args:
        observations: rows of the table `observations`; cells before the first valid month of their series do not count.
        series: the series of the source.

    Returns:
        `series, first, last, absent, months`: a row for each series with a gap, `months` naming them in ranges. Series
        of which an empty cell means none have no gaps.
    """
    kept, _stray = drop_before_first_valid_month(observations, series)
    rows: list[dict[str, object]] = []
    for name, part in kept[~kept["series"].isin(EMPTY_MEANS_NONE)].groupby("series", sort=False):
        held = {Month.of(month) for month in part["month"].unique()}
        first, last = min(held), max(held)
        gaps = set(month_range(first, last)) - held
        if gaps:
            rows.append(
                {"series": name, "first": str(first), "last": str(last), "absent": len(gaps), "months": ranges(gaps)}
            )
    return pd.DataFrame(rows, columns=["series", "first", "last", "absent", "months"])


def ranges(months: Iterable[Month], *, most: int = 12) -> str:
    """Months in words, consecutive ones as a range; from `most` ranges on the rest is counted."""
    said = [str(first) if first == last else f"{first} to {last}" for first, last in contiguous_ranges(months)]
    return ", ".join(said[:most]) + (f" and {len(said) - most} more" if len(said) > most else "")


def newest_due(rule: Availability, now: dt.datetime) -> Month:
    """The newest month whose value is known by its rule at an instant."""
    month = Month.of(now.date())
    while available_from(rule, month) > now:
        month += -1
    return month


def freshness(observations: pd.DataFrame, series: Sequence[Series], now: dt.datetime) -> pd.DataFrame:
    """The newest month held against the newest that is due, for each rule of availability.

    Args:
        observations: rows of the table `observations`.
        series: the series of the source.
        now: an aware instant.

    Returns:
        `known, series, newest_held, newest_due, months_behind, slowest`, a row a rule: `series` counts those of the
        rule, `newest_held` is that of the one farthest behind, which `slowest` names. Series that were never received
        take no part; a series that runs ahead of its rule is 0 months behind.
    """
    held = {name: Month.of(month) for name, month in observations.groupby("series")["month"].max().items()}
    rows: list[dict[str, object]] = []
    for rule in dict.fromkeys(s.availability for s in series):
        of_rule = {s.name: held[s.name] for s in series if s.availability == rule and s.name in held}
        if not of_rule:
            continue
        slowest, due = min(of_rule, key=lambda name: of_rule[name]), newest_due(rule, now)
        rows.append(
            {
                "known": rule_words(rule),
                "series": len(of_rule),
                "newest_held": str(of_rule[slowest]),
                "newest_due": str(due),
                "months_behind": max(0, due - of_rule[slowest]),
                "slowest": slowest,
            }
        )
    columns = ["known", "series", "newest_held", "newest_due", "months_behind", "slowest"]
    return pd.DataFrame(rows, columns=columns).astype({"months_behind": "int64"})


def rule_words(rule: Availability) -> str:
    """When a value becomes known, short enough for a cell of a table."""
    if rule.rule == "quarterly_accounts":
        late = f", {rule.lag_months} months late" if rule.lag_months else ""
        return f"with the accounts of its quarter{late}"
    near = {0: "its own month", 1: "the month after", 2: "the 2nd month after"}
    day = {"month_end": "end", "business_day": "1st business day", "day": f"day {rule.day}"}[rule.rule]
    return f"{day} of {near.get(rule.lag_months, f'the {rule.lag_months}th month after')}"


def vintage_agreement(parsed: pd.DataFrame, standing: pd.DataFrame, revised: pd.DataFrame) -> pd.DataFrame:
    """How far each series of a file agrees with what stood of it.

    A deflated series, one with value added tax or in another unit changes most of its months by much; a revision
    changes the newest ones, or all of them by little.

    Args:
        parsed: what the file says: `series, month`, one row a value.
        standing: all observations of the source before it.
        revised: what it changed (`milk.panel.observations.revisions`).

    Returns:
        `series, came_again, changed, share, largely_changed, median_change, largest_change, agrees`, a row for each
        series of which a value stood and came again, the least agreeing first. Changes are sizes, relative.
    """
    again = parsed[KEY].merge(latest(standing)[KEY], on=KEY, validate="1:1").groupby("series").size()
    sizes = revised.assign(size=revised["relative_change"].abs())
    by_series = sizes.groupby("series")["size"]
    table = pd.DataFrame(
        {
            "came_again": again,
            "changed": by_series.size(),
            "largely_changed": sizes[sizes["size"] > LARGE_REVISION].groupby("series").size(),
            "median_change": by_series.median(),
            "largest_change": by_series.max(),
        }
    ).dropna(subset=["came_again"])
    table = table.fillna(0).astype({"came_again": "int64", "changed": "int64", "largely_changed": "int64"})
    table.insert(2, "share", table["changed"] / table["came_again"])
    is_other = (table["largely_changed"] > MOST_REVISED * table["came_again"]) & (
        table["largely_changed"] >= FEWEST_REVISED
    )
    table["agrees"] = ~is_other
    ordered = table.sort_values(["largely_changed", "changed"], ascending=False, kind="stable")
    return ordered.rename_axis("series").reset_index()
