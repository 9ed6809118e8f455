"""Folders on a disk."""

import datetime as dt
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from milk.errors import HomeRefused
from milk.files.folder import Entry, T

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder on a disk; see `milk.files.folder.Folder`."""

    path: Path

    @property
    def table_options(self) -> dict[str, str] | None:
        """None are needed."""
        return None

    def __truediv__(self, name: str) -> "LocalFolder":
        """The folder of that name within this one."""
        return LocalFolder(self.path / name)

    def __str__(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """Make the folder, and see that it can be written."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.path):
            pass

    def read(self, name: str, *, most_bytes: int | None = None) -> bytes:
        """The content of a file."""
        file = self.path / name
        if most_bytes is not None and file.stat().st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(file))
        return file.read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all."""
        with self._told_when_full():
            write_atomically(self.path / name, content)

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file unless one stands there already."""
        if not (self.path / name).exists():
            self.write(name, content)

    def add(self, name: str, contents: Mapping[str, bytes]) -> None:
        """Add a folder of files, which appears whole."""
        with self._told_when_full():
            self._add(name, contents)

    def _add(self, name: str, contents: Mapping[str, bytes]) -> None:
        target = self.path / name
        if target.exists():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / f".{name}.{uuid4().hex}.part"
        part.mkdir()
        try:
            for file_name, content in contents.items():
                _write_synced(part / file_name, content)
            # A folder appears whole or not at all; whoever comes second finds the same content there.
            part.rename(target)
        except OSError:
            if not target.exists():
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.path / name).is_file()

    def names(self) -> list[str]:
        """The names of all files below."""
        found = (file.relative_to(self.path) for file in self.path.rglob("*") if file.is_file())
        return sorted(file.as_posix() for file in found if not any(part.startswith(".") for part in file.parts))

    def entries(self) -> list[Entry]:
        """Every file below.

        Raises:
            OSError: a folder may not be read; a `glob` would leave it out and say nothing.
        """
        below = os.walk(self.path, onerror=_raise_unless_gone)
        found = (self._entry(Path(folder) / name) for folder, _folders, names in below for name in names)
        return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.name)

    def _entry(self, file: Path) -> Entry | None:
        """A file; `None` for a folder, or where it is gone since it was listed."""
        try:
            if not file.is_file():
                return None
            held = file.stat()
        except FileNotFoundError:
            return None
        written_at = dt.datetime.fromtimestamp(held.st_mtime, dt.UTC)
        return Entry(file.relative_to(self.path).as_posix(), held.st_size, written_at)

    def delete(self, name: str) -> None:
        """Delete a file."""
        (self.path / name).unlink(missing_ok=True)

    def mark(self, name: str) -> tuple[int, ...]:
        """Which file it is, its size and time."""
        try:
            held = (self.path / name).stat()
        except OSError:
            return ()
        return held.st_ino, held.st_size, held.st_mtime_ns

    @contextmanager
    def at_hand(self, names: Sequence[str]) -> Iterator[Path]:  # noqa: ARG002  # because they are at hand already
        """The folder itself."""
        yield self.path

    def ask(self, question: Callable[[], T]) -> T:
        """A disk answers at once."""
        with self._told_when_full():
            return question()

    @contextmanager
    def _told_when_full(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # The Delta library gives the words of the system and not its number.
            if getattr(error, "errno", None) not in _FULL and os.strerror(errno.ENOSPC) not in str(error):
                raise
            raise HomeRefused(
                f"The disk of {self.path} is full. Nothing is half written. Free some space, then do the same again."
            ) from error


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def refuse_no_file(file: Path) -> None:
    """Raise where something stands there that is no file.

    Raises:
        FileExistsError: it does.
    """
    if file.exists() and not file.is_file():
        raise FileExistsError(errno.EEXIST, "it is there and is no file", str(file))


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        OSError: the file cannot be written, or something stands there that is no file: a rename onto a device or a pipe
            would not write to it, but take its place.
    """
    refuse_no_file(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # A temporary file is its owner's alone; what stands in a home may be read by a reader under another user.
        part.chmod(0o644)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
