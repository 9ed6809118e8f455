"""The report of a reception, as the page of its asset shows it: what was wrong with the file and what it changed."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pandas as pd

from milk.panel.quality import LARGE_REVISION, MOST_REVISED
from milk.sources.faults import Fault, count_by_kind
from milk.steps.receive import Received
from milk_assets.defs.metadata import markdown_table
from milk_assets.defs.series import reception_of_series
from milk_assets.defs.shown import months_as_text, per_cent, table_of_rows

FAULTS_CHECK = "received_without_faults"
VINTAGE_CHECK = "agrees_with_former_vintage"
MONTH_FAULTS = ("repeated month", "conflicting month", "impossible month")
LONGEST_VALUE = 40


def reception_checks(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks that a reception answers."""
    return [
        dg.AssetCheckSpec(
            FAULTS_CHECK,
            asset=asset,
            description="The file is there, and no row or cell of it had to be reported. A warning only: faults that "
            "make a file unusable stop the run before anything is kept.",
        ),
        dg.AssetCheckSpec(
            VINTAGE_CHECK,
            asset=asset,
            description="What stood and came again was not changed into another series: a deflated one, one with value "
            f"added tax, other units. Red where more than {MOST_REVISED:.0%} of the values of a series changed by more "
            f"than {LARGE_REVISION:.0%}. A warning: what was received is kept beside what stood.",
        ),
    ]


def reception_results(received: Received) -> list[dg.AssetCheckResult]:
    """The answers to the checks of a reception."""
    return [_faults_result(received), _vintage_result(received)]


def reception_metadata(received: Received) -> dict[str, Any]:
    """Everything that a reception has to tell; the same entries each time, so that two of them can be compared."""
    revised = received.revisions
    months = revised["month"].dt.strftime("%Y-%m")
    sizes = revised["relative_change"].abs()
    return {
        "dagster/row_count": received.observations,
        "rows_in_file": received.rows_read,
        "new_observations": len(received.added),
        "revised_values": len(revised),
        "revised_months": f"{months.min()} to {months.max()}" if len(revised) else "none",
        "median_revision": per_cent(float(sizes.median())) if len(revised) else "none",
        "largest_revision": per_cent(float(sizes.max())) if len(revised) else "none",
        **table_of_rows("revisions", _revision_rows(revised)),
        "faults": len(received.faults),
        "faults_by_kind": markdown_table([{"kind": k, "count": n} for k, n in count_by_kind(received.faults).items()]),
        **table_of_rows("fault_list", _fault_rows(received.faults)),
        **table_of_rows("month_faults", _month_fault_rows(received)),
        "snapshot_sha256": received.snapshot or "no file",
        **reception_of_series(received.further),
    }


def _faults_result(received: Received) -> dg.AssetCheckResult:
    refused = received.further.refused if received.further is not None else {}
    if received.is_missing:
        said = "The optional file is not there; the forecast rests on the price alone."
    elif received.faults:
        said = f"{len(received.faults)} rows or cells were left out or kept as received; see the fault list."
    else:
        said = "Nothing to report."
    if refused:
        said += f" {len(refused)} further price files were not taken; see further_refused_list."
    return dg.AssetCheckResult(
        check_name=FAULTS_CHECK,
        passed=not received.is_missing and not received.faults and not refused,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "faults": len(received.faults),
            **table_of_rows("fault_list", _fault_rows(received.faults)),
            **table_of_rows("month_faults", _month_fault_rows(received)),
        },
    )


def _vintage_result(received: Received) -> dg.AssetCheckResult:
    agreement = received.agreement
    other, changed = agreement[~agreement["agrees"]], agreement[agreement["changed"] > 0]
    again = int(agreement["came_again"].sum())
    if not again:
        said = "Nothing of it stood before."
    elif len(other):
        worst = other.iloc[0]
        said = (
            f"{worst['largely_changed']} of {worst['came_again']} values of {worst['series']} changed by more than "
            f"{LARGE_REVISION:.0%}; {len(other)} series look like others. Compare the units with the former file."
        )
    else:
        share = int(agreement["changed"].sum()) / again
        said = f"{share:.1%} of {again} values that stood and came again were changed."
    return dg.AssetCheckResult(
        check_name=VINTAGE_CHECK,
        passed=other.empty,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={
            "came_again": again,
            "changed": int(agreement["changed"].sum()),
            **table_of_rows("by_series", _agreement_rows(changed)),
            **table_of_rows("revisions", _revision_rows(received.revisions)),
        },
    )


def _month_fault_rows(received: Received) -> list[dict[str, Any]]:
    """The rows whose month is wrong, narrow enough for the page; the fault list has the rest of each."""
    return [
        {"row": fault.row, "value": fault.value[:LONGEST_VALUE], "problem": fault.problem}
        for fault in received.faults
        if fault.kind in MONTH_FAULTS
    ]


def _fault_rows(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [
        {
            "severity": fault.severity,
            "file": fault.file,
            "row": fault.row or "",
            "column": fault.column,
            "value": fault.value[:LONGEST_VALUE],
            "problem": fault.problem,
            "remedy": fault.remedy,
        }
        for fault in faults
    ]


def _revision_rows(revised: pd.DataFrame) -> pd.DataFrame:
    return months_as_text(revised).assign(relative_change=revised["relative_change"].map(per_cent))


def _agreement_rows(changed: pd.DataFrame) -> pd.DataFrame:
    shares = {name: changed[name].map(per_cent) for name in ("share", "median_change", "largest_change")}
    return changed.assign(**shares).drop(columns="agrees")
