"""One writer of a version, light enough to be started as a process of its own."""

from collections.abc import Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from milk.files.local import LocalFolder
from milk.models.version import write_version


def write(
    folder: Path, model: Mapping[str, Any], card: Mapping[str, Any], start: Barrier, results: "Queue[str]"
) -> None:
    """Wait until all writers are there, write, and tell the hash of what stands."""
    start.wait()
    results.put(write_version(LocalFolder(folder), model, card).sha256)
