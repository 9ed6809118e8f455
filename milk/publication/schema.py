"""The tables of the store, as SQLAlchemy describes them; the migrations make them, and a test compares the two."""

import datetime as dt
from typing import Literal, get_args

import sqlalchemy as sa

ActorKind = Literal["schedule", "sensor", "person", "run"]
Decision = Literal["promoted", "kept"]


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


def _one_of(column: str, kinds: object) -> str:
    names = ", ".join(f"'{kind}'" for kind in get_args(kinds))
    return f"{column} IN ({names})"


# Names are derived, so that a migration can name what it changes on every database.
METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

PROMOTIONS = sa.Table(
    "promotions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("series_id", sa.String, nullable=False),
    sa.Column("version_id", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    sa.Column("actor_kind", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("decision", sa.String, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("numbers", sa.JSON, nullable=False),
    sa.Column("champion_version_id", sa.String, nullable=False),
    sa.Column("champion_sha256", sa.String, nullable=False),
    sa.Column("previous_version_id", sa.String),
    sa.Column("data_cutoff", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String),
    sa.CheckConstraint(_one_of("actor_kind", ActorKind), name="actor_kind"),
    sa.CheckConstraint(_one_of("decision", Decision), name="decision"),
    # What is in production afterwards follows from the decision; a row that says otherwise would rewrite history.
    sa.CheckConstraint(
        "(decision = 'promoted' AND champion_version_id = version_id AND champion_sha256 = sha256) OR "
        "(decision = 'kept' AND previous_version_id IS NOT NULL AND champion_version_id = previous_version_id)",
        name="champion",
    ),
    # A run that is tried again says the same once. Rows without a run (a person's) may repeat: NULLs are never equal.
    sa.UniqueConstraint("series_id", "version_id", "sha256", "decision", "run_id"),
    sa.Index(None, "series_id", "id"),
)
"""One row per decision about production, oldest first by `id`; rows are only added (triggers refuse the rest)."""
