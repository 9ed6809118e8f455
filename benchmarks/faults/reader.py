"""A child that reads the newest forecasts without a pause, and judges each answer.

What must be read follows from one number: revision `r` of issue month `m` is publication `(m - FIRST) * REVISIONS +
r - 1`, and its price says so. So rows of two revisions cannot pass as one, and the newest issue tells all the others.
At its end it prints what it saw, as JSON. Usage: python -m benchmarks.faults.reader URL SECONDS
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from benchmarks.faults.content import BASE, FIRST, SERIES, Order, issue_as_read
from milk.months import YEAR_AHEAD, Month, month_range
from milk.publication.engine import open_store
from milk.publication.read import issue_records
from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts

REVISIONS = 10
"""Each month is published so often before the next one is."""

ENOUGH_FAULTS = 20

_WHATEVER_IS_THERE = 2**31 - 1
"""As of a publication that no store reaches: what is there when the question comes."""

Key = tuple[Month, int]
"""Issue month and revision."""


def order_of(number: int) -> Order:
    """The publication of that number: one month, in one revision."""
    return Order(number, FIRST + number // REVISIONS, months=1)


def _number_of(key: Key) -> int:
    month, revision = key
    return (month - FIRST) * REVISIONS + revision - 1


@dataclass
class Watch:
    """What one reader saw, faults in words."""

    reads: int = 0
    newer_answers: int = 0
    torn: list[str] = field(default_factory=list)
    backwards: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    newest: Key | None = None

    def issue(self, rows: Sequence[ForecastAnswer], hash_of: Callable[[Key], str]) -> None:
        """Judge the answer to: what is the newest issue?"""
        if len(rows) != YEAR_AHEAD or not _is_one_revision(rows):
            self.torn.append(f"the newest issue is {_said(rows)}")
            return
        key = (rows[0].issue_month, rows[0].revision)
        if issue_as_read(rows).content_sha256 != hash_of(key):
            self.torn.append(f"the content of {key[0]} revision {key[1]} is not what its hash says")
        self._move(key)

    def targets(self, rows: Sequence[ForecastAnswer]) -> None:
        """Judge the answer to: what is the newest forecast of each month?"""
        key = max((row.issue_month, row.revision) for row in rows)
        if [(row.target_month, row.issue_month, row.revision, row.price) for row in rows] != _targets_of(key):
            self.torn.append(f"the newest forecasts are {_said(rows)}")
        self._move(key)

    def _move(self, key: Key) -> None:
        self.reads += 1
        if self.newest is not None and key < self.newest:
            self.backwards.append(f"{key} after {self.newest}")
        self.newer_answers += int(key != self.newest)
        self.newest = key

    @property
    def faults(self) -> int:
        """How many faults there were."""
        return len(self.torn) + len(self.backwards) + len(self.errors)

    def result(self) -> str:
        """As one line of JSON."""
        said = asdict(self)
        del said["newest"]
        return json.dumps(said)


def _is_one_revision(rows: Sequence[ForecastAnswer]) -> bool:
    first = rows[0]
    key = (first.issue_month, first.revision)
    same = all((row.issue_month, row.revision, row.price) == (*key, BASE + _number_of(key)) for row in rows)
    return same and [row.target_month for row in rows] == month_range(key[0], key[0] + (YEAR_AHEAD - 1))


def _targets_of(newest: Key) -> list[tuple[Month, Month, int, float]]:
    """What each month's newest forecast must be: the last revision of its own month, or the newest issue."""
    month, revision = newest
    expected = []
    for target in month_range(FIRST, month + (YEAR_AHEAD - 1)):
        key = (target, REVISIONS) if target < month else (month, revision)
        expected.append((target, *key, BASE + _number_of(key)))
    return expected


def _said(rows: Sequence[ForecastAnswer]) -> str:
    kinds = sorted({f"{row.issue_month}/{row.revision} at {row.price}" for row in rows})
    return f"{len(rows)} rows of {', '.join(kinds)}"


def newest_issue(engine: sa.Engine) -> list[ForecastAnswer]:
    """The forecasts of the newest issue."""
    return find_forecasts(engine, ForecastQuestion(series_id=SERIES, upto=_WHATEVER_IS_THERE)).rows


def newest_of_targets(engine: sa.Engine) -> list[ForecastAnswer]:
    """Of each target month the forecast of its newest issue."""
    question = ForecastQuestion(series_id=SERIES, upto=_WHATEVER_IS_THERE, first_target=FIRST)
    return find_forecasts(engine, question).rows


def watch(engine: sa.Engine, seconds: float) -> Watch:
    """Read for some time, or until it is clear that something is wrong."""

    def hash_of(key: Key) -> str:
        records = issue_records(engine, SERIES, issue_month=key[0])
        return next((record.content_sha256 for record in records if record.revision == key[1]), "none")

    seen = Watch()
    end = time.monotonic() + seconds
    while time.monotonic() < end and seen.faults < ENOUGH_FAULTS:
        try:
            seen.issue(newest_issue(engine), hash_of)
            seen.targets(newest_of_targets(engine))
        except Exception as error:  # noqa: BLE001  # because no error at all is allowed, and each is counted
            seen.errors.append(repr(error))
    return seen


def main() -> None:
    url, seconds = sys.argv[1:]
    engine = open_store(url, create=False)
    print("opened", flush=True)
    print(f"seen {watch(engine, float(seconds)).result()}", flush=True)
    engine.dispose()


if __name__ == "__main__":
    main()
