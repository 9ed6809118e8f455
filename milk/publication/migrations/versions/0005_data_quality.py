"""What is known of the quality of the data behind the forecasts, as documents; all of it only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TABLE = "data_quality"


def upgrade() -> None:
    """Make the table, and the triggers that refuse to change or delete its rows."""
    op.create_table(
        _TABLE,
        sa.Column("series_id", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "part", "revision", name=op.f("pk_data_quality")),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_data_quality_publications")),
        sa.CheckConstraint("part IN ('received', 'freshness', 'repairs', 'drift')", name=op.f("ck_data_quality_part")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_data_quality_revision")),
    )
    if op.get_context().dialect.name == "postgresql":
        _refuse_changes_postgresql()
    else:
        _refuse_changes_sqlite()


def downgrade() -> None:
    """Drop the table with its rows; its triggers go with it."""
    op.drop_table(_TABLE)
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION refuse_change_of_{_TABLE}()")


def _refuse_changes_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_refuse_{change.lower()} BEFORE {change} ON {_TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
        )


def _refuse_changes_postgresql() -> None:
    op.execute(
        f"CREATE FUNCTION refuse_change_of_{_TABLE}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_TABLE} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_{_TABLE}()"
    )
