"""Homes whose files lie in a bucket."""

from contextlib import nullcontext
from pathlib import Path

from milk.files.bucket import open_bucket
from milk.home.layout import Home, Shared
from tests.s3 import PATIENCE_SECONDS


def bucket_home(bucket: str, path: Path, *, patience_seconds: int = PATIENCE_SECONDS) -> Home:
    """A home of one machine whose files lie in a bucket; its lock holds nobody off."""
    files = open_bucket(f"s3://{bucket}/homes/one", patience_seconds=patience_seconds)
    return Home(path, Shared(files, lambda _wait_seconds, _busy: nullcontext()))
