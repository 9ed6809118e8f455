"""The whole store as text, and a store from it: what a backup keeps of it, the same for SQLite and PostgreSQL.

A table is lines of JSON: the first says its columns and what they hold, each other is a row. The store is read as it
is, of whatever schema of this program, and no server's own tool of the right version is needed; so a backup of one
database restores onto the other, and a person can read it. Rows come in the order of their keys.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from milk.errors import BackupRefused, HomeRefused
from milk.models.canonical import canonical_json, sha256_hex
from milk.publication.columns import UtcDateTime
from milk.publication.engine import bring_to, writing
from milk.publication.faults import where_of
from milk.publication.schema import PUBLICATIONS

_BATCH = 500
_NO_ROW = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What lines that are none of a store's may lead to."""
_KINDS: Final[dict[str, type[sa.types.TypeEngine[Any]]]] = {
    "instant": UtcDateTime,
    "boolean": sa.Boolean,
    "integer": sa.Integer,
    "number": sa.Double,
    "json": sa.JSON,
    "text": sa.String,
}
"""What a column may hold, by the names in the first line."""
_REFLECTED: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...]] = (
    (sa.DateTime, "instant"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Float, "number"),
    (sa.JSON, "json"),
    (sa.String, "text"),
)


def all_tables() -> list[str]:
    """The tables that this program knows, those first to which others refer."""
    return [table.name for table in PUBLICATIONS.metadata.sorted_tables]


def stored_tables(connection: sa.Connection) -> list[str]:
    """The tables of this program that the store has, those first to which others refer."""
    there = set(sa.inspect(connection).get_table_names())
    return [name for name in all_tables() if name in there]


def table_lines(connection: sa.Connection, name: str) -> Iterator[bytes]:
    """A table as lines: its columns, then its rows, in the order of their keys."""
    reflected = sa.Table(name, sa.MetaData(), autoload_with=connection)
    columns = [[column.name, _kind_of(column.type)] for column in reflected.columns]
    yield canonical_json({"columns": columns, "table": name})
    table = _typed(name, columns)
    query = sa.select(*table.c).order_by(*(table.c[column.name] for column in reflected.primary_key))
    for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
        yield canonical_json([_plain(value) for value in row])


def fill_store(engine: sa.Engine, tables: Mapping[str, Iterable[bytes]], *, schema: str) -> None:
    """Make a store that holds what the lines say: of their schema first, then brought to that of this program.

    One transaction: all of it or nothing. A store that holds just these rows is left as it is, so that whoever was
    interrupted may do it again.

    Args:
        engine: an opened store, empty or without tables.
        tables: the lines of each table, those first to which others refer.
        schema: the migration at which they were read.

    Raises:
        HomeRefused: the store holds other rows, does not answer, or cannot be written.
        BackupRefused: the lines are none of a store's.
    """
    with writing(engine) as connection:
        if _holds_rows(connection):
            _refuse_other_rows(engine, connection, tables)
        else:
            bring_to(connection, schema)
            for name, lines in tables.items():
                _fill(connection, name, iter(lines))
            if connection.dialect.name == "postgresql":
                _follow_numbers(connection)
        bring_to(connection, "head")


def _fill(connection: sa.Connection, name: str, lines: Iterator[bytes]) -> None:
    table = _table_of(connection, name, lines)
    try:
        rows = ([_typed_value(c, v) for c, v in zip(table.c, json.loads(line), strict=True)] for line in lines)
        while batch := [dict(zip(table.c.keys(), row, strict=True)) for row in islice(rows, _BATCH)]:
            connection.execute(sa.insert(table), batch)
    except (*_NO_ROW, sa.exc.StatementError) as error:
        if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.ProgrammingError):
            # The place, not the row.
            raise
        raise BackupRefused(
            f"The table {name} of the backup holds rows that no store takes ({type(error).__name__}). Nothing was "
            "restored. Use another backup."
        ) from error


def _table_of(connection: sa.Connection, name: str, lines: Iterator[bytes]) -> sa.TableClause:
    """The table that the first line describes, which the schema must have."""
    try:
        columns = json.loads(next(lines))["columns"]
        table = _typed(name, columns)
    except (StopIteration, KeyError, *_NO_ROW) as error:
        raise BackupRefused(f"The table {name} of the backup does not say its columns. Use another backup.") from error
    if name not in stored_tables(connection):
        raise BackupRefused(f"The backup holds a table {name}, which no store of its schema has. Use another backup.")
    if odd := set(table.c.keys()) - {column["name"] for column in sa.inspect(connection).get_columns(name)}:
        raise BackupRefused(f"The table {name} of the backup has columns of another schema: {', '.join(sorted(odd))}.")
    return table


def _holds_rows(connection: sa.Connection) -> bool:
    queries = (sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1) for name in stored_tables(connection))
    return any(connection.scalar(query) for query in queries)


def _refuse_other_rows(engine: sa.Engine, connection: sa.Connection, tables: Mapping[str, Iterable[bytes]]) -> None:
    for name in stored_tables(connection):
        # As a set: each database sorts texts in its own way.
        held = {sha256_hex(line) for line in table_lines(connection, name)}
        if held != {sha256_hex(line) for line in tables.get(name, _no_rows(connection, name))}:
            raise HomeRefused(
                f"The store at {where_of(engine)} holds other rows already (in {name}). Name an empty database, or a "
                "new file, with --store-url."
            )


def _no_rows(connection: sa.Connection, name: str) -> Iterator[bytes]:
    """A table of which the backup knows nothing, as it is without rows."""
    yield next(table_lines(connection, name))


def _follow_numbers(connection: sa.Connection) -> None:
    """Let the numbers that the server gives go on after those that came with the rows."""
    for name in stored_tables(connection):
        numbered = PUBLICATIONS.metadata.tables[name].autoincrement_column
        if numbered is None:
            continue
        newest = connection.scalar(sa.select(sa.func.max(numbered)))
        if newest is not None:
            sequence = sa.func.pg_get_serial_sequence(name, numbered.name)
            connection.execute(sa.select(sa.func.setval(sequence, newest)))


def _kind_of(column: sa.types.TypeEngine[Any]) -> str:
    for kind, name in _REFLECTED:
        if isinstance(column, kind):
            return name
    raise TypeError(f"no column of ours is of the type {column!r}")


def _typed(name: str, columns: Iterable[Iterable[str]]) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, _KINDS[kind]()) for column, kind in columns))


def _plain(value: object) -> object:
    if isinstance(value, float):
        # A zero has one sign, as SQLite keeps it.
        return value + 0.0
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _typed_value(column: sa.ColumnClause[Any], value: Any) -> Any:  # noqa: ANN401  # because a row holds anything
    if isinstance(column.type, UtcDateTime) and value is not None:
        return dt.datetime.fromisoformat(value)
    return value
