"""Kill `milk run` with SIGKILL, again and again, at random moments of its whole duration.

All runs work on one home and one unchanged dataset. After each kill every table must be readable and whole, the ledger
must name a version that is there, what is published must be what was forecast, and `milk status` must answer. At the
end one undisturbed run must leave the very forecasts of a home that was never disturbed, each published once.
"""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dagster import RunsFilter
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

from benchmarks.faults.children import clean_environment
from benchmarks.faults.tally import Tally
from milk.cli.dagster_home import in_process_instance
from milk.errors import MilkError
from milk.home.dataset import read_dataset
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.publication.engine import open_store
from milk.publication.ledger import promotions
from milk.publication.read import broken_issues, issue_records
from milk.series import SERIES_ID
from milk.steps.predictions import schema_problem
from milk.steps.promotion import load_champion
from milk.steps.publication import unpublished_months
from milk.tables import TABLES

SHORTEST_SECONDS = 0.3
LAST_BEFORE_PUBLICATION = "batch_predictions"
WHILE_PUBLISHING = "after batch_predictions"
DONE = ("kills", WHILE_PUBLISHING, "ended before the kill")
FAULTS = (
    "broken tables",
    "broken ledgers",
    "broken issues",
    "silent status",
    "failed undisturbed runs",
    "different forecasts",
    "unpublished months",
    "spurious revisions",
    "runs left in progress",
)


def start(home: Path, *arguments: str, first_issue: str, said: Path) -> subprocess.Popen[bytes]:
    """`milk` on a home; what it says goes to a file."""
    command = [sys.executable, "-m", "milk.cli", *arguments, "--home", str(home)]
    with said.open("wb") as file:
        environment = clean_environment(MILK_FIRST_ISSUE=first_issue)
        return subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)


def broken_tables(home: Home) -> list[str]:
    """The tables that are there but cannot be read, or break their contract."""
    broken = []
    for name, schema in TABLES.items():
        if not has_table(home, name):
            continue
        problem = schema_problem(schema, read_table(home, name))
        if problem:
            broken.append(f"{name}: {problem}")
    return broken


def broken_ledger(home: Home, store: sa.Engine) -> list[str]:
    """What is wrong with the ledger and the version that it names."""
    load_champion(home, store)
    rows = promotions(store, SERIES_ID)
    return [] if len({row.version_id for row in rows}) == len(rows) else ["a version was judged twice"]


def spurious_revisions(store: sa.Engine) -> list[str]:
    """The months that were published more than once, although nothing changed."""
    published = Counter(record.issue_month for record in issue_records(store, SERIES_ID))
    return [f"{month} has {revisions} revisions" for month, revisions in published.items() if revisions > 1]


@contextmanager
def _store(home: Home) -> Iterator[sa.Engine]:
    store = open_store(home.store_url)
    try:
        yield store
    finally:
        store.dispose()


def in_store(home: Home, look: Callable[[sa.Engine], list[str]]) -> list[str]:
    """What a look into the store finds; a store that cannot be looked into is a fault of its own."""
    if not (home.path / "milk.db").exists():
        return []
    try:
        with _store(home) as store:
            return look(store)
    except MilkError as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001  # because whatever it is, it is what is counted here
        # A store that was killed before its first migration has no table yet; the next run makes it.
        return [] if "no such table" in str(error) else [repr(error)]


def runs_in_progress(home: Home) -> list[str]:
    """The runs that Dagster's records hold for alive."""
    with in_process_instance(home) as instance:
        runs = instance.get_runs(RunsFilter(statuses=list(IN_PROGRESS_RUN_STATUSES)))
    return [f"run {run.run_id} is {run.status.value}" for run in runs]


def kill_runs(folder: Path, kills: int, *, seed: int, first_issue: str) -> Tally:
    """Kill as often as asked, or until something is broken: what is broken once would be counted after each kill.

    Args:
        folder: an empty one.
        kills: how many kills.
        seed: of the moments.
        first_issue: the setting MILK_FIRST_ISSUE of all runs.
    """
    tally = Tally("`milk run` killed", done=DONE, faults=FAULTS)
    soak = _Soak(folder, first_issue, tally)
    moments = random.Random(seed)  # noqa: S311  # because these are moments, not secrets
    began = time.monotonic()
    calm = soak.undisturbed("calm")
    duration = time.monotonic() - began
    while tally.done["kills"] < kills and tally.is_sound:
        soak.kill(after_seconds=moments.uniform(SHORTEST_SECONDS, duration))
        soak.look()
    if calm != soak.undisturbed("killed"):
        tally.found("different forecasts", ["they are not those of a home that was never disturbed"])
    soak.look()
    soak.look_at_the_end()
    return tally


class _Soak:
    """One home whose runs are killed, and one whose runs are not."""

    def __init__(self, folder: Path, first_issue: str, tally: Tally) -> None:
        self._folder = folder
        self._first_issue = first_issue
        self._tally = tally
        self._home = Home(folder / "killed")

    def _start(self, home: str, *arguments: str) -> subprocess.Popen[bytes]:
        return start(self._folder / home, *arguments, first_issue=self._first_issue, said=self._said)

    @property
    def _said(self) -> Path:
        """What the last process said."""
        return self._folder / "said.txt"

    def undisturbed(self, home: str) -> list[dict[str, Any]]:
        """The forecasts of a run that nobody kills; none where it fails."""
        file = self._folder / f"{home}.json"
        if self._start(home, "run", "--json", str(file)).wait() != 0:
            self._tally.found("failed undisturbed runs", [f"{home}: {self._said.read_text(encoding='utf-8')[-2000:]}"])
            return []
        return list(json.loads(file.read_text(encoding="utf-8"))["forecasts"])

    def kill(self, *, after_seconds: float) -> None:
        """Start a run and kill it, unless it ends before."""
        process = self._start("killed", "run")
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_seconds)
        process.kill()
        code, said = process.wait(), self._said.read_text(encoding="utf-8")
        if code == -signal.SIGKILL:
            self._tally.did("kills")
            self._tally.did(WHILE_PUBLISHING, int(LAST_BEFORE_PUBLICATION in said))
            return
        self._tally.did("ended before the kill")
        if code != 0:
            # It stumbled over what an earlier kill left behind.
            self._tally.found("failed undisturbed runs", [said[-2000:]])

    def look(self) -> None:
        """Look through the home, as the next process finds it."""
        read_dataset(self._home)
        self._tally.found("broken tables", broken_tables(self._home))
        self._tally.found("broken ledgers", in_store(self._home, lambda store: broken_ledger(self._home, store)))
        self._tally.found("broken issues", in_store(self._home, broken_issues))
        if self._start("killed", "status").wait() != 0:
            self._tally.found("silent status", [self._said.read_text(encoding="utf-8")[-2000:]])

    def look_at_the_end(self) -> None:
        """What must be settled once a run was left alone."""
        # No allowance for a store without tables here.
        with _store(self._home) as store:
            self._tally.found("unpublished months", [str(month) for month in unpublished_months(self._home, store)])
            self._tally.found("spurious revisions", spurious_revisions(store))
        self._tally.found("runs left in progress", runs_in_progress(self._home))
