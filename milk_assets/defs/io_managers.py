"""How values of assets are kept: Delta tables, JSON documents, model versions, the ledger.

An own small manager, because the published one for Delta holds pandas below 3 and fails on partitioned writes. What a
step must write under a lock or in parts (observations, monthly tables) it writes itself; it is read back here. Whatever
is read to make an asset of it is refused while a blocking check of it stands red (`standing_checks`).
"""

import dagster as dg
import pandas as pd

from milk.errors import VersionRefused
from milk.home.documents import read_document, write_document
from milk.home.tables import has_table, read_table, write_whole_table
from milk.models.version import ModelVersion
from milk.steps.promotion import load_champion
from milk.steps.training import Params
from milk_assets.defs.failures import explained
from milk_assets.defs.resources import Workplace
from milk_assets.defs.staged import read_staged
from milk_assets.defs.standing_checks import refuse_red_input


class DeltaIOManager(dg.ConfigurableIOManager):
    """A frame as a Delta table named after its asset."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write the table in one commit, or nothing where it holds the same rows."""
        with explained():
            version = write_whole_table(self.workplace.home, context.asset_key.path[-1], obj)
        context.add_output_metadata({"table_version": version})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Read the whole table."""
        refuse_red_input(context)
        name = context.asset_key.path[-1]
        with explained():
            if not has_table(self.workplace.home, name):
                raise _never_made(name)
            return read_table(self.workplace.home, name)


class ParamsIOManager(dg.ConfigurableIOManager):
    """The chosen parameters as a JSON document."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: Params) -> None:
        """Write the document."""
        with explained():
            write_document(self.workplace.home, context.asset_key.path[-1], obj.document())

    def load_input(self, context: dg.InputContext) -> Params:
        """Read the document."""
        refuse_red_input(context)
        name = context.asset_key.path[-1]
        with explained():
            document = read_document(self.workplace.home, name)
        if document is None:
            raise _never_made(name)
        return Params.of_document(document)


class StagedVersionIOManager(dg.ConfigurableIOManager):
    """The name of the staged version; the version itself lies in its folder and is verified when it is loaded."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: ModelVersion) -> None:
        """Write the pointer."""
        pointer = {"version_id": obj.version_id, "sha256": obj.sha256}
        with explained():
            write_document(self.workplace.home, context.asset_key.path[-1], pointer)

    def load_input(self, context: dg.InputContext) -> ModelVersion:
        """Read and verify the version."""
        refuse_red_input(context)
        with explained():
            return read_staged(self.workplace.home, context.asset_key.path[-1])


class LedgerIOManager(dg.ConfigurableIOManager):
    """What is in production, by the ledger and never by a file; so a rollback counts at once."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: ModelVersion) -> None:
        """Nothing: the asset has written its row."""

    def load_input(self, context: dg.InputContext) -> ModelVersion:
        """Read and verify the champion."""
        refuse_red_input(context)
        with explained(), self.workplace.store() as store:
            champion = load_champion(self.workplace.home, store)
            if champion is None:
                raise VersionRefused("Nothing is in production yet: materialise prod_model first.")
            return champion


def _never_made(asset: str) -> dg.Failure:
    return dg.Failure(f"{asset} was never made in this home: materialise it first.", allow_retries=False)
