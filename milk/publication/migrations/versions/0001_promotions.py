"""The ledger of promotions, which only grows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REFUSED = "promotions is append-only"


def upgrade() -> None:
    """Make the table, and the triggers that refuse to change or delete its rows."""
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("champion_version_id", sa.String(), nullable=False),
        sa.Column("champion_sha256", sa.String(), nullable=False),
        sa.Column("previous_version_id", sa.String()),
        sa.Column("data_cutoff", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String()),
        *_constraints(),
    )
    op.create_index("ix_promotions_series_id_id", "promotions", ["series_id", "id"])
    if op.get_context().dialect.name == "postgresql":
        _refuse_changes_postgresql()
    else:
        _refuse_changes_sqlite()


def downgrade() -> None:
    """Drop the table with its rows; its triggers go with it."""
    op.drop_table("promotions")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_promotions()")


def _constraints() -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
        sa.CheckConstraint(
            "actor_kind IN ('schedule', 'sensor', 'person', 'run')", name=op.f("ck_promotions_actor_kind")
        ),
        sa.CheckConstraint("decision IN ('promoted', 'kept')", name=op.f("ck_promotions_decision")),
        sa.CheckConstraint(
            "(decision = 'promoted' AND champion_version_id = version_id AND champion_sha256 = sha256) OR "
            "(decision = 'kept' AND previous_version_id IS NOT NULL AND champion_version_id = previous_version_id)",
            name=op.f("ck_promotions_champion"),
        ),
        sa.UniqueConstraint(
            *("series_id", "version_id", "sha256", "decision", "run_id"),
            name=op.f("uq_promotions_series_id_version_id_sha256_decision_run_id"),
        ),
    ]


def _refuse_changes_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER promotions_refuse_{change.lower()} BEFORE {change} ON promotions "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def _refuse_changes_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change_of_promotions() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER promotions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON promotions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_promotions()"
    )
