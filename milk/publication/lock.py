"""A lock that every machine asks of the same database server."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from milk.errors import HomeBusy, StoreUnavailable
from milk.publication.engine import open_store, shown_address
from milk.publication.faults import LOCK_NOT_AVAILABLE, explained


@contextmanager
def server_lock(url: str, name: str, *, wait_seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock of a name on a PostgreSQL server for as long as the block lasts.

    It belongs to a connection, so that a machine that is gone holds nothing: its server notices. For the same reason it
    needs a connection that stays one and the same, which a pooler in transaction mode does not give.

    Args:
        url: the store.
        name: what is held; other names do not disturb.
        wait_seconds: how long to wait for whoever holds it.
        busy: what to say where the wait was in vain.

    Raises:
        HomeBusy: another connection holds it still.
        StoreUnavailable: the server does not answer, or lost the lock before the block ended: another may have come in.
        HomeRefused: the server cannot be used.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    engine = open_store(url)
    try:
        with explained(engine):
            connected = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with connected as connection:
            with explained(engine):
                _acquire(connection, key, wait_seconds, busy)
            yield
            if not _release(connection, key):
                raise StoreUnavailable(
                    f"The connection to {shown_address(url)} was lost, and with it the lock of {name}: another run may "
                    "have come in between. Run again, which mends whatever is missing."
                )
    finally:
        engine.dispose()


def _acquire(connection: sa.Connection, key: int, wait_seconds: float, busy: str) -> None:
    try:
        # Long runs say nothing on this connection, and whoever waits asks one thing for long: no reason to end either.
        connection.exec_driver_sql("SET idle_session_timeout = 0")
        connection.exec_driver_sql("SET statement_timeout = 0")
        if wait_seconds > 0:
            connection.exec_driver_sql(f"SET lock_timeout = {int(wait_seconds * 1000)}")
            connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
            return
        is_held = connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key)))
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        is_held = False
    if not is_held:
        raise HomeBusy(busy)


def _release(connection: sa.Connection, key: int) -> bool:
    """Let go; whether it was held until now."""
    try:
        return bool(connection.scalar(sa.select(sa.func.pg_advisory_unlock(key))))
    except sa.exc.DBAPIError:
        return False
