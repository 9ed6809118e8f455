"""The macro file with its decimal points put back."""

from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
import numpy as np
import pandas as pd

from milk.home.tables import frame_hash
from milk.panel.exponents import UNCERTAIN_BELOW
from milk.panel.relations import relation_errors
from milk.panel.repairs import Repair
from milk.panel.restore import Restoration
from milk.panel.restored import restore_observations
from milk.pictures import before_and_after, identity_errors, margins_of_cells
from milk.restoration_report.tables import identity_table, relation_table, status_counts
from milk.series import series_register
from milk.steps.provenance import is_synthetic
from milk.tables import RESTORED
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture, table_metadata
from milk_assets.defs.resources import Workplace

SHOWN = "gdp_clp_bn"
DOUBTS_SHOWN = 40

if TYPE_CHECKING:
    _Made: TypeAlias = dg.MaterializeResult[pd.DataFrame]
else:
    # Bare, because beside check specs Dagster takes a parametrized annotation for an output of its own.
    _Made = dg.MaterializeResult

ASSET = "restored_central_bank"
_CHECKS = [
    dg.AssetCheckSpec(
        "blocks_are_proved",
        asset=ASSET,
        description="Every block of macro series adds up where it must, so its powers of ten are proved. A warning: a "
        "block that is not proved is left out of the merged table and the features.",
    ),
    dg.AssetCheckSpec(
        "no_cell_in_doubt",
        asset=ASSET,
        description="No cell is unreadable, and none could as well have another power of ten. A warning: such cells "
        "are named, and left out of the features.",
    ),
    dg.AssetCheckSpec(
        "relations_hold",
        asset=ASSET,
        description="What moves together still does: GDP with Imacec, indices with their parts, totals with their "
        "parts to 2 %. A warning: these prove no single cell.",
    ),
]


@dg.asset(
    group_name="panel",
    kinds={"pandas", "deltalake"},
    owners=OWNERS,
    code_version="1",
    metadata=table_metadata(RESTORED),
    check_specs=_CHECKS,
    dagster_type=dg.PythonObjectDagsterType(pd.DataFrame),
)
def restored_central_bank(workplace: Workplace, raw_central_bank: pd.DataFrame) -> _Made:
    """Every macro value ever received as a number: one row for each of 84 series, month and revision.

    The file lost its decimal points on the way; every cell kept its digits. The power of ten of each is put back by
    continuity and proved by what must add up. `status` and `margin` say how sure a cell is, `row` and `snapshot` where
    it was received. How it is done and what proves it: docs/data.md.
    """
    with explained():
        table, restoration, stray = restore_observations(raw_central_bank, series_register().of_source("central_bank"))
    relations = relation_errors(restoration.values)
    return dg.MaterializeResult(
        value=table,
        metadata=_metadata(table, restoration, relations, stray, synthetic=is_synthetic(workplace.home)),
        data_version=dg.DataVersion(frame_hash(table)),
        check_results=[_proved(restoration), _doubts(restoration), _related(relations)],
    )


def _metadata(
    table: pd.DataFrame, restoration: Restoration, relations: pd.DataFrame, stray: Repair, *, synthetic: bool
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": len(table),
        "is_synthetic": synthetic,
        "cells": markdown_table([{"status": s, "cells": n} for s, n in status_counts(restoration).items()]),
        "blocks": markdown_table(_block_rows(restoration)),
        "identities": markdown_table(_tested(identity_table(restoration), _IDENTITY_SHOWN)),
        "relations": markdown_table(_tested(relation_table(relations), _RELATION_SHOWN)),
        "columns": markdown_table(restoration.columns.to_dict(orient="records")),
        "stray_cells": stray.cells,
    }
    if len(restoration.identities):
        drawn = identity_errors(restoration.identities, is_synthetic=synthetic)
        metadata["identity_errors"] = picture(drawn, "Error of each identity by month")
    if len(table):
        drawn = margins_of_cells(restoration.margin, UNCERTAIN_BELOW, is_synthetic=synthetic)
        metadata["margins"] = picture(drawn, "Margin to the next best power of ten")
    shown = table[(table["series"] == SHOWN) & table["value"].notna()]
    if len(shown):
        drawn = before_and_after(shown, is_synthetic=synthetic)
        metadata["before_and_after"] = picture(drawn, f"{SHOWN} before and after")
    return metadata


def _block_rows(restoration: Restoration) -> list[dict[str, object]]:
    series = restoration.columns.groupby("block", sort=False).size()
    return [
        {
            "block": b,
            "series": int(series[b]),
            "verdict": restoration.verdicts[str(b)],
            "reason": reason or "every series is proved",
        }
        for b, _is_proved, reason in restoration.blocks.itertuples(index=False)
    ]


_IDENTITY_SHOWN = {
    "total": "identity",
    "months": "months",
    "exact": "exact",
    "worst relative error": "worst_error",
    "in": "worst_month",
}
_RELATION_SHOWN = {
    "relation": "relation",
    "months": "months",
    "worst error": "worst_error",
    "in": "worst_month",
    "allowed": "tolerance",
}


def _tested(table: pd.DataFrame, shown: dict[str, str]) -> list[dict[str, object]]:
    """The rows that were tested in any month, their columns under the names that are shown."""
    rows = table[table["months"] > 0].to_dict(orient="records")
    return [{name: row[column] for name, column in shown.items()} for row in rows]


def _proved(restoration: Restoration) -> dg.AssetCheckResult:
    unproved = restoration.unproved
    said = f"Unproved: {', '.join(unproved)}." if unproved else "Every block that holds a number is proved."
    return _warning("blocks_are_proved", not unproved, said, "blocks", _block_rows(restoration))


def _doubts(restoration: Restoration) -> dg.AssetCheckResult:
    status = restoration.status
    months, names, cells_of = status.index, status.columns, status.to_numpy()
    # Transposed, so that the cells come series by series; looked up at once, for nearly all of them are sound.
    places = np.argwhere(np.isin(cells_of.T, ("uncertain", "unreadable")))
    cells: list[dict[str, Any]] = [
        {"month": f"{months[row]:%Y-%m}", "series": names[column], "status": cells_of[row, column]}
        for column, row in places
    ]
    said = f"{len(cells)} cells are uncertain or unreadable." if cells else "No cell is in doubt."
    return _warning("no_cell_in_doubt", not cells, said, "cells", cells[:DOUBTS_SHOWN])


def _related(relations: pd.DataFrame) -> dg.AssetCheckResult:
    broken = relations[~relations["holds"]]
    said = f"Broken in {broken['month'].nunique()} months." if len(broken) else "All hold within their tolerance."
    return _warning(
        "relations_hold", broken.empty, said, "relations", _tested(relation_table(relations), _RELATION_SHOWN)
    )


def _warning(name: str, passed: bool, said: str, what: str, rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={what: markdown_table(rows)},
    )
