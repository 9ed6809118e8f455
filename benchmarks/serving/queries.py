"""What a filtered query costs in a store of 1,000 and in one of 1,000,000 published rows, on both databases."""

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from benchmarks.faults.content import SERIES, Order, publication
from milk.months import Month
from milk.publication.engine import migrate, open_store, writing
from milk.publication.publish import publish
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.publication.schema import FORECASTS, ISSUES
from tests.postgres import binaries, postgres_server

FIRST = Month(1950, 1)
MONTHS_OF_LARGE = 834
SERIES_OF_LARGE = 100
"""100 series of 834 issues of 12 months: 1,000,800 rows."""
MONTHS_OF_SMALL = 84
ASKED = 300
TARGET_RATIO = 3.0


def fill(store: sa.Engine, months: int, series: int) -> int:
    """Publish issues of one series, and copy them to the others; how many rows there are then."""
    migrate(store)
    made = publication(Order(0, FIRST, months=months))
    publish(store, dataclasses.replace(made, published_at=made.published_at))
    with writing(store) as connection:
        for number in range(1, series):
            for table in (ISSUES, FORECASTS):
                connection.execute(_copied(table, f"{SERIES}-{number}"))
        if store.dialect.name == "postgresql":
            # The server does so by itself some minutes after a large change.
            connection.exec_driver_sql("ANALYZE")
        return int(connection.scalar(sa.select(sa.func.count()).select_from(FORECASTS)) or 0)


def _copied(table: sa.Table, series_id: str) -> sa.Insert:
    columns = [sa.literal(series_id) if c.name == "series_id" else c for c in table.columns]
    rows = sa.select(*columns).where(table.c.series_id == SERIES)
    return sa.insert(table).from_select([c.name for c in table.columns], rows)


def questions(months: int) -> dict[str, Callable[[int], dict[str, Any]]]:
    """What is asked, each a little different every time."""

    def month(k: int) -> Month:
        return FIRST + 12 + k % (months - 24)

    return {
        "a year of target months": lambda k: {"first_target": month(k), "last_target": month(k) + 11},
        "every issue of a month": lambda k: {
            "first_target": month(k),
            "last_target": month(k),
            "is_every_issue": True,
        },
        "an issue": lambda k: {"issue_month": month(k)},
        "the newest issue": lambda _k: {},
    }


def milliseconds(store: sa.Engine, asked: Callable[[int], dict[str, Any]]) -> float:
    """The median of many questions."""
    taken = []
    for k in range(ASKED):
        question = ForecastQuestion(series_id=SERIES, upto=1, limit=1000, **asked(k))
        began = time.perf_counter()
        found = find_forecasts(store, question)
        taken.append(time.perf_counter() - began)
        if len(found.rows) != found.total or not found.rows:
            raise SystemExit(f"A question of the benchmark was answered with {len(found.rows)} rows of {found.total}.")
    return 1000 * statistics.median(taken)


@contextmanager
def addresses() -> Iterator[dict[str, Callable[[], str]]]:
    """How to get a new store on each database that there is."""
    with tempfile.TemporaryDirectory() as folder:
        made = iter(range(10))
        found: dict[str, Callable[[], str]] = {"SQLite": lambda: f"sqlite:///{folder}/{next(made)}/store.db"}
        if binaries() is None:
            yield found
            return
        with postgres_server() as server:
            yield {**found, "PostgreSQL": server.new_database}


def main() -> None:
    """Print the table."""
    print("| database | question | 1,000 rows, ms | 1,000,000 rows, ms | ratio |")
    print("|---|---|---|---|---|")
    worst = 0.0
    with addresses() as databases:
        for name, new in databases.items():
            small, large = open_store(new()), open_store(new())
            rows = [fill(small, MONTHS_OF_SMALL, 1), fill(large, MONTHS_OF_LARGE, SERIES_OF_LARGE)]
            for what in questions(MONTHS_OF_SMALL):
                few, many = (
                    milliseconds(store, questions(months)[what])
                    for store, months in ((small, MONTHS_OF_SMALL), (large, MONTHS_OF_LARGE))
                )
                worst = max(worst, many / few)
                print(
                    f"| {name}, {rows[0]:,} and {rows[1]:,} rows | {what} | {few:.2f} | {many:.2f} | {many / few:.2f} |"
                )
            small.dispose()
            large.dispose()
    print(f"\nThe worst ratio is {worst:.2f}; the aim is {TARGET_RATIO} at most.")
