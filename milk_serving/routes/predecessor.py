"""The two routes of the service that this one replaces, so that its clients need no change."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.series import SERIES_ID
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked
from milk_serving.missing import no_such_forecast
from milk_serving.problems import INVALID_PARAMETERS, NO_FORECAST, STORE_PROBLEMS, documented
from milk_serving.queries import PredecessorQuery
from milk_serving.responses import PredecessorMessage, PredecessorPrediction


class UnchangedRoute(CachedRoute):
    """A route that answers in JSON whatever is accepted, as that of the predecessor did."""

    heeds_accept = False


# The greeting rests on no store and is never kept: only the forecast is kept.
router = APIRouter(tags=["predecessor"])
_forecasts = APIRouter(route_class=UnchangedRoute)


@router.get("/check_service", summary="Whether the service runs")
async def check_service() -> PredecessorMessage:
    """The greeting of the predecessor; `/readyz` says more."""
    return PredecessorMessage()


@_forecasts.get(
    "/api/v1/get_prediction",
    summary="The forecast of a month, the price alone",
    responses=documented(NO_FORECAST, INVALID_PARAMETERS, *STORE_PROBLEMS),
)
def get_prediction(query: Annotated[PredecessorQuery, Query()], desk: Asked) -> PredecessorPrediction:
    """From the newest issue that has the month; `/predictions/{target_month}` says the same with its intervals."""
    month = Month(query.year, query.month)
    # As of the edition that the answer is kept and tagged under, whatever is published meanwhile.
    upto = desk.edition.publication
    question = ForecastQuestion(series_id=SERIES_ID, upto=upto, first_target=month, last_target=month)
    rows = find_forecasts(desk.store, question).rows
    if not rows:
        raise no_such_forecast(desk.store, SERIES_ID, None, upto=upto)
    return PredecessorPrediction(prediction=rows[0].price)


router.include_router(_forecasts)
