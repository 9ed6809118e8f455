"""What a filtered query costs in a store of 1,000 and in one of 1,000,000 published rows, on both databases."""

import dataclasses
import datetime as dt
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
from milk.publication.read_series import series_extent
from milk.publication.schema import FORECASTS, ISSUES
from milk_serving.missing import no_such_forecast
from milk_serving.problems import NoForecast
from tests.postgres import binaries, postgres_server

FIRST = Month(1950, 1)
MONTHS_OF_LARGE = 834
SERIES_OF_LARGE = 100
"""100 series of 834 issues of 12 months: 1,000,800 rows."""
MONTHS_OF_SMALL = 84
ASKED = 300
LONG_AFTER = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
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
        "the last 12 target months": lambda _k: {"newest_targets": 12},
    }


Asked = Callable[[sa.Engine, int], None]
"""Asks a store the question of a number, and stops the benchmark where the answer is not the one expected."""


def _forecasts(question: Callable[[int], dict[str, Any]], *, is_found: bool = True) -> Asked:
    def ask(store: sa.Engine, number: int) -> None:
        found = find_forecasts(store, ForecastQuestion(series_id=SERIES, upto=1, limit=1000, **question(number)))
        if len(found.rows) != found.total or bool(found.rows) != is_found:
            raise SystemExit(f"A question of the benchmark was answered with {len(found.rows)} rows of {found.total}.")

    return ask


def _refusal(store: sa.Engine, number: int) -> None:
    """A month that nobody forecast, and the text of the 404."""
    month = FIRST + (-12 - number % 100)
    _forecasts(lambda _k: {"first_target": month, "last_target": month}, is_found=False)(store, number)
    error = no_such_forecast(store, SERIES, None, upto=1)
    if not isinstance(error, NoForecast):
        raise SystemExit(f"A month that nobody forecast is refused with {error!r}.")


def _extent(store: sa.Engine, _number: int) -> None:
    """What `/v1/series` says of a series."""
    if series_extent(store, SERIES, upto=1) is None:
        raise SystemExit("The series has no extent.")


def all_questions(months: int) -> dict[str, Asked]:
    """All that is measured, in a store of so many months."""
    found: dict[str, Asked] = {what: _forecasts(asked) for what, asked in questions(months).items()}
    nothing = _forecasts(lambda _k: {"published_after": LONG_AFTER}, is_found=False)
    further = {"`updated_after`, nothing": nothing, "a 404 and its text": _refusal, "from where to where": _extent}
    return found | further


def milliseconds(store: sa.Engine, asked: Asked) -> float:
    """The median of many questions."""
    taken = []
    for number in range(ASKED):
        began = time.perf_counter()
        asked(store, number)
        taken.append(time.perf_counter() - began)
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
            for what in all_questions(MONTHS_OF_SMALL):
                few, many = (
                    milliseconds(store, all_questions(months)[what])
                    for store, months in ((small, MONTHS_OF_SMALL), (large, MONTHS_OF_LARGE))
                )
                worst = max(worst, many / few)
                print(
                    f"| {name}, {rows[0]:,} and {rows[1]:,} rows | {what} | {few:.2f} | {many:.2f} | {many / few:.2f} |"
                )
            small.dispose()
            large.dispose()
    print(f"\nThe worst ratio is {worst:.2f}; the aim is {TARGET_RATIO} at most.")
