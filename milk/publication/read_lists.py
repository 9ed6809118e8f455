"""Reading issues and observed prices as a client asks for them: as of a publication, a page at a time."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month
from milk.publication.engine import reading
from milk.publication.read import IssueRecord
from milk.publication.read_at import is_standing
from milk.publication.schema import ISSUES, OBSERVED_PRICES, PUBLICATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list, as of which publication; see `milk.publication.read_forecasts.ForecastQuestion`."""

    series_id: str
    upto: int
    published_after: dt.datetime | None = None
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A price as it was known from an instant on; `is_newest` where no later value of the month is known."""

    series_id: str
    month: Month
    price: float
    unit: str
    known_since: dt.datetime
    known_by: str
    received_at: dt.datetime
    published_at: dt.datetime
    is_newest: bool
    snapshot: str


def find_issues(
    engine: sa.Engine, page: Page, *, kind: Kind | None = None, issue_month: Month | None = None
) -> tuple[list[IssueRecord], int]:
    """Revisions of issues, the newest month first and of a month its newest revision; and how many there are."""
    columns = [
        is_standing(page.upto, None).label(name) if name == "is_standing" else _column(name)
        for name in IssueRecord.__dataclass_fields__
    ]
    query = (
        sa.select(*columns)
        .join_from(ISSUES, PUBLICATIONS, PUBLICATIONS.c.id == ISSUES.c.publication_id)
        .where(ISSUES.c.series_id == page.series_id, ISSUES.c.publication_id <= page.upto)
    )
    if kind is not None:
        query = query.where(ISSUES.c.kind == kind)
    if issue_month is not None:
        query = query.where(ISSUES.c.issue_month == issue_month)
    if page.published_after is not None:
        query = query.where(PUBLICATIONS.c.published_at > page.published_after)
    order = (ISSUES.c.issue_month.desc(), ISSUES.c.revision.desc())
    rows, total = _paged(engine, query, order, page)
    # SQLite answers a comparison with a number.
    return [IssueRecord(**row | {"is_standing": bool(row["is_standing"])}) for row in rows], total


def find_observations(
    engine: sa.Engine,
    page: Page,
    *,
    first: Month | None = None,
    last: Month | None = None,
    newest_months: int | None = None,
    is_every_value: bool = False,
) -> tuple[list[Observation], int]:
    """Observed prices, the oldest month first; and how many there are.

    Args:
        engine: the store.
        page: which part of them.
        first: no month before it.
        last: no month after it.
        newest_months: only the newest so many months.
        is_every_value: every value that was ever known of a month; only the newest where not.
    """
    prices = OBSERVED_PRICES.c
    age = sa.func.row_number().over(partition_by=prices.month, order_by=prices.known_since.desc())
    back = sa.func.dense_rank().over(order_by=prices.month.desc())
    names = [name for name in Observation.__dataclass_fields__ if name not in ("is_newest", "published_at")]
    inner = sa.select(
        *(prices[name] for name in names), PUBLICATIONS.c.published_at, age.label("age"), back.label("back")
    )
    inner = inner.join(PUBLICATIONS, PUBLICATIONS.c.id == prices.publication_id)
    inner = inner.where(prices.series_id == page.series_id, prices.publication_id <= page.upto)
    limits = [prices.month >= first if first else None, prices.month <= last if last else None]
    ranked = inner.where(*(limit for limit in limits if limit is not None)).subquery("ranked")
    query = sa.select(*(ranked.c[name] for name in (*names, "published_at")), (ranked.c.age == 1).label("is_newest"))
    if not is_every_value:
        query = query.where(ranked.c.age == 1)
    if newest_months is not None:
        query = query.where(ranked.c.back <= newest_months)
    if page.published_after is not None:
        query = query.where(ranked.c.published_at > page.published_after)
    rows, total = _paged(engine, query, (ranked.c.month, ranked.c.known_since), page)
    return [Observation(**row | {"is_newest": bool(row["is_newest"])}) for row in rows], total


def _column(name: str) -> sa.Column[Any]:
    return ISSUES.c[name] if name in ISSUES.c else PUBLICATIONS.c[name]


def _paged(
    engine: sa.Engine, query: sa.Select[Any], order: tuple[Any, ...], page: Page
) -> tuple[list[dict[str, Any]], int]:
    with reading(engine) as connection:
        cut = query.order_by(*order).limit(page.limit).offset(page.offset)
        rows = [dict(row) for row in connection.execute(cut).mappings()]
        if not page.offset and (page.limit is None or len(rows) < page.limit):
            return rows, len(rows)
        return rows, connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
