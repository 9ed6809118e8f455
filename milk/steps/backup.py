"""A whole home in one file: store, tables, documents, model versions, received bytes, while others write to it.

Nothing is locked, so nobody waits. What refers to others is read before what it refers to: the store in one
transaction, then documents, then the tables that name model versions, then these versions, then the tables that they
were made from, then received bytes. All of these only grow, or are replaced whole; so whatever a thing in the backup
refers to is in it. What was written meanwhile may be missing where it is not yet referred to: the backup is a home as a
run that was killed leaves it, and the next run goes on from there.
"""

import datetime as dt
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from milk.errors import BackupRefused, HomeRefused
from milk.home.archive import (
    FORMAT,
    MANIFEST,
    MEMBERS,
    ArchiveWriter,
    is_member_name,
    verified_manifest,
    written_archive,
)
from milk.home.contents import is_part, list_kept, read_kept
from milk.home.dataset import Dataset, read_dataset
from milk.home.layout import DATASET_FILE, Home
from milk.home.table_log import TableLog, log_files, read_log, table_names
from milk.models.canonical import canonical_json
from milk.publication.copy import stored_tables, table_lines
from milk.publication.engine import HEAD, reading, schema_within
from milk.publication.publish import is_claimed
from milk.publication.schema import DATASETS, PROMOTIONS
from milk.revision import source_revision

FILES, STORE = "files", "store"
REFERRING_TO_MODELS = ("retrain_decisions", "scorecard_summary", "scorecard", "input_drift", "batch_predictions")
"""Tables that name model versions or each other, in that order."""
REFERRED_TO = ("backtest", "features", "merged_table", "restored_central_bank")
"""Those that they, or the cards of model versions, name; any other one, such as a raw table, comes after them."""
_IN_MEMORY = 1 << 24
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        dataset_id: of the home.
        is_synthetic: whether its data are invented.
        created_at: when it was begun, in UTC.
        program: version of the program that wrote it.
        revision: the source that it was built from.
        schema: the migration of the store; `None` where the home had no store yet.
        publication: the newest publication in it; 0 where there is none.
        issues: how many revisions of issue months are published in it.
        tables: the version of each table.
        files: how many members it has.
        size: how many bytes they have, unpacked.
    """

    dataset_id: str
    is_synthetic: bool
    created_at: dt.datetime
    program: str
    revision: str
    schema: str | None
    publication: int
    issues: int
    tables: dict[str, int]
    files: int
    size: int


def write_backup(home: Home, store: sa.Engine | None, file: Path, *, created_at: dt.datetime) -> Backup:
    """Write a backup of a home, whole or not at all.

    Args:
        home: the home.
        store: its store, of whatever schema this program knows; `None` where there is none yet.
        file: the file to write, which must not be there.
        created_at: now.

    Raises:
        HomeRefused: the home is empty or damaged, the store does not answer or is not that of the home, or the file
            cannot be written.
    """
    dataset = read_dataset(home)
    if dataset is None:
        raise HomeRefused(f"The home {home.address} is empty: there is nothing to back up.")
    with written_archive(file, created=created_at.timestamp()) as archive:
        said = _add_store(archive, home, store, dataset)
        tables = _add_files(archive, home)
        manifest = _manifest(dataset, created_at) | said | {"tables": tables, MEMBERS: archive.members}
        backup = backup_of(file, manifest)
        archive.add(MANIFEST, canonical_json(manifest))
    return backup


def read_backup(file: Path) -> Backup:
    """Verify a backup and say what it holds.

    Raises:
        BackupRefused: it cannot be used.
    """
    return backup_of(file, verified_manifest(file))


def backup_of(file: Path, manifest: Mapping[str, Any]) -> Backup:
    """What the verified manifest of a backup says, which anybody may have written.

    Raises:
        BackupRefused: it lacks something, or says what no manifest of ours says.
    """
    for name, is_sound in _SOUND.items():
        if name not in manifest or not is_sound(manifest[name]):
            raise BackupRefused(
                f"{file} is no backup that can be used: its manifest does not say {name} as a backup does. Nothing was "
                "written. Use another backup."
            )
    members = manifest[MEMBERS].values()
    fields = {name: manifest[name] for name in _SOUND} | {
        "created_at": dt.datetime.fromisoformat(manifest["created_at"])
    }
    return Backup(**fields, files=len(members), size=sum(member["bytes"] for member in members))


def _is_text(value: object) -> bool:
    """A line that a terminal takes for no more than text."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_TEXT


def _is_word(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w{1,100}", value, re.ASCII) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_instant(value: object) -> bool:
    try:
        return dt.datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


def _is_schema(value: object) -> bool:
    """Whether it is named as our migrations are; whether this program knows it is for whoever restores it."""
    return value is None or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}", value) is not None and value > "0000")


def _are_tables(value: object) -> bool:
    return isinstance(value, dict) and all(_is_word(name) and _is_count(version) for name, version in value.items())


_SOUND: Final[dict[str, Callable[[object], bool]]] = {
    "dataset_id": _is_word,
    "is_synthetic": lambda value: isinstance(value, bool),
    "created_at": _is_instant,
    "program": _is_text,
    "revision": _is_text,
    "schema": _is_schema,
    "publication": _is_count,
    "issues": _is_count,
    "tables": _are_tables,
}
"""What each field of a manifest must be, by the fields of `Backup`."""


def _manifest(dataset: Dataset, created_at: dt.datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "program": library_version("milk"),
        "revision": source_revision(),
        "created_at": created_at.astimezone(dt.UTC).isoformat(),
        "dataset_id": dataset.dataset_id,
        "is_synthetic": dataset.is_synthetic,
    }


def _add_store(archive: ArchiveWriter, home: Home, store: sa.Engine | None, dataset: Dataset) -> dict[str, Any]:
    """The rows of the store as of one moment, and what they are; refused where they cannot be those of the home."""
    # Asked first: a version that is staged later is none that the ledger must know.
    has_versions = any(kept.path.startswith("models/v-") for kept in list_kept(home, "models"))
    if store is None:
        if has_versions:
            raise _without_ledger(home)
        return {"schema": None, "publication": 0, "issues": 0}
    with reading(store) as connection:
        schema = schema_within(connection)
        if schema is not None and schema > HEAD:
            raise HomeRefused(
                f"The store has schema {schema}, which a newer program made; this one knows up to {HEAD}. Back it up "
                "with that program."
            )
        names = stored_tables(connection)
        if DATASETS.name in names:
            is_claimed(connection, dataset.series_id, dataset_id=dataset.dataset_id, is_synthetic=dataset.is_synthetic)
        if has_versions and not _has_ledger(connection, names):
            raise _without_ledger(home)
        for name in names:
            _add_table(archive, connection, name)
        counts = {"publication": "SELECT MAX(id) FROM publications", "issues": "SELECT COUNT(*) FROM issues"}
        said = {what: connection.scalar(sa.text(query)) or 0 for what, query in counts.items() if "issues" in names}
    return {"schema": schema, "publication": 0, "issues": 0} | said


def _has_ledger(connection: sa.Connection, names: Collection[str]) -> bool:
    query = sa.select(sa.literal(1)).select_from(sa.table(PROMOTIONS.name)).limit(1)
    return PROMOTIONS.name in names and connection.scalar(query) is not None


def _without_ledger(home: Home) -> HomeRefused:
    return HomeRefused(
        f"The home {home.address} holds model versions, and its store speaks of none: a backup would lack everything "
        "that was published. Set MILK_STORE_URL to the store of this home; or, if its first run has not yet promoted "
        "a version, let it."
    )


def _add_table(archive: ArchiveWriter, connection: sa.Connection, name: str) -> None:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for line in table_lines(connection, name):
            spool.write(line)
        archive.add_stream(f"{STORE}/{name}.jsonl", spool)


def _add_files(archive: ArchiveWriter, home: Home) -> dict[str, int]:
    """The files of the home, and the version of each table."""
    _add_folder(archive, home, "documents")
    there = set(table_names(home))
    tables = _add_tables(archive, home, [name for name in REFERRING_TO_MODELS if name in there])
    _add_folder(archive, home, "models")
    # Asked again: a table that came meanwhile may be named by what was just read.
    others = set(table_names(home)) - set(REFERRING_TO_MODELS)
    tables |= _add_tables(archive, home, sorted(others, key=_place))
    _add_folder(archive, home, "received")
    archive.add(f"{FILES}/{DATASET_FILE}", read_kept(home, DATASET_FILE))
    return tables


def _add_folder(archive: ArchiveWriter, home: Home, folder: str) -> None:
    for path in _whole_files(home, folder):
        _add_file(archive, home, path)


def _add_tables(archive: ArchiveWriter, home: Home, names: Iterable[str]) -> dict[str, int]:
    """Tables in the order given, each at the version that it has by then; these versions."""
    versions = {}
    for name in names:
        log = read_log(home, name)
        _add_table_files(archive, home, log)
        versions[name] = log.version
    return versions


def _whole_files(home: Home, folder: str) -> Iterator[str]:
    """The files of a folder but those that are being written, and what an editor, a desktop or a disk left there."""
    for kept in list_kept(home, folder):
        if not is_part(kept.path) and is_member_name(f"{FILES}/{kept.path}"):
            yield kept.path


def _place(name: str) -> tuple[int, str]:
    return (REFERRED_TO.index(name) if name in REFERRED_TO else len(REFERRED_TO)), name


def _add_file(archive: ArchiveWriter, home: Home, path: str) -> None:
    # What `milk gc` has removed since it was listed is nothing that anybody needs.
    with suppress(FileNotFoundError):
        archive.add(f"{FILES}/{path}", read_kept(home, path))


def _add_table_files(archive: ArchiveWriter, home: Home, log: TableLog) -> None:
    """A table as it is at a version, with all of its history that is still there."""
    folder = f"tables/{log.name}"
    there = {kept.path for kept in list_kept(home, folder)}
    for file in sorted(log.files_of({log.version})):
        if f"{folder}/{file}" not in there:
            raise HomeRefused(
                f"The table {log.name} in {home.address} is damaged: its file {file} is missing. Nothing was written; "
                "an earlier backup may hold it."
            )
    for file in sorted(log.ever_added):
        if f"{folder}/{file}" in there:
            _add_file(archive, home, f"{folder}/{file}")
    for path in log_files(home, log):
        _add_file(archive, home, path)
