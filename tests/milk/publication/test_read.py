"""Reading: one answer for each question, and always of one moment."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from milk.errors import HomeRefused, NothingPublished, StoreUnavailable
from milk.months import Month
from milk.publication.engine import migrate, open_store, reading, shown_address, writing
from milk.publication.read import (
    issue_months,
    issue_records,
    newest_publication,
    published_series,
    series_record,
)
from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, published, series_row
from tests.postgres import PostgresServer


@pytest.fixture
def filled(store: sa.Engine) -> sa.Engine:
    """September a hindcast; October live with a hindcast beside it; November twice live."""
    september = OCTOBER + (-1)
    published(store, issue(september, price=200.0), issue(OCTOBER, kind="live", price=300.0))
    published(store, issue(OCTOBER, price=350.0), issue(NOVEMBER, kind="live", price=400.0))
    published(store, issue(NOVEMBER, kind="live", price=450.0, model_version="v-2"))
    return store


def _found(store: sa.Engine, series_id: str = "s", **asked: Any) -> list[ForecastAnswer]:  # noqa: ANN401  # because any part may be asked for
    """What stands of all that the fixture published."""
    return find_forecasts(store, ForecastQuestion(series_id=series_id, upto=9, **asked)).rows


def test_the_newest_issue_is_the_default(filled: sa.Engine) -> None:
    rows = _found(filled)
    assert [row.target_month for row in rows] == [NOVEMBER + k for k in range(12)]
    assert {(row.issue_month, row.revision, row.kind) for row in rows} == {(NOVEMBER, 2, "live")}
    assert [row.price for row in rows] == [450.0 + k for k in range(12)]


def test_a_row_comes_back_as_it_went_in(filled: sa.Engine) -> None:
    row = _found(filled)[0]
    sent = issue(NOVEMBER, kind="live", price=450.0, model_version="v-2")
    assert (row.issued_at, row.data_cutoff, row.forecast_origin) == (NOON, sent.data_cutoff, OCTOBER)
    assert (row.unit, row.is_synthetic, row.model_version) == ("CLP/L", True, "v-2")
    assert row.data_versions == sent.data_versions
    assert (row.lower_95, row.lower_80, row.upper_80, row.upper_95) == (430.0, 440.0, 460.0, 470.0)
    assert row.horizon_months == 1


def test_an_issue_by_its_month(filled: sa.Engine) -> None:
    assert {r.price for r in _found(filled, issue_month=OCTOBER)} >= {300.0, 311.0}
    part = _found(filled, issue_month=OCTOBER, first_target=Month(2027, 1), last_target=Month(2027, 2))
    assert [(r.target_month, r.price) for r in part] == [(Month(2027, 1), 303.0), (Month(2027, 2), 304.0)]
    assert _found(filled, issue_month=Month(1999, 1)) == []


def test_a_kind_is_asked_for(filled: sa.Engine) -> None:
    hindcast = _found(filled, kind="hindcast")
    assert {(r.issue_month, r.revision, r.kind) for r in hindcast} == {(OCTOBER, 2, "hindcast")}
    assert hindcast[0].price == 350.0
    assert _found(filled, issue_month=OCTOBER + (-1), kind="live") == []


def test_each_target_has_its_newest_issue(filled: sa.Engine) -> None:
    rows = _found(filled, first_target=OCTOBER + (-9))
    assert [r.target_month for r in rows] == [OCTOBER + k for k in range(-1, 13)]
    assert [(r.issue_month, r.revision) for r in rows[:3]] == [(OCTOBER + (-1), 1), (OCTOBER, 1), (NOVEMBER, 2)]
    assert {r.issue_month for r in rows[2:]} == {NOVEMBER}
    (one,) = _found(filled, first_target=OCTOBER, last_target=OCTOBER)
    assert one.price == 300.0
    (hindcast,) = _found(filled, first_target=OCTOBER, last_target=OCTOBER, kind="hindcast")
    assert hindcast.price == 350.0


def test_every_revision_is_listed_the_newest_first(filled: sa.Engine) -> None:
    records = issue_records(filled, "s")
    assert [(r.issue_month, r.revision, r.kind, r.is_standing) for r in records] == [
        (NOVEMBER, 2, "live", True),
        (NOVEMBER, 1, "live", False),
        (OCTOBER, 2, "hindcast", False),
        (OCTOBER, 1, "live", True),
        (OCTOBER + (-1), 1, "hindcast", True),
    ]
    assert [(r.published_at - NOON) // dt.timedelta(microseconds=1) for r in records] == [2, 1, 1, 0, 0]
    assert [r.revision for r in issue_records(filled, "s", kind="hindcast", limit=1)] == [2]
    assert len(issue_records(filled, "s", issue_month=NOVEMBER)) == 2
    assert len(issue_months(filled, "s")) == 3


def test_series_are_kept_apart(filled: sa.Engine) -> None:
    other = issue(Month(2027, 1), series_id="t", price=9.0 + 20)
    published(filled, other, series=[series_row(series_id="t", unit="EUR/100kg")])
    assert published_series(filled) == ["s", "t"]
    assert _found(filled)[0].issue_month == NOVEMBER
    assert _found(filled, "t")[0].price == 29.0
    record = series_record(filled, "t")
    assert record is not None
    assert (record.unit, record.source, record.is_synthetic) == ("EUR/100kg", "milk_price", True)
    assert series_record(filled, "unknown") is None


def test_a_reader_sees_one_moment(store: sa.Engine, migrated: str) -> None:
    published(store, issue(OCTOBER))
    other = open_store(migrated)
    query = sa.text("SELECT count(*) FROM issues")
    with reading(store) as connection:
        before = connection.scalar(query)
        published(other, issue(NOVEMBER))
        assert connection.scalar(query) == before == 1
    with reading(store) as connection:
        assert connection.scalar(query) == 2
    other.dispose()


def test_the_newest_publication_counts_what_was_added(store: sa.Engine) -> None:
    with pytest.raises(NothingPublished):
        newest_publication(store)
    published(store, issue())
    assert newest_publication(store).number == 1
    published(store, issue())
    assert newest_publication(store).number == 1
    published(store, issue(price=310.0))
    assert newest_publication(store).number == 2


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match=r"no store at .*store\.db yet"):
        open_store(f"sqlite:///{tmp_path}/home/store.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_tables_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    store = open_store(f"sqlite:///{tmp_path}/store.db", create=False)
    with pytest.raises(NothingPublished, match="Nothing is published yet"):
        newest_publication(store)
    store.dispose()


@pytest.mark.parametrize(
    ("version", "error", "said"),
    [("0001", NothingPublished, "older version"), ("9999", HomeRefused, r"schema 9999, .*newer version")],
)
def test_a_store_of_another_version_is_told_so(
    store: sa.Engine, version: str, error: type[Exception], said: str
) -> None:
    published(store, issue())
    with writing(store) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(error, match=said):
        newest_publication(store)


def test_a_server_that_was_stopped_is_used_again_when_it_is_back(postgres: PostgresServer) -> None:
    address = postgres.new_database()
    store = open_store(address)
    migrate(store)
    published(store, issue())
    postgres.stop()
    try:
        for question in (lambda: newest_publication(store), lambda: published(store, issue(price=310.0))):
            with pytest.raises(StoreUnavailable, match="does not answer") as said:
                question()
            assert postgres.password not in str(said.value)
        with pytest.raises(StoreUnavailable):
            open_store(address)
    finally:
        postgres.start()
    assert newest_publication(store).number == 1
    # After a crash the server leaves numbers out.
    added = published(store, issue(price=310.0)).publication_id
    assert added is not None
    assert newest_publication(store).number == added > 1
    store.dispose()


def test_an_address_is_shown_without_its_password() -> None:
    assert shown_address("postgresql+psycopg://ana:secret@host:5432/store") == (
        "postgresql+psycopg://ana:***@host:5432/store"
    )
    assert shown_address("sqlite:////home/store.db") == "/home/store.db"
