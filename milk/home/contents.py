"""All that a home keeps in files, by path: for what concerns the whole of it, as a backup does.

A path is that inside the home, with `/` between its parts, whatever the home lies on.
"""

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from milk.home.layout import Home, write_atomically

RESULTS = ("received", "documents", "models", "tables")
"""The folders of what is kept for ever; beside them lies `dataset.json`, and what is of this machine."""
DATASET = "dataset.json"
PART = ".part"
"""How a file or folder ends that is being written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a home: its path, its size in bytes, when it was written."""

    path: str
    size: int
    written_at: dt.datetime


def list_kept(home: Home, folder: str) -> list[Kept]:
    """Every file below a folder of the home, in the order of their paths; none where there is no such folder."""
    return sorted(
        (kept for file in (home.path / folder).rglob("*") if (kept := _kept(home, file)) is not None),
        key=lambda kept: kept.path,
    )


def read_kept(home: Home, path: str) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    return (home.path / path).read_bytes()


def write_kept(home: Home, path: str, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(home.path / path, content)


def remove_kept(home: Home, path: str) -> None:
    """Delete a file, and its folder with the last of them; what is gone already is no failure.

    Raises:
        OSError: it cannot be deleted.
    """
    file = home.path / path
    file.unlink(missing_ok=True)
    # One that is not empty, or gone, is nothing to be removed.
    with suppress(OSError):
        file.parent.rmdir()


def holds(home: Home) -> list[str]:
    """What lies in the home of what is kept for ever."""
    return [name for name in (DATASET, *RESULTS) if _is_something(home.path / name)]


def is_part(path: str) -> bool:
    """Whether a file is one that was being written, or lies in such a folder."""
    return any(name.endswith(PART) for name in path.split("/"))


def _is_something(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.exists()


def _kept(home: Home, file: Path) -> Kept | None:
    """A file; `None` for a folder, or where it is gone since it was listed."""
    try:
        if not file.is_file():
            return None
        found = file.stat()
    except FileNotFoundError:
        return None
    written_at = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
    return Kept(file.relative_to(home.path).as_posix(), found.st_size, written_at)
