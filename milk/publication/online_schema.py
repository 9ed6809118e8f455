"""The tables of the online route: the models that it applies, and what was asked and answered."""

import sqlalchemy as sa

from milk.publication.columns import METADATA, UtcDateTime, required

MODELS = sa.Table(
    "models",
    METADATA,
    required("series_id", sa.String),
    required("version_id", sa.String),
    required("model", sa.JSON),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "version_id"),
    sa.ForeignKeyConstraint(["series_id", "version_id"], ["model_cards.series_id", "model_cards.version_id"]),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
)
"""The content of `model.json`, one row a version, beside its card: what an application of the version needs."""

ONLINE_PREDICTIONS = sa.Table(
    "online_predictions",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    required("created_at", UtcDateTime),
    required("series_id", sa.String),
    required("model_version", sa.String),
    required("request_sha256", sa.String),
    required("request", sa.JSON),
    required("answer", sa.JSON),
    sa.Index(None, "created_at"),
)
"""One row for each request to the online route and its answer; `id` is their hash.

The one table that loses rows: who asked must be able to rely on being forgotten. A row is never changed.
"""
