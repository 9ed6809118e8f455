"""The addresses among the settings: what they must look like, what they mean, and how a wrong one is told.

An address that may hold a password is never echoed.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from milk.errors import BadSetting

DAGSTER_DRIVER = "postgresql+psycopg2"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*")


def path_in_addresses(home: Path) -> Path:
    """The folder of a home, by whose path tables, runs and store are opened.

    Raises:
        BadSetting: it holds a character that means something else in an address.
    """
    if odd := sorted(set("?%#") & set(str(home))):
        raise BadSetting(f"MILK_HOME: the path {home} holds '{odd[0]}', which no home may. Choose another folder.")
    return home


def embedded_store(home: Path) -> str:
    """The address of the database that lies in a home."""
    return f"sqlite:///{home / 'milk.db'}"


def store_database(url: str | None, home: Path) -> str:
    """The database of ledger and publications, as an SQLAlchemy URL that means the same from any folder.

    Args:
        url: `MILK_STORE_URL`; `None` for the one in the home.
        home: the folder of the home.

    Raises:
        BadSetting: what would be published there would be lost at the end of the process.
    """
    if url is None:
        return embedded_store(home)
    scheme, _, place = url.partition("://")
    if not scheme.startswith("sqlite"):
        return url
    path = place.removeprefix("/")
    if path in ("", ":memory:"):
        raise BadSetting(f"MILK_STORE_URL: {url} names no file, and what is published must last.")
    return f"{scheme}:///{Path.cwd() / path}"


def bucket_address(url: str, *, store: str | None) -> str:
    """Where the files lie, without a slash at its end.

    Args:
        url: `MILK_FILES_URL`.
        store: `MILK_STORE_URL`.

    Raises:
        BadSetting: it is no such address, or the store lies where other machines cannot reach it.
    """
    address = url.rstrip("/")
    if not _BUCKET.fullmatch(address):
        raise BadSetting(
            f"MILK_FILES_URL: '{url}' is no address of a bucket. Write it like s3://bucket/prefix, in letters, digits, "
            "dots, hyphens and underscores."
        )
    if not (store or "").startswith("postgresql"):
        raise BadSetting(
            "MILK_FILES_URL: files in a bucket are shared, so the store must be, too, and it keeps two writers apart. "
            "Set MILK_STORE_URL to a database on PostgreSQL, such as postgresql+psycopg://user:password@host:5432/"
            "database."
        )
    return address


def dagster_database(url: str, *, store: str | None) -> str:
    """The database of Dagster's records, as an SQLAlchemy URL.

    Args:
        url: `MILK_DAGSTER_URL`.
        store: `MILK_STORE_URL`.

    Raises:
        BadSetting: it does not name the one driver that Dagster works with, or it names the store's database. Which
            driver an address without one means changed with SQLAlchemy 2.1, and with the new one no run of Dagster
            starts. In one database the two would share the table in which each keeps its version.
    """
    scheme, found, _ = url.partition("://")
    if scheme != DAGSTER_DRIVER or not found:
        said = f"begins with {scheme}://" if found else "is no database URL"
        raise BadSetting(
            f"MILK_DAGSTER_URL {said}, which Dagster cannot use: write {DAGSTER_DRIVER}://user:password@host:5432/"
            "database (the store's address, MILK_STORE_URL, names another driver)."
        )
    if not _is_server_url(url):
        # A parser that was misled may take a part of the password for something else.
        raise BadSetting(
            f"MILK_DAGSTER_URL is no address of a database: write {DAGSTER_DRIVER}://user:password@host:5432/"
            "database. In a password write @ : / % and # as %40 %3A %2F %25 and %23."
        )
    if store is not None and _database(store) == _database(url):
        raise BadSetting(
            "MILK_DAGSTER_URL and MILK_STORE_URL name the same database: make one of its own for Dagster, on the same "
            "server if you like."
        )
    return url


def _is_server_url(url: str) -> bool:
    """Whether an address has a host, a number for its port, and no stray @ that belongs to a password."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and url.count("@") <= 1 and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _database(url: str) -> tuple[str, str, str]:
    """Where the database of a server is, whoever asks for it."""
    host, _, path = url.partition("://")[2].rpartition("@")[2].partition("/")
    name, _, port = host.lower().partition(":")
    return name, port or "5432", path.partition("?")[0]
