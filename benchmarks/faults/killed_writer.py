"""Kill a writer of tables with SIGKILL, again and again; read what stands after each kill, and let the next one go on.

The writes are numbered, and three tables take turns: one is written whole, one by months, one only grows. So a number
names a table and which of its writes it is, and that names its content, which is computed here without Delta. A version
beyond the writes puts files together, and has the content of the one before. A kill comes in one of three ways: between
data and record, at a random moment of the writing, and at a random moment of the whole life of the child. Where it fell
is told by what it left behind, not by what was intended.

The child is the program as it is. It is watched from outside: as soon as a new data file lies in the folder of a table,
it is stopped (SIGSTOP), and where no version names the file yet, it is killed there; else it goes on to its next write.

As a module it is that child: it reads numbers from its input, one a line.

    opened PID              the libraries are loaded
    writing N               a number was taken
    committed N VERSION     the write came back

Usage: python -m benchmarks.faults.killed_writer HOME
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.faults.children import Child, ChildEndedError
from benchmarks.faults.tally import Tally
from milk.home.layout import Home
from milk.home.tables import (
    Months,
    append_table,
    frame_hash,
    read_table,
    table_version,
    write_table,
    write_whole_table,
)

MODULE = "benchmarks.faults.killed_writer"
WHOLE, BY_MONTHS, GROWN = TABLES = ("whole", "by_months", "grown")
MONTHS = pd.date_range("1979-01-01", periods=480, freq="MS", unit="us")
REPLACED = 24
"""How many months a write by months replaces."""

EACH = 9
"""How many writes a child is told: three of each table."""

BETWEEN, IN_DATA = "between data and record", "while data were written"
UNREPORTED, ELSEWHERE = "after the record, before the report", "before data or between writes"
DONE = ("kills", BETWEEN, IN_DATA, UNREPORTED, ELSEWHERE, "ended before the kill", "versions")
FAULTS = ("unreadable", "torn", "lost", "not healed")


def rows(version: int, months: pd.DatetimeIndex) -> pd.DataFrame:
    """What the write of a version brings for some months."""
    text = pd.Series([f"{version}"] * len(months), dtype="str")
    return pd.DataFrame({"month": months, "value": [version + k / 1024 for k in range(len(months))], "text": text})


def replaced_months(version: int) -> pd.DatetimeIndex:
    """The months that a version replaces in the table written by months; its first version brings all of them."""
    if version == 0:
        return MONTHS
    first = 37 * version % (len(MONTHS) - REPLACED)
    return MONTHS[first : first + REPLACED]


def write(home: Home, number: int) -> int:
    """Make a write; the version after it."""
    name, version = TABLES[number % len(TABLES)], number // len(TABLES)
    if name == GROWN:
        return append_table(home, name, rows(version, MONTHS[:REPLACED]))
    if name == BY_MONTHS:
        months = replaced_months(version)
        return write_table(home, name, rows(version, months), replace=Months("month", months[0], months[-1]))
    # In turns, because the second reads what stands before it writes.
    way = write_table if version % 2 else write_whole_table
    return way(home, name, rows(version, MONTHS))


class Contents:
    """The content hash that each version of each table must have."""

    def __init__(self) -> None:
        self._frames = {name: rows(0, MONTHS).head(0) for name in TABLES}
        self._hashes: dict[str, list[str]] = {name: [] for name in TABLES}

    def hash_of(self, name: str, version: int) -> str:
        """The hash of a version, by the writes up to it."""
        hashes = self._hashes[name]
        while len(hashes) <= version:
            self._frames[name] = self._next(name, len(hashes))
            hashes.append(frame_hash(self._frames[name]))
        return hashes[version]

    def _next(self, name: str, version: int) -> pd.DataFrame:
        standing = self._frames[name]
        if name == WHOLE:
            return rows(version, MONTHS)
        if name == GROWN:
            return pd.concat([standing, rows(version, MONTHS[:REPLACED])], ignore_index=True)
        months = replaced_months(version)
        return pd.concat([standing[~standing["month"].isin(months)], rows(version, months)], ignore_index=True)


def data_files(folder: Path) -> set[str]:
    """The finished data files of a table; one that is being written has another end of its name."""
    try:
        return {name for name in os.listdir(folder) if name.endswith(".parquet")}  # noqa: PTH208  # because it is watched, and a path for each file is slow
    except FileNotFoundError:
        return set()


def unrecorded(folder: Path) -> set[str]:
    """The data files that no version of a table names."""
    named = {action["add"]["path"] for actions in commits(folder) for action in actions if "add" in action}
    return data_files(folder) - named


def commits(folder: Path) -> list[list[dict[str, Any]]]:
    """What each version of a table did, oldest first, as its log says."""
    logs = sorted((folder / "_delta_log").glob("*.json"))
    return [[json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] for log in logs]


def writes_behind(folder: Path) -> list[int]:
    """For each version of a table the newest write in it, from 0: what puts files together is none."""
    writes: list[int] = []
    for actions in commits(folder):
        is_write = not any(action.get("commitInfo", {}).get("operation") == "OPTIMIZE" for action in actions)
        writes.append((writes[-1] if writes else -1) + is_write)
    return writes


def read_fault(home: Home, name: str, version: int, contents: Contents) -> tuple[str, str]:
    """What is wrong with a version of a table: the kind of the fault, and the fault; empty where it is whole."""
    is_newest = version == table_version(home, name)
    written = writes_behind(home.path / "tables" / name)[version]
    try:
        # The newest as everybody reads it: without naming a version.
        found = frame_hash(read_table(home, name, version=None if is_newest else version))
    except Exception as error:  # noqa: BLE001  # because whatever it is, it is what is counted here
        return "unreadable", f"version {version} of {name}: {error!r}"
    is_whole = found == contents.hash_of(name, written)
    return "torn" if is_newest else "lost", "" if is_whole else f"version {version} of {name} has other content"


def kill_writers(folder: Path, kills: int, *, seed: int) -> Tally:
    """Kill as often as asked, or until something is broken: what is broken once would be counted after each kill.

    Args:
        folder: where two homes are made.
        kills: how many kills; half of them are aimed between data and record.
        seed: of the moments.
    """
    tally = Tally("writer of tables killed", done=DONE, faults=FAULTS)
    soak = _Soak(folder, random.Random(seed), tally)  # noqa: S311  # because these are moments, not secrets
    ways = cycle((soak.kill_between, soak.kill_while_writing, soak.kill_between, soak.kill_at_a_moment))
    while tally.done["kills"] < kills and tally.is_sound:
        soak.round(next(ways))
    soak.end()
    return tally


class _Soak:
    """One home whose writers are killed, and what must be in it."""

    def __init__(self, folder: Path, moments: random.Random, tally: Tally) -> None:
        self._home = Home(folder / "killed-writers")
        self._moments = moments
        self._tally = tally
        self._contents = Contents()
        self._targets = cycle(TABLES)
        self._reported = 0
        """The first write that no child reported as committed."""
        self._held = 0
        """How many writes the tables were seen to hold, reported or not."""
        # On another home: the first writes of a table are to be killed, too.
        began = time.monotonic()
        with self._child(Home(folder / "calm-writers")) as child:
            child.wait_for("opened")
            self._start_seconds = time.monotonic() - began
            child.finish()
        self._life_seconds = time.monotonic() - began

    def _child(self, home: Home) -> Child:
        child = Child(MODULE, str(home.path))
        child.tell([str(number) for number in range(self._held, self._held + EACH)], last=True)
        return child

    def round(self, wait: Callable[[Child], None]) -> None:
        """Kill one child, and look."""
        before = self._leftovers()
        try:
            with self._child(self._home) as child:
                wait(child)
                was_killed = child.kill()
        except ChildEndedError as error:
            self._tally.found("not healed", [str(error)])
            return
        self._hear(child)
        moment = self._moment(before) if was_killed else "ended before the kill"
        self._tally.did("kills", int(was_killed))
        self._tally.did(moment)
        if not was_killed:
            self._look_at_end_of(child)
        self._look(f"{moment} ({' / '.join(child.trace[-2:])})", some=True)

    def end(self) -> None:
        """Let one child write undisturbed, and read every version there is."""
        with self._child(self._home) as child:
            child.finish()
        self._hear(child)
        self._look_at_end_of(child)
        self._look("at the end", some=False)

    def kill_between(self, child: Child) -> None:
        """Wait until a child is stopped between the data and the record of one table, each table in its turn."""
        folder = self._home.path / "tables" / next(self._targets)
        known, left = data_files(folder), unrecorded(folder)
        pid = int(child.wait_for("opened").split()[1])
        while not child.ended_within(0):
            if not (new := data_files(folder) - known):
                continue
            os.kill(pid, signal.SIGSTOP)
            if unrecorded(folder) - left:
                return
            known |= new
            os.kill(pid, signal.SIGCONT)

    def kill_while_writing(self, child: Child) -> None:
        """Wait for a random moment after the start."""
        child.wait_for("opened")
        child.ended_within(self._moments.uniform(0, self._life_seconds - self._start_seconds))

    def kill_at_a_moment(self, child: Child) -> None:
        """Wait for a random moment of the whole life, the start included."""
        child.ended_within(self._moments.uniform(0, self._life_seconds))

    def _hear(self, child: Child) -> None:
        reported = [int(line.split()[1]) for line in child.trace if line.startswith("committed ")]
        self._reported = max([self._held, *(number + 1 for number in reported)])

    def _leftovers(self) -> tuple[set[str], set[str]]:
        """Finished data files without a record, and unfinished ones."""
        folders = [self._home.path / "tables" / name for name in TABLES]
        unfinished = {file.name for folder in folders for file in folder.glob("*.parquet#*")}
        return {file for folder in folders for file in unrecorded(folder)}, unfinished

    def _moment(self, before: tuple[set[str], set[str]]) -> str:
        """Where a kill fell, by what it left behind."""
        unnamed, unfinished = (after - old for after, old in zip(self._leftovers(), before, strict=True))
        if unnamed:
            return BETWEEN
        if unfinished:
            return IN_DATA
        return UNREPORTED if sum(self._writes().values()) > self._reported else ELSEWHERE

    def _writes(self) -> dict[str, int]:
        """How many writes each table holds."""
        behind = {name: writes_behind(self._home.path / "tables" / name) for name in TABLES}
        return {name: writes[-1] + 1 if writes else 0 for name, writes in behind.items()}

    def _look_at_end_of(self, child: Child) -> None:
        """A child that nobody killed must have made all its writes."""
        if self._reported != self._held + EACH:
            self._tally.found("not healed", [f"a writer stopped by itself: {' / '.join(child.trace[-5:])}"])

    def _look(self, where: str, *, some: bool) -> None:
        """Read the tables: what was reported or seen is there, at most one write more, and each version is whole."""
        held = self._writes()
        there = sum(held.values())
        if there < self._reported:
            self._tally.found("lost", [f"{where}: {there} writes, {self._reported} were reported"])
        if there > self._reported + 1:
            self._tally.found("torn", [f"{where}: {there} writes in place of {self._reported + 1}"])
        for place, name in enumerate(TABLES):
            # The writes are made one after the other, so their number says how many each table holds.
            if held[name] != (there - place + len(TABLES) - 1) // len(TABLES):
                self._tally.found("lost", [f"{where}: {name} holds {held[name]} of {there} writes"])
            newest = table_version(self._home, name)
            for version in self._chosen(newest) if some else range(newest + 1):
                kind, fault = read_fault(self._home, name, version, self._contents)
                self._tally.found(kind, [f"{where}: {fault}"] if fault else [])
        self._held = there
        self._tally.done["versions"] = sum(table_version(self._home, name) + 1 for name in TABLES)

    def _chosen(self, newest: int) -> list[int]:
        """Versions to read after a kill: the newest, the one before it, the first, and any."""
        if newest < 0:
            return []
        return sorted({newest, max(newest - 1, 0), 0, self._moments.randint(0, newest)})


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Write until the input ends."""
    home = Home(Path(sys.argv[1]))
    say(f"opened {os.getpid()}")
    for line in sys.stdin:
        number = int(line)
        say(f"writing {number}")
        say(f"committed {number} {write(home, number)}")


if __name__ == "__main__":
    main()
