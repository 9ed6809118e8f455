"""What every folder can do, whether it lies on a disk or in a bucket."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a folder: its name, its size in bytes, when it was written."""

    name: str
    size: int
    written_at: dt.datetime


class Folder(Protocol):
    """A folder: files under names, which may hold `/`; its text is its address, as it may be shown.

    Whatever touches it raises `OSError` where a file is at fault (`FileNotFoundError` where it is not there), and
    `HomeRefused` where the whole place is.
    """

    @property
    def table_options(self) -> dict[str, str] | None:
        """How the Delta library reaches what lies here; `None` for a disk."""

    def __truediv__(self, name: str) -> "Folder":
        """The folder of that name within this one; nothing is touched."""

    def prepare(self) -> None:
        """Make the folder, and see that it can be written.

        Raises:
            OSError: it cannot.
            HomeRefused: the bucket is not there, or not fit.
        """

    def read(self, name: str, *, most_bytes: int | None = None) -> bytes:
        """The content of a file.

        Raises:
            OSError: it cannot be read; with `errno.EFBIG`, it holds more bytes than allowed.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write a file so that a reader sees the old content or the new, never a part."""

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file unless one stands there already; who must know whose it is reads it afterwards.

        In a bucket the first of several writers wins; on a disk it is their lock that keeps them apart.
        """

    def add(self, name: str, contents: Mapping[str, bytes]) -> None:
        """Add a folder of files; one that stands there already stays as it is.

        On a disk the folder appears whole. In a bucket its files appear in the order given, so whoever reads waits for
        the last one.
        """

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def names(self) -> list[str]:
        """The names of all files below, without those that are being written."""

    def entries(self) -> list[Entry]:
        """Every file below, in the order of their names, those that are being written among them."""

    def delete(self, name: str) -> None:
        """Delete a file; none of that name is no fault."""

    def mark(self, name: str) -> tuple[int, ...]:
        """By what damage to a file that never changes by itself is seen; nothing where it is not looked for."""

    def at_hand(self, names: Sequence[str]) -> AbstractContextManager[Path]:
        """A folder of this machine that holds these files, for as long as the block lasts."""

    def ask(self, question: Callable[[], T]) -> T:
        """The answer of another library that works on this folder.

        A bucket is asked again while it fails and the patience lasts, so the question must be safe to repeat; then its
        faults become a `HomeRefused`.
        """
