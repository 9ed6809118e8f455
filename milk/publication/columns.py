"""What the tables of the store are built of: instants, months, columns, and the one list of all tables."""

import datetime as dt
from typing import Any, get_args

import sqlalchemy as sa

from milk.months import Month


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """An instant: goes in aware, comes back aware in UTC.

    SQLite keeps no time zone. Without this type an instant would come back naive there and aware on PostgreSQL, and the
    first comparison with a cutoff would fail on one of the two only.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002  # because SQLAlchemy calls it so
        """To UTC, before the driver drops or converts the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: the store keeps instants.")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:  # noqa: ARG002  # because SQLAlchemy calls it so
        """Aware again; PostgreSQL answers in the zone of its session."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class MonthText(sa.TypeDecorator[Month]):
    """A month, kept as `YYYY-MM`: readable in any client, and in its order as text."""

    impl = sa.String(7)
    cache_ok = True

    def process_bind_param(self, value: Month | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  # because SQLAlchemy calls it so
        """To text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Month | None:  # noqa: ARG002  # because SQLAlchemy calls it so
        """A month again."""
        return None if value is None else Month(int(value[:4]), int(value[5:]))


def one_of(column: str, kinds: object) -> str:
    """The rule that a column holds one of the texts of a `Literal`."""
    names = ", ".join(f"'{kind}'" for kind in get_args(kinds))
    return f"{column} IN ({names})"


def required(name: str, kind: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    """A column that every row fills."""
    return sa.Column(name, kind, nullable=False)


def added_later(name: str, kind: type[sa.types.TypeEngine[Any]], default: str) -> sa.Column[Any]:
    """A column that the first rows of the table did not have."""
    return sa.Column(name, kind, nullable=False, server_default=sa.text(default))


# Names are derived, so that a migration can name what it changes on every database.
METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)
