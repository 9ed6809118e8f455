"""Dagster's own records on a PostgreSQL server: runs, events, schedules, sensors.

Every process of Dagster opens them by `dagster.yaml`, which names the class below and no address: each reads it from
the settings, so that it stands in no file of ours, and a secret that is mounted as a file works for all of them.
What Dagster's own class leaves open is settled here: a server that does not answer is said after seconds and not after
minutes, of two processes that meet an empty database one makes the tables while the other waits, and a server that was
restarted costs the UI no answer.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
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


class _Events(PostgresEventLogStorage):
    def optimize_for_webserver(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # because they are passed on
        super().optimize_for_webserver(*args, **kwargs)
        _replace_lost_connections(self._engine)


class _Runs(PostgresRunStorage):
    def optimize_for_webserver(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # because Dagster's own says no more
        super().optimize_for_webserver(*args, **kwargs)
        _replace_lost_connections(self._engine)


class _Schedules(PostgresScheduleStorage):
    def optimize_for_webserver(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # because Dagster's own says no more
        super().optimize_for_webserver(*args, **kwargs)
        _replace_lost_connections(self._engine)


def _replace_lost_connections(engine: sa.Engine) -> None:
    """Ask each kept connection whether it lives before a query gets it; only the webserver keeps any."""

    def ask(connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401  # because a driver has no type
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool takes it for lost, and all of its age with it.
            raise sa.exc.DisconnectionError from error

    sa.event.listen(engine, "checkout", ask)


class ServerStorage(DagsterStorage, ConfigurableClass):
    """Dagster's records on the server that `MILK_DAGSTER_URL` names.

    Args:
        url: the address.
        inst_data: what `dagster.yaml` says of this class.
    """

    def __init__(self, url: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._runs, self._events, self._schedules = _Runs(url), _Events(url), _Schedules(url)
        super().__init__()  # type: ignore[no-untyped-call]  # because Dagster gives it no types

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What `dagster.yaml` says of this class."""
        return self._inst_data

    @property
    def run_storage(self) -> _Runs:
        """The runs."""
        return self._runs

    @property
    def event_log_storage(self) -> _Events:
        """The events."""
        return self._events

    @property
    def schedule_storage(self) -> _Schedules:
        """The ticks of schedules and sensors."""
        return self._schedules

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """`dagster.yaml` configures nothing."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: object,  # noqa: ARG003  # because Dagster gives it, and nothing is configured
    ) -> "ServerStorage":
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
