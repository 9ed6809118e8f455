"""The log of a Delta table: which files each of its versions consists of.

Read from the commits themselves, by the published protocol of Delta: one pass tells of every version, where the library
would be asked for each. A commit is never changed, so what is known of a version stays true while others write.
"""

import datetime as dt
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from milk.errors import HomeRefused
from milk.home.contents import Kept, list_kept, read_kept
from milk.home.layout import Home

LOG = "_delta_log"
LAST_CHECKPOINT = "_last_checkpoint"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(\.[\w-]+)*\.parquet")


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of a table: when it was made, which files it added and which it took out."""

    version: int
    made_at: dt.datetime
    added: frozenset[str]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class TableLog:
    """The commits of a table, oldest first; paths are inside the folder of the table."""

    name: str
    commits: tuple[Commit, ...]

    @property
    def version(self) -> int:
        """The newest version."""
        return self.commits[-1].version

    @property
    def ever_added(self) -> frozenset[str]:
        """Every file that any version ever had."""
        return frozenset().union(*(commit.added for commit in self.commits))

    def files_of(self, versions: Collection[int]) -> frozenset[str]:
        """The files of which some versions consist."""
        needed: set[str] = set()
        standing: set[str] = set()
        for commit in self.commits:
            standing = (standing - commit.removed) | commit.added
            if commit.version in versions:
                needed |= standing
        return frozenset(needed)

    def superseded_before(self, instant: dt.datetime) -> frozenset[int]:
        """The versions in whose place a newer one stood before an instant."""
        pairs = zip(self.commits, self.commits[1:], strict=False)
        return frozenset(old.version for old, new in pairs if new.made_at < instant)


def table_names(home: Home) -> list[str]:
    """The tables of a home."""
    parts = (kept.path.split("/") for kept in list_kept(home, "tables"))
    return sorted({path[1] for path in parts if len(path) > 3 and path[2] == LOG and _COMMIT.fullmatch(path[3])})


def read_log(home: Home, name: str) -> TableLog:
    """The log of a table as far as it goes at this moment.

    Raises:
        HomeRefused: it is not whole: a commit is missing or cannot be read.
    """
    folder = f"tables/{name}/{LOG}"
    files = (kept.path.rpartition("/")[2] for kept in list_kept(home, folder))
    versions = sorted(int(found[1]) for file in files if (found := _COMMIT.fullmatch(file)))
    if not versions or versions != [*range(versions[-1] + 1)]:
        raise HomeRefused(
            f"The log of the table {name} in {home.address} is not whole. Restore the table from a backup."
        )
    return TableLog(name, tuple(_commit(home, name, version) for version in versions))


def log_files(home: Home, log: TableLog) -> list[str]:
    """The files of the log up to its newest version, as paths in the home.

    The pointer to the newest checkpoint is left out where it points beyond: readers do without it.
    """
    folder = f"tables/{log.name}/{LOG}"
    found = []
    for kept in list_kept(home, folder):
        file = kept.path.rpartition("/")[2]
        numbered = _COMMIT.fullmatch(file) or _CHECKPOINT.fullmatch(file)
        if (numbered and int(numbered[1]) <= log.version) or _is_pointer_within(home, kept, file, log):
            found.append(kept.path)
    return found


def _is_pointer_within(home: Home, kept: Kept, file: str, log: TableLog) -> bool:
    if file != LAST_CHECKPOINT:
        return False
    try:
        return int(json.loads(read_kept(home, kept.path))["version"]) <= log.version
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return False


def _commit(home: Home, name: str, version: int) -> Commit:
    path = f"tables/{name}/{LOG}/{version:020}.json"
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in read_kept(home, path).splitlines() if line]
        made_at = [action["commitInfo"]["timestamp"] for action in actions if "commitInfo" in action]
        return Commit(
            version,
            dt.datetime.fromtimestamp(made_at[0] / 1000, dt.UTC),
            _paths(action["add"] for action in actions if "add" in action),
            _paths(action["remove"] for action in actions if "remove" in action),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise HomeRefused(
            f"Version {version} of the table {name} in {home.address} cannot be read ({type(error).__name__}). Restore "
            "the table from a backup."
        ) from error


def _paths(files: Iterable[dict[str, Any]]) -> frozenset[str]:
    return frozenset(unquote(file["path"]) for file in files)
