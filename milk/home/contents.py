"""All that a home keeps in files, by path: for what concerns the whole of it, as a backup does.

A path is that inside the home, with `/` between its parts, whatever the home lies on.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from milk.errors import HomeRefused
from milk.files.local import LocalFolder
from milk.home.layout import DATASET_FILE, Home

RESULTS = ("received", "documents", "models", "tables")
"""The folders of what is kept for ever; beside them lies the record of the dataset, and what is of this machine."""
PART = ".part"
"""How a file or folder ends that is being written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a home: its path, its size in bytes, when it was written."""

    path: str
    size: int
    written_at: dt.datetime


def list_kept(home: Home, folder: str) -> list[Kept]:
    """Every file below a folder of what is kept, in the order of their paths; none where there is no such folder.

    Raises:
        HomeRefused: the folder cannot be read.
    """
    with _told(home, folder):
        found = (home.files / folder).entries()
    return [Kept(f"{folder}/{entry.name}", entry.size, entry.written_at) for entry in found]


def list_of_machine(home: Home, folder: str) -> list[Kept]:
    """The same of a folder that is of this machine, whatever else the home lies on."""
    with _told(home, folder):
        found = LocalFolder(home.path / folder).entries()
    return [Kept(f"{folder}/{entry.name}", entry.size, entry.written_at) for entry in found]


def read_kept(home: Home, path: str) -> bytes:
    """The bytes of a file.

    Raises:
        FileNotFoundError: it is not there.
        HomeRefused: it cannot be read.
    """
    with _told(home, path):
        return home.files.read(path)


@contextmanager
def _told(home: Home, what: str) -> Iterator[None]:
    """Say of a fault of the disk that it is the home's; whoever reads it may be writing elsewhere."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HomeRefused(
            f"{what} in the home {home.address} cannot be read: {error.strerror or error}. Check the disk and who may "
            "read it; a backup may hold what is damaged."
        ) from error


def remove_kept(home: Home, path: str, *, is_of_machine: bool = False) -> None:
    """Delete a file, and its folder with the last of them; what is gone already is no failure.

    Raises:
        OSError: it cannot be deleted.
    """
    (LocalFolder(home.path) if is_of_machine else home.files).delete(path)
    # In a bucket there are no folders; one that is not empty, or gone, is nothing to be removed.
    with suppress(OSError):
        (home.path / path).parent.rmdir()


def holds(home: Home) -> list[str]:
    """What lies in the home of what is kept for ever.

    Raises:
        HomeRefused: a folder of it cannot be read.
    """
    folders = [name for name in RESULTS if list_kept(home, name)]
    return [*([DATASET_FILE] if home.files.has(DATASET_FILE) else []), *folders]


def is_part(path: str) -> bool:
    """Whether a file is one that was being written, or lies in such a folder."""
    return any(name.endswith(PART) for name in path.split("/"))
