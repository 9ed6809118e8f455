"""What was forecast."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts, newest_issue_month
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, Desk, State, TargetMonth
from milk_serving.meta import meta_of
from milk_serving.missing import no_such_forecast
from milk_serving.problems import LISTING_PROBLEMS, documented
from milk_serving.queries import PredictionsQuery, SeriesQuery
from milk_serving.responses import Predictions
from milk_serving.vintages import is_closed

router = APIRouter(route_class=CachedRoute, tags=["predictions"], responses=documented(*LISTING_PROBLEMS))


@router.get("/predictions", summary="Forecasts by issue or by target month")
def list_predictions(query: Annotated[PredictionsQuery, Query()], desk: Asked) -> Predictions:
    """Without a filter: the newest issue, all its target months.

    With target months (`target_month`, `from`, `to`, `last`) or a `horizon`: for each target month the forecast of its
    newest issue that matches, or with `all_issues` of each issue. With `issued`: the forecasts of that issue. With
    `updated_after`: the forecasts that were published since. With `as_of`: all of this as it stood then.
    """
    state = desk.state(query)
    first, last = query.targets
    question = ForecastQuestion(
        series_id=query.series_id,
        upto=state.publication,
        kind=query.kind,
        issue_month=query.issue_month,
        first_target=first,
        last_target=last,
        horizons=query.horizons,
        newest_targets=query.last,
        published_after=query.published_after,
        is_every_issue=query.all_issues,
        limit=query.limit,
        offset=query.place[1] if query.place else 0,
    )
    return _answer(desk, state, query, question)


@router.get("/predictions/latest", summary="The newest issue")
def latest_predictions(query: Annotated[SeriesQuery, Query()], desk: Asked) -> Predictions:
    """All target months of the newest issue, the nearest first."""
    state = desk.state(query)
    question = ForecastQuestion(series_id=query.series_id, upto=state.publication, kind=query.kind)
    return _answer(desk, state, query, question)


@router.get("/predictions/{target_month}", summary="The newest forecast of a month")
def prediction_of_month(target_month: TargetMonth, query: Annotated[SeriesQuery, Query()], desk: Asked) -> Predictions:
    """The forecast of one target month, from the newest issue that has it."""
    state, month = desk.state(query), Month.parse(target_month)
    question = ForecastQuestion(
        series_id=query.series_id, upto=state.publication, kind=query.kind, first_target=month, last_target=month
    )
    return _answer(desk, state, query, question)


def _answer(desk: Desk, state: State, query: SeriesQuery, question: ForecastQuestion) -> Predictions:
    found = find_forecasts(desk.store, question)
    if not found.rows:
        _refuse_nothing(desk, question)
    if question.issue_month is not None:
        newest = newest_issue_month(desk.store, question.series_id, upto=state.publication)
        if is_closed(found.rows, newest=newest, now=desk.now):
            desk.keep_for_ever()
    listed = query if isinstance(query, PredictionsQuery) else None
    meta = meta_of(desk, state, query.series_id, found.rows, total=found.total, query=listed)
    return Predictions.of(found.rows, meta)


def _refuse_nothing(desk: Desk, question: ForecastQuestion) -> None:
    """Nothing is an answer only to what has changed since, and after the last page."""
    is_known = newest_issue_month(desk.store, question.series_id, upto=question.upto) is not None
    if not (is_known and (question.published_after or question.offset)):
        raise no_such_forecast(
            desk.store, question.series_id, question.kind, upto=question.upto, issue_month=question.issue_month
        )
