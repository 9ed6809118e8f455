"""A home with its data folder and the real graph over them, run in this process."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from milk.home.layout import Home
from milk.home.tables import has_table, read_table, table_version
from milk.months import Month
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import PromotionRow, promotions
from milk.series import SERIES_ID
from milk.settings import SAMPLE, Settings
from milk.steps.predictions import TABLE
from milk_assets.definitions import build_definitions
from milk_assets.defs.resources import Clock

FIRST, LAST = "2026-01", "2026-11"
"""The months issued from the sample, whose prices end in October 2026."""
NOW = "2026-11-05T12:00:00+00:00"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PRICE_FILE = "precio_leche.csv"
UPSTREAM = (
    "raw_milk_price",
    "raw_precipitation",
    "raw_central_bank",
    "merged_table",
    "features",
    "params",
    "backtest",
    "staging_model",
    "prod_model",
)


@dataclass(frozen=True)
class Place:
    """A folder that holds a home and its data."""

    root: Path
    now: str = NOW

    @property
    def settings(self) -> Settings:
        return Settings(data=self.data, home=self.root / "home", first_issue=Month.parse(FIRST), evaluation_months=24)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def home(self) -> Home:
        return Home(self.root / "home")

    def copy(self, root: Path) -> "Place":
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return Place(root, self.now)

    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings, resources={"clock": Clock(fixed=self.now)})

    def run(
        self,
        selection: dg.AssetSelection | None = None,
        *,
        months: tuple[str, str] = (FIRST, LAST),
        definitions: dg.Definitions | None = None,
        instance: dg.DagsterInstance | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run the graph, or a part of it; a failed step is a result, not an exception."""
        defs = definitions or self.definitions()
        resources: Mapping[str, Any] = defs.resources or {}
        given: Sequence[Any] = [*(defs.assets or []), *(defs.asset_checks or [])]
        return dg.materialize(
            given,
            selection=selection,
            resources=resources,
            instance=instance,
            tags={RANGE_START: months[0], RANGE_END: months[1]},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def check(self, asset: str, name: str) -> dg.AssetCheckEvaluation:
        """Run one check alone, on what is stored."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        result = self.run(dg.AssetSelection.checks(key))
        (evaluation,) = result.get_asset_check_evaluations()
        assert evaluation.asset_check_key == key
        return evaluation

    def table(self, name: str = TABLE) -> pd.DataFrame:
        return read_table(self.home, name)

    def ledger(self) -> list[PromotionRow]:
        store = open_store(self.home.store_url)
        try:
            migrate(store)
            return promotions(store, SERIES_ID)
        finally:
            store.dispose()

    def counts(self) -> dict[str, int]:
        """What a second run must not add to."""
        raw = ("raw_milk_price", "raw_precipitation", "raw_central_bank")
        rows = {name: len(self.table(name)) for name in (*raw, TABLE) if has_table(self.home, name)}
        versions = {f"version of {name}": table_version(self.home, name) for name in raw}
        return (
            rows | versions | {"ledger": len(self.ledger()), "models": len([*(self.home.path / "models").glob("v-*")])}
        )


def sample_place(root: Path) -> Place:
    """A place with the files of the sample, nothing made yet."""
    shutil.copytree(SAMPLE, root / "data")
    return Place(root)


@dataclass(frozen=True)
class Failed:
    """What the UI shows of a failed step: the description that a person reads, and its kind."""

    description: str
    kind: str


def failure_of(result: dg.ExecuteInProcessResult, step: str) -> Failed:
    """The failure of a step, which must be an explained one."""
    (event,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE" and e.step_key == step]
    shown = event.step_failure_data.user_failure_data
    assert shown is not None, event.step_failure_data.error
    kind = shown.metadata["kind"].value if "kind" in shown.metadata else ""
    return Failed(shown.description or "", str(kind))


def outcomes(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """How each step ended."""
    ends = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"}
    return {str(e.step_key): e.event_type_value for e in result.all_events if e.event_type_value in ends}
