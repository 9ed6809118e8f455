"""Model versions, and what they were worth."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from milk.publication.read_models import (
    ModelRecord,
    backtest_accuracy,
    issuing_version,
    ledger_until,
    live_accuracy,
    model_card,
    model_records,
)
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, Desk
from milk_serving.meta import meta_of
from milk_serving.missing import unknown_series
from milk_serving.problems import (
    LISTING_PROBLEMS,
    UNKNOWN_MODEL,
    UnknownModel,
    documented,
)
from milk_serving.queries import FormatQuery, StateQuery
from milk_serving.responses_models import Accuracy, AccuracyAnswer, LedgerEntry, Model, ModelAnswer, ModelDetail, Models

router = APIRouter(
    route_class=CachedRoute,
    tags=["models"],
    responses=documented(UNKNOWN_MODEL, *LISTING_PROBLEMS),
)
Version = Annotated[str, Path(description="Name of a model version.", max_length=100, examples=["v-0123456789ab"])]


@router.get("/models", summary="The model versions")
def list_models(query: Annotated[FormatQuery, Query()], desk: Asked) -> Models:
    """Each version that made published forecasts, the newest first, and which of them is in production."""
    state = desk.state(query)
    rows = model_records(desk.store, query.series_id, upto=state.publication)
    if not rows:
        _refuse_unknown(desk, query.series_id)
    champion = _champion(_ledger(desk, query))
    data = [ModelAnswer(**_fields(row), is_in_production=row.version_id == champion) for row in rows]
    return Models(data=data, meta=meta_of(desk, state, query.series_id, []).model_copy(update=_counted(len(rows))))


@router.get("/models/{version}", summary="One model version, with its card")
def show_model(version: Version, query: Annotated[StateQuery, Query()], desk: Asked) -> Model:
    """Its card, what the ledger says of it, and since when it was in production."""
    state = desk.state(query)
    # PostgreSQL cannot compare a NUL.
    row = None if "\x00" in version else model_card(desk.store, query.series_id, version, upto=state.publication)
    if row is None:
        raise UnknownModel(f"There is no model version '{version[:100]}': /v1/models lists those there are.")
    ledger = _ledger(desk, query)
    detail = ModelDetail(
        **_fields(row),
        card=dict(row.card),
        is_in_production=_champion(ledger) == version,
        ledger=[LedgerEntry(**entry) for entry in ledger if entry["version_id"] == version],
    )
    return Model(data=detail, meta=meta_of(desk, state, query.series_id, []).model_copy(update=_counted(1)))


@router.get("/accuracy", summary="What forecasts were worth")
def show_accuracy(query: Annotated[FormatQuery, Query()], desk: Asked) -> Accuracy:
    """By horizon: the backtest of the version behind the newest issue, beside the baselines, and the live scorecard.

    A version that was promoted since has issued nothing yet: `/v1/models` tells of it.
    """
    state = desk.state(query)
    version = issuing_version(desk.store, query.series_id, upto=state.publication)
    backtest = [] if version is None else backtest_accuracy(desk.store, query.series_id, version)
    live = live_accuracy(desk.store, query.series_id, upto=state.publication)
    rows = [AccuracyAnswer.model_validate(row) for row in (*backtest, *live)]
    if not rows:
        _refuse_unknown(desk, query.series_id)
    return Accuracy(data=rows, meta=meta_of(desk, state, query.series_id, []).model_copy(update=_counted(len(rows))))


def _refuse_unknown(desk: Desk, series_id: str) -> None:
    """Raise where a series is none; of one that is there an empty list is an answer."""
    if error := unknown_series(desk.store, series_id):
        raise error


def _ledger(desk: Desk, query: StateQuery) -> list[dict[str, Any]]:
    """The decisions known then; without an instant those that the edition knows."""
    until = query.instant or desk.edition.changed_at or desk.now
    return ledger_until(desk.store, query.series_id, until)


def _champion(ledger: list[dict[str, Any]]) -> str | None:
    return ledger[-1]["champion_version_id"] if ledger else None


def _fields(row: ModelRecord) -> dict[str, Any]:
    names = ModelRecord.__dataclass_fields__
    return {name: getattr(row, name) for name in names}


def _counted(rows: int) -> dict[str, int]:
    return {"count": rows, "total": rows}
