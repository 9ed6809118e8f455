"""A backup as a file: a tar with gzip, whose last member is a manifest with the hash of each of the others.

The manifest comes last because hashes are known last; so a file that was cut off holds none, and is refused. Whatever
is read from such a file is taken for hostile until the hash of each member agrees: names outside the known folders,
links, devices, sizes that no backup has.
"""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from milk.errors import BackupRefused, HomeRefused
from milk.files.local import refuse_no_file

FORMAT = 1
MANIFEST = "manifest.json"
MEMBERS = "members"
LARGEST_MEMBER = 1 << 34
LARGEST_MANIFEST = 1 << 27
LARGEST_READ = 1 << 20
"""Bytes asked for at once: a header of a tar that claims a longer name than this is none of ours."""
_CHUNK = 1 << 18
_NAME = re.compile(r"(store|files)(/[A-Za-z0-9_][A-Za-z0-9_.=%-]*){1,8}")
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError, ValueError)


def is_member_name(name: str) -> bool:
    """Whether a backup may hold a member of that name: `store/` or `files/`, and a path as our programs write them."""
    return _NAME.fullmatch(name) is not None


class ArchiveWriter:
    """Adds members to a backup and remembers their hashes."""

    def __init__(self, tar: tarfile.TarFile, created: float) -> None:
        self._tar, self._created = tar, created
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a member from its bytes."""
        self.add_stream(name, io.BytesIO(content))

    def add_stream(self, name: str, stream: IO[bytes]) -> None:
        """Add a member from a stream, from its beginning to its end.

        Raises:
            HomeRefused: no backup holds such a name, so that one with it could never be read.
        """
        if name != MANIFEST and not is_member_name(name):
            raise HomeRefused(f"{name!r} is no name that a backup can hold. Nothing was written. Rename or remove it.")
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        hashed = _Hashing(stream)
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, int(self._created), 0o644
        self._tar.addfile(info, hashed)
        if name != MANIFEST:
            self.members[name] = {"bytes": size, "sha256": hashed.hexdigest}


class _Hashing:
    """Reads through, and hashes what is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._hash.update(content)
        return content

    @property
    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def written_archive(file: Path, *, created: float) -> Iterator[ArchiveWriter]:
    """Write a backup whole or not at all: it bears its name once its manifest is in it.

    Raises:
        HomeRefused: the file is there already, or cannot be written.
    """
    part: Path | None = None
    try:
        _refuse_standing(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        # A temporary file is its owner's alone, and so is a backup: it holds what was asked online.
        with tempfile.NamedTemporaryFile(
            dir=file.parent, prefix=f".{file.name}.", suffix=".part", delete=False
        ) as stream:
            part = Path(stream.name)
            with (
                gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=6, mtime=created) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
            ):
                yield ArchiveWriter(tar, created)
            _sync(stream)
        _refuse_standing(file)
        part.replace(file)
    except OSError as error:
        # Not always its own: a temporary file may be at fault.
        where = f" ({error.filename})" if error.filename else ""
        raise HomeRefused(
            f"The backup {file} cannot be written: {error.strerror or error}{where}. Choose another file."
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _refuse_standing(file: Path) -> None:
    refuse_no_file(file)
    if file.exists():
        raise HomeRefused(
            f"{file} is there already, and a backup never takes the place of another. Name a new file, for instance "
            "with the day in its name."
        )


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def verified_manifest(file: Path) -> dict[str, Any]:
    """Read a backup from its first byte to its last, and give back its manifest where all of it is as it says.

    Raises:
        BackupRefused: it is no backup, cut off, altered, hostile, or of a newer program; nothing was written.
    """
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] | None = None
    for name, size, stream in _members(file):
        if manifest is not None or name in found:
            raise _refused(file, f"{name} stands in it where nothing may")
        if name == MANIFEST:
            manifest = _manifest(file, stream, size)
        else:
            hashed = _Hashing(stream)
            while hashed.read(_CHUNK):
                pass
            found[name] = {"bytes": size, "sha256": hashed.hexdigest}
    if manifest is None:
        raise _refused(file, "it is cut off: its last part, the manifest, is missing")
    _refuse_unlike(file, found, manifest[MEMBERS])
    return manifest


def _refuse_unlike(file: Path, found: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    if odd := sorted(found.keys() ^ said.keys()):
        raise _refused(file, f"{odd[0]} is missing from it, or not of it")
    for name in said:
        if found[name] != said[name]:
            raise _refused(file, f"{name} was altered")


def archive_members(file: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, IO[bytes]]]:
    """The members of a backup whose manifest was verified, in their order, each with its bytes.

    Each is hashed once more while it is read, so a file that changes meanwhile is found out.

    Raises:
        BackupRefused: the file is another one by now.
    """
    for name, _size, stream in _members(file):
        if name == MANIFEST:
            continue
        hashed = _Hashing(stream)
        yield name, cast("IO[bytes]", hashed)
        while hashed.read(_CHUNK):
            pass
        if manifest[MEMBERS].get(name, {}).get("sha256") != hashed.hexdigest:
            raise _refused(file, f"{name} was altered while it was read")


def _members(file: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and bytes of each member, none of them believed.

    Raises:
        BackupRefused: a member is none of a backup's, or the file cannot be read to its end.
    """
    with _explained(file), gzip.open(file, "rb") as packed:
        guarded = _Guarded(cast("BinaryIO", packed))
        with tarfile.open(fileobj=cast("IO[bytes]", guarded), mode="r:") as tar:
            for member in tar:
                _refuse_foreign(file, member)
                stream = tar.extractfile(member)
                if stream is not None:
                    yield member.name, member.size, cast("IO[bytes]", _Explained(file, stream))
        _refuse_more(file, guarded)


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Say of a file that cannot be read, or not as what it should be, what is wrong with it."""
    try:
        yield
    except FileNotFoundError as error:
        raise BackupRefused(f"There is no backup {file}. Name the file that `milk backup` wrote.") from error
    except _DAMAGE as error:
        raise _refused(file, f"it is no whole gzip of a tar ({error})") from error
    except OSError as error:
        raise BackupRefused(f"The backup {file} cannot be read: {error.strerror or error}.") from error


class _Explained:
    """A member whose faults are told as those of the file: whoever reads it does so elsewhere."""

    def __init__(self, file: Path, stream: IO[bytes]) -> None:
        self._file, self._stream = file, stream

    def read(self, size: int = -1) -> bytes:
        with _explained(self._file):
            return self._stream.read(size)


class _Guarded:
    """A stream of which nobody reads much at once: a header may claim any length."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_READ:
            raise tarfile.ReadError("a header claims more than a backup holds")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _refuse_foreign(file: Path, member: tarfile.TarInfo) -> None:
    """Raise where a member is not one that `milk backup` writes."""
    shown = member.name[:80]
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise _refused(file, f"it holds '{shown}', which is no plain file")
    if member.name != MANIFEST and not is_member_name(member.name):
        raise _refused(file, f"it holds '{shown}', which is no name of a backup's")
    if member.size > (LARGEST_MANIFEST if member.name == MANIFEST else LARGEST_MEMBER):
        raise _refused(file, f"'{shown}' in it is larger than anything in a backup")


def _refuse_more(file: Path, stream: _Guarded) -> None:
    """Raise where something follows the tar but the zeros that fill it up; to the end, so that its sum is checked."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        rest += chunk
        if len(rest) > tarfile.RECORDSIZE or any(rest):
            raise _refused(file, "something follows its end")


def _manifest(file: Path, stream: IO[bytes], size: int) -> dict[str, Any]:
    content = b"".join(iter(lambda: stream.read(_CHUNK), b""))
    try:
        manifest = json.loads(content)
        members = manifest[MEMBERS]
        is_sound = len(content) == size and all({*said} == {"bytes", "sha256"} for said in members.values())
        number = int(manifest["format"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise _refused(file, "its manifest cannot be read") from error
    if number > FORMAT:
        raise BackupRefused(
            f"{file} is a backup of format {number}, which a newer program wrote; this one reads up to {FORMAT}. "
            "Update the program."
        )
    if not is_sound:
        raise _refused(file, "its manifest cannot be read")
    return dict(manifest)


def _refused(file: Path, why: str) -> BackupRefused:
    return BackupRefused(f"{file} is no backup that can be used: {why}. Nothing was written. Use another backup.")
