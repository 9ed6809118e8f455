"""Kill, collide and watch: what is broken after faults that were planted on purpose, as one table of counts.

Publishers, writers of tables and whole runs are killed with SIGKILL, publishers meet at the same moment, readers read
while somebody publishes, the parsers are fed damaged files, and the reader is asked what its description allows and
what it does not. Publications go to SQLite and to a PostgreSQL server of
its own (left out, and said so, where that is not installed); the parts without a database stand in the first column.
Exit code 1 where anything is torn, lost, misread or not healed. Usage: .venv/bin/python benchmarks/soak.py [--quick]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.killed_publisher import INSIDE, kill_publishers
from benchmarks.faults.killed_run import kill_runs
from benchmarks.faults.killed_writer import BETWEEN, kill_writers
from benchmarks.faults.parsers import feed_parsers
from benchmarks.faults.questions import ask_described, described_reader
from benchmarks.faults.reading import read_while_publishing
from benchmarks.faults.tally import Tally
from benchmarks.faults.together import publish_together
from tests.postgres import PostgresServer, binaries, postgres_server

SEED = 20261123
FIRST_ISSUE = "2020-01"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True, slots=True)
class Dose:
    """How much of each."""

    publisher_kills: int
    run_kills: int
    rounds: int
    readers: int
    reading_seconds: float
    writer_kills: int
    files: int
    questions: int


FULL = Dose(
    publisher_kills=100,
    run_kills=50,
    rounds=50,
    readers=8,
    reading_seconds=30.0,
    writer_kills=50,
    files=20_000,
    questions=20_000,
)
QUICK = Dose(
    publisher_kills=10, run_kills=3, rounds=6, readers=2, reading_seconds=3.0, writer_kills=4, files=500, questions=400
)


class _Stores:
    """New stores on a database."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self._folder = folder
        self._server = server
        self._made = 0

    @property
    def databases(self) -> list[str]:
        """The databases that there are."""
        return [SQLITE, POSTGRESQL] if self._server else [SQLITE]

    def new(self, database: str) -> str:
        """The address of a new store."""
        if database == POSTGRESQL and self._server:
            return self._server.new_database()
        self._made += 1
        return f"sqlite:///{self._folder}/{self._made}/store.db"


def soak(dose: Dose) -> Iterator[tuple[str, Tally]]:
    """Each part on each database: the database, and what was counted."""
    with tempfile.TemporaryDirectory() as folder, _server() as server:
        stores = _Stores(Path(folder), server)
        for database in stores.databases:
            yield database, kill_publishers(stores.new(database), dose.publisher_kills, seed=SEED)
            yield database, publish_together(stores.new(database), dose.rounds, seed=SEED)
            yield database, read_while_publishing(stores.new(database), dose.readers, dose.reading_seconds)
        yield SQLITE, kill_runs(Path(folder), dose.run_kills, seed=SEED, first_issue=FIRST_ISSUE)
        yield SQLITE, kill_writers(Path(folder), dose.writer_kills, seed=SEED)
        for tally in feed_parsers(dose.files, seed=SEED):
            yield SQLITE, tally
        yield SQLITE, ask_described(described_reader(Path(folder) / "described"), dose.questions, seed=SEED)


@contextmanager
def _server() -> Iterator[PostgresServer | None]:
    if binaries() is None:
        print("PostgreSQL is not installed (Debian: postgresql): its column stays empty.", file=sys.stderr)
        yield None
        return
    with postgres_server() as server:
        yield server


def table(tallies: list[tuple[str, Tally]], head: str) -> str:
    """The counts as a markdown table, a database to a column."""
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for database, tally in tallies:
        for name, count in tally.counts.items():
            rows.setdefault((tally.part, name), {})[database] = count
    lines = [f"| {head} | count of | {SQLITE} | {POSTGRESQL} |", "|---|---|---|---|"]
    for (part, name), counts in rows.items():
        shown = " | ".join(str(counts.get(database, "-")) for database in (SQLITE, POSTGRESQL))
        lines.append(f"| {part} | {name} | {shown} |")
    return "\n".join(lines)


def problems(tallies: list[tuple[str, Tally]]) -> list[str]:
    """What makes the soak fail: faults, and kills that prove too little."""
    found = [f"{tally.part}, {database}: faults" for database, tally in tallies if not tally.is_sound]
    for database, tally in tallies:
        missed = [w for w in (INSIDE, BETWEEN) if w in tally.done and 4 * tally.done[w] < tally.done["kills"]]
        found += [f"{tally.part}, {database}: less than a quarter of the kills fell {where}" for where in missed]
    return found


def main() -> None:
    """Soak and print the table; exit code 1 where anything is broken."""
    parser = argparse.ArgumentParser(description="Plant faults and count what is broken afterwards.")
    parser.add_argument("--quick", action="store_true", help="a small dose, of about two minutes")
    dose = QUICK if parser.parse_args().quick else FULL
    began = time.monotonic()
    tallies = []
    for database, tally in soak(dose):
        print(f"{tally.part}, {database}: {tally.counts}", file=sys.stderr, flush=True)
        tallies.append((database, tally))
    print(table(tallies, f"seed {SEED}, {time.monotonic() - began:.0f} s"))
    failures = problems(tallies)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
