"""What was issued, and when."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.read_forecasts import newest_issue_month
from milk.publication.read_lists import find_issues
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, page_of
from milk_serving.meta import meta_of
from milk_serving.missing import no_such_forecast
from milk_serving.problems import LISTING_PROBLEMS, documented
from milk_serving.queries import IssuesQuery
from milk_serving.responses import Issues

router = APIRouter(route_class=CachedRoute, tags=["issues"], responses=documented(*LISTING_PROBLEMS))


@router.get("/issues", summary="Every revision of every issue")
def list_issues(query: Annotated[IssuesQuery, Query()], desk: Asked) -> Issues:
    """The newest issue month first, and of a month its newest revision first; each with the reason why it exists."""
    state = desk.state(query)
    month = None if query.issue_month is None else Month.parse(query.issue_month)
    rows, total = find_issues(desk.store, page_of(query, state), kind=query.kind, issue_month=month)
    if not rows:
        is_known = newest_issue_month(desk.store, query.series_id, upto=state.publication) is not None
        if not (is_known and (query.updated_after or query.place)):
            raise no_such_forecast(desk.store, query.series_id, query.kind, upto=state.publication)
    return Issues.of(rows, meta_of(desk, state, query.series_id, rows, total=total, query=query))
