"""Vintages: what each received file adds to what was known before.

An observation is never changed. A month that no earlier snapshot held gets `known_since` from the rule of availability
of its series, in later files too; a value that differs from the one that stood is a revision and is known from its
reception on. So every past state of knowledge can be rebuilt.

A revision may arrive before the rule lets its first value be known: a file may run ahead of its rule, or a clock be set
back. It is then known a microsecond after the value that it replaces. With the plain time of reception the replaced
value would be the later of the two and stand for ever, and every further reception would add the revision again.
"""

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from milk.months import Availability, Month, available_from
from milk.series import Series

KEY = ["series", "month"]
UTC_TIME: Final = "datetime64[us, UTC]"
_MOMENT = pd.Timedelta(1, "us")


def new_observations(
    parsed: pd.DataFrame,
    standing: pd.DataFrame,
    *,
    series: tuple[Series, ...],
    received_at: dt.datetime,
    snapshot: str,
) -> pd.DataFrame:
    """The observations that a file adds.

    Args:
        parsed: what the file says: `series, month, value, row` (see `milk.sources.text.Parsed`).
        standing: all observations of this source so far; empty at the first reception.
        series: the series of the source, with their rules of availability.
        received_at: when the file was received, an aware instant.
        snapshot: SHA-256 of the file.

    Returns:
        Rows of the table `observations`: first values with `known_by` = `rule`, revised values with `received`. Values
        that stand already add nothing, so the same file twice adds nothing.
    """
    newest = latest(standing)[[*KEY, "value", "known_since"]].rename(
        columns={"value": "standing_value", "known_since": "standing_since"}
    )
    compared = parsed.merge(newest, on=KEY, how="left", validate="1:1", indicator=True)
    is_first = compared["_merge"] == "left_only"
    is_revised = ~is_first & (compared["value"] != compared["standing_value"])
    changed = compared[is_first | is_revised].reset_index(drop=True)
    added = changed[[*KEY, "value", "row"]]
    by_rule = changed["_merge"] == "left_only"
    reception = pd.Timestamp(received_at).tz_convert("UTC")
    after_standing = changed["standing_since"] + _MOMENT
    revised_since = after_standing.where(after_standing > reception, reception)
    known = known_since(added, {s.name: s.availability for s in series})
    return added.assign(
        known_since=known.where(by_rule, revised_since).astype(UTC_TIME),
        known_by=by_rule.map({True: "rule", False: "received"}).astype("str"),
        received_at=pd.Series(reception, index=added.index).astype(UTC_TIME),
        snapshot=pd.Series(snapshot, index=added.index).astype("str"),
    )


def revisions(added: pd.DataFrame, standing: pd.DataFrame, *, is_point_lost: bool = False) -> pd.DataFrame:
    """What a file changed of what stood.

    Args:
        added: the observations that it added (see `new_observations`).
        standing: all observations of the source before it.
        is_point_lost: whether the texts have lost their decimal points, as those of the macro file have. Then only
            their digits are compared, at the power of ten that is nearest to no change; so a change of unit by a power
            of ten is none.

    Returns:
        `series, month, before, after, relative_change`, the largest change first. A difference of the text alone, as a
        zero at its end, is a change of 0; infinite where nothing was before; NaN where a text is no number.
    """
    revised = added.loc[added["known_by"] == "received", [*KEY, "value"]].rename(columns={"value": "after"})
    before = latest(standing)[[*KEY, "value"]].rename(columns={"value": "before"})
    pairs = revised.merge(before, on=KEY, how="left", validate="1:1")[[*KEY, "before", "after"]]
    pairs["relative_change"] = _relative_change(pairs["before"], pairs["after"], is_point_lost=is_point_lost)
    order = pairs["relative_change"].abs().sort_values(ascending=False, kind="stable").index
    return pairs.loc[order].reset_index(drop=True)


def _relative_change(before: pd.Series, after: pd.Series, *, is_point_lost: bool) -> pd.Series:
    old, new = (_number(texts, is_point_lost=is_point_lost) for texts in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = new / old
        if is_point_lost:
            power = np.round(np.log10(np.abs(ratio)))
            ratio = ratio / np.where(np.isfinite(power), 10.0**power, 1.0)
    # Zero for zero is no change; the rounding takes away what the division of equal digits leaves.
    return pd.Series(np.where(old == new, 0.0, (ratio - 1).round(12)), index=before.index, dtype="float64")


def _number(texts: pd.Series, *, is_point_lost: bool) -> pd.Series:
    digits = texts.str.replace(".", "", regex=False) if is_point_lost else texts
    return pd.to_numeric(digits, errors="coerce").astype("float64")


def known_since(observations: pd.DataFrame, rules: dict[str, Availability]) -> pd.Series:
    """When each value is known by the rule of its series: UTC instants in the order of the rows."""
    # By rule and month: thousands of series share a few rules, and an instant is dear to make.
    distinct = list(dict.fromkeys(rules.values()))
    rule = observations["series"].map({name: distinct.index(held) for name, held in rules.items()})
    wanted = pd.DataFrame({"rule": rule, "month": observations["month"]})
    pairs = wanted.drop_duplicates()
    instants = [
        available_from(distinct[int(number)], Month.of(month))
        for number, month in zip(pairs["rule"], pairs["month"], strict=True)
    ]
    table = pairs.assign(known_since=pd.Series(instants, index=pairs.index, dtype=UTC_TIME))
    return wanted.merge(table, on=["rule", "month"], how="left", validate="m:1")["known_since"]


def latest(observations: pd.DataFrame) -> pd.DataFrame:
    """The value that stands for each series and month: the one that became known last."""
    ordered = observations.sort_values([*KEY, "known_since", "received_at"], kind="stable")
    return ordered.drop_duplicates(KEY, keep="last").reset_index(drop=True)


def as_of(observations: pd.DataFrame, instant: dt.datetime) -> pd.DataFrame:
    """The values that stood at an instant."""
    return latest(observations[observations["known_since"] <= pd.Timestamp(instant)])
