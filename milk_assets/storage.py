"""Dagster's own records on a PostgreSQL server: runs, events, schedules, sensors.

Every process of Dagster opens them by `dagster.yaml`, which names the class below and no address: each reads it from
the settings, so that it stands in no file of ours, and a secret that is mounted as a file works for all of them.
What Dagster's own class leaves open is settled here: a server that does not answer is said after seconds and not after
minutes, and of two processes that meet an empty database one makes the tables while the other waits.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import DagsterPostgresException

from milk.errors import HomeRefused, MilkError, StoreUnavailable
from milk.settings import load_settings

CONNECT_SECONDS = 4
PATIENCE_SECONDS = 5
"""For how long a process that starts waits for a server that starts, too; what takes longer is said."""
_SILENCE_MS = 15_000
"""After how long without an acknowledgement a connection counts as lost: a cable that is pulled says nothing."""
_LOCK = 6_170_155_432
"""The advisory lock of who makes the tables: any number, always the same, and not that of the store."""
_AWAY = ("08", "57")
"""Classes of PostgreSQL's codes: the connection failed; the server stops or starts."""


class ServerStorage(DagsterPostgresStorage):
    """Dagster's records on the server that `MILK_DAGSTER_URL` names."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """`dagster.yaml` configures nothing."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: object) -> "ServerStorage":  # noqa: ARG003
        """Open the records; in an empty database, make them.

        Raises:
            MilkError: the setting is missing or bad, or the server does not answer.
        """
        address = load_settings().dagster_address
        if address is None:
            raise HomeRefused("dagster.yaml asks for Dagster's records on a server, and MILK_DAGSTER_URL is not set.")
        url = bounded(address)
        with explained(url), _alone(url):
            return cls(url.render_as_string(hide_password=False), inst_data=inst_data)


def bounded(address: str) -> sa.URL:
    """An address with limits to how long its server may be silent, where it sets none itself."""
    url = sa.make_url(address)
    waits = {"connect_timeout": str(CONNECT_SECONDS), "tcp_user_timeout": str(_SILENCE_MS)}
    return url.update_query_dict({name: wait for name, wait in waits.items() if name not in url.query})


@contextmanager
def _alone(url: sa.URL) -> Iterator[None]:
    """Let one process at a time look for the tables and make them; waits out a server that restarts."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with _connected(engine) as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
            # Held by the session, which ends with the connection, not by a transaction: that would stay open as long.
            connection.commit()
            yield
    finally:
        engine.dispose()


def _connected(engine: sa.Engine) -> sa.Connection:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return engine.connect()
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@contextmanager
def explained(url: sa.URL) -> Iterator[None]:
    """Turn a fault of the server into a refusal in words; any other stays the bug it is.

    Raises:
        StoreUnavailable: it does not answer.
        HomeRefused: it does not let its user do that.
    """
    try:
        yield
    except (sa.exc.DBAPIError, DagsterPostgresException) as error:
        cause = error.__cause__ if isinstance(error, DagsterPostgresException) else error
        refusal = _refusal(url, cause) if isinstance(cause, sa.exc.DBAPIError) else None
        if refusal is None:
            raise
        raise refusal from error


def _refusal(url: sa.URL, error: sa.exc.DBAPIError) -> MilkError | None:
    where = url.set(query={}).render_as_string(hide_password=True)
    said, code = " ".join(str(error.orig).split()), getattr(error.orig, "pgcode", None) or ""
    if code == "42501":
        return HomeRefused(
            f"The database of Dagster's records at {where} does not let its user do that ({said}). "
            "deploy/postgres/dagster.sql gives the rights."
        )
    if error.connection_invalidated or code[:2] in _AWAY or (not code and isinstance(error, sa.exc.OperationalError)):
        return StoreUnavailable(
            f"The database of Dagster's records at {where} does not answer ({said}). Check MILK_DAGSTER_URL and its "
            "server."
        )
    return None
