"""The models beside their cards, which only grow; and what was asked online, which is deleted when it is old."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_REFUSED = {"models": ("UPDATE", "DELETE"), "online_predictions": ("UPDATE",)}
"""What the triggers refuse of each table."""


def upgrade() -> None:
    """Make the tables and their triggers."""
    _make_models()
    _make_online_predictions()
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for table, changes in _REFUSED.items():
        if is_postgresql:
            _refuse_changes_postgresql(table, changes)
        else:
            _refuse_changes_sqlite(table, changes)


def downgrade() -> None:
    """Drop the tables with their rows; their triggers go with them."""
    for table in reversed(_REFUSED):
        op.drop_table(table)
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION refuse_change_of_{table}()")


def _columns(**types: object) -> list[sa.Column[object]]:
    return [sa.Column(name, kind, nullable=False) for name, kind in types.items()]  # type: ignore[arg-type]  # because each is a type of SQLAlchemy


def _make_models() -> None:
    op.create_table(
        "models",
        *_columns(series_id=sa.String(), version_id=sa.String(), model=sa.JSON(), publication_id=sa.Integer()),
        sa.PrimaryKeyConstraint("series_id", "version_id", name=op.f("pk_models")),
        sa.ForeignKeyConstraint(
            ["series_id", "version_id"],
            ["model_cards.series_id", "model_cards.version_id"],
            name=op.f("fk_models_model_cards"),
        ),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_models_publications")),
    )


def _make_online_predictions() -> None:
    op.create_table(
        "online_predictions",
        *_columns(id=sa.String(), created_at=sa.DateTime(timezone=True), series_id=sa.String()),
        *_columns(model_version=sa.String(), request_sha256=sa.String(), request=sa.JSON(), answer=sa.JSON()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_online_predictions")),
    )
    op.create_index("ix_online_predictions_created_at", "online_predictions", ["created_at"])


def _refuse_changes_sqlite(table: str, changes: tuple[str, ...]) -> None:
    for change in changes:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{_said(changes, table)}'); END"
        )


def _refuse_changes_postgresql(table: str, changes: tuple[str, ...]) -> None:
    op.execute(
        f"CREATE FUNCTION refuse_change_of_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_said(changes, table)}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_change BEFORE {' OR '.join(changes)} OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_{table}()"
    )


def _said(changes: tuple[str, ...], table: str) -> str:
    return f"{table} is append-only" if "DELETE" in changes else f"a row of {table} is never changed"
