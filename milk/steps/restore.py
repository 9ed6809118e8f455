"""A home from a backup: verified first, then laid out beside its place, then put there.

The record of the dataset is put there last: a home without it is none, so one that was cut off in the middle is never
taken for whole.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from milk.addresses import embedded_store
from milk.errors import BackupRefused, HomeRefused, MilkError
from milk.files.folder import Folder
from milk.files.local import LocalFolder
from milk.home.archive import archive_members, verified_manifest
from milk.home.contents import RESULTS, holds
from milk.home.layout import DATASET_FILE, Home
from milk.home.table_log import LOG
from milk.publication.copy import all_tables, fill_store
from milk.publication.engine import HEAD, open_store
from milk.publication.read import broken_issues
from milk.steps.backup import FILES, STORE, Backup, backup_of

BESIDE = ".restore.part"
"""The folder in the home in which everything is laid out first."""
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored.

    Attributes:
        backup: what the backup says of itself.
        brought_from: the older schema that its store was brought up from; empty where from none.
        broken: the published issues whose rows are not those that were published, as the store was already when it was
            backed up; in words.
    """

    backup: Backup
    brought_from: str
    broken: tuple[str, ...]


def restore_backup(file: Path, home: Home, *, store_url: str) -> Restored:
    """Make a home of a backup, all of it or nothing; but a store outside of the home is filled before the rest.

    Args:
        file: the backup.
        home: where to; a folder that is not there, or holds nothing of a home.
        store_url: where the store is to lie; a new one.

    Raises:
        BackupRefused: the backup is damaged, hostile, or of a newer program; nothing was written.
        HomeRefused: home or store hold something, or cannot be written.
        HomeBusy: something runs on the home.
    """
    manifest = verified_manifest(file)
    backup = _read(file, manifest)
    home.prepare()
    with home.locked():
        _refuse_held(home)
        beside, left = home.path / BESIDE, "Nothing was restored."
        try:
            _lay_out(file, manifest, backup, beside)
            broken = _make_store(beside, home, store_url, backup)
            if store_url != home.store_url and backup.schema is not None:
                left = (
                    "The store was filled and nothing else: once this is mended, the same restore goes on from there."
                )
            _put_in_place(home, beside)
        except OSError as error:
            raise HomeRefused(
                f"The home {home.address} cannot be written: {error.strerror or error}. {left}"
            ) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return Restored(backup, "" if backup.schema in (None, HEAD) else str(backup.schema), tuple(broken))


def _read(file: Path, manifest: dict[str, object]) -> Backup:
    backup = backup_of(file, manifest)
    if backup.schema is not None and backup.schema > HEAD:
        raise BackupRefused(
            f"{file} holds a store of schema {backup.schema}, which program {backup.program} wrote; this one knows up "
            f"to {HEAD}. Restore it with that program, or a newer one."
        )
    return backup


def _refuse_held(home: Home) -> None:
    if (home.path / BESIDE).exists():
        raise HomeRefused(
            f"An earlier restore into {home.path} was interrupted. Delete what it left there, {BESIDE} included, and "
            "restore again."
        )
    store = Path(home.store_url.removeprefix("sqlite:///"))
    if held := [*holds(home), *([store.name] if store.exists() else [])]:
        raise HomeRefused(
            f"The home {home.address} holds something already ({', '.join(held)}). A backup is never restored over it: "
            f"name a new {'prefix with MILK_FILES_URL' if home.shared else 'folder with --home'}."
        )


def _lay_out(file: Path, manifest: dict[str, object], backup: Backup, beside: Path) -> None:
    """Unpack everything beside its place, hashed once more."""
    if (free := shutil.disk_usage(beside.parent).free) < backup.size:
        raise HomeRefused(
            f"The backup needs {backup.size} bytes in {beside.parent}, and {free} are free. Make room, or name another "
            "folder with --home."
        )
    for name, stream in archive_members(file, manifest):
        kind, part, *_rest = name.split("/")
        if kind == FILES and part not in (DATASET_FILE, *RESULTS):
            raise BackupRefused(f"{file} holds {name}, which belongs to no home. Nothing was restored.")
        target = beside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as written:
            shutil.copyfileobj(stream, written, _CHUNK)
            written.flush()
            os.fsync(written.fileno())


def _make_store(beside: Path, home: Home, store_url: str, backup: Backup) -> list[str]:
    """Fill the store, and say what of it was broken before."""
    if backup.schema is None:
        return []
    is_embedded = store_url == home.store_url
    engine = open_store(embedded_store(beside / FILES) if is_embedded else store_url)
    try:
        _fill(engine, beside / STORE, backup.schema)
        return broken_issues(engine)
    finally:
        engine.dispose()


def _fill(engine: sa.Engine, folder: Path, schema: str) -> None:
    files = {file.stem: file for file in folder.glob("*.jsonl")}
    order = [name for name in all_tables() if name in files]
    if odd := sorted(files.keys() - set(order)):
        raise BackupRefused(f"The backup holds a table {odd[0]}, which this program does not know. Update the program.")
    fill_store(engine, {name: _Lines(files[name]) for name in order}, schema=schema)


@dataclass(frozen=True, slots=True)
class _Lines(Iterable[bytes]):
    """The lines of a file, as often as they are asked for."""

    file: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.file.open("rb") as stream:
            yield from stream


def _put_in_place(home: Home, beside: Path) -> None:
    """Bring what was laid out to its place, the record of the dataset last."""
    if home.shared is not None:
        _upload(home.shared.files, beside / FILES)
        return
    laid = sorted((beside / FILES).iterdir(), key=lambda place: (place.name == DATASET_FILE, place.name))
    moved: list[Path] = []
    try:
        for place in laid:
            target = home.path / place.name
            if target.is_dir():
                # It holds nothing: that was seen before.
                target.rmdir()
            place.rename(target)
            moved.append(target)
    except OSError:
        for target in moved:
            target.rename(beside / FILES / target.name)
        raise


def _upload(files: Folder, laid: Path) -> None:
    """Write what was laid out into a bucket: logs of tables after what they name, the record of the dataset last."""
    names = [entry.name for entry in LocalFolder(laid).entries()]
    written: list[str] = []
    try:
        for name in sorted(names, key=lambda name: (name == DATASET_FILE, f"/{LOG}/" in name, name)):
            written.append(name)
            files.write(name, (laid / name).read_bytes())
    except BaseException:
        for name in written:
            with suppress(OSError, MilkError):
                files.delete(name)
        raise
