"""The tables of the store, as SQLAlchemy describes them; the migrations make them, and a test compares the two.

Every table only grows: triggers refuse to change or to delete a row. Months are `Month`, instants are aware.
"""

from typing import Literal

import sqlalchemy as sa

from milk.months import Kind
from milk.publication.columns import METADATA, MonthText, UtcDateTime, added_later, one_of, required
from milk.publication.judged_schema import JUDGED
from milk.publication.online_schema import MODELS
from milk.publication.quality_schema import DATA_QUALITY

ActorKind = Literal["schedule", "sensor", "person", "run"]
Decision = Literal["promoted", "kept"]


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
    sa.CheckConstraint(one_of("actor_kind", ActorKind), name="actor_kind"),
    sa.CheckConstraint(one_of("decision", Decision), name="decision"),
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
    required("dataset_id", sa.String),
    required("is_synthetic", sa.Boolean),
)
"""The one dataset of a series whose ledger and publications lie here; homes of other data are refused."""

PUBLICATIONS = sa.Table(
    "publications",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    required("published_at", UtcDateTime),
    sa.Column("run_id", sa.String),
    required("software", sa.JSON),
)
"""One row a transaction that added something; what it added names its `id`."""

ISSUES = sa.Table(
    "issues",
    METADATA,
    required("series_id", sa.String),
    required("issue_month", MonthText),
    required("revision", sa.Integer),
    required("kind", sa.String),
    required("content_sha256", sa.String),
    required("forecasts", sa.Integer),
    required("reason", sa.Text),
    required("issued_at", UtcDateTime),
    required("data_cutoff", UtcDateTime),
    required("forecast_origin", MonthText),
    required("unit", sa.String),
    required("is_synthetic", sa.Boolean),
    required("model_version", sa.String),
    required("data_versions", sa.JSON),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "issue_month", "revision"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint(one_of("kind", Kind), name="kind"),
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
    required("series_id", sa.String),
    required("issue_month", MonthText),
    required("revision", sa.Integer),
    required("target_month", MonthText),
    required("horizon_months", sa.Integer),
    required("price", sa.Double),
    required("lower_80", sa.Double),
    required("upper_80", sa.Double),
    required("lower_95", sa.Double),
    required("upper_95", sa.Double),
    required("contribution_base", sa.Double),
    required("contribution_drift", sa.Double),
    required("contribution_season", sa.Double),
    required("contribution_momentum", sa.Double),
    required("interval_errors", sa.Integer),
    added_later("contribution_cycle", sa.Double, "0"),
    added_later("contribution_other", sa.Double, "0"),
    sa.Column("mean_price", sa.Double),
    sa.Column("mean_lower_80", sa.Double),
    sa.Column("mean_upper_80", sa.Double),
    sa.Column("mean_lower_95", sa.Double),
    sa.Column("mean_upper_95", sa.Double),
    sa.Column("measured_80", sa.Double),
    sa.Column("measured_95", sa.Double),
    added_later("measured_forecasts", sa.Integer, "0"),
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
    required("series_id", sa.String),
    required("month", MonthText),
    required("known_since", UtcDateTime),
    required("known_by", sa.String),
    required("price", sa.Double),
    required("unit", sa.String),
    required("received_at", UtcDateTime),
    required("snapshot", sa.String),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "month", "known_since"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""One row for each price that was ever known of a month: the first value, and each revision of it."""

MODEL_CARDS = sa.Table(
    "model_cards",
    METADATA,
    required("series_id", sa.String),
    required("version_id", sa.String),
    required("sha256", sa.String),
    required("recipe", sa.String),
    required("created_at", UtcDateTime),
    required("card", sa.JSON),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "version_id"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""One row for each model version that made a published forecast."""

SCORES = sa.Table(
    "scores",
    METADATA,
    required("series_id", sa.String),
    required("version_id", sa.String),
    required("model", sa.String),
    required("horizon_months", sa.Integer),
    required("forecasts", sa.Integer),
    required("rmse", sa.Double),
    required("mae", sa.Double),
    required("ratio", sa.Double),
    required("coverage_80", sa.Double),
    required("coverage_95", sa.Double),
    required("width_80", sa.Double),
    sa.PrimaryKeyConstraint("series_id", "version_id", "model", "horizon_months"),
    sa.ForeignKeyConstraint(["series_id", "version_id"], ["model_cards.series_id", "model_cards.version_id"]),
)
"""The rolling-origin scores by which a version was judged: one row for each model and horizon."""

SERIES = sa.Table(
    "series",
    METADATA,
    required("series_id", sa.String),
    required("name", sa.String),
    required("revision", sa.Integer),
    required("content_sha256", sa.String),
    required("meaning", sa.Text),
    required("unit", sa.String),
    required("block", sa.String),
    required("source", sa.String),
    required("source_column", sa.String),
    required("code", sa.String),
    required("current_code", sa.String),
    required("first_valid_month", MonthText),
    required("plausible_low", sa.Double),
    required("plausible_high", sa.Double),
    required("availability", sa.Text),
    required("licence", sa.Text),
    required("note", sa.Text),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "name", "revision"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""The register of series: `name` is an input of the forecast series, and `price` is that series itself."""

ADD_ONLY = (
    DATASETS,
    PUBLICATIONS,
    ISSUES,
    FORECASTS,
    OBSERVED_PRICES,
    MODEL_CARDS,
    MODELS,
    SCORES,
    SERIES,
    *JUDGED,
    DATA_QUALITY,
)
"""The tables of publications, parents first; like the ledger they take no change and no deletion."""
