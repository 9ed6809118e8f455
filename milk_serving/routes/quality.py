"""The quality of the data behind the forecasts."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.publication.quality import data_quality
from milk.publication.read_forecasts import newest_issue_month
from milk.publication.read_models import newest_decision
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked
from milk_serving.meta import meta_of
from milk_serving.missing import no_such_forecast
from milk_serving.problems import LISTING_PROBLEMS, documented
from milk_serving.queries import StateQuery
from milk_serving.responses_models import DataQuality, Quality, Retraining

PARTS = ("freshness", "received", "repairs", "drift")

router = APIRouter(route_class=CachedRoute, tags=["quality"], responses=documented(*LISTING_PROBLEMS))


@router.get("/data-quality", summary="Freshness, repairs and drift of the data, and whether to train anew")
def show_data_quality(query: Annotated[StateQuery, Query()], desk: Asked) -> DataQuality:
    """What is known of the data behind the newest issue; a part of which nothing was published is null."""
    state = desk.state(query)
    if newest_issue_month(desk.store, query.series_id, upto=state.publication) is None:
        raise no_such_forecast(desk.store, query.series_id, None, upto=state.publication)
    parts = data_quality(desk.store, query.series_id, upto=state.publication)
    decision = newest_decision(desk.store, query.series_id, upto=state.publication)
    data = Quality(
        **{part: parts.get(part) for part in PARTS}, retraining=None if decision is None else Retraining(**decision)
    )
    return DataQuality(data=data, meta=meta_of(desk, state, query.series_id, []))
