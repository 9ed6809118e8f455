"""What is published: issues and their forecasts, observed prices, cards, scores, register; all of it only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = (
    "datasets", "publications", "issues", "forecasts", "observed_prices", "model_cards", "scores", "series",
)  # fmt: skip
"""Parents first."""
_INSTANT = sa.DateTime(timezone=True)
_MONTH = sa.String(7)


def upgrade() -> None:
    """Make the tables, and the triggers that refuse to change or delete their rows."""
    _make_issues()
    _make_the_rest()
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


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _published(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_publications")
    return sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=name)


def _make_issues() -> None:
    op.create_table(
        "datasets",
        *_columns(series_id=sa.String(), dataset_id=sa.String(), is_synthetic=sa.Boolean()),
        _key("datasets", "series_id"),
    )
    op.create_table(
        "publications",
        *_columns(id=sa.Integer(), published_at=_INSTANT),
        sa.Column("run_id", sa.String()),
        *_columns(software=sa.JSON()),
        _key("publications", "id"),
    )
    op.create_table(
        "issues",
        *_columns(
            series_id=sa.String(),
            issue_month=_MONTH,
            revision=sa.Integer(),
            kind=sa.String(),
            content_sha256=sa.String(),
            forecasts=sa.Integer(),
            reason=sa.Text(),
            issued_at=_INSTANT,
            data_cutoff=_INSTANT,
            forecast_origin=_MONTH,
            unit=sa.String(),
            is_synthetic=sa.Boolean(),
            model_version=sa.String(),
            data_versions=sa.JSON(),
            publication_id=sa.Integer(),
        ),
        _key("issues", "series_id", "issue_month", "revision"),
        _published("issues"),
        sa.CheckConstraint("kind IN ('live', 'hindcast')", name=op.f("ck_issues_kind")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_issues_revision")),
        sa.CheckConstraint("forecasts >= 1", name=op.f("ck_issues_forecasts")),
    )
    op.create_table(
        "forecasts",
        *_columns(
            series_id=sa.String(),
            issue_month=_MONTH,
            revision=sa.Integer(),
            target_month=_MONTH,
            horizon_months=sa.Integer(),
            price=sa.Double(),
            lower_80=sa.Double(),
            upper_80=sa.Double(),
            lower_95=sa.Double(),
            upper_95=sa.Double(),
            contribution_base=sa.Double(),
            contribution_drift=sa.Double(),
            contribution_season=sa.Double(),
            contribution_momentum=sa.Double(),
            interval_errors=sa.Integer(),
        ),
        _key("forecasts", "series_id", "issue_month", "revision", "target_month"),
        sa.ForeignKeyConstraint(
            ["series_id", "issue_month", "revision"],
            ["issues.series_id", "issues.issue_month", "issues.revision"],
            name=op.f("fk_forecasts_issues"),
        ),
        sa.CheckConstraint(
            "0 < lower_95 AND lower_95 <= lower_80 AND lower_80 <= price AND price <= upper_80 AND "
            "upper_80 <= upper_95",
            name=op.f("ck_forecasts_nested"),
        ),
    )
    op.create_index("ix_forecasts_series_id_target_month", "forecasts", ["series_id", "target_month"])


def _make_the_rest() -> None:
    op.create_table(
        "observed_prices",
        *_columns(
            series_id=sa.String(),
            month=_MONTH,
            known_since=_INSTANT,
            known_by=sa.String(),
            price=sa.Double(),
            unit=sa.String(),
            received_at=_INSTANT,
            snapshot=sa.String(),
            publication_id=sa.Integer(),
        ),
        _key("observed_prices", "series_id", "month", "known_since"),
        _published("observed_prices"),
    )
    op.create_table(
        "model_cards",
        *_columns(
            series_id=sa.String(),
            version_id=sa.String(),
            sha256=sa.String(),
            recipe=sa.String(),
            created_at=_INSTANT,
            card=sa.JSON(),
            publication_id=sa.Integer(),
        ),
        _key("model_cards", "series_id", "version_id"),
        _published("model_cards"),
    )
    op.create_table(
        "scores",
        *_columns(
            series_id=sa.String(),
            version_id=sa.String(),
            model=sa.String(),
            horizon_months=sa.Integer(),
            forecasts=sa.Integer(),
            rmse=sa.Double(),
            mae=sa.Double(),
            ratio=sa.Double(),
            coverage_80=sa.Double(),
            coverage_95=sa.Double(),
            width_80=sa.Double(),
        ),
        _key("scores", "series_id", "version_id", "model", "horizon_months"),
        sa.ForeignKeyConstraint(
            ["series_id", "version_id"],
            ["model_cards.series_id", "model_cards.version_id"],
            name=op.f("fk_scores_model_cards"),
        ),
    )
    op.create_table(
        "series",
        *_columns(
            series_id=sa.String(),
            name=sa.String(),
            revision=sa.Integer(),
            content_sha256=sa.String(),
            meaning=sa.Text(),
            unit=sa.String(),
            block=sa.String(),
            source=sa.String(),
            source_column=sa.String(),
            code=sa.String(),
            current_code=sa.String(),
            first_valid_month=_MONTH,
            plausible_low=sa.Double(),
            plausible_high=sa.Double(),
            availability=sa.Text(),
            licence=sa.Text(),
            note=sa.Text(),
            publication_id=sa.Integer(),
        ),
        _key("series", "series_id", "name", "revision"),
        _published("series"),
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
