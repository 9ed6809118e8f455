"""Issues of the default series, as the reader meets them in a store."""

import dataclasses
import datetime as dt
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month
from milk.publication.publish import Published
from milk.publication.rows import Issue, ObservedPrice
from milk.series import SERIES_ID
from tests.milk.publication import issues as store_rows

OTHER_SERIES = "cl_goat_milk"


def issue(
    month: str, *, price: float = 200.0, kind: Kind = "live", series_id: str = SERIES_ID, model: str = "v-1"
) -> Issue:
    """The issue of a month: twelve targets from that month on, each price one more than the last."""
    return store_rows.issue(Month.parse(month), kind=kind, price=price, series_id=series_id, model_version=model)


def observed(month: str, price: float, *, known_since: dt.datetime | None = None) -> ObservedPrice:
    """A price of a month, known by its rule or since an instant."""
    row = store_rows.observed(Month.parse(month), price, known_since=known_since)
    return dataclasses.replace(row, series_id=SERIES_ID)


def publish_issues(store: sa.Engine, *issues: Issue, run_id: str = "run", **changed: Any) -> Published:  # noqa: ANN401  # because any field may be changed
    """Publish issues, and what the register says of their series."""
    series = sorted({one.series_id for one in issues} or {SERIES_ID})
    rows = [store_rows.series_row(series_id=series_id) for series_id in series]
    return store_rows.published(store, *issues, **({"series": rows, "cards": [], "run_id": run_id} | changed))
