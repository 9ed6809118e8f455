"""What lies in the store, row by row: nothing that was published may be lost or changed, whatever is restarted."""

from collections import Counter
from pathlib import Path

import psycopg
from psycopg import sql

Rows = dict[str, Counter[str]]
"""By table, how often each row is there."""


def all_rows(secrets: Path) -> Rows:
    """Every row of every table of the store, as hashes."""
    password = (secrets / "postgres_password").read_text(encoding="ascii").strip()
    with psycopg.connect(host="127.0.0.1", user="postgres", password=password, dbname="milk") as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: _rows(connection, name) for (name,) in found}


def _rows(connection: psycopg.Connection, table: str) -> Counter[str]:
    query = sql.SQL("SELECT md5(row::text) FROM {} AS row").format(sql.Identifier(table))
    return Counter(digest for (digest,) in connection.execute(query))


def missing(before: Rows, after: Rows) -> int:
    """How many rows of before are not there as they were."""
    return sum((rows - after.get(table, Counter())).total() for table, rows in before.items())


def count(rows: Rows) -> int:
    """How many there are."""
    return sum(table.total() for table in rows.values())
