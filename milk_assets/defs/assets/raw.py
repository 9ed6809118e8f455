"""The three sources, exactly as received."""

from typing import TYPE_CHECKING, TypeAlias, TypedDict

import dagster as dg

from milk.series import SourceName
from milk.steps.receive import receive
from milk.tables import OBSERVATIONS
from milk_assets.dask.needs import DATA_FOLDER, NEEDS
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, table_metadata
from milk_assets.defs.reception import reception_checks, reception_metadata, reception_results
from milk_assets.defs.resources import Clock, Workplace

GROUP = "sources"

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
    op_tags: dict[str, str]


_COMMON: _Common = {
    "group_name": GROUP,
    "kinds": {"csv", "deltalake"},
    "owners": OWNERS,
    "code_version": "1",
    "metadata": table_metadata(OBSERVATIONS),
    "op_tags": {NEEDS: DATA_FOLDER},
}


@dg.asset(check_specs=reception_checks("raw_milk_price"), **_COMMON)
def raw_milk_price(workplace: Workplace, clock: Clock) -> _Made:
    """Every milk price that was ever received: one row for each month and each revision of it.

    Nominal Chilean pesos per litre at the farm gate, without value added tax, as the text of `precio_leche.csv`. A
    revised price is a further row; nothing is ever changed. The file itself is kept under its hash, which is the data
    version of this asset.

    Where the folder lists further price files in `prices.toml`, they are received too: into the table `series_prices`,
    each series judged by itself, and one that cannot be used stops no other.
    """
    return _reception(workplace, clock, "milk_price")


@dg.asset(check_specs=reception_checks("raw_precipitation"), **_COMMON)
def raw_precipitation(workplace: Workplace, clock: Clock) -> _Made:
    """Every rain value that was ever received: one row for each region, month and revision.

    Mean rain of the month in mm over eight regions, as the text of `precipitaciones.csv`. The file is optional: where
    it is missing this table stays as it was, a check says so, and the forecast rests on the price alone.
    """
    return _reception(workplace, clock, "precipitation")


@dg.asset(check_specs=reception_checks("raw_central_bank"), **_COMMON)
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
        metadata=reception_metadata(received),
        data_version=dg.DataVersion(received.data_version),
        check_results=reception_results(received),
    )
