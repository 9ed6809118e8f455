"""Receive a source: keep the bytes, name the faults, add what is new to the observations."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pandas as pd

from milk.home.dataset import Dataset, claim_home, describe_dataset
from milk.home.layout import Home
from milk.home.received import keep_received
from milk.home.tables import append_table, has_table, read_table
from milk.panel.observations import new_observations, revisions
from milk.panel.quality import vintage_agreement
from milk.series import SourceName, series_register
from milk.sources.faults import Fault, refuse_unusable
from milk.sources.files import SOURCE_FILES, DataFolder, content_hash
from milk.sources.text import Parsed
from milk.steps.receive_series import ReceivedSeries, receive_series
from milk.tables import OBSERVATIONS, empty_table

LOCK_WAIT_SECONDS = 120
"""A run of the command line may hold the home for so long."""
POINT_LOST: Final[SourceName] = "central_bank"
"""The source whose texts have lost their decimal points."""


@dataclass(frozen=True)
class Received:
    """What a reception brought.

    Attributes:
        source: which of the three.
        snapshot: SHA-256 of the file; empty where the optional file is not there.
        faults: everything wrong with it; none of it makes it unusable.
        rows_read: rows in the file.
        added: the observations that were new.
        observations: how many there are now.
        revisions: which values changed, from what to what, and by how much (`milk.panel.observations.revisions`).
        agreement: how far each series agrees with what stood of it (`milk.panel.quality.vintage_agreement`).
        further: what the further price files brought; `None` where the folder lists none and never did.
    """

    source: SourceName
    snapshot: str
    faults: list[Fault]
    rows_read: int
    added: pd.DataFrame
    observations: int
    revisions: pd.DataFrame
    agreement: pd.DataFrame
    further: ReceivedSeries | None = None

    @property
    def data_version(self) -> str:
        """The hash of all that was received; the same files again have the same one."""
        if self.further is None:
            return self.snapshot or "missing"
        return content_hash(f"{self.snapshot} {self.further.content_sha256}".encode())

    @property
    def is_missing(self) -> bool:
        """Whether the optional file is not there."""
        return not self.snapshot


def empty_observations() -> pd.DataFrame:
    """The table `observations` without rows."""
    return empty_table(OBSERVATIONS)


def table_of(source: SourceName) -> str:
    """Name of the table and asset of a source."""
    return f"raw_{source}"


def observations_of(home: Home, source: SourceName) -> pd.DataFrame:
    """All observations of a source so far; none before its first reception."""
    return read_table(home, table_of(source)) if has_table(home, table_of(source)) else empty_observations()


def claim_for_folder(home: Home, folder: DataFolder) -> Dataset:
    """Make the home that of the data in a folder, or see that it is already.

    Raises:
        BadInput: the price file is missing or unusable.
        HomeRefused: the home belongs to another dataset, or cannot be written.
    """
    dataset = dataset_of(folder)
    home.prepare()
    return claim_home(home, dataset)


def dataset_of(folder: DataFolder) -> Dataset:
    """The dataset that the price file of a folder names.

    Raises:
        BadInput: the price file is missing or unusable.
    """
    return _dataset_of_content(folder.fetch("milk_price") or b"", is_synthetic=folder.is_synthetic)


@lru_cache(maxsize=1)
def _dataset_of_content(content: bytes, *, is_synthetic: bool) -> Dataset:
    """Kept for the newest content: each reception asks, and so does whoever loads the graph."""
    parsed = SOURCE_FILES["milk_price"].parse(content)
    refuse_unusable(parsed.faults)
    return describe_dataset(parsed.observations, is_synthetic=is_synthetic)


def receive(home: Home, folder: DataFolder, source: SourceName, *, received_at: dt.datetime) -> Received:
    """Receive one source: keep the file and append what is new to its table.

    Reading what stands and appending to it is one act under the lock of the home, so two receptions at once cannot both
    append the same value.

    Args:
        home: the home; it is claimed for the data of the folder first.
        folder: the folder of input files.
        source: which of the three.
        received_at: now.

    Raises:
        BadInput: the file is unusable; nothing was kept of it.
        HomeRefused: the home is not that of these data.
    """
    claim_for_folder(home, folder)
    content = folder.fetch(source)
    parsed = SOURCE_FILES[source].parse(content) if content is not None else Parsed(empty_observations(), [], 0)
    refuse_unusable(parsed.faults)
    with home.locked(wait_seconds=LOCK_WAIT_SECONDS):
        snapshot = keep_received(home, source, content) if content is not None else ""
        standing = observations_of(home, source)
        added = new_observations(
            parsed.observations,
            standing,
            series=series_register().of_source(source),
            received_at=received_at,
            snapshot=snapshot,
        )
        append_table(home, table_of(source), added)
        further = receive_series(home, folder, received_at=received_at) if source == "milk_price" else None
    changed = revisions(added, standing, is_point_lost=source == POINT_LOST)
    agreement = vintage_agreement(parsed.observations, standing, changed)
    observations = len(standing) + len(added)
    return Received(source, snapshot, parsed.faults, parsed.rows_read, added, observations, changed, agreement, further)


def check_folder(folder: DataFolder) -> dict[SourceName, list[Fault]]:
    """Every fault of every file of a folder.

    Raises:
        BadInput: the folder or the price file is missing.
    """
    found: dict[SourceName, list[Fault]] = {}
    for name, source_file in SOURCE_FILES.items():
        content = folder.fetch(name)
        if content is None:
            problem = "the optional file is not there"
            found[name] = [Fault("warning", "missing file", source_file.file_name, 0, "", "", problem)]
        else:
            found[name] = source_file.parse(content).faults
    return found
