"""How values of assets are kept: Delta tables, JSON documents, model versions, the ledger.

An own small manager, because the published one for Delta holds pandas below 3 and fails on partitioned writes. What a
step must write under a lock or in parts (observations, monthly tables) it writes itself; it is read back here.
"""

import dagster as dg
import pandas as pd

from milk.errors import VersionRefused
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.home.tables import has_table, read_table, write_whole_table
from milk.models.version import ModelVersion, read_version
from milk.steps.promotion import load_champion
from milk.steps.training import Params
from milk_assets.defs.failures import explained
from milk_assets.defs.resources import Workplace


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
        name = context.asset_key.path[-1]
        if not has_table(self.workplace.home, name):
            raise _never_made(name)
        with explained():
            return read_table(self.workplace.home, name)


class ParamsIOManager(dg.ConfigurableIOManager):
    """The chosen parameters as a JSON document."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: Params) -> None:
        """Write the document."""
        write_document(self.workplace.home, context.asset_key.path[-1], obj.document())

    def load_input(self, context: dg.InputContext) -> Params:
        """Read the document."""
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
        write_document(self.workplace.home, context.asset_key.path[-1], pointer)

    def load_input(self, context: dg.InputContext) -> ModelVersion:
        """Read and verify the version."""
        with explained():
            return read_staged(self.workplace.home, context.asset_key.path[-1])


class LedgerIOManager(dg.ConfigurableIOManager):
    """What is in production, by the ledger and never by a file; so a rollback counts at once."""

    workplace: dg.ResourceDependency[Workplace]

    def handle_output(self, context: dg.OutputContext, obj: ModelVersion) -> None:
        """Nothing: the asset has written its row."""

    def load_input(self, context: dg.InputContext) -> ModelVersion:  # noqa: ARG002  # because the ledger has one champion
        """Read and verify the champion."""
        with explained(), self.workplace.store() as store:
            champion = load_champion(self.workplace.home, store)
            if champion is None:
                raise VersionRefused("Nothing is in production yet: materialise prod_model first.")
            return champion


def read_staged(home: Home, asset: str) -> ModelVersion:
    """The verified version that is staged.

    Raises:
        VersionRefused: there is none, or it is damaged.
    """
    pointer = read_document(home, asset)
    if pointer is None:
        raise VersionRefused(f"Nothing is staged yet: materialise {asset} first.")
    if not isinstance(pointer, dict) or not {"version_id", "sha256"} <= pointer.keys():
        raise VersionRefused(f"The document {asset} of the home is damaged: materialise {asset} again.")
    return read_version(home.models, pointer["version_id"], expected_sha256=pointer["sha256"])


def _never_made(asset: str) -> dg.Failure:
    return dg.Failure(f"{asset} was never made in this home: materialise it first.", allow_retries=False)
