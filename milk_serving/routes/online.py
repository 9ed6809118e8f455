"""Forecasts from the prices of the caller."""

from http import HTTPStatus
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.exceptions import HTTPException

from milk.errors import NotAllowed, UnknownMonth
from milk.publication.online import ID_DIGITS, kept_prediction
from milk_serving.bodies import NOT_JSON, TOO_LARGE, read_json
from milk_serving.deps import Standing, Store
from milk_serving.online import OnlineDesk
from milk_serving.online_body import OnlineBody, PredecessorBody, Sent, read_columns, read_months
from milk_serving.online_responses import (
    COLUMNS_EXAMPLE,
    MONTHS_EXAMPLE,
    OnlineAnswer,
    OnlineRecord,
    PredecessorOnline,
)
from milk_serving.problems import INVALID_PARAMETERS, STORE_PROBLEMS, UNKNOWN_SERIES, ProblemType, documented
from milk_serving.schemas import body_schema

PATH = "/v1/predictions/online"
NOT_KEPT = ProblemType(
    "not-kept",
    HTTPStatus.NOT_FOUND,
    "No such online prediction is kept",
    "Ask for an `id` of an answer that was kept; requests are deleted when they are old. The same request again gives "
    "the same answer, as long as model and published prices are the same.",
)

router = APIRouter(tags=["online"])
_sending: dict[int | str, dict[str, Any]] = documented(
    NOT_JSON, TOO_LARGE, UNKNOWN_SERIES, INVALID_PARAMETERS, *STORE_PROBLEMS
)


class NotKept(UnknownMonth):
    """A prediction that is not kept, or not any more."""

    problem: ClassVar[ProblemType] = NOT_KEPT


def _desk(request: Request) -> OnlineDesk:
    desk: OnlineDesk = request.app.state.online
    return desk


Desk = Annotated[OnlineDesk, Depends(_desk)]


async def _months(request: Request, desk: Desk) -> Sent:
    return read_months(await read_json(request), current=desk.current_month)


async def _columns(request: Request, desk: Desk) -> Sent:
    return read_columns(await read_json(request), current=desk.current_month)


@router.post(
    PATH,
    summary="A forecast from your own prices",
    responses=_sending,
    openapi_extra=body_schema(OnlineBody, MONTHS_EXAMPLE),
)
@router.post("/predictions/online", include_in_schema=False)
def predict_online(
    edition: Standing, sent: Annotated[Sent, Depends(_months)], desk: Desk, store: Store, request: Request,
    response: Response,
) -> OnlineAnswer:  # fmt: skip
    """The months ahead of the last price sent, from the model in production, with intervals and causes.

    The model's fit and intervals are those of its promotion: they tell how far off it was for the published price. What
    is older than the months sent comes from the published prices, where both agree within 1 % in every month they
    share; else the months sent are used alone. Request and answer are kept for a time, and can be asked for again.
    """
    answer = desk.predict(store, edition, sent)
    _say_where(answer, request, response)
    return answer


@router.get(PATH, include_in_schema=False)
@router.get("/predictions/online", include_in_schema=False)
async def refuse_get() -> None:
    """Not an address of a month either, as which the routes of forecasts would take it."""
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})


@router.get(
    f"{PATH}/{{prediction_id}}",
    summary="An online prediction again",
    responses=documented(NOT_KEPT, INVALID_PARAMETERS, *STORE_PROBLEMS),
)
@router.get("/predictions/online/{prediction_id}", include_in_schema=False)
def online_prediction(
    edition: Standing,  # noqa: ARG001  # because a store that does not answer is refused by it at once
    prediction_id: Annotated[str, Path(description="The `id` of an answer.", pattern=f"^[0-9a-f]{{{ID_DIGITS}}}$")],
    store: Store,
    response: Response,
) -> OnlineRecord:
    """What was asked and what was answered, word for word."""
    try:
        prediction = kept_prediction(store, prediction_id)
    except NotAllowed:
        # A database user that reads only what is published keeps nothing either; its operator chose that.
        prediction = None
    if prediction is None:
        raise NotKept(NOT_KEPT.detail)
    response.headers["Cache-Control"] = "private, no-store"
    return OnlineRecord.of(prediction, is_kept=True, request=prediction.request)


@router.post(
    "/api/v1/get_online_prediction",
    tags=["predecessor"],
    summary="The forecast of the month after the last one sent, the price alone",
    responses=_sending,
    openapi_extra=body_schema(PredecessorBody, COLUMNS_EXAMPLE),
)
def get_online_prediction(
    edition: Standing, sent: Annotated[Sent, Depends(_columns)], desk: Desk, store: Store, request: Request,
    response: Response,
) -> PredecessorOnline:  # fmt: skip
    """The body of the predecessor, every column checked; of its columns the recipe uses months and prices.

    The header `Location` leads to the whole answer, with intervals and causes.
    """
    answer = desk.predict(store, edition, sent)
    _say_where(answer, request, response)
    return PredecessorOnline(prediction=answer.data[0].price)


def _say_where(answer: OnlineAnswer, request: Request, response: Response) -> None:
    response.headers["Cache-Control"] = "private, no-store"
    if answer.meta.is_kept:
        response.headers["Location"] = f"{request.scope.get('root_path', '')}{PATH}/{answer.meta.id}"
