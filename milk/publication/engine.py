"""Opening the store: the engine, its transactions, and the way to the newest schema.

SQLite in one file by default, PostgreSQL by URL. Everything that only one of the two understands stands in this module
and in the migrations.

A transaction is opened by `reading` or by `writing`. A writer takes the store's one write lock before it looks at
anything: what it reads inside is still true when it writes. One writer at a time is no loss for a store that gets a few
writes a month.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from milk.errors import BadSetting, HomeRefused, NothingPublished
from milk.models.canonical import canonical_json
from milk.publication.faults import CHECK_FOLDER, MOVE_AWAY, explained, shown, sqlite_code, where_of

HEAD = "0006"
"""The newest migration; a test compares it with the folder of migrations."""

_BUSY_TIMEOUT_MS = 5000
"""How long a writer waits for another, in milliseconds."""

_WAL_TRIES = 100
_WAL_PAUSE_SECONDS = 0.05
_POSTGRESQL_LOCK = 6_170_155_431
"""The advisory lock of this program's writers: any number, always the same."""

_POSTGRESQL_CONNECT_SECONDS = 5
_POSTGRESQL_KEEPALIVE_SECONDS = 30
"""Of silence, as while a long run holds its lock: what stands between forgets a connection that says nothing."""
_POSTGRESQL_SILENCE_MS = 15_000
"""After how long without an acknowledgement a connection counts as lost: a cable that is pulled says nothing."""

_WRITES = "milk_writes"

_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
"""What this program is tested with; any other database would fail at its first statement."""

_AN_ADDRESS = "such as sqlite:////srv/milk/store.db or postgresql+psycopg://user:password@host:5432/database"

# Alembic keeps the migration under way in module-level variables: two threads would take each other's connection.
_ONE_MIGRATION_AT_A_TIME = threading.RLock()


def open_store(url: str, *, create: bool = True) -> sa.Engine:
    """Open the store at an SQLAlchemy URL; a new SQLite file and its folder are made.

    Connects once, so that a store that cannot be used is refused here and not in the middle of a run. The caller
    disposes of the engine.

    Args:
        url: its address; that of a server names the driver.
        create: whether to make a SQLite file that is not there; who only reads must not leave an empty one behind.

    Raises:
        BadSetting: the text is no such URL, or its driver is not installed.
        NothingPublished: the SQLite file is not there, and is not to be made.
        HomeRefused: the store cannot be opened.
    """
    parsed = _parsed(url)
    try:
        # Without its values: a statement that fails would carry what was asked online into a log.
        engine = sa.create_engine(parsed, json_serializer=_json, hide_parameters=True, **_engine_options(parsed))
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"The address of the store (MILK_STORE_URL) needs the package '{error.name}', which is not installed."
        ) from error
    if engine.dialect.name == "sqlite":
        if create:
            _make_folder(engine.url)
        else:
            _refuse_missing(engine.url)
        event.listen(engine, "connect", lambda connection, _record: _set_pragmas(connection, use_wal=create))
        event.listen(engine, "begin", _begin)
    try:
        with reading(engine):
            pass
    except BaseException:
        engine.dispose()
        raise
    return engine


def _engine_options(url: sa.URL) -> dict[str, Any]:
    if url.drivername != "postgresql+psycopg":
        return {}
    # A connection that a restarted server has closed is replaced, and not handed to a query.
    waits = {
        "connect_timeout": _POSTGRESQL_CONNECT_SECONDS,
        "tcp_user_timeout": _POSTGRESQL_SILENCE_MS,
        "keepalives_idle": _POSTGRESQL_KEEPALIVE_SECONDS,
    }
    return {
        "pool_pre_ping": True,
        "connect_args": {name: wait for name, wait in waits.items() if name not in url.query},
    }


def _json(value: object) -> str:
    """Canonical JSON: exact floats, and no NaN, which PostgreSQL refuses."""
    return canonical_json(value).decode().rstrip()


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that only reads; all that it reads is of one moment.

    Raises:
        HomeRefused: the store does not answer, or is not one.
    """
    with explained(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # By default each statement there sees a moment of its own.
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextlib.contextmanager
def writing(engine: sa.Engine, *, is_alone: bool = True, patience_ms: int | None = None) -> Iterator[sa.Connection]:
    """A transaction that holds the write lock of the store from its first statement, and commits at its end.

    Who adds what no publisher looks at need not be alone: on PostgreSQL it then waits for no publisher.

    Args:
        engine: the store.
        is_alone: whether no other writer may be at work.
        patience_ms: for how many milliseconds to wait for a lock; five seconds where not given.

    Raises:
        HomeBusy: another process held the lock for longer.
        HomeRefused: the store does not answer, or cannot be written.
    """
    with explained(engine), engine.connect() as connection:
        connection.execution_options(**{_WRITES: True})
        with _patience(connection, patience_ms), connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience_ms or _BUSY_TIMEOUT_MS}")
                if is_alone:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
            yield connection


@contextlib.contextmanager
def _patience(connection: sa.Connection, milliseconds: int | None) -> Iterator[None]:
    """Let SQLite wait for a lock so long and no longer; whoever has the connection next waits as ever."""
    raw = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
    if raw is None or milliseconds is None:
        yield
        return
    # By the driver: a statement of SQLAlchemy would begin the transaction, and wait for the lock.
    raw.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")


def migrate(engine: sa.Engine) -> None:
    """Bring the store to the newest schema; a store that is there already costs one SELECT.

    Safe to call from several processes at once: the migrations run inside one `writing` transaction, and who comes
    second finds the work done.

    Raises:
        HomeRefused: the store was made by a newer version of this program, or cannot be written.
    """
    if _at_head(engine):
        return
    from alembic.util import CommandError

    try:
        with _ONE_MIGRATION_AT_A_TIME, writing(engine) as connection:
            bring_to(connection, "head")
    except CommandError as error:
        raise HomeRefused(
            f"The store at {where_of(engine)} cannot be brought to schema {HEAD}: {error} "
            "If a newer version of this program made it, use that version, or name another place for the store."
        ) from error


def bring_to(connection: sa.Connection, schema: str) -> None:
    """Run the migrations from the schema that the store has to another one, inside a `writing` transaction.

    Args:
        connection: of a store; one that is taken back loses what the older schema has no place for.
        schema: the name of a migration, or `head`.
    """
    # Not at the head of the module: every command would pay for Alembic, which only a new or old store needs.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The form package:folder is resolved by the import system, so that an installed wheel works like a checkout.
    config.set_main_option("script_location", "milk.publication:migrations")
    held = schema_within(connection)
    is_older = schema != "head" and held is not None and held > schema
    with _ONE_MIGRATION_AT_A_TIME:
        config.attributes["connection"] = connection
        (command.downgrade if is_older else command.upgrade)(config, schema)


def schema_within(connection: sa.Connection) -> str | None:
    """The migration that a store is at, asked inside a transaction; `None` for one without tables."""
    if "alembic_version" not in sa.inspect(connection).get_table_names():
        return None
    held = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    return str(held[0]) if held else None


def _at_head(engine: sa.Engine) -> bool:
    return schema_of(engine) == HEAD


def schema_of(engine: sa.Engine) -> str | None:
    """The migration that a store is at; `None` where it has none yet, or cannot be read by this user."""
    try:
        with engine.connect() as connection:
            found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    except exc.DBAPIError:
        # Most often a new store, without that table. Any other fault meets the migration again, and is explained there.
        return None
    return ", ".join(map(str, found)) or None


def _make_folder(url: sa.URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeRefused(
            f"The folder {folder}, where the store {Path(url.database).name} should lie, cannot be made "
            f"({error.strerror}). {CHECK_FOLDER}"
        ) from error


def _refuse_missing(url: sa.URL) -> None:
    file = Path(url.database or "")
    try:
        is_file, is_there = file.is_file(), file.exists()
    except OSError as error:
        raise HomeRefused(f"The store at {file} cannot be used ({error.strerror}). {CHECK_FOLDER}") from error
    if is_file:
        return
    if is_there:
        raise HomeRefused(f"The store at {file} is no file. {MOVE_AWAY}")
    raise NothingPublished(f"There is no store at {file} yet.")


def _set_pragmas(connection: sqlite3.Connection, *, use_wal: bool) -> None:
    try:
        # The driver's own transactions begin at the first write, after the reads that the write rests on.
        connection.isolation_level = None
        if use_wal:
            # Who only reads leaves the file as it is: it may lie where nobody may write.
            _use_wal(connection)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Without it, INSERT OR REPLACE would delete a row past the trigger that refuses deletion.
        connection.execute("PRAGMA recursive_triggers = ON")
    except BaseException:
        # The pool has not taken it over yet, and would leave it open.
        connection.close()
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, which stays in the file.

    Of two processes that switch a new file at once SQLite may refuse one immediately, whatever the busy timeout; in
    other cases it waits. So no timeout here: the one refused tries again, and finds the file switched.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    tries_left = _WAL_TRIES
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if sqlite_code(error) != "SQLITE_BUSY" or not tries_left:
                raise
            tries_left -= 1
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def shown_address(url: str) -> str:
    """The address of a store as it may be shown: a file by its path, a server without its password.

    Raises:
        BadSetting: the text is no such URL.
    """
    return shown(_parsed(url))


def _parsed(url: str) -> sa.URL:
    try:
        if "\0" in url:
            raise ValueError("A path cannot hold the character NUL.")  # noqa: TRY301  # because it is one more of these
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        # Not echoed: it may hold a password that no parser can hide.
        raise BadSetting(f"The address of the store (MILK_STORE_URL) is not a database URL, {_AN_ADDRESS}.") from error
    if parsed.host and "@" in f"{parsed.host}{parsed.database}":
        raise BadSetting(
            "The address of the store (MILK_STORE_URL) holds more than one @: in a password write @ : / % and # as %40 "
            "%3A %2F %25 and %23."
        )
    # The default driver of a database changes with the version of SQLAlchemy; an address must mean one thing.
    if parsed.drivername in ("postgresql", "postgres"):
        raise BadSetting(
            "The address of the store (MILK_STORE_URL) does not name its driver: write postgresql+psycopg:// in place "
            f"of {parsed.drivername}://."
        )
    if parsed.drivername not in _DRIVERS:
        raise BadSetting(
            f"The address of the store (MILK_STORE_URL) names {parsed.drivername}, which this program cannot use. "
            f"Write an address {_AN_ADDRESS}."
        )
    if parsed.drivername.startswith("sqlite") and parsed.query:
        raise BadSetting("The address of the store (MILK_STORE_URL) is a file, and takes no options after a '?'.")
    return parsed
