"""Checks of the data themselves that a person reads: absent months, freshness, jumps. All of them warn.

What is wrong with a file and how it agrees with the one before it is known at its reception only: see
`assets/raw.py`. What a careful reader asks is in `milk.panel.quality`; here it becomes a line and a table.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from milk.panel.quality import absent_months, freshness
from milk.panel.quality_panel import (
    FEWEST_YEARS,
    NEWEST_MONTHS,
    SCALES_ALLOWED,
    calendar_changes,
    implausible_values,
    judged_changes,
)
from milk.pictures import changes_by_calendar_month
from milk.series import SourceName, series_register
from milk.steps.provenance import is_synthetic
from milk.steps.receive import table_of
from milk_assets.defs.metadata import picture
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.shown import months_as_text, table_of_rows

WARN = dg.AssetCheckSeverity.WARN
SOURCES: tuple[SourceName, ...] = ("milk_price", "precipitation", "central_bank")
OPTIONAL: tuple[SourceName, ...] = ("precipitation", "central_bank")


def months_complete_check(source: SourceName) -> dg.AssetChecksDefinition:
    """The check that no series of a source has a gap."""

    @dg.asset_check(
        name="months_complete",
        asset=table_of(source),
        description="No series lacks a month between its first valid and its newest one. A warning: a gap stays a gap, "
        "and nothing is made up for it. Months repeated or impossible in the last file stand in its fault list.",
    )
    def check(table: pd.DataFrame) -> dg.AssetCheckResult:
        gaps = absent_months(table, series_register().of_source(source))
        absent = int(gaps["absent"].sum())
        said = f"{absent} months are absent from {len(gaps)} series." if absent else "No month is absent."
        return _warning(passed=not absent, said=said, metadata={"absent": absent, **table_of_rows("gaps", gaps)})

    return check


def freshness_check(source: SourceName) -> dg.AssetChecksDefinition:
    """The check that a source holds what should be known by now."""

    @dg.asset_check(
        name="freshness",
        asset=table_of(source),
        description="The newest month of each series is the newest that its rule of availability lets be known by now. "
        "A warning: forecasts are made of what there is, and say from when it is.",
    )
    def check(clock: Clock, table: pd.DataFrame) -> dg.AssetCheckResult:
        found = freshness(table, series_register().of_source(source), clock.now())
        behind = found[found["months_behind"] > 0]
        if found.empty:
            said = "Nothing was ever received, so nothing is held against the calendar."
        elif behind.empty:
            said = "Everything that should be known by now is there."
        else:
            worst = behind.nlargest(1, "months_behind").iloc[0]
            said = (
                f"{worst['months_behind']} months behind: {worst['slowest']} ends in {worst['newest_held']}, and "
                f"{worst['newest_due']} should be known. Give a newer file."
            )
        most = int(found["months_behind"].max()) if len(found) else 0
        metadata = {"months_behind": most, **table_of_rows("by_rule", found)}
        return _warning(passed=behind.empty, said=said, metadata=metadata)

    return check


@dg.asset_check(
    asset="merged_table",
    additional_ins={
        "raw_precipitation": dg.AssetIn("raw_precipitation"),
        "restored_central_bank": dg.AssetIn("restored_central_bank"),
    },
    description="No rain or macro value lies outside the plausible range of its series. A warning: such values are "
    "left out here and in the features. A price outside its range breaks the schema.",
)
def within_plausible_range(raw_precipitation: pd.DataFrame, restored_central_bank: pd.DataFrame) -> dg.AssetCheckResult:
    """The values that the merged table leaves out because nobody would believe them."""
    odd = implausible_values(raw_precipitation, restored_central_bank, series_register())
    said = f"{len(odd)} values are left out: nobody would believe them." if len(odd) else "Every value is believable."
    metadata = {"left_out": len(odd), **table_of_rows("values", _range_rows(odd))}
    return _warning(passed=odd.empty, said=said, metadata=metadata)


@dg.asset_check(
    asset="merged_table",
    description=f"No price or macro value of the newest {NEWEST_MONTHS} months of its series jumps beyond what its "
    f"calendar month allowed in {FEWEST_YEARS} or more earlier years: the median of the log changes, and "
    f"{SCALES_ALLOWED:g} robust standard deviations to each side. A warning: crises jump, too. Rain is left to its "
    "range.",
)
def jumps(workplace: Workplace, merged_table: pd.DataFrame) -> dg.AssetCheckResult:
    """The newest changes against the past of their calendar months."""
    judged = judged_changes(merged_table, [s for s in series_register().series if s.source != "precipitation"])
    found = judged[judged["is_jump"]].sort_values("scales", ascending=False)
    series = found["series"].nunique()
    said = f"{len(found)} jumps in {series} series." if len(found) else f"None in {len(judged)} changes."
    price = judged[judged["series"] == "price"]
    changes = calendar_changes(merged_table, "price")
    drawn = changes_by_calendar_month(changes, price, "price", is_synthetic=is_synthetic(workplace.home))
    metadata = {
        "jumps": len(found),
        "judged": len(judged),
        **table_of_rows("jump_list", _jump_rows(found)),
        "price_changes": picture(drawn, "Price change by calendar month"),
    }
    return _warning(passed=found.empty, said=said, metadata=metadata)


def data_checks() -> Iterator[dg.AssetChecksDefinition]:
    """Every check of this module."""
    # A gap in the price is an error, and has a check of its own (`no_month_absent`).
    yield from (months_complete_check(source) for source in OPTIONAL)
    yield from (freshness_check(source) for source in SOURCES)
    yield from (within_plausible_range, jumps)


def _range_rows(odd: pd.DataFrame) -> pd.DataFrame:
    ends = [f"{low:g} to {high:g}" for low, high in zip(odd["low"], odd["high"], strict=True)]
    return months_as_text(odd).assign(range=ends)[["series", "month", "value", "range"]]


def _jump_rows(found: pd.DataFrame) -> pd.DataFrame:
    shown = months_as_text(found).assign(
        allowed=[f"{a:+.3f} to {b:+.3f}" for a, b in zip(found["low"], found["high"], strict=True)]
    )
    return shown[["series", "month", "before", "value", "change", "allowed", "scales"]]


def _warning(*, passed: bool, said: str, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=passed, severity=WARN, description=said, metadata=metadata)
