"""Kill `milk run` again and again, at moments nobody chose, and count what is broken afterwards.

Each round starts a run on the same home and ends it with SIGKILL after a random time. After each kill every table must
be readable and whole, `milk status` must answer, and at the end one undisturbed run must give the very forecasts of a
home that was never disturbed. Usage: .venv/bin/python benchmarks/soak.py [rounds]
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from milk.errors import MilkError
from milk.home.dataset import read_dataset
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.publication.engine import open_store
from milk.publication.ledger import promotions
from milk.series import SERIES_ID
from milk.steps.predictions import schema_problem
from milk.steps.promotion import load_champion
from milk.tables import TABLES

SEED = 20261123
LONGEST_SECONDS = 12.0
FIRST_ISSUE = "2020-01"


def start(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """`milk` on a home, silent."""
    command = [sys.executable, "-m", "milk.cli", *arguments, "--home", str(home)]
    environment = os.environ | {"MILK_FIRST_ISSUE": FIRST_ISSUE}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


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


def broken_ledger(home: Home) -> list[str]:
    """What is wrong with the ledger and the version that it names."""
    if not (home.path / "milk.db").exists():
        return []
    store = open_store(home.store_url)
    try:
        load_champion(home, store)
        rows = promotions(store, SERIES_ID)
    except MilkError as error:
        return [str(error)]
    except Exception as error:  # noqa: BLE001  # because whatever it is, it is what this script counts
        # A store that was killed before its first migration has no table yet; the next run makes it.
        return [] if "no such table" in str(error) else [repr(error)]
    finally:
        store.dispose()
    return [] if len({row.version_id for row in rows}) == len(rows) else ["a version was judged twice"]


def forecasts(home: Path, file: Path) -> list[dict[str, Any]]:
    """The forecasts of an undisturbed run."""
    if start(home, "run", "--json", str(file)).wait() != 0:
        raise SystemExit("an undisturbed run failed")
    return list(json.loads(file.read_text(encoding="utf-8"))["forecasts"])


def soak(folder: Path, rounds: int) -> dict[str, int]:
    """Kill, look, count."""
    moments = random.Random(SEED)  # noqa: S311  # because these are moments, not secrets
    home = Home(folder / "killed")
    counts = dict.fromkeys(("kills", "ended before the kill", "broken tables", "broken ledgers", "silent status"), 0)
    for number in range(1, rounds + 1):
        process = start(home.path, "run")
        try:
            process.wait(moments.uniform(0.3, LONGEST_SECONDS))
            counts["ended before the kill"] += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            counts["kills"] += 1
        read_dataset(home)
        faults = {"broken tables": broken_tables(home), "broken ledgers": broken_ledger(home)}
        for kind, found in faults.items():
            counts[kind] += len(found)
            for fault in found:
                print(f"round {number}: {fault}", file=sys.stderr)
        counts["silent status"] += start(home.path, "status").wait() != 0
    same = forecasts(home.path, folder / "killed.json") == forecasts(folder / "calm", folder / "calm.json")
    return counts | {"forecasts that differ from a home never disturbed": int(not same)}


def main() -> None:
    """Soak and print the table; exit code 1 where anything is broken."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = soak(Path(folder), rounds)
    print(f"| {rounds} rounds, seed {SEED}, {time.monotonic() - began:.0f} s | count |\n|---|---|")
    for name, count in counts.items():
        print(f"| {name} | {count} |")
    bad = sum(count for name, count in counts.items() if name not in ("kills", "ended before the kill"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
