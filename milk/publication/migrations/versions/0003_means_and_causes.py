"""Two more causes of a forecast, the mean price up to its month, and measured coverage; rows of before lack them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COUNTS: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "contribution_cycle": sa.Double, "contribution_other": sa.Double, "measured_forecasts": sa.Integer,
}  # fmt: skip
_FIGURES = (
    "mean_price", "mean_lower_80", "mean_upper_80", "mean_lower_95", "mean_upper_95", "measured_80", "measured_95",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns."""
    for name, kind in _COUNTS.items():
        op.add_column("forecasts", sa.Column(name, kind, nullable=False, server_default=sa.text("0")))
    for name in _FIGURES:
        op.add_column("forecasts", sa.Column(name, sa.Double()))


def downgrade() -> None:
    """Drop the columns with what they say."""
    for name in (*_COUNTS, *_FIGURES):
        op.drop_column("forecasts", name)
