"""Whether the reader runs, and whether it can answer."""

from fastapi import APIRouter

from milk.errors import NothingPublished
from milk.publication.read import forecasts_of_issue, published_series
from milk_serving.deps import Standing, Store
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
def readyz(edition: Standing, store: Store) -> Ready:
    """The newest publication and the newest issue month; 503 where the store does not answer or holds no issue."""
    # Read as a question reads them: what only counts or compares is answered from an index, the table broken or not.
    issues = [forecasts_of_issue(store, series_id) for series_id in published_series(store)]
    newest = max((rows[0].issue_month for rows in issues if rows), default=None)
    if newest is None:
        raise NothingPublished("There are publications, and none of them has an issue.")
    return Ready(publication=edition.publication, newest_issue_month=str(newest))
