"""Questions about forecasts against a slow and obvious oracle, on both databases."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.months import Kind, Month
from milk.publication.engine import migrate, open_store
from milk.publication.read import Extent, published_series
from milk.publication.read_at import first_published_at, publication_as_of, publication_of, said_synthetic
from milk.publication.read_forecasts import (
    ForecastQuestion,
    _bounded,
    _newest_targets,
    extent,
    find_forecasts,
    newest_issue_month,
)
from milk.publication.read_lists import Page, find_issues
from milk.publication.read_series import series_extent
from tests.milk.publication.issues import OCTOBER, SERIES, issue, observed, published

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class _Said:
    """One publication of one issue."""

    month: Month
    kind: Kind
    price: float


MONTHS = [OCTOBER + k for k in range(3)]
SAID = st.builds(
    _Said,
    month=st.sampled_from(MONTHS),
    kind=st.sampled_from(["live", "hindcast"]),
    price=st.sampled_from([300.0, 310.0, 320.0]),
)
QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["live", "hindcast"]),
        "issue_month": st.sampled_from([*MONTHS, OCTOBER + 5]),
        "first_target": st.sampled_from([OCTOBER + k for k in range(-1, 15, 3)]),
        "last_target": st.sampled_from([OCTOBER + k for k in range(-1, 15, 3)]),
        "horizons": st.sampled_from([(1, 1), (2, 12), (12, 14)]),
        "newest_targets": st.integers(1, 5),
        "published_after": st.sampled_from([START + k * DAY for k in range(-1, 5)]),
        "is_every_issue": st.booleans(),
        "limit": st.integers(1, 30),
        "offset": st.integers(0, 10),
    },
)


@dataclass(frozen=True)
class _Row:
    """A forecast as the oracle knows it."""

    target: Month
    month: Month
    revision: int
    price: float
    horizon: int
    published_at: dt.datetime


def _rows(said: list[_Said], upto: int, kind: Kind | None) -> list[_Row]:
    """All rows of what stands after so many publications; a publication that changed nothing has no number."""
    standing: dict[Month, tuple[bool, int, _Said, dt.datetime]] = {}
    revisions: dict[Month, int] = {}
    newest: dict[tuple[Month, Kind], float] = {}
    number = 0
    for k, one in enumerate(said):
        if newest.get((one.month, one.kind)) == one.price:
            continue
        number += 1
        newest[one.month, one.kind] = one.price
        revisions[one.month] = revisions.get(one.month, 0) + 1
        if number > upto or kind not in (None, one.kind):
            continue
        held = standing.get(one.month)
        if held is None or one.kind == "live" or not held[0]:
            standing[one.month] = (one.kind == "live", revisions[one.month], one, START + k * DAY)
    return [
        _Row(month + k, month, revision, one.price + k, k + 1, at)
        for month, (_live, revision, one, at) in standing.items()
        for k in range(12)
    ]


def _expected(rows: list[_Row], asked: dict[str, Any]) -> list[_Row]:
    names = ("issue_month", "first_target", "last_target", "horizons", "newest_targets", "published_after")
    found = [row for row in rows if _matches(row, asked)]
    if not asked.get("is_every_issue") and all(asked.get(name) is None for name in names):
        last = max((row.month for row in rows), default=None)
        found = [row for row in found if row.month == last]
    elif not asked.get("is_every_issue") and not asked.get("issue_month") and not asked.get("published_after"):
        newest = {row.target: row for row in sorted(found, key=lambda row: row.month)}
        found = list(newest.values())
    if asked.get("newest_targets"):
        kept = sorted({row.target for row in found})[-asked["newest_targets"] :]
        found = [row for row in found if row.target in kept]
    return sorted(found, key=lambda row: (row.target, row.month))


def _matches(row: _Row, asked: dict[str, Any]) -> bool:
    low, high = asked.get("horizons") or (0, 99)
    return (
        asked.get("issue_month") in (None, row.month)
        and (asked.get("first_target") or row.target) <= row.target <= (asked.get("last_target") or row.target)
        and low <= row.horizon <= high
        and row.published_at > (asked.get("published_after") or START - 9 * DAY)
    )


def _told(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(row.target_month, row.issue_month, row.revision, row.price) for row in rows]


def _check(store: sa.Engine, said: list[_Said], asked: dict[str, Any], upto: int) -> None:
    expected = _expected(_rows(said, upto, asked.get("kind")), asked)
    found = find_forecasts(store, ForecastQuestion(series_id=SERIES, upto=upto, **asked))
    start, limit = asked.get("offset", 0), asked.get("limit", len(expected))
    page = expected[start : start + limit]
    assert _told(found.rows) == [(row.target, row.month, row.revision, row.price) for row in page]
    assert found.total == len(expected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(SAID, min_size=1, max_size=6), questions=st.lists(QUESTIONS, min_size=1, max_size=8), data=st.data()
)
def test_any_question_is_answered_as_the_oracle_does(
    tmp_path_factory: pytest.TempPathFactory, said: list[_Said], questions: list[dict[str, Any]], data: st.DataObject
) -> None:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}")
    migrate(store)
    for k, one in enumerate(said):
        published(store, issue(one.month, kind=one.kind, price=one.price), published_at=START + k * DAY)
    for asked in questions:
        _check(store, said, asked, data.draw(st.integers(1, len(said))))
    store.dispose()


def test_both_databases_answer_alike(store: sa.Engine) -> None:
    said = [_Said(MONTHS[0], "hindcast", 300.0), _Said(MONTHS[1], "live", 310.0), _Said(MONTHS[0], "live", 320.0)]
    for k, one in enumerate(said):
        published(store, issue(one.month, kind=one.kind, price=one.price), published_at=START + k * DAY)
    asked: list[dict[str, Any]] = [
        {}, {"kind": "hindcast"}, {"first_target": MONTHS[1]}, {"horizons": (2, 3)}, {"newest_targets": 3},
        {"published_after": START}, {"is_every_issue": True, "limit": 5, "offset": 3}, {"issue_month": MONTHS[0]},
    ]  # fmt: skip
    for question in asked:
        for upto in (1, 2, 3):
            _check(store, said, question, upto)
    assert newest_issue_month(store, SERIES, upto=1) == MONTHS[0]
    assert newest_issue_month(store, SERIES, upto=3, kind="live") == MONTHS[1]
    assert newest_issue_month(store, "none", upto=3) is None
    assert said_synthetic(store, SERIES, upto=3) is True
    assert said_synthetic(store, "none", upto=3) is None


def test_what_came_is_what_was_published_by_then(store: sa.Engine) -> None:
    late = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    published(store, issue(OCTOBER, kind="live"))
    published(store, observed=[observed(OCTOBER, 305.0)])
    published(store, observed=[observed(OCTOBER, 400.0, known_since=late)])
    question: dict[str, Any] = {"series_id": SERIES, "first_target": OCTOBER, "last_target": OCTOBER}
    came = [find_forecasts(store, ForecastQuestion(upto=upto, **question)).rows[0] for upto in (1, 2, 3)]
    assert [(row.observed, row.error, row.inside_80) for row in came] == [
        (None, None, None), (305.0, 5.0, True), (305.0, 5.0, True),
    ]  # fmt: skip


def test_an_end_of_an_interval_is_inside(store: sa.Engine) -> None:
    published(store, issue(OCTOBER, kind="live", price=300.0), observed=[observed(OCTOBER, 310.0)])
    row = find_forecasts(store, ForecastQuestion(series_id=SERIES, upto=1, last_target=OCTOBER)).rows[0]
    assert (row.upper_80, row.inside_80, row.inside_95) == (310.0, True, True)


def test_which_publication_stood(store: sa.Engine) -> None:
    assert first_published_at(store) is None
    for k in range(3):
        published(store, issue(MONTHS[k]), published_at=START + k * DAY)
    assert first_published_at(store) == START

    def stood(at: dt.datetime, upto: int = 3) -> int | None:
        found = publication_as_of(store, at, upto=upto)
        return None if found is None else found.number

    second = dt.timedelta(seconds=1)
    assert [stood(START - second), stood(START), stood(START + DAY - second), stood(START + DAY)] == [None, 1, 1, 2]
    assert stood(START + 9 * DAY, upto=2) == 2
    found = publication_of(store, 2)
    assert found is not None
    assert found.published_at == START + DAY
    assert publication_of(store, 4) is None


def test_which_revision_stood(store: sa.Engine) -> None:
    published(store, issue(OCTOBER, kind="hindcast", price=300.0))
    published(store, issue(OCTOBER, kind="live", price=310.0))
    published(store, issue(OCTOBER, kind="hindcast", price=320.0))

    def standing(upto: int) -> list[tuple[int, bool]]:
        rows, _total = find_issues(store, Page(series_id=SERIES, upto=upto))
        return [(row.revision, row.is_standing) for row in rows]

    assert standing(1) == [(1, True)]
    assert standing(2) == [(2, True), (1, False)]
    assert standing(3) == [(3, False), (2, True), (1, False)]


def _plan(store: sa.Engine, asked: Callable[[], object]) -> list[str]:
    """How SQLite answers all that a function asks of the forecasts or the issues."""
    seen: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:  # noqa: ANN401  # because SQLAlchemy gives six things
        seen.append((told[2], told[3]))

    sa.event.listen(store, "before_cursor_execute", note)
    asked()
    sa.event.remove(store, "before_cursor_execute", note)
    plans: list[Any] = []
    with store.connect() as connection:
        for statement, values in seen:
            if "FROM forecasts" in statement or "FROM issues" in statement:
                plans += connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    return [str(step[3]) for step in plans]


def _scanned(steps: list[str]) -> list[str]:
    tables = ("forecasts", "issues", "better", "after")
    return [step for step in steps if step.startswith("SCAN") and step.split()[1] in tables]


@pytest.mark.parametrize(
    "asked",
    [{"first_target": OCTOBER, "last_target": OCTOBER}, {"newest_targets": 12}, {"newest_targets": 1, "kind": "live"}],
)
def test_a_question_about_few_months_goes_by_an_index(embedded: sa.Engine, asked: dict[str, Any]) -> None:
    published(embedded, issue(OCTOBER, kind="live"))
    steps = _plan(embedded, lambda: find_forecasts(embedded, ForecastQuestion(series_id=SERIES, upto=1, **asked)))
    assert any("ix_forecasts_series_id_target_month" in step for step in steps), steps
    assert _scanned(steps) == []


def test_the_newest_target_months_are_found_from_the_end(embedded: sa.Engine) -> None:
    for k in range(30):
        published(embedded, issue(OCTOBER + k, price=300.0 + k))
    question = ForecastQuestion(series_id=SERIES, upto=30, newest_targets=2)
    with embedded.connect() as connection:
        bounded = _bounded(connection, question)
        query = _newest_targets(question).compile(embedded, compile_kwargs={"literal_binds": True})
        plan = [str(step[3]) for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    assert bounded is not None
    assert (bounded.first_target, bounded.newest_targets) == (OCTOBER + 39, None)
    # No sort: SQLite reads the index backwards and stops at the last month that is asked for.
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_from_where_to_where_is_read_from_the_ends_of_an_index(embedded: sa.Engine) -> None:
    published(embedded, issue(OCTOBER), observed=[observed(OCTOBER, 305.0)])
    steps = _plan(embedded, lambda: extent(embedded, SERIES, upto=1))
    assert _scanned(steps) == []
    assert not any("TEMP B-TREE" in step for step in steps), steps
    # The newest publication of a series is sorted out of its issues, and nothing else is.
    steps = _plan(embedded, lambda: series_extent(embedded, SERIES, upto=1))
    assert _scanned(steps) == []
    assert sum("TEMP B-TREE" in step for step in steps) <= 1, steps


def test_the_series_are_found_one_by_one(embedded: sa.Engine) -> None:
    for name in ("b", "a", "c"):
        published(embedded, issue(OCTOBER, series_id=name), issue(OCTOBER + 1, series_id=name), cards=[], series=[])
    assert published_series(embedded) == ["a", "b", "c"]
    steps = _plan(embedded, lambda: published_series(embedded))
    assert len(steps) > 1
    assert _scanned(steps) == []


def test_only_forecasts_of_issue_months_that_have_come_are_judged_one_by_one(embedded: sa.Engine) -> None:
    published(embedded, issue(OCTOBER), published_at=START)
    published(embedded, issue(OCTOBER + 1), published_at=START + DAY)
    question = ForecastQuestion(series_id=SERIES, upto=2, published_after=START)
    steps = _plan(embedded, lambda: find_forecasts(embedded, question))
    assert _scanned(steps) == []
    # Made once and before all rows: the issue months that came.
    assert any(step.startswith("LIST SUBQUERY") for step in steps), steps


def test_where_nothing_has_come_no_forecast_is_read(embedded: sa.Engine) -> None:
    published(embedded, issue(OCTOBER), published_at=START)
    question = ForecastQuestion(series_id=SERIES, upto=1, published_after=START)
    assert _plan(embedded, lambda: find_forecasts(embedded, question)) == []


def test_the_extent(store: sa.Engine) -> None:
    september, november = OCTOBER + (-1), OCTOBER + 1
    published(store, issue(september), issue(OCTOBER, kind="live"))
    published(store, issue(OCTOBER), issue(november, kind="live"))
    assert extent(store, SERIES, upto=1) == Extent(september, OCTOBER + 11, september, OCTOBER)
    assert extent(store, SERIES, upto=2) == Extent(september, november + 11, september, november)
    assert extent(store, SERIES, upto=2, kind="live") == Extent(OCTOBER, november + 11, OCTOBER, november)
    assert extent(store, "unknown", upto=2) is None
