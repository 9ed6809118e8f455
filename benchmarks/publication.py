"""How long a publication takes, beside the bare writing of the same rows.

A home of the sample with its forecasts is made once. Then, in turn, into new stores: one month added to a store that
holds all others, 300 months at once, and the same again with nothing new. Each has beside it `sqlite3` of the standard
library that inserts the very same rows of issues and forecasts into a new file in one transaction.
Usage: .venv/bin/python benchmarks/publication.py [repeats]
"""

import datetime as dt
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from benchmarks.pipeline import compute
from milk.home.layout import Home
from milk.months import Month, month_range
from milk.publication.engine import migrate, open_store, reading
from milk.publication.schema import FORECASTS, ISSUES
from milk.settings import Settings
from milk.steps.publication import publish_months

MANY = 300
LAST = Month(2026, 11)
MONTHS = month_range(LAST + (1 - MANY), LAST)
NOW = dt.datetime.now(dt.UTC)


def make_home(folder: Path) -> Home:
    """A home that holds the forecasts of all the months."""
    home = Home(folder / "home")
    compute(Settings(home=home.path), home, MONTHS)
    return home


def timed(action: Callable[[], None]) -> float:
    """Seconds of wall time."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def rows_of(store: sa.Engine, months: list[Month]) -> dict[str, list[tuple[object, ...]]]:
    """What a publication of some months left in the two large tables, as a driver takes it."""
    found = {}
    with reading(store) as connection:
        for table in (ISSUES, FORECASTS):
            query = sa.select(table).where(table.c.issue_month.between(months[0], months[-1]))
            found[table.name] = [tuple(_plain(v) for v in row) for row in connection.execute(query)]
    return found


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | str) else str(value)


def bare_insert(file: Path, rows: dict[str, list[tuple[object, ...]]]) -> None:
    """The same rows by the driver alone: no comparison, no checks, no other tables."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    for name, values in rows.items():
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'c{k}' for k in range(len(values[0])))})")
    with connection:
        for name, values in rows.items():
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", values)  # noqa: S608  # because the names are ours
    connection.close()


def measure(home: Home, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Seconds of each, in turn in each round; the first round pays for imports and is left out."""
    seconds: dict[str, list[float]] = {}
    for number in range(repeats + 1):
        round_folder = folder / str(number)
        measured = _round(home, round_folder)
        for name, value in measured.items() if number else ():
            seconds.setdefault(name, []).append(value)
    return seconds


def _round(home: Home, folder: Path) -> dict[str, float]:
    address = f"sqlite:///{folder}/one.db"
    before, last, all_months = MONTHS[:-1], MONTHS[-1:], MONTHS
    one = _store(address)
    publish_months(home, one, before, published_at=NOW, run_id=None)
    measured = {"one month": timed(lambda: _publish(home, one, last))}
    measured["one month, nothing new"] = timed(lambda: _publish(home, one, last))
    rows = rows_of(one, last)
    measured["one month, bare"] = timed(lambda: bare_insert(folder / "bare-one.db", rows))
    many = _store(f"sqlite:///{folder}/many.db")
    measured["300 months"] = timed(lambda: _publish(home, many, all_months))
    measured["300 months, nothing new"] = timed(lambda: _publish(home, many, all_months))
    all_rows = rows_of(many, all_months)
    measured["300 months, bare"] = timed(lambda: bare_insert(folder / "bare-many.db", all_rows))
    one.dispose()
    many.dispose()
    return measured


def _store(url: str) -> sa.Engine:
    store = open_store(url)
    migrate(store)
    return store


def _publish(home: Home, store: sa.Engine, months: list[Month]) -> None:
    done = publish_months(home, store, months, published_at=NOW, run_id=None)
    if done.refused:
        raise SystemExit(f"refused: {done.refused}")


def report(seconds: dict[str, list[float]]) -> None:
    """Print the table."""
    print("| publication (SQLite) | median ms | min | max | bare ms | ratio |\n|---|---|---|---|---|---|")
    for name, values in seconds.items():
        bare = statistics.median(seconds.get(f"{name.split(',')[0]}, bare", values))
        median = statistics.median(values)
        ratio = "- | -" if name.endswith("bare") else f"{1000 * bare:.1f} | {median / bare:.1f}"
        print(f"| {name} | {1000 * median:.1f} | {1000 * min(values):.1f} | {1000 * max(values):.1f} | {ratio} |")


def main() -> None:
    """Measure and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report(measure(make_home(folder), folder, repeats))


if __name__ == "__main__":
    main()
