"""The judge of the soak must see what is broken: each test breaks a store that it found whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from benchmarks.faults.content import SERIES, publication
from benchmarks.faults.killed_publisher import order_of
from benchmarks.faults.stores import expected_standing, store_state
from milk.publication.engine import migrate, open_store, writing
from milk.publication.publish import publish
from milk.publication.read import standing_hashes
from milk.publication.schema import FORECASTS, OBSERVED_PRICES, PUBLICATIONS

PUBLICATIONS_MADE = 8


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[sa.Engine]:
    engine = open_store(url)
    migrate(engine)
    for number in range(PUBLICATIONS_MADE):
        publish(engine, publication(order_of(number)))
    yield engine
    engine.dispose()


def _break(store: sa.Engine, statement: sa.Executable) -> None:
    """Change what the store refuses to change."""
    with writing(store) as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.execute(statement)


def test_a_whole_store_is_found_whole(store: sa.Engine, url: str) -> None:
    state = store_state(url, order_of)
    assert state.numbers == tuple(range(PUBLICATIONS_MADE))
    assert state.torn == ()
    assert standing_hashes(store, SERIES) == expected_standing([order_of(n) for n in range(PUBLICATIONS_MADE)])


def test_a_missing_forecast_is_found(store: sa.Engine, url: str) -> None:
    issue = publication(order_of(2)).issues[0]
    _break(
        store,
        sa.delete(FORECASTS).where(
            FORECASTS.c.issue_month == issue.issue_month, FORECASTS.c.target_month == issue.issue_month
        ),
    )
    assert any("soak-2: 35 forecasts in the store, 36 made" in fault for fault in store_state(url, order_of).torn)


def test_a_missing_observed_price_is_found(store: sa.Engine, url: str) -> None:
    _break(store, sa.delete(OBSERVED_PRICES).where(OBSERVED_PRICES.c.publication_id == 1))
    assert any("soak-0: 0 observed prices" in fault for fault in store_state(url, order_of).torn)


def test_a_changed_price_is_found(store: sa.Engine, url: str) -> None:
    _break(store, sa.update(FORECASTS).where(FORECASTS.c.price == 203.0).values(price=203.5))
    torn = store_state(url, order_of).torn
    assert any("soak-3: 36 forecasts in the store, 36 made" in fault for fault in torn)
    assert any("content is not the one that was published" in fault for fault in torn)


def test_a_publication_that_never_was_is_found(store: sa.Engine, url: str) -> None:
    _break(
        store,
        sa.insert(PUBLICATIONS).values(
            published_at=publication(order_of(0)).published_at, run_id="soak-99", software={}
        ),
    )
    state = store_state(url, order_of)
    assert state.numbers[-1] == 99
    assert any("soak-99: 0 issues in the store, 3 made" in fault for fault in state.torn)


def test_a_publisher_that_commits_half_way_is_found(store: sa.Engine, url: str) -> None:
    class Killed(BaseException):
        pass

    def commit_too_early(_connection: object, cursor: Any, statement: str, *_rest: object) -> None:  # noqa: ANN401 - a driver's cursor has no type of its own
        if statement.startswith("INSERT INTO issues"):
            cursor.execute("COMMIT")
            raise Killed

    event.listen(store, "after_cursor_execute", commit_too_early)
    with pytest.raises(Killed):
        publish(store, publication(order_of(PUBLICATIONS_MADE)))
    torn = store_state(url, order_of).torn
    assert any(f"soak-{PUBLICATIONS_MADE}: 0 forecasts in the store, 36 made" in fault for fault in torn)
    assert any("0 forecasts, not 12" in fault for fault in torn)


def test_a_file_that_is_no_store_is_found(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database, whatever its name says" * 99)
    state = store_state(f"sqlite:///{tmp_path}/store.db", order_of)
    assert state.numbers == ()
    assert "cannot be read" in state.torn[0]
