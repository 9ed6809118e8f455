"""The tables of what came of the forecasts: the scorecard, its running statistics, and the decisions to retrain.

They only grow, like the others: a price that is revised adds a further judgement beside the one that was published.
"""

from typing import Literal

import sqlalchemy as sa

from milk.publication.columns import METADATA, MonthText, UtcDateTime, one_of, required

Verdict = Literal["hold", "retrain", "investigate"]
ObservedAs = Literal["first", "latest"]

SCORECARD = sa.Table(
    "scorecard",
    METADATA,
    required("series_id", sa.String),
    required("issue_month", MonthText),
    required("revision", sa.Integer),
    required("target_month", MonthText),
    required("judgement", sa.Integer),
    required("content_sha256", sa.String),
    required("forecast_origin", MonthText),
    required("horizon_months", sa.Integer),
    required("price", sa.Double),
    required("lower_80", sa.Double),
    required("upper_80", sa.Double),
    required("lower_95", sa.Double),
    required("upper_95", sa.Double),
    required("unit", sa.String),
    required("model_version", sa.String),
    required("data_cutoff", UtcDateTime),
    required("issue_published_at", UtcDateTime),
    required("observed", sa.Double),
    required("known_since", UtcDateTime),
    required("error", sa.Double),
    required("log_error", sa.Double),
    required("is_inside_80", sa.Boolean),
    required("is_inside_95", sa.Boolean),
    required("observed_latest", sa.Double),
    required("known_since_latest", UtcDateTime),
    required("error_latest", sa.Double),
    required("log_error_latest", sa.Double),
    required("is_inside_80_latest", sa.Boolean),
    required("is_inside_95_latest", sa.Boolean),
    sa.Column("last_value", sa.Double),
    sa.Column("seasonal_naive", sa.Double),
    sa.Column("drift", sa.Double),
    sa.Column("seasonal_drift", sa.Double),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "issue_month", "target_month", "judgement"),
    sa.ForeignKeyConstraint(
        ["series_id", "issue_month", "revision", "target_month"],
        ["forecasts.series_id", "forecasts.issue_month", "forecasts.revision", "forecasts.target_month"],
    ),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint("judgement >= 1", name="judgement"),
    sa.Index(None, "series_id", "target_month"),
)
"""One row for each judgement of a published forecast; the newest `judgement` of an issue and target month counts."""

SCORECARD_SUMMARY = sa.Table(
    "scorecard_summary",
    METADATA,
    required("series_id", sa.String),
    required("observed_as", sa.String),
    required("horizon_months", sa.Integer),
    required("judgement", sa.Integer),
    required("content_sha256", sa.String),
    required("months_judged", sa.Integer),
    required("forecasts", sa.Integer),
    required("first_target", MonthText),
    required("last_target", MonthText),
    required("bias", sa.Double),
    sa.Column("bias_band", sa.Double),
    required("rmse", sa.Double),
    sa.Column("ratio_last_value", sa.Double),
    sa.Column("ratio_last_value_low", sa.Double),
    sa.Column("ratio_last_value_high", sa.Double),
    sa.Column("ratio_seasonal_drift", sa.Double),
    sa.Column("ratio_seasonal_drift_low", sa.Double),
    sa.Column("ratio_seasonal_drift_high", sa.Double),
    required("coverage_80", sa.Double),
    sa.Column("coverage_80_low", sa.Double),
    sa.Column("coverage_80_high", sa.Double),
    required("coverage_95", sa.Double),
    sa.Column("coverage_95_low", sa.Double),
    sa.Column("coverage_95_high", sa.Double),
    required("is_judged", sa.Boolean),
    required("is_biased", sa.Boolean),
    required("is_outside_80", sa.Boolean),
    required("is_outside_95", sa.Boolean),
    required("is_worse_than_last_value", sa.Boolean),
    required("finding", sa.Text),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "observed_as", "horizon_months", "judgement"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint(one_of("observed_as", ObservedAs), name="observed_as"),
    sa.CheckConstraint("judgement >= 1", name="judgement"),
)
"""One row for each state of the running statistics of a horizon (0: of all); the newest `judgement` counts."""

RETRAIN_DECISIONS = sa.Table(
    "retrain_decisions",
    METADATA,
    required("series_id", sa.String),
    required("number", sa.Integer),
    required("as_of", MonthText),
    required("decided_at", UtcDateTime),
    required("decision", sa.String),
    required("rule", sa.String),
    required("sentence", sa.Text),
    required("numbers", sa.JSON),
    required("model_version", sa.String),
    required("content_sha256", sa.String),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "number"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint(one_of("decision", Verdict), name="decision"),
    sa.CheckConstraint("number >= 1", name="number"),
)
"""One row for each decision whether to retrain, oldest first by `number`; `as_of` is the month of the newest price."""

JUDGED = (SCORECARD, SCORECARD_SUMMARY, RETRAIN_DECISIONS)
