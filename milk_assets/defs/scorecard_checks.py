"""Checks of the scorecard: that it judges what was published, and what it says of the forecasts.

None of them blocks: what is published is published, and a scorecard that looks bad is there to be read. The last three
warn, each of the nearest month and of all horizons together; the other horizons stand in the table, for of a dozen
bands that are looked at every month one is left by chance now and then.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from milk.errors import MilkError
from milk.evaluation.scorecard_summary import ALL
from milk.home.tables import has_table, read_table
from milk.scorecard_tables import SCORECARD_SUMMARY
from milk.steps.scorecard import SUMMARY, TABLE
from milk.steps.scorecard_audit import judged_hindcasts, unlike_the_store
from milk.tables import empty_table
from milk_assets.defs.resources import Workplace
from milk_assets.defs.shown import table_of_rows

WARN = dg.AssetCheckSeverity.WARN
PROBLEMS_SHOWN = 5
Audit = Callable[[pd.DataFrame, sa.Engine], list[str]]


def audit_check(name: str, audit: Audit, *, sound: str, description: str) -> dg.AssetChecksDefinition:
    """A check of the table against the store."""

    @dg.asset_check(name=name, asset=TABLE, description=description)
    def check(workplace: Workplace, scorecard: pd.DataFrame) -> dg.AssetCheckResult:
        try:
            with workplace.store() as store:
                problems = audit(scorecard, store)
        except MilkError as error:
            return dg.AssetCheckResult(passed=False, description=str(error))
        said = "; ".join(problems[:PROBLEMS_SHOWN]) or sound
        metadata = {"judged": len(scorecard), "problems": len(problems)}
        return dg.AssetCheckResult(passed=not problems, description=said, metadata=metadata)

    return check


def running_check(name: str, flags: list[str], columns: list[str], *, description: str) -> dg.AssetChecksDefinition:
    """A warning where a running statistic lies outside its band."""

    @dg.asset_check(name=name, asset=TABLE, description=description)
    def check(workplace: Workplace) -> dg.AssetCheckResult:
        try:
            summary = _watched(workplace)
        except MilkError as error:
            return dg.AssetCheckResult(passed=False, severity=WARN, description=str(error))
        outside = summary[summary["is_judged"] & summary[flags].any(axis=1)]
        shown = summary[["horizon_months", "months_judged", *columns]]
        return dg.AssetCheckResult(
            passed=outside.empty,
            severity=WARN,
            description=_said(summary, outside),
            metadata=table_of_rows("statistics", shown),
        )

    return check


def _watched(workplace: Workplace) -> pd.DataFrame:
    """The statistics of the nearest month and of all horizons, by the prices as they were first known."""
    home = workplace.home
    summary = read_table(home, SUMMARY) if has_table(home, SUMMARY) else empty_table(SCORECARD_SUMMARY)
    first = summary[summary["observed_as"] == "first"]
    nearest = first.loc[first["horizon_months"] > ALL, "horizon_months"].min()
    return first[first["horizon_months"].isin([ALL, nearest])].sort_values("horizon_months")


def _said(summary: pd.DataFrame, outside: pd.DataFrame) -> str:
    if summary.empty:
        return "Nothing live is judged yet."
    if not summary["is_judged"].any():
        # The nearest month is the first that is judged.
        return f"Not judged yet: {summary['finding'].iloc[-1]}."
    if outside.empty:
        return f"Inside its band, by {int(summary['months_judged'].max())} months."
    return "; ".join(f"{_name(row)}: {row.finding}" for row in outside.itertuples()) + "."


def _name(row: Any) -> str:  # noqa: ANN401 because pandas makes the type of a row as it goes
    return "all horizons" if row.horizon_months == ALL else f"{row.horizon_months} ahead"


def scorecard_checks() -> Iterator[dg.AssetChecksDefinition]:
    """Every check of the scorecard but that of its schema."""
    yield audit_check(
        "only_live_is_judged",
        judged_hindcasts,
        sound="Every judged forecast is a live one.",
        description="Each judged revision is a live one of the store: no hindcast takes part in the scorecard.",
    )
    yield audit_check(
        "judged_as_published",
        unlike_the_store,
        sound="Every judged forecast is the one that was published.",
        description="Each judged row is what the store holds: the forecast with its intervals, the revision that stood "
        "when the price became known, and the judgement that was published.",
    )
    yield running_check(
        "coverage_in_band",
        ["is_outside_80", "is_outside_95"],
        [f"coverage_{level}{end}" for level in ("80", "95") for end in ("", "_low", "_high")],
        description="The published 80 and 95 % intervals held as many prices as they say, give or take chance (99 %). "
        "A warning; it says nothing below a year of judged months.",
    )
    yield running_check(
        "no_bias",
        ["is_biased"],
        ["bias", "bias_band"],
        description="The published forecasts were neither too high nor too low on the whole, give or take chance "
        "(99 %). A warning; it says nothing below a year of judged months.",
    )
    yield running_check(
        "not_worse_than_last_value",
        ["is_worse_than_last_value"],
        ["rmse", *(f"ratio_last_value{end}" for end in ("", "_low", "_high"))],
        description="The published forecasts missed by no more than repeating the last price would have: the interval "
        "of the RMSE ratio does not lie above 1. A warning; it says nothing below a year of judged months.",
    )
