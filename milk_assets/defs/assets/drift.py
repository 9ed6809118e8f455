"""What `batch_predictions` says of its inputs: two checks with their tables and pictures."""

from typing import Any

import dagster as dg
import pandas as pd

from milk.pictures import cumulative_errors, drift_of_inputs
from milk.steps.drift import ERRORS, Assessed, findings
from milk_assets.defs.metadata import markdown_table, picture

INPUT_CHECK, ERROR_CHECK = "inputs_as_in_training", "recipe_hits"
SHOWN = 25
WARN = dg.AssetCheckSeverity.WARN


def drift_results(assessed: Assessed, *, is_synthetic: bool) -> list[dg.AssetCheckResult]:
    """Both checks, for the newest of the months that were judged; nothing to say where none was."""
    drift = assessed.rows
    if drift.empty:
        said = "No month was judged, because none could be forecast."
        return [
            dg.AssetCheckResult(check_name=name, passed=True, severity=WARN, description=said)
            for name in (INPUT_CHECK, ERROR_CHECK)
        ]
    newest = drift[drift["issue_month"] == drift["issue_month"].max()]
    is_error = newest["feature"] == ERRORS
    return [
        _inputs(newest[~is_error], assessed, is_synthetic=is_synthetic),
        _errors(newest[is_error], assessed.errors, is_synthetic=is_synthetic),
    ]


def _inputs(newest: pd.DataFrame, assessed: Assessed, *, is_synthetic: bool) -> dg.AssetCheckResult:
    used, others = findings(newest, of_inputs=True), findings(newest, of_inputs=False)
    month = f"{newest['issue_month'].iloc[0]:%Y-%m}"
    said = f"{month}: {_counted(len(used), 'input of the recipe stands', 'inputs of the recipe stand')} out"
    said += f", and {len(others)} of the other {int((~newest['is_input']).sum())} features, which only inform."
    return dg.AssetCheckResult(
        check_name=INPUT_CHECK,
        passed=used.empty,
        severity=WARN,
        description=said,
        metadata={
            "findings": markdown_table(_rows(pd.concat([used, others]))),
            "blocks": markdown_table(_block_rows(assessed.blocks)),
            "findings_by_issue_month": markdown_table(_by_month(assessed.rows)),
            "drift": picture(drift_of_inputs(newest, is_synthetic=is_synthetic), f"Inputs of {month}"),
        },
    )


def _errors(newest: pd.DataFrame, errors: pd.DataFrame, *, is_synthetic: bool) -> dg.AssetCheckResult:
    row = newest.iloc[0]
    drawn = cumulative_errors(errors, is_synthetic=is_synthetic)
    return dg.AssetCheckResult(
        check_name=ERROR_CHECK,
        passed=not row["finding"],
        severity=WARN,
        description=f"{row['issue_month']:%Y-%m}: {row['finding'] or 'the recipe hits as it did'}.",
        metadata={"errors": int(row["values_in_window"]), "cusum": picture(drawn, "CUSUM of the one-step errors")},
    )


def _rows(found: pd.DataFrame) -> list[dict[Any, Any]]:
    shown = found.head(SHOWN)
    table = pd.DataFrame(
        {
            "feature": shown["feature"],
            "block": shown["block"],
            "used by the recipe": shown["is_input"].map({True: "yes", False: "no"}),
            "newest month": shown["last_month"].dt.strftime("%Y-%m").fillna("none"),
            "finding": shown["finding"],
        }
    )
    return table.to_dict(orient="records")


def _block_rows(blocks: pd.DataFrame) -> list[dict[Any, Any]]:
    """The blocks in the newest issue month."""
    newest = blocks[blocks["issue_month"] == blocks["issue_month"].max()]
    return [
        {
            "block": row.group,
            "features": row.features,
            "stand out": row.features_found,
            "moved": "yes" if row.has_moved else "no",
            "data at fault": "yes" if row.is_broken else "no",
        }
        for row in newest.itertuples()
    ]


def _by_month(drift: pd.DataFrame) -> list[dict[str, Any]]:
    """The issue months in which something stood out, newest first."""
    used, others = (findings(drift, of_inputs=of_inputs)["issue_month"].value_counts() for of_inputs in (True, False))
    months = used.index.union(others.index).sort_values(ascending=False)[:SHOWN]
    return [
        {
            "issue month": f"{month:%Y-%m}",
            "inputs of the recipe": int(used.get(month, 0)),
            "other features": int(others.get(month, 0)),
        }
        for month in months
    ]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count < 2 else many}"
