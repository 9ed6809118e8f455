"""Which series there are."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Query

from milk.errors import NothingPublished
from milk.publication.read import published_series
from milk.publication.read_series import PRICE, input_records, series_extent
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, Desk
from milk_serving.problems import INVALID_PARAMETERS, NOT_ACCEPTABLE, STORE_PROBLEMS, documented
from milk_serving.queries import SeriesListQuery
from milk_serving.responses_prices import SeriesAnswer, SeriesList, SeriesMeta

router = APIRouter(
    route_class=CachedRoute,
    tags=["series"],
    responses=documented(NOT_ACCEPTABLE, INVALID_PARAMETERS, *STORE_PROBLEMS),
)


@router.get("/series", summary="Which series there are")
def list_series(query: Annotated[SeriesListQuery, Query()], desk: Asked) -> SeriesList:
    """Each series of which forecasts are published: what it is, and from where to where something of it is there.

    In the order of their names, some at a time: `meta.next` is the address of those after them.
    """
    upto = desk.edition.publication
    names = published_series(desk.store, after=query.after or "", limit=query.limit + 1)
    found = [_series(desk.store, series_id, upto) for series_id in names[: query.limit]]
    rows = [row for row in found if row is not None]
    if not rows and query.after is None:
        raise NothingPublished("There are publications, and none of them has an issue.")
    following = names[query.limit - 1] if len(names) > query.limit else None
    meta = SeriesMeta(
        publication=upto,
        as_of=desk.edition.published_at or desk.now,
        count=len(rows),
        next=None if following is None else _next(desk, following),
    )
    return SeriesList(data=rows, meta=meta)


def _next(desk: Desk, after: str) -> str:
    """The address that goes on after a series: the same question from there on."""
    asked = parse_qsl(desk.request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "after"]
    address = f"{desk.request.scope['path']}?{urlencode([*kept, ('after', after)])}"
    desk.response.headers["Link"] = f'<{address}>; rel="next"'
    return address


def _series(store: sa.Engine, series_id: str, upto: int) -> SeriesAnswer | None:
    extent = series_extent(store, series_id, upto=upto)
    if extent is None:
        return None
    inputs = input_records(store, series_id, upto=upto)
    price = next((one for one in inputs if one.name == PRICE), None)
    names = ("first_month", "last_month", "first_issue_month", "last_issue_month", "first_target_month",
             "last_target_month", "last_update", "is_synthetic")  # fmt: skip
    said = ("availability", "source", "licence", "note")
    return SeriesAnswer(
        series_id=series_id,
        meaning=price.meaning if price else "",
        unit=price.unit if price else "",
        inputs=len(inputs),
        **{name: getattr(extent, name) for name in names},
        **{name: getattr(price, name, None) for name in said},
    )
