"""Where things lie in a home."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from milk.addresses import embedded_store
from milk.errors import HomeBusy, HomeRefused
from milk.files.folder import Folder
from milk.files.local import LocalFolder

DATASET_FILE = "dataset.json"
"""The record of the dataset to which a home belongs."""
_LONGEST_ALERT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Shared:
    """What several machines share of a home.

    Attributes:
        files: where its files lie.
        lock: holds the home for as long as a block lasts, whichever machine asks, waiting for so many seconds; raises
            `HomeBusy` with the message given.
    """

    files: Folder
    lock: Callable[[float, str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Home:
    """The places of a home; making one touches nothing.

    Attributes:
        path: the folder of this machine: Dagster's records, logs and locks, and the files where they are not shared.
        shared: what several machines share; nothing where not given.
    """

    path: Path
    shared: Shared | None = None

    @property
    def files(self) -> Folder:
        """Everything that is kept in files: `dataset.json` and the folders below."""
        return self.shared.files if self.shared else LocalFolder(self.path)

    @property
    def address(self) -> str:
        """Where the files lie, as it may be shown."""
        return str(self.files)

    @property
    def received(self) -> Folder:
        """Received bytes, by source and hash."""
        return self.files / "received"

    @property
    def tables(self) -> Folder:
        """Delta tables, one folder each."""
        return self.files / "tables"

    @property
    def documents(self) -> Folder:
        """JSON documents, one file each."""
        return self.files / "documents"

    @property
    def models(self) -> Folder:
        """Model versions, one folder each."""
        return self.files / "models"

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
            HomeRefused: it cannot be made or written, or the bucket is not fit.
        """
        try:
            LocalFolder(self.path).prepare()
        except OSError as error:
            raise self._unwritable(error) from error
        if self.shared:
            self.shared.files.prepare()

    def beside(self, ending: str) -> str:
        """What to set to have another home beside this one, of the same name with an ending."""
        if self.shared:
            return f"MILK_FILES_URL={self.address}-{ending}, with a MILK_STORE_URL of its own"
        return f"--home {self.path}-{ending}"

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
            f"Another run is writing to {self.address} at this moment. Wait until it ends, or give this one a home of "
            "its own with --home."
        )
        # With shared files the lock of the machine keeps the processes of one machine from asking all at once.
        with self._held("run.lock", wait_seconds, busy) as times:
            # Held already by this process, it is held of all machines.
            is_first = times == 1
            with self.shared.lock(wait_seconds, busy) if self.shared and is_first else nullcontext():
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
    def telling(self) -> Iterator[None]:
        """Be the one process of this machine that sends an alert; others wait for as long as one may take.

        Raises:
            HomeBusy: another process is at it still.
            HomeRefused: the lock cannot be written.
        """
        busy = f"Another process sends the alerts of {self.address} at this moment. Look again when it has ended."
        with self._held("alerts.lock", _LONGEST_ALERT_SECONDS, busy):
            yield

    @contextmanager
    def _held(self, name: str, wait_seconds: float, busy: str) -> Iterator[int]:
        """Hold a lock of this machine, and tell how many times this thread holds it by now."""
        lock = FileLock(self.path / name, is_singleton=True)
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise HomeBusy(busy) from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield lock.lock_counter
        finally:
            lock.release()
