"""The home that settings name."""

from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

from milk.errors import BadSetting
from milk.home.layout import Home, Shared
from milk.publication.lock import server_lock
from milk.settings import Settings


def home_of(settings: Settings) -> Home:
    """The home of some settings; nothing is touched.

    Raises:
        BadSetting: a path or address cannot be used.
    """
    return home_at(
        settings.home_path,
        files_url=settings.files_address,
        store_url=settings.store_address,
        patience_seconds=settings.files_patience_seconds,
    )


@lru_cache(maxsize=8)
def home_at(path: Path, *, files_url: str, store_url: str, patience_seconds: int) -> Home:
    """A home; the same one for the same places, so that it keeps its connections.

    Args:
        path: the folder of this machine.
        files_url: where its files lie, `s3://bucket/prefix`; empty for that folder.
        store_url: the database of ledger and publications, by which the machines that share the files keep apart.
        patience_seconds: for how long a request to the bucket that fails is tried again.

    Raises:
        BadSetting: the library of buckets is not installed.
    """
    if not files_url:
        return Home(path)
    try:
        from milk.files.bucket import open_bucket
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"Files in a bucket (MILK_FILES_URL) need the package '{error.name}', which is not installed."
        ) from error

    def lock(wait_seconds: float, busy: str) -> AbstractContextManager[None]:
        return server_lock(store_url, files_url, wait_seconds=wait_seconds, busy=busy)

    return Home(path, Shared(open_bucket(files_url, patience_seconds=patience_seconds), lock))
