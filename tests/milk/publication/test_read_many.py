"""Reading of many series: some at a time, and how much of each is there."""

import datetime as dt

import pytest
import sqlalchemy as sa

from milk.months import Month
from milk.publication.publish import publish
from milk.publication.read import is_published, published_series, watched_series
from milk.publication.read_observed import ObservedMark, observed_marks
from milk.publication.rows import ObservedPrice, Publication
from tests.milk.publication.issues import NOON, OCTOBER, issue, published

NAMES = [f"r{number:02d}" for number in range(15)]


@pytest.fixture
def many(store: sa.Engine) -> sa.Engine:
    """Two issues of each of fifteen series, on each database."""
    for month in (OCTOBER, OCTOBER + 1):
        published(store, *(issue(month, series_id=name) for name in reversed(NAMES)))
    return store


def test_series_come_in_the_order_of_their_names_from_where_and_as_many_as_asked(many: sa.Engine) -> None:
    assert published_series(many) == NAMES
    assert published_series(many, limit=4) == NAMES[:4]
    assert published_series(many, after=NAMES[3], limit=4) == NAMES[4:8]
    assert published_series(many, after="between r02 and r03") == NAMES
    assert published_series(many, after="r02x") == NAMES[3:]
    assert published_series(many, after=NAMES[-1]) == []
    assert published_series(many, limit=1) == NAMES[:1]


def test_what_is_published_is_told_without_a_list(many: sa.Engine) -> None:
    assert [is_published(many, name) for name in ("r07", "r99", "")] == [True, False, False]


def test_a_monitor_looks_at_the_reference_and_the_first_others(many: sa.Engine) -> None:
    assert watched_series(many, "r12") == ["r12", *NAMES[:9]]
    assert watched_series(many, "r03") == ["r03", *NAMES[:3], *NAMES[4:10]]
    assert watched_series(many, "none") == NAMES[:10]


def test_marks_count_the_prices_of_each_series_and_name_the_newest(store: sa.Engine) -> None:
    prices = [
        ObservedPrice(
            series_id=name, month=Month(2014, 1) + k, known_since=NOON + dt.timedelta(days=k + shift), known_by="rule",
            price=100.0 + k, unit="CLP/L", received_at=NOON, snapshot="0" * 64,
        )
        for shift, (name, count) in enumerate({"a": 3, "b": 1}.items())
        for k in range(count)
    ]  # fmt: skip
    publish(store, Publication(published_at=NOON, run_id=None, software={}, observed=prices))
    assert observed_marks(store, ["a", "b", "c"]) == {
        "a": ObservedMark(3, NOON + dt.timedelta(days=2)),
        "b": ObservedMark(1, NOON + dt.timedelta(days=1)),
    }
    assert observed_marks(store, []) == {}
