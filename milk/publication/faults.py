"""What is wrong where the store cannot be used: its file, its disk, its server, or what its user may do, in words."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from milk.errors import BadSetting, HomeBusy, HomeRefused, MilkError, NotAllowed, StoreUnavailable

LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not had in time."""

_NOT_ALLOWED = {"42501", "3F000", "25006"}
"""PostgreSQL's codes for a right that is missing, no schema to make a table in, a database that is only read."""

MOVE_AWAY = "Move that file away, or name another place for the store."
CHECK_FOLDER = "Check that the folder exists and may be written to, or name another place for the store."
_CHECK_DISK = "Check the disk, then try again."
_WHAT_TO_DO = {
    "SQLITE_NOTADB": MOVE_AWAY,
    "SQLITE_CORRUPT": MOVE_AWAY,
    "SQLITE_CANTOPEN": CHECK_FOLDER,
    "SQLITE_PERM": CHECK_FOLDER,
    "SQLITE_READONLY": CHECK_FOLDER,
    "SQLITE_FULL": _CHECK_DISK,
    "SQLITE_IOERR": _CHECK_DISK,
}


@contextlib.contextmanager
def explained(engine: sa.Engine) -> Iterator[None]:
    """Turn a fault of the place (file, disk, server) into a refusal; a fault of a statement stays the bug it is."""
    try:
        yield
    except exc.DBAPIError as error:
        refusal = _refusal(engine, error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(engine: sa.Engine, error: exc.DBAPIError) -> MilkError | None:
    where = where_of(engine)
    if isinstance(error.orig, sqlite3.Error):
        code = sqlite_code(error.orig)
        if code in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
            return HomeBusy(f"Another process is writing to the store at {where}: try again when it has ended.")
        if code in _WHAT_TO_DO:
            return HomeRefused(f"The store at {where} cannot be used ({error.orig}). {_WHAT_TO_DO[code]}")
        return None
    said, sqlstate = " ".join(str(error.orig).split()), getattr(error.orig, "sqlstate", None)
    if sqlstate in _NOT_ALLOWED:
        return NotAllowed(
            f"The store at {where} does not let its user do that ({said}). Whoever publishes needs USAGE and CREATE on "
            "the schema; a reader needs SELECT on its tables."
        )
    if isinstance(error, exc.ProgrammingError) and error.statement is None:
        # The driver refuses an option before it connects.
        return BadSetting(f"The address of the store (MILK_STORE_URL) cannot be used: {said}.")
    if isinstance(error, exc.OperationalError | exc.InterfaceError):
        if sqlstate == LOCK_NOT_AVAILABLE:
            return HomeBusy(f"Another process is writing to the store at {where}: try again when it has ended.")
        return StoreUnavailable(f"The store at {where} does not answer ({said}). Check its address and its server.")
    return None


def sqlite_code(error: sqlite3.Error) -> str:
    """The name of the primary code: SQLITE_CANTOPEN for SQLITE_CANTOPEN_ISDIR."""
    name: Any = getattr(error, "sqlite_errorname", None)
    return "_".join(str(name).split("_")[:2])


def shown(url: sa.URL) -> str:
    """An address as it may be shown: a file by its path, a server without its password."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    # Its options may hold a password, too.
    return url.set(query={}).render_as_string(hide_password=True)


def where_of(engine: sa.Engine) -> str:
    """The address of an open store, as it may be shown."""
    return shown(engine.url)
