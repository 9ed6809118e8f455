"""The tables of the store, as SQLAlchemy describes them; the migrations make them, and a test compares the two.

Every table only grows: triggers refuse to change or to delete a row. Months are `Month`, instants are aware.
"""

import datetime as dt
from typing import Any, Literal, get_args

import sqlalchemy as sa

from milk.months import Kind, Month

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


def _one_of(column: str, kinds: object) -> str:
    names = ", ".join(f"'{kind}'" for kind in get_args(kinds))
    return f"{column} IN ({names})"


def _required(name: str, kind: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _later(name: str, kind: type[sa.types.TypeEngine[Any]], default: str) -> sa.Column[Any]:
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

DATASETS = sa.Table(
    "datasets",
    METADATA,
    sa.Column("series_id", sa.String, primary_key=True),
    _required("dataset_id", sa.String),
    _required("is_synthetic", sa.Boolean),
)
"""The one dataset of a series whose ledger and publications lie here; homes of other data are refused."""

PUBLICATIONS = sa.Table(
    "publications",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    _required("published_at", UtcDateTime),
    sa.Column("run_id", sa.String),
    _required("software", sa.JSON),
)
"""One row a transaction that added something; what it added names its `id`."""

ISSUES = sa.Table(
    "issues",
    METADATA,
    _required("series_id", sa.String),
    _required("issue_month", MonthText),
    _required("revision", sa.Integer),
    _required("kind", sa.String),
    _required("content_sha256", sa.String),
    _required("forecasts", sa.Integer),
    _required("reason", sa.Text),
    _required("issued_at", UtcDateTime),
    _required("data_cutoff", UtcDateTime),
    _required("forecast_origin", MonthText),
    _required("unit", sa.String),
    _required("is_synthetic", sa.Boolean),
    _required("model_version", sa.String),
    _required("data_versions", sa.JSON),
    _required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "issue_month", "revision"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint(_one_of("kind", Kind), name="kind"),
    sa.CheckConstraint("revision >= 1", name="revision"),
    sa.CheckConstraint("forecasts >= 1", name="forecasts"),
)
"""One row for each revision of an issue month.

Of the revisions of a month the one that *stands* is the newest live one, or the newest of all where none is live. In
`forecasts` is how many rows the table of that name holds of it, and `content_sha256` is their hash.
"""

FORECASTS = sa.Table(
    "forecasts",
    METADATA,
    _required("series_id", sa.String),
    _required("issue_month", MonthText),
    _required("revision", sa.Integer),
    _required("target_month", MonthText),
    _required("horizon_months", sa.Integer),
    _required("price", sa.Double),
    _required("lower_80", sa.Double),
    _required("upper_80", sa.Double),
    _required("lower_95", sa.Double),
    _required("upper_95", sa.Double),
    _required("contribution_base", sa.Double),
    _required("contribution_drift", sa.Double),
    _required("contribution_season", sa.Double),
    _required("contribution_momentum", sa.Double),
    _required("interval_errors", sa.Integer),
    _later("contribution_cycle", sa.Double, "0"),
    _later("contribution_other", sa.Double, "0"),
    sa.Column("mean_price", sa.Double),
    sa.Column("mean_lower_80", sa.Double),
    sa.Column("mean_upper_80", sa.Double),
    sa.Column("mean_lower_95", sa.Double),
    sa.Column("mean_upper_95", sa.Double),
    sa.Column("measured_80", sa.Double),
    sa.Column("measured_95", sa.Double),
    _later("measured_forecasts", sa.Integer, "0"),
    sa.PrimaryKeyConstraint("series_id", "issue_month", "revision", "target_month"),
    sa.ForeignKeyConstraint(
        ["series_id", "issue_month", "revision"], ["issues.series_id", "issues.issue_month", "issues.revision"]
    ),
    sa.CheckConstraint(
        "0 < lower_95 AND lower_95 <= lower_80 AND lower_80 <= price AND price <= upper_80 AND upper_80 <= upper_95",
        name="nested",
    ),
    sa.Index(None, "series_id", "target_month"),
)
"""One row for each target month of a revision."""

OBSERVED_PRICES = sa.Table(
    "observed_prices",
    METADATA,
    _required("series_id", sa.String),
    _required("month", MonthText),
    _required("known_since", UtcDateTime),
    _required("known_by", sa.String),
    _required("price", sa.Double),
    _required("unit", sa.String),
    _required("received_at", UtcDateTime),
    _required("snapshot", sa.String),
    _required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "month", "known_since"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""One row for each price that was ever known of a month: the first value, and each revision of it."""

MODEL_CARDS = sa.Table(
    "model_cards",
    METADATA,
    _required("series_id", sa.String),
    _required("version_id", sa.String),
    _required("sha256", sa.String),
    _required("recipe", sa.String),
    _required("created_at", UtcDateTime),
    _required("card", sa.JSON),
    _required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "version_id"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""One row for each model version that made a published forecast."""

SCORES = sa.Table(
    "scores",
    METADATA,
    _required("series_id", sa.String),
    _required("version_id", sa.String),
    _required("model", sa.String),
    _required("horizon_months", sa.Integer),
    _required("forecasts", sa.Integer),
    _required("rmse", sa.Double),
    _required("mae", sa.Double),
    _required("ratio", sa.Double),
    _required("coverage_80", sa.Double),
    _required("coverage_95", sa.Double),
    _required("width_80", sa.Double),
    sa.PrimaryKeyConstraint("series_id", "version_id", "model", "horizon_months"),
    sa.ForeignKeyConstraint(["series_id", "version_id"], ["model_cards.series_id", "model_cards.version_id"]),
)
"""The rolling-origin scores by which a version was judged: one row for each model and horizon."""

SERIES = sa.Table(
    "series",
    METADATA,
    _required("series_id", sa.String),
    _required("name", sa.String),
    _required("revision", sa.Integer),
    _required("content_sha256", sa.String),
    _required("meaning", sa.Text),
    _required("unit", sa.String),
    _required("block", sa.String),
    _required("source", sa.String),
    _required("source_column", sa.String),
    _required("code", sa.String),
    _required("current_code", sa.String),
    _required("first_valid_month", MonthText),
    _required("plausible_low", sa.Double),
    _required("plausible_high", sa.Double),
    _required("availability", sa.Text),
    _required("licence", sa.Text),
    _required("note", sa.Text),
    _required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "name", "revision"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""The register of series: `name` is an input of the forecast series, and `price` is that series itself."""

ADD_ONLY = (DATASETS, PUBLICATIONS, ISSUES, FORECASTS, OBSERVED_PRICES, MODEL_CARDS, SCORES, SERIES)
"""The tables of publications, parents first; like the ledger they take no change and no deletion."""
