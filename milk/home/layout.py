"""Where things lie in a home."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from milk.errors import HomeBusy, HomeRefused
from milk.settings import embedded_store


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a home; making one touches nothing."""

    path: Path

    @property
    def dataset_file(self) -> Path:
        """The record of the dataset to which the home belongs."""
        return self.path / "dataset.json"

    @property
    def received(self) -> Path:
        """Received bytes, by source and hash."""
        return self.path / "received"

    @property
    def tables(self) -> Path:
        """Delta tables, one folder each."""
        return self.path / "tables"

    @property
    def documents(self) -> Path:
        """JSON documents, one file each."""
        return self.path / "documents"

    @property
    def models(self) -> Path:
        """Model versions, one folder each."""
        return self.path / "models"

    @property
    def dagster(self) -> Path:
        """The folder that Dagster calls DAGSTER_HOME."""
        return self.path / "dagster"

    @property
    def logs(self) -> Path:
        """What the servers of `milk up` say, one file each."""
        return self.path / "logs"

    @property
    def store_url(self) -> str:
        """The embedded database of ledger and publications."""
        return embedded_store(self.path)

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            HomeRefused: it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> HomeRefused:
        return HomeRefused(
            f"The home {self.path} cannot be written: {error.strerror}. Choose another with --home or MILK_HOME."
        )

    @contextmanager
    def locked(self, *, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the home: one process at a time, as often as it likes within itself.

        Args:
            wait_seconds: how long to wait for another process.

        Raises:
            HomeBusy: another process holds it still.
            HomeRefused: the lock cannot be written.
        """
        busy = (
            f"Another run is writing to {self.path} at this moment. Wait until it ends, or give this one a home of "
            "its own with --home."
        )
        with self._held("run.lock", wait_seconds, busy):
            yield

    @contextmanager
    def served(self) -> Iterator[None]:
        """Be the one process that runs Dagster's servers on the home: two daemons would start everything twice.

        Raises:
            HomeBusy: another process is that already.
            HomeRefused: the lock cannot be written.
        """
        busy = f"`milk up` runs on the home {self.path} already. Stop that one first, or use another home with --home."
        with self._held("up.lock", 0, busy):
            yield

    @contextmanager
    def _held(self, name: str, wait_seconds: float, busy: str) -> Iterator[None]:
        lock = FileLock(self.path / name, is_singleton=True)
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise HomeBusy(busy) from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()


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
