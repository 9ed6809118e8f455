"""Whether the reader runs, and whether it can answer."""

import datetime as dt

from fastapi import APIRouter, Request, Response

from milk.errors import NothingPublished
from milk.publication.engine import HEAD
from milk.publication.read import watched_series
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.series import SERIES_ID
from milk_serving.deps import Served, Standing, Store
from milk_serving.metrics import MEDIA_TYPE
from milk_serving.problems import STORE_PROBLEMS, documented
from milk_serving.responses import Alive, Ready

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Whether the process answers")
async def livez() -> Alive:
    """Never touches the store: who restarts the reader when its store is down mends nothing."""
    return Alive()


@router.get(
    "/readyz",
    summary="Whether there is something to read",
    responses=documented(*STORE_PROBLEMS),
)
def readyz(edition: Standing, store: Store, reader: Served) -> Ready:
    """The newest publication, the age of the newest issue and the level of the migrations.

    503 where the store does not answer, holds no issue, or has not the tables of this program.
    """
    # Read as a question reads them: what only counts or compares is answered from an index, the table broken or not.
    asked = [ForecastQuestion(series_id=name, upto=edition.publication) for name in watched_series(store, SERIES_ID)]
    issues = [find_forecasts(store, question).rows for question in asked]
    newest = max((rows[0] for rows in issues if rows), key=lambda row: row.issue_month, default=None)
    if newest is None:
        raise NothingPublished("There are publications, and none of them has an issue.")
    age = dt.datetime.fromtimestamp(reader.now(), dt.UTC) - newest.issued_at
    return Ready(
        publication=edition.publication,
        newest_issue_month=str(newest.issue_month),
        newest_issue_at=newest.issued_at,
        newest_issue_age_days=round(age / dt.timedelta(days=1), 2),
        # Whoever reads a store of another level is refused before it comes here.
        schema_version=HEAD,
    )


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """What a monitor scrapes (Prometheus)."""
    return Response(request.app.state.metrics.text(), headers={"content-type": MEDIA_TYPE})
