"""The lock that every machine asks of the same server."""

import threading
import time

import pytest
import sqlalchemy as sa

from milk.errors import HomeBusy, StoreUnavailable
from milk.publication.engine import open_store
from milk.publication.lock import server_lock
from tests.postgres import PostgresServer

BUSY = "somebody else writes"


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


def test_one_holds_it_and_the_next_comes_after(url: str) -> None:
    for wait_seconds in (0, 0.2):
        with (
            server_lock(url, "a", wait_seconds=0, busy=BUSY),
            pytest.raises(HomeBusy, match=f"^{BUSY}$"),
            server_lock(url, "a", wait_seconds=wait_seconds, busy=BUSY),
        ):
            pass
    with server_lock(url, "a", wait_seconds=0, busy=BUSY):
        pass


def test_another_name_is_another_lock(url: str) -> None:
    with server_lock(url, "a", wait_seconds=0, busy=BUSY), server_lock(url, "b", wait_seconds=0, busy=BUSY):
        pass


def test_who_waits_gets_it_when_it_is_let_go(url: str) -> None:
    held, order = threading.Event(), []

    def hold() -> None:
        with server_lock(url, "a", wait_seconds=0, busy=BUSY):
            held.set()
            wants.wait(20)
            order.append("first")

    wants, first = threading.Event(), threading.Thread(target=hold)
    first.start()
    assert held.wait(20)
    threading.Timer(0.3, wants.set).start()
    with server_lock(url, "a", wait_seconds=20, busy=BUSY):
        order.append("second")
    first.join(20)
    assert order == ["first", "second"]


def test_it_is_let_go_when_the_block_fails(url: str) -> None:
    with pytest.raises(RuntimeError, match="broken"), server_lock(url, "a", wait_seconds=0, busy=BUSY):
        raise RuntimeError("broken")
    with server_lock(url, "a", wait_seconds=0, busy=BUSY):
        pass


def end_other_connections(url: str) -> None:
    """As a server that is restarted, or a machine that is cut off."""
    engine = open_store(url)
    ends = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(ends))
    engine.dispose()


def test_a_lock_that_was_lost_on_the_way_is_said(url: str) -> None:
    with (
        pytest.raises(StoreUnavailable, match=r"lost, and with it the lock of a: .*Run again"),
        server_lock(url, "a", wait_seconds=0, busy=BUSY),
    ):
        end_other_connections(url)
    with server_lock(url, "a", wait_seconds=0, busy=BUSY):
        pass


def test_a_fault_of_the_block_is_not_hidden_by_a_lost_lock(url: str) -> None:
    def broken() -> None:
        end_other_connections(url)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"), server_lock(url, "a", wait_seconds=0, busy=BUSY):
        broken()


def test_a_server_that_is_not_there_is_told() -> None:
    nowhere = "postgresql+psycopg://milk:x@127.0.0.1:1/milk"
    with pytest.raises(StoreUnavailable), server_lock(nowhere, "a", wait_seconds=0, busy=BUSY):
        pass


def test_who_waits_while_the_server_ends_its_connection_is_told(url: str) -> None:
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            with server_lock(url, "a", wait_seconds=60, busy=BUSY):
                pass
        except StoreUnavailable as error:
            ended.append(error)

    with server_lock(url, "a", wait_seconds=0, busy=BUSY):
        waiter = threading.Thread(target=wait)
        waiter.start()
        end_waiters(url)
        waiter.join(60)
    assert len(ended) == 1


def end_waiters(url: str) -> None:
    """End every connection that waits for a lock, as soon as there is one."""
    engine = open_store(url)
    waiting = sa.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    with engine.connect() as connection:
        for _ in range(600):
            if connection.scalar(waiting):
                break
            time.sleep(0.05)
    engine.dispose()


def test_a_role_with_a_limit_on_its_statements_may_wait(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    engine = open_store(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {url.rpartition('/')[2]} SET statement_timeout = '200ms'")
    engine.dispose()
    holder = threading.Event()

    def hold() -> None:
        with server_lock(url, "a", wait_seconds=0, busy=BUSY):
            holder.set()
            time.sleep(0.6)

    first = threading.Thread(target=hold)
    first.start()
    assert holder.wait(20)
    with server_lock(url, "a", wait_seconds=20, busy=BUSY):
        pass
    first.join(20)
