"""What a careful reader asks of the merged table and the features: ranges, jumps, and what each block holds.

Jumps are judged by the log change from month to month, against the changes of the same calendar month in earlier
years: a price that falls by a fifth each spring may do so again. On the original files (6,494 changes that can be
judged, of the years 1985 to 2017) ten changes lie beyond `SCALES_ALLOWED`, in four years of 33, each of them a shock
that history knows; on the sample one of 15,289. Rain is left to its plausible range: its log changes have a scale of
1.3, so no believable fault would stand out.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd

from milk.months import Availability, Month
from milk.panel.observations import latest
from milk.panel.quality import rule_words
from milk.series import Register, Series

SCALES_ALLOWED = 6.0
"""Robust standard deviations that a change may lie from the median of its calendar month."""
FEWEST_YEARS = 5
"""A calendar month with fewer earlier changes is not judged."""
SMALLEST_SCALE = 0.01
"""A series that hardly moved may still move by a few per cent."""
NEWEST_MONTHS = 12
_TO_SD: Final = 1.4826
"""Median absolute deviation to standard deviation, of a normal distribution."""


class Declared(Protocol):
    """What is told of a feature; `milk.forecasting.features.Feature` is one."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def series(self) -> str:
        """The series that it is made of."""

    @property
    def block(self) -> str:
        """The group in which it is admitted or refused."""

    @property
    def transformation(self) -> str:
        """How it is made of its series."""

    @property
    def availability(self) -> Availability:
        """When its value is known."""


def implausible_values(precipitation: pd.DataFrame, restored: pd.DataFrame, register: Register) -> pd.DataFrame:
    """The standing rain and macro values that are left out of the merged table because nobody would believe them.

    Args:
        precipitation: observations of the rain; may be empty.
        restored: the macro observations with their numbers; may be empty.
        register: the register of series.

    Returns:
        `series, month, value, low, high`, in the order of series and month. Values of unproved blocks are left out for
        another reason and take no part.
    """
    rain = latest(precipitation)[["series", "month", "value"]]
    rain = rain.assign(value=pd.to_numeric(rain["value"]).astype("float64"))
    macro = latest(restored[restored["is_proved"]])[["series", "month", "value"]]
    values = pd.concat([part for part in (rain, macro) if len(part)] or [rain], ignore_index=True)
    low, high = ({s.name: s.plausible[end] for s in register.series} for end in (0, 1))
    ends = {name: values["series"].map(end).astype("float64") for name, end in (("low", low), ("high", high))}
    ranged = values.assign(**ends)
    is_odd = ranged["value"].notna() & ~ranged["value"].between(ranged["low"], ranged["high"])
    return ranged[is_odd].sort_values(["series", "month"], ignore_index=True)


def judged_changes(merged: pd.DataFrame, series: Sequence[Series]) -> pd.DataFrame:
    """The changes of the newest twelve months of each series against what their calendar month's past allows.

    Args:
        merged: the merged table.
        series: which to judge.

    Returns:
        `series, month, before, value, change, low, high, scales, is_jump`: `change` is that of the log, `low` and
        `high` what it may be, `scales` how many robust standard deviations it lies from the median of its calendar
        month. The scale is the larger of that of the calendar month and that of all months, and never below
        `SMALLEST_SCALE`. Calendar months with fewer than `FEWEST_YEARS` earlier changes have no row.
    """
    changes = _log_changes(merged, [s.name for s in series])
    newest = changes.groupby("series")["month"].transform("max")
    is_new = changes["month"] > newest - pd.DateOffset(months=NEWEST_MONTHS)
    past = changes[~is_new]
    of_month = past.groupby(["series", "calendar_month"])["change"]
    past = past.assign(deviation=(past["change"] - of_month.transform("median")).abs())
    months = past.groupby(["series", "calendar_month"]).agg(
        center=("change", "median"), years=("change", "size"), own=("deviation", "median")
    )
    pooled = past.groupby("series")["deviation"].median().rename("pooled")
    judged = changes[is_new].join(months, on=["series", "calendar_month"]).join(pooled, on="series")
    judged = judged[judged["years"].ge(FEWEST_YEARS)]
    scale = (_TO_SD * judged[["own", "pooled"]].max(axis=1)).clip(lower=SMALLEST_SCALE)
    judged = judged.assign(
        low=judged["center"] - SCALES_ALLOWED * scale,
        high=judged["center"] + SCALES_ALLOWED * scale,
        scales=(judged["change"] - judged["center"]).abs() / scale,
    ).assign(is_jump=lambda rows: rows["scales"] > SCALES_ALLOWED)
    columns = ["series", "month", "before", "value", "change", "low", "high", "scales", "is_jump"]
    return judged[columns].sort_values(["series", "month"], ignore_index=True)


def calendar_changes(merged: pd.DataFrame, name: str) -> pd.DataFrame:
    """All log changes of a series with their calendar month and whether they are among the newest twelve months.

    Returns:
        `month, calendar_month, change, is_new`.
    """
    changes = _log_changes(merged, [name])
    is_new = changes["month"] > changes["month"].max() - pd.DateOffset(months=NEWEST_MONTHS)
    return changes.assign(is_new=is_new)[["month", "calendar_month", "change", "is_new"]]


def _log_changes(merged: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """`series, month, before, value, change, calendar_month` of consecutive months; a zero has no logarithm."""
    # A stored table may be broken, and its schema check says so: a month that stands there twice must not stop this.
    wide = merged.drop_duplicates("month").set_index("month")[list(names)].sort_index().asfreq("MS")
    positive = wide.where(wide > 0)
    change = np.log(positive.to_numpy()) - np.log(positive.shift(1).to_numpy())
    long = pd.DataFrame(
        {
            "series": np.repeat(np.array(names, dtype=object), len(wide)),
            "month": np.tile(wide.index.to_numpy(), len(names)),
            "before": wide.shift(1).to_numpy().ravel(order="F"),
            "value": wide.to_numpy().ravel(order="F"),
            "change": change.ravel(order="F"),
        }
    ).dropna(subset=["change"])
    return long.assign(calendar_month=long["month"].dt.month).reset_index(drop=True)


def block_table(
    merged: pd.DataFrame, restored: pd.DataFrame, left_out: pd.DataFrame, register: Register
) -> pd.DataFrame:
    """What the merged table holds of each block.

    Args:
        merged: the merged table.
        restored: the macro observations with their numbers.
        left_out: the values left out as implausible (`implausible_values`).
        register: the register of series.

    Returns:
        `block, series, first, last, missing, proved, left_out`, a row a block: `missing` is the share of its cells
        between its first and last month that are empty.
    """
    cells = latest(restored)
    rows = []
    for block in dict.fromkeys(s.block for s in register.series):
        members = [s for s in register.series if s.block == block]
        names = [s.name for s in members]
        of_block, odd = cells[cells["series"].isin(names)], left_out[left_out["series"].isin(names)]
        rows.append(
            {
                "block": block,
                "series": len(names),
                **_held(merged.set_index("month")[names]),
                "proved": _proof(of_block, members[0]),
                "left_out": _left_out(of_block, odd, merged),
            }
        )
    return pd.DataFrame(rows)


def _held(values: pd.DataFrame) -> dict[str, str]:
    """The first and the last month of a block that hold any value, and what share between them is empty."""
    held = values.dropna(how="all")
    if held.empty:
        return {"first": "", "last": "", "missing": "all"}
    span = values.loc[held.index.min() : held.index.max()]
    missing = span.isna().to_numpy().mean()
    return {"first": f"{held.index.min():%Y-%m}", "last": f"{held.index.max():%Y-%m}", "missing": f"{missing:.1%}"}


def _proof(restored: pd.DataFrame, member: Series) -> str:
    if member.source != "central_bank":
        return "received as numbers"
    if restored.empty:
        return "not received"
    return "yes" if restored["is_proved"].all() else "no"


def _left_out(restored: pd.DataFrame, implausible: pd.DataFrame, merged: pd.DataFrame) -> str:
    """In words what the merged table does not take from a block."""
    counts = {
        "unproved cells": int((~restored["is_proved"]).sum()),
        "implausible values": len(implausible),
        "cells of months without a price": int((~restored["month"].isin(merged["month"])).sum()),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing"


def feature_table(features: pd.DataFrame, declared: Sequence[Declared]) -> pd.DataFrame:
    """What the table of features holds of each feature.

    Args:
        features: the table `features`.
        declared: every feature that it may hold.

    Returns:
        `feature, series, block, transformation, known, rows, revisions, first, last, missing`, a row for each declared
        feature: `known` is its rule of availability, `missing` the months between its first and last that it lacks. One
        that the table does not hold has no rows.
    """
    held = {str(name): months for name, months in features.groupby("feature")["month"]}
    return pd.DataFrame(
        [
            {
                "feature": one.name,
                "series": one.series,
                "block": one.block,
                "transformation": one.transformation,
                "known": rule_words(one.availability),
                **_months_held(held.get(one.name, features["month"].iloc[:0])),
            }
            for one in declared
        ]
    )


def _months_held(months: pd.Series) -> dict[str, object]:
    """Rows, revisions, span and gaps of a feature by the months of its rows."""
    if months.empty:
        return {"rows": 0, "revisions": 0, "first": "", "last": "", "missing": 0}
    first, last, different = Month.of(months.min()), Month.of(months.max()), months.nunique()
    return {
        "rows": len(months),
        "revisions": len(months) - different,
        "first": str(first),
        "last": str(last),
        "missing": last - first + 1 - different,
    }


def block_features(features: pd.DataFrame, declared: Sequence[Declared]) -> pd.DataFrame:
    """How many features of each block have a value, by month: months x blocks."""
    block = {one.name: one.block for one in declared}
    known = features.drop_duplicates(["feature", "month"])
    counts = pd.crosstab(known["month"], known["feature"].map(block))
    return counts[[b for b in dict.fromkeys(block.values()) if b in counts.columns]].rename_axis(columns=None)
