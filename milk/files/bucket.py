"""Folders in an S3-compatible bucket.

An object appears whole or not at all, so a write needs no second name. What a bucket does not offer is a rename of
several files at once: `add` writes them in order, and the last one makes them count.

Every request is tried again while the bucket refuses, cuts the connection or stays silent (each try for half the
patience), for as long as the patience lasts; then one message says so. A write that is tried again may meet itself: its
first try may have been done though no answer came back. `write_once` takes that for done, since it asks only that
something stands there.
"""

import datetime as dt
import errno
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from milk.errors import FilesUnavailable, HomeRefused, NotAllowed
from milk.files.folder import Entry, T

CONNECT_SECONDS = 5
LONGEST_PAUSE_SECONDS = 5
"""Between two tries; the first pause is a tenth of a second, and each is about twice the one before."""
MOST_TRIES = 20
PAUSE_SECONDS = 0.2
FETCHED_AT_ONCE = 8
PROBE = "conditional-put"
"""A file that shows, by standing there, that the bucket refuses to write a file a second time."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PREAMBLE = re.compile(r"(Kernel error ->|Generic S3 error:?|Error performing|HTTP error:?) ?")
_NOT_ALLOWED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403 Forbidden", "401 Unauthorized")
_proven: set[str] = set()


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """A folder in a bucket; see `milk.files.folder.Folder`.

    Attributes:
        bucket: name of the bucket.
        prefix: beginning of the names of what lies in the folder, without a slash at its ends; empty for all of it.
        patience_seconds: for how long a request that fails is tried again.
        store: the connection, shared by the folders within this one.
    """

    bucket: str
    prefix: str
    patience_seconds: int
    store: S3Store

    @property
    def table_options(self) -> dict[str, str]:
        """The same patience for the Delta library; where the bucket is and who asks stand in the environment."""
        return {
            "allow_http": "true",
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "timeout": f"{self.patience_seconds / 2 * 1000:.0f}ms",
            "max_retries": str(MOST_TRIES),
            "retry_timeout": f"{self.patience_seconds}s",
            "backoff_config.max_backoff": f"{LONGEST_PAUSE_SECONDS}s",
        }

    def __truediv__(self, name: str) -> "BucketFolder":
        """The folder of that name within this one."""
        return BucketFolder(self.bucket, self._key(name), self.patience_seconds, self.store)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def prepare(self) -> None:
        """See that the bucket is there, may be written, and keeps two writers apart.

        Raises:
            HomeRefused: it is not, or does not: of two that commit to a table at once, one would be lost.
        """
        if str(self) in _proven:
            return
        # Where the first finds the file of an earlier time, the second is not needed, and harmless.
        if self._is_new(PROBE, b"") and self._is_new(PROBE, b""):
            raise HomeRefused(
                f"The bucket {self.bucket} (MILK_FILES_URL) writes a file a second time where it is told not to (PUT "
                "with If-None-Match), so that two writers would lose what the other wrote. Use a store that supports "
                "conditional writes."
            )
        _proven.add(str(self))

    def read(self, name: str, *, most_bytes: int | None = None) -> bytes:
        """The content of a file."""

        def question() -> bytes:
            answer = obstore.get(self.store, self._key(name))
            if most_bytes is not None and answer.meta["size"] > most_bytes:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), f"{self}/{name}")
            return bytes(answer.bytes())

        try:
            return self.ask(question)
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self}/{name}") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all."""
        self.ask(lambda: obstore.put(self.store, self._key(name), content))

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file unless one stands there already."""
        self._is_new(name, content)

    def _is_new(self, name: str, content: bytes) -> bool:
        """Write a file unless one is there; whether there was none. A first try without an answer counts as one."""

        def question() -> bool:
            try:
                obstore.put(self.store, self._key(name), content, mode="create")
            except AlreadyExistsError:
                return False
            return True

        return self.ask(question)

    def add(self, name: str, contents: Mapping[str, bytes]) -> None:
        """Add a folder of files, the last of which makes it count."""
        folder = self / name
        for file_name, content in contents.items():
            folder.write_once(file_name, content)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        try:
            self.ask(lambda: obstore.head(self.store, self._key(name)))
        except FileNotFoundError:
            return False
        return True

    def names(self) -> list[str]:
        """The names of all files below."""
        found = self.ask(lambda: obstore.list(self.store, self.prefix or None).collect())
        return sorted(str(entry["path"]).removeprefix(f"{self.prefix}/") for entry in found)

    def entries(self) -> list[Entry]:
        """Every file below; what is being written is none yet."""
        found = self.ask(lambda: obstore.list(self.store, self.prefix or None).collect())
        named = ((str(held["path"]).removeprefix(f"{self.prefix}/"), held) for held in found)
        return sorted(
            (Entry(name, held["size"], held["last_modified"]) for name, held in named), key=lambda entry: entry.name
        )

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.ask(lambda: obstore.delete(self.store, self._key(name)))

    def mark(self, name: str) -> tuple[int, ...]:  # noqa: ARG002  # because it would cost a request for each file
        """Nothing: a file of a bucket is believed until the process ends."""
        return ()

    @contextmanager
    def at_hand(self, names: Sequence[str]) -> Iterator[Path]:
        """A temporary folder with these files, several fetched at once."""
        with tempfile.TemporaryDirectory(prefix="milk-") as place:
            folder = Path(place)
            with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
                for name, content in zip(names, pool.map(self.read, names), strict=True):
                    (folder / name).write_bytes(content)
            yield folder

    def ask(self, question: Callable[[], T]) -> T:
        """The answer, asked for again while the bucket fails and the patience lasts.

        The libraries try a request again themselves, but not one whose answer breaks off in the middle of a list, nor
        a conditional write that got no answer.
        """
        until = time.monotonic() + self.patience_seconds
        while True:
            try:
                return question()
            except Exception as error:
                refusal = self._refusal(error)
                if refusal is None:
                    raise
                if not isinstance(refusal, FilesUnavailable) or time.monotonic() > until:
                    raise refusal from error
            time.sleep(PAUSE_SECONDS)

    def _refusal(self, error: Exception) -> HomeRefused | None:
        # By the text: the Delta library knows no types for what its store met.
        said = _COLOUR.sub("", str(error))
        if "NoSuchBucket" in said:
            return HomeRefused(
                f"There is no bucket {self.bucket} (MILK_FILES_URL) where AWS_ENDPOINT_URL points. Make it, or name "
                "another."
            )
        if any(sign in said for sign in _NOT_ALLOWED):
            return NotAllowed(
                f"The bucket {self.bucket} (MILK_FILES_URL) does not let its user do that ({_first_line(said)}). Check "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: they need the right to list, read, write and delete."
            )
        if not isinstance(error, BaseError) and "S3 error" not in said:
            return None
        return FilesUnavailable(
            f"The files at {self} (MILK_FILES_URL) do not answer: {_first_line(said)}. Nothing is half written. Check "
            "AWS_ENDPOINT_URL, the credentials and the server, then try again."
        )

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def open_bucket(url: str, *, patience_seconds: int) -> BucketFolder:
    """The folder at `s3://bucket/prefix`; nothing is asked yet.

    Where the bucket is, and by which name and key it is asked, stand in the environment, as every program for S3 reads
    it: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    patience = dt.timedelta(seconds=patience_seconds)
    options: dict[str, Any] = {
        # An endpoint without TLS is whoever's choice who names one: it begins with http://.
        "client_options": {"allow_http": True, "connect_timeout": f"{CONNECT_SECONDS}s", "timeout": patience / 2},
        "retry_config": {
            "max_retries": MOST_TRIES,
            "retry_timeout": patience,
            "backoff": {"max_backoff": dt.timedelta(seconds=LONGEST_PAUSE_SECONDS)},
        },
    }
    return BucketFolder(bucket, prefix.strip("/"), patience_seconds, S3Store(bucket, **options))


def _first_line(said: str) -> str:
    """What the library says, without its tree of causes and without the text of the answer."""
    lines = [line.strip(" ↳") for line in said.split("Debug source")[0].splitlines()]
    return _PREAMBLE.sub("", " ".join(line for line in lines if line and not line.startswith("<")))[:300].strip()
