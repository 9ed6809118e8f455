"""What a forecast is made of."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.explain import causes_of
from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, TargetMonth
from milk_serving.meta import meta_of
from milk_serving.missing import no_such_forecast
from milk_serving.problems import LISTING_PROBLEMS, documented
from milk_serving.queries import ExplainQuery
from milk_serving.responses_prices import Before, CauseAnswer, Explained, Explanation

router = APIRouter(route_class=CachedRoute, tags=["predictions"], responses=documented(*LISTING_PROBLEMS))


@router.get("/explain/{target_month}", summary="What the forecast of a month is made of")
def explain_month(target_month: TargetMonth, query: Annotated[ExplainQuery, Query()], desk: Asked) -> Explained:
    """Its causes, one by one from the last known price to the forecast, and what the issue before said of the month."""
    state, month = desk.state(query), Month.parse(target_month)
    question = ForecastQuestion(
        series_id=query.series_id,
        upto=state.publication,
        kind=query.kind,
        first_target=month,
        last_target=month,
        is_every_issue=True,
    )
    rows = find_forecasts(desk.store, question).rows
    until = query.issue_month
    upto = [row for row in rows if until is None or row.issue_month <= until]
    if not upto or (until is not None and upto[-1].issue_month != until):
        raise no_such_forecast(desk.store, query.series_id, query.kind, upto=state.publication, issue_month=until)
    row, before = upto[-1], upto[-2] if len(upto) > 1 else None
    return Explained(data=_explanation(row, before), meta=meta_of(desk, state, query.series_id, [row]))


def _explanation(row: ForecastAnswer, before: ForecastAnswer | None) -> Explanation:
    return Explanation(
        target_month=str(row.target_month),
        issue_month=str(row.issue_month),
        revision=row.revision,
        price=row.price,
        lower_80=row.lower_80,
        upper_80=row.upper_80,
        causes=[CauseAnswer.model_validate(cause) for cause in causes_of(row)],
        before=None if before is None else _before(row, before),
    )


def _before(row: ForecastAnswer, before: ForecastAnswer) -> Before:
    change = row.price - before.price
    return Before(issue_month=str(before.issue_month), revision=before.revision, price=before.price, change=change)
