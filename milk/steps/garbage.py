"""What of a home nothing refers to any more, and freeing it; old files only, and never what a forecast rests on.

Never touched, whatever their age: received bytes, the raw tables, `batch_predictions`, `retrain_decisions`, documents,
every row of the store, Dagster's records of runs and events (by which the serving sensor knows what it has published),
and every version of a model or a table that an issue, a card, the ledger or a document names.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from milk.errors import HomeRefused
from milk.home.contents import RESULTS, Kept, is_part, list_kept, list_of_machine, read_kept, remove_kept
from milk.home.documents import read_document
from milk.home.layout import Home
from milk.home.table_log import LOG, TableLog, read_log, table_names
from milk.home.tables import has_table, read_table
from milk.models.version import CARD_FILE, MODEL_FILE
from milk.publication.references import References, card_tables, store_references
from milk.publication.rows import TABLES
from milk.steps.drift import TABLE as DRIFT_TABLE
from milk.steps.predictions import TABLE
from milk.steps.promotion import STAGED

MADE_AGAIN = (
    "merged_table",
    "restored_central_bank",
    "features",
    "backtest",
    DRIFT_TABLE,
    "scorecard",
    "scorecard_summary",
)
"""Tables whose every version follows from what is kept for ever; old versions of others are never freed."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file that nothing refers to: its path in the home, its bytes, why it is one, and whether it is of this machine.

    What is of a machine lies in the folder of its home, also where the files of the home lie in a bucket.
    """

    path: str
    size: int
    why: str
    is_of_machine: bool = False


def find_garbage(home: Home, store: sa.Engine | None, *, before: dt.datetime) -> list[Garbage]:
    """What could be freed, in the order in which it may be deleted and broken off anywhere; nothing is written.

    Args:
        home: the home.
        store: its store; `None` where there is none.
        before: only what was written, or has been out of use, before this instant.

    Raises:
        HomeRefused: what is referred to cannot be told: a table, a document, a card or the store is damaged, or the
            store is another one's.
    """
    references = all_references(home, store)
    old = [kept for folder in RESULTS for kept in list_kept(home, folder) if kept.written_at < before]
    parts = [Garbage(kept.path, kept.size, "a write that was broken off") for kept in old if is_part(kept.path)]
    whole = [kept for kept in old if not is_part(kept.path)]
    found = [*parts, *_of_models(whole, references), *_of_machine(home, before)]
    for name in table_names(home):
        if name in MADE_AGAIN:
            log = read_log(home, name)
            found += _of_table(log, whole, _kept_versions(log, references, before))
    return sorted(found, key=_turn)


def _turn(garbage: Garbage) -> tuple[str, bool, str]:
    """By folder and name; a card goes last, for what still lies there without one looks like damage ever after."""
    folder, _, name = garbage.path.rpartition("/")
    return folder, name == CARD_FILE, name


def free(home: Home, garbage: Iterable[Garbage]) -> None:
    """Delete what was found, in its order; under the lock of the home, which the caller holds since before it looked.

    Raises:
        HomeRefused: a file cannot be deleted.
    """
    for part in garbage:
        try:
            remove_kept(home, part.path, is_of_machine=part.is_of_machine)
        except OSError as error:
            raise HomeRefused(f"{part.path} in {home.address} cannot be deleted: {error.strerror}.") from error


def all_references(home: Home, store: sa.Engine | None) -> References:
    """Everything that store and home refer to.

    Raises:
        HomeRefused: the store is not the one of this home, or something cannot be read.
    """
    versions = _versions_in(home)
    found = References() if store is None else store_references(store)
    if versions and not found.models:
        raise HomeRefused(
            f"The home {home.address} holds model versions, and its store speaks of none: what they are needed for "
            "cannot be told, and nothing is freed. Set MILK_STORE_URL to the store of this home."
        )
    for name in versions:
        found = found.with_tables(card_tables(_card(home, name)))
    staged = read_document(home, STAGED)
    if isinstance(staged, dict):
        found = found.with_models([staged.get("version_id")])
    for name in (TABLE, DRIFT_TABLE, "retrain_decisions"):
        if has_table(home, name):
            found = found.with_models(read_table(home, name, columns=["model_version"])["model_version"].unique())
    if has_table(home, TABLE):
        for text in read_table(home, TABLE, columns=["data_versions"])["data_versions"].unique():
            found = found.with_tables(json.loads(text).get(TABLES))
    return found


def _versions_in(home: Home) -> list[str]:
    """The versions of which a file is there; what else somebody left in a folder is none."""
    files = (kept.path.split("/") for kept in list_kept(home, "models") if not is_part(kept.path))
    return sorted({path[1] for path in files if path[1].startswith("v-") and path[-1] in (MODEL_FILE, CARD_FILE)})


def _card(home: Home, version: str) -> dict[str, Any]:
    """The card of a version, also of one that this program can no longer apply."""
    path = f"models/{version}/{CARD_FILE}"
    try:
        card = json.loads(read_kept(home, path))
        if not isinstance(card, dict):
            raise TypeError("it holds no object")  # noqa: TRY301  # because it is one more of these
    except (OSError, ValueError, TypeError) as error:
        raise HomeRefused(
            f"{path} in {home.address} cannot be read ({error}), and may be the only one to say what {version} was "
            f"made from. Nothing is freed. Restore it from a backup, or delete the folder of {version}."
        ) from error
    return card


def _kept_versions(log: TableLog, references: References, before: dt.datetime) -> set[int]:
    """The versions of a table that stay readable: those that are named, the newest, and what it replaced of late."""
    everything = {commit.version for commit in log.commits}
    return (everything - log.superseded_before(before)) | set(references.tables.get(log.name, frozenset()))


def _of_table(log: TableLog, old: Iterable[Kept], versions: set[int]) -> Iterator[Garbage]:
    folder = f"tables/{log.name}/"
    needed, known = log.files_of(versions), log.ever_added
    for kept in old:
        file = kept.path.removeprefix(folder)
        if file == kept.path or file.startswith(f"{LOG}/") or file in needed:
            continue
        why = "an old version that nothing refers to" if file in known else "a write that was broken off"
        yield Garbage(kept.path, kept.size, why)


def _of_models(old: Iterable[Kept], references: References) -> Iterator[Garbage]:
    for kept in old:
        folder, name, *_rest = [*kept.path.split("/"), ""]
        if folder == "models" and name.startswith("v-") and name not in references.models:
            yield Garbage(kept.path, kept.size, "a version that was staged and never judged")


def _of_machine(home: Home, before: dt.datetime) -> Iterator[Garbage]:
    """What servers and runs said: logs of the start before the last, and what steps wrote to the terminal."""
    for kept in [*list_of_machine(home, "logs"), *list_of_machine(home, "dagster/storage")]:
        is_log = kept.path.endswith(".before.log") or "/compute_logs/" in kept.path
        if is_log and kept.written_at < before:
            yield Garbage(kept.path, kept.size, "an old log", is_of_machine=True)
