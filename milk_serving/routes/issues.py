"""What was issued, and when."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.read import issue_records, series_record
from milk_serving.answers import CachedRoute
from milk_serving.deps import Store
from milk_serving.missing import no_such_forecast
from milk_serving.problems import INVALID_PARAMETERS, NO_FORECAST, STORE_PROBLEMS, UNKNOWN_SERIES, documented
from milk_serving.queries import IssuesQuery
from milk_serving.responses import Issues

router = APIRouter(
    route_class=CachedRoute,
    tags=["issues"],
    responses=documented(NO_FORECAST, UNKNOWN_SERIES, INVALID_PARAMETERS, *STORE_PROBLEMS),
)


@router.get("/issues", summary="Every revision of every issue")
def list_issues(query: Annotated[IssuesQuery, Query()], store: Store) -> Issues:
    """The newest issue month first, and of a month its newest revision first."""
    month = None if query.issue_month is None else Month.parse(query.issue_month)
    # All of them, though `limit` may want few: the answer says how many there are.
    rows = issue_records(store, query.series_id, kind=query.kind, issue_month=month)
    if not rows:
        raise no_such_forecast(store, query.series_id, query.kind)
    return Issues.of(rows, series=series_record(store, query.series_id), limit=query.limit)
