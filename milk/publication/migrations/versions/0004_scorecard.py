"""What came of the forecasts: the scorecard, its running statistics, the decisions to retrain; all of it only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = ("scorecard", "scorecard_summary", "retrain_decisions")
_INSTANT = sa.DateTime(timezone=True)
_MONTH = sa.String(7)


def upgrade() -> None:
    """Make the tables, and the triggers that refuse to change or delete their rows."""
    _make_scorecard()
    _make_summary()
    _make_decisions()
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for table in _TABLES:
        if is_postgresql:
            _refuse_changes_postgresql(table)
        else:
            _refuse_changes_sqlite(table)


def downgrade() -> None:
    """Drop the tables with their rows; their triggers go with them."""
    for table in reversed(_TABLES):
        op.drop_table(table)
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION refuse_change_of_{table}()")


def _columns(**types: object) -> list[sa.Column[object]]:
    return [sa.Column(name, kind, nullable=False) for name, kind in types.items()]  # type: ignore[arg-type]  # because each is a type of SQLAlchemy


def _doubles(*names: str, nullable: bool = False) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double(), nullable=nullable) for name in names]


def _ends(name: str) -> list[sa.Column[float]]:
    return _doubles(f"{name}_low", f"{name}_high", nullable=True)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _published(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_publications")
    return sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=name)


def _make_scorecard() -> None:
    op.create_table(
        "scorecard",
        *_columns(series_id=sa.String(), issue_month=_MONTH, revision=sa.Integer(), target_month=_MONTH),
        *_columns(judgement=sa.Integer(), content_sha256=sa.String()),
        *_columns(forecast_origin=_MONTH, horizon_months=sa.Integer()),
        *_doubles("price", "lower_80", "upper_80", "lower_95", "upper_95"),
        *_columns(unit=sa.String(), model_version=sa.String(), data_cutoff=_INSTANT, issue_published_at=_INSTANT),
        *_verdict(""),
        *_verdict("_latest"),
        *_doubles("last_value", "seasonal_naive", "drift", "seasonal_drift", nullable=True),
        *_columns(publication_id=sa.Integer()),
        _key("scorecard", "series_id", "issue_month", "target_month", "judgement"),
        sa.ForeignKeyConstraint(
            ["series_id", "issue_month", "revision", "target_month"],
            ["forecasts.series_id", "forecasts.issue_month", "forecasts.revision", "forecasts.target_month"],
            name=op.f("fk_scorecard_forecasts"),
        ),
        _published("scorecard"),
        sa.CheckConstraint("judgement >= 1", name=op.f("ck_scorecard_judgement")),
    )
    op.create_index("ix_scorecard_series_id_target_month", "scorecard", ["series_id", "target_month"])


def _verdict(suffix: str) -> list[sa.Column[object]]:
    types: dict[str, object] = {
        "observed": sa.Double(), "known_since": _INSTANT, "error": sa.Double(), "log_error": sa.Double(),
        "is_inside_80": sa.Boolean(), "is_inside_95": sa.Boolean(),
    }  # fmt: skip
    return _columns(**{f"{name}{suffix}": kind for name, kind in types.items()})


def _make_summary() -> None:
    op.create_table(
        "scorecard_summary",
        *_columns(series_id=sa.String(), observed_as=sa.String(), horizon_months=sa.Integer()),
        *_columns(judgement=sa.Integer(), content_sha256=sa.String()),
        *_columns(months_judged=sa.Integer(), forecasts=sa.Integer(), first_target=_MONTH, last_target=_MONTH),
        *_doubles("bias"),
        *_doubles("bias_band", nullable=True),
        *_doubles("rmse"),
        *_doubles("ratio_last_value", nullable=True),
        *_ends("ratio_last_value"),
        *_doubles("ratio_seasonal_drift", nullable=True),
        *_ends("ratio_seasonal_drift"),
        *_doubles("coverage_80"),
        *_ends("coverage_80"),
        *_doubles("coverage_95"),
        *_ends("coverage_95"),
        *_columns(is_judged=sa.Boolean(), is_biased=sa.Boolean()),
        *_columns(is_outside_80=sa.Boolean(), is_outside_95=sa.Boolean(), is_worse_than_last_value=sa.Boolean()),
        *_columns(finding=sa.Text(), publication_id=sa.Integer()),
        _key("scorecard_summary", "series_id", "observed_as", "horizon_months", "judgement"),
        _published("scorecard_summary"),
        sa.CheckConstraint("observed_as IN ('first', 'latest')", name=op.f("ck_scorecard_summary_observed_as")),
        sa.CheckConstraint("judgement >= 1", name=op.f("ck_scorecard_summary_judgement")),
    )


def _make_decisions() -> None:
    op.create_table(
        "retrain_decisions",
        *_columns(
            series_id=sa.String(),
            number=sa.Integer(),
            as_of=_MONTH,
            decided_at=_INSTANT,
            decision=sa.String(),
            rule=sa.String(),
            sentence=sa.Text(),
            numbers=sa.JSON(),
            model_version=sa.String(),
            content_sha256=sa.String(),
            publication_id=sa.Integer(),
        ),
        _key("retrain_decisions", "series_id", "number"),
        _published("retrain_decisions"),
        sa.CheckConstraint(
            "decision IN ('hold', 'retrain', 'investigate')", name=op.f("ck_retrain_decisions_decision")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_retrain_decisions_number")),
    )


def _refuse_changes_sqlite(table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _refuse_changes_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION refuse_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_{table}()"
    )
