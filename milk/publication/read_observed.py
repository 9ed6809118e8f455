"""Reading how much the store holds of the observed prices of many series, without reading them."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from milk.publication.engine import reading
from milk.publication.schema import OBSERVED_PRICES


@dataclass(frozen=True, slots=True)
class ObservedMark:
    """How many prices of a series are published, and from when the newest of them was known."""

    prices: int
    newest: dt.datetime


def observed_marks(engine: sa.Engine, series_ids: Collection[str]) -> dict[str, ObservedMark]:
    """The marks of some series, at most a few hundred; one of which nothing is published has none.

    Answered from the index of the table alone.
    """
    columns = OBSERVED_PRICES.c
    newest = sa.func.max(columns.known_since, type_=columns.known_since.type)
    query = (
        sa.select(columns.series_id, sa.func.count(), newest)
        .where(columns.series_id.in_(series_ids))
        .group_by(columns.series_id)
    )
    with reading(engine) as connection:
        return {series_id: ObservedMark(prices, since) for series_id, prices, since in connection.execute(query)}
