"""The three sources, exactly as received."""

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import dagster as dg

from milk.series import SourceName
from milk.sources.faults import count_by_kind
from milk.steps.receive import Received, receive
from milk.tables import OBSERVATIONS
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, table_metadata
from milk_assets.defs.resources import Clock, Workplace

GROUP = "sources"
FAULTS_SHOWN = 25


if TYPE_CHECKING:
    _Made: TypeAlias = dg.MaterializeResult[None]
else:
    # Bare, because beside check specs Dagster takes a parametrized annotation for an output of its own.
    _Made = dg.MaterializeResult


class _Common(TypedDict):
    group_name: str
    kinds: set[str]
    owners: list[str]
    code_version: str
    metadata: dict[str, dg.TableSchema]


_COMMON: _Common = {
    "group_name": GROUP,
    "kinds": {"csv", "deltalake"},
    "owners": OWNERS,
    "code_version": "1",
    "metadata": table_metadata(OBSERVATIONS),
}


def _reception_check(asset: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        "received_without_faults",
        asset=asset,
        description="The file is there, and no row or cell of it had to be reported. A warning only: faults that make "
        "a file unusable stop the run before anything is kept.",
    )


@dg.asset(check_specs=[_reception_check("raw_milk_price")], **_COMMON)
def raw_milk_price(workplace: Workplace, clock: Clock) -> _Made:
    """Every milk price that was ever received: one row for each month and each revision of it.

    Nominal Chilean pesos per litre at the farm gate, without value added tax, as the text of `precio_leche.csv`. A
    revised price is a further row; nothing is ever changed. The file itself is kept under its hash, which is the data
    version of this asset.
    """
    return _reception(workplace, clock, "milk_price")


@dg.asset(check_specs=[_reception_check("raw_precipitation")], **_COMMON)
def raw_precipitation(workplace: Workplace, clock: Clock) -> _Made:
    """Every rain value that was ever received: one row for each region, month and revision.

    Mean rain of the month in mm over eight regions, as the text of `precipitaciones.csv`. The file is optional: where
    it is missing this table stays as it was, a check says so, and the forecast rests on the price alone.
    """
    return _reception(workplace, clock, "precipitation")


@dg.asset(check_specs=[_reception_check("raw_central_bank")], **_COMMON)
def raw_central_bank(workplace: Workplace, clock: Clock) -> _Made:
    """Every cell of the macro file that was ever received: one row for each of 84 series, month and revision.

    Text of `banco_central.csv` exactly as received. Its decimal points were lost on the way; `restored_central_bank`
    puts them back. The file is optional.
    """
    return _reception(workplace, clock, "central_bank")


def _reception(workplace: Workplace, clock: Clock, source: SourceName) -> _Made:
    with explained():
        received = receive(workplace.home, workplace.folder, source, received_at=clock.now())
    return dg.MaterializeResult(
        metadata=_metadata(received),
        data_version=dg.DataVersion(received.snapshot or "missing"),
        check_results=[_check_result(received)],
    )


def _metadata(received: Received) -> dict[str, Any]:
    shown = [
        {"severity": f.severity, "row": f.row, "column": f.column, "value": f.value, "problem": f.problem}
        for f in received.faults[:FAULTS_SHOWN]
    ]
    return {
        "dagster/row_count": received.observations,
        "rows_in_file": received.rows_read,
        "new_observations": len(received.added),
        "revised_values": int((received.added["known_by"] == "received").sum()),
        "faults": len(received.faults),
        "faults_by_kind": markdown_table([{"kind": k, "count": n} for k, n in count_by_kind(received.faults).items()]),
        "fault_list": markdown_table(shown),
        "snapshot_sha256": received.snapshot or "no file",
    }


def _check_result(received: Received) -> dg.AssetCheckResult:
    if received.is_missing:
        said = "The optional file is not there; the forecast rests on the price alone."
    elif received.faults:
        said = f"{len(received.faults)} rows or cells were left out or kept as received; see the fault list."
    else:
        said = "Nothing to report."
    return dg.AssetCheckResult(
        check_name="received_without_faults",
        passed=not received.is_missing and not received.faults,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"faults": len(received.faults)},
    )
