"""Two more causes of a forecast; rows of before had none of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_CAUSES = ("contribution_cycle", "contribution_other")


def upgrade() -> None:
    """Add the columns."""
    for cause in _CAUSES:
        op.add_column("forecasts", sa.Column(cause, sa.Double(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Drop the columns with what they say."""
    for cause in _CAUSES:
        op.drop_column("forecasts", cause)
