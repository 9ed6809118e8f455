"""Frames as the tables of a page: up to so many rows, and how many there are beyond them."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from milk_assets.defs.metadata import markdown_table

ROWS_SHOWN = 25
"""More rows than this nobody reads in a page; the rest is counted."""


def table_of_rows(
    name: str, rows: pd.DataFrame | Sequence[dict[str, Any]], *, most: int = ROWS_SHOWN
) -> dict[str, Any]:
    """Rows as metadata: a table under `name`, and under `<name>_not_shown` how many there are beyond it."""
    records = rows.to_dict(orient="records") if isinstance(rows, pd.DataFrame) else list(rows)
    shown = {name: markdown_table(records[:most])}
    return shown | ({f"{name}_not_shown": len(records) - most} if len(records) > most else {})


def per_cent(share: float) -> str:
    """A share in per cent with its sign where it is a change; in words where there is no number."""
    if not math.isfinite(share):
        return "from nothing" if math.isinf(share) else "no number"
    return f"{share:.2%}"


def months_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its column `month` written as `YYYY-MM`."""
    return frame.assign(month=frame["month"].dt.strftime("%Y-%m"))
