"""The online route in the store: the model that answers, the history before a request, what was asked and answered."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from milk.errors import HomeRefused, NothingPublished, VersionRefused
from milk.models.canonical import canonical_json, sha256_hex
from milk.models.version import ModelVersion, version_of
from milk.months import Month
from milk.publication.engine import reading, writing
from milk.publication.online_schema import MODELS, ONLINE_PREDICTIONS
from milk.publication.read import standing_issues
from milk.publication.rows import json_of, plain_row
from milk.publication.schema import MODEL_CARDS, OBSERVED_PRICES, PROMOTIONS

ID_DIGITS = 32

MOST_WAITING_MS = 100
"""So long a request waits for the store to keep it: somebody waits for the answer, and a thread with him."""


@dataclass(frozen=True, slots=True)
class AnsweringVersion:
    """Which version answers online; `is_in_production` is false where only an earlier one is in the store."""

    version_id: str
    is_in_production: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlinePrediction:
    """A request and its answer, as they are kept."""

    id: str
    created_at: dt.datetime
    series_id: str
    model_version: str
    request_sha256: str
    request: Mapping[str, Any] = field(hash=False)
    answer: Mapping[str, Any] = field(hash=False)

    @classmethod
    def of(
        cls,
        request: Mapping[str, Any],
        answer: Mapping[str, Any],
        *,
        series_id: str,
        model_version: str,
        created_at: dt.datetime,
    ) -> "OnlinePrediction":
        """Named after what was asked and answered: the same again is the same prediction."""
        said = {"request": dict(request), "answer": dict(answer)}
        return cls(
            id=sha256_hex(canonical_json(said))[:ID_DIGITS],
            created_at=created_at,
            series_id=series_id,
            model_version=model_version,
            request_sha256=sha256_hex(canonical_json(said["request"])),
            request=json_of(request),
            answer=json_of(answer),
        )


def answering_version(engine: sa.Engine, series_id: str) -> AnsweringVersion:
    """The version that answers: the one in production by the ledger, if its model is in the store.

    A rollback acts here at once, since the model of an earlier version lies there already. Where the model of the
    champion is missing (it was promoted by an earlier program and nothing was published since), the version behind the
    newest standing issue answers.

    Raises:
        NothingPublished: no model of this series is in the store.
    """
    champion = (
        sa.select(PROMOTIONS.c.champion_version_id)
        .where(PROMOTIONS.c.series_id == series_id)
        .order_by(PROMOTIONS.c.id.desc())
        .limit(1)
    )
    held = sa.select(MODELS.c.version_id).where(MODELS.c.series_id == series_id)
    standing = standing_issues(series_id)
    newest = sa.select(standing.c.model_version).where(standing.c.model_version.in_(held))
    with reading(engine) as connection:
        found = connection.scalar(held.where(MODELS.c.version_id.in_(champion)))
        if found is not None:
            return AnsweringVersion(found, is_in_production=True)
        found = connection.scalar(newest.order_by(standing.c.issue_month.desc()).limit(1))
    if found is None:
        raise NothingPublished(f"No model of {series_id} is in the store.")
    return AnsweringVersion(found, is_in_production=False)


def stored_version(engine: sa.Engine, series_id: str, version_id: str) -> ModelVersion:
    """A version as the store holds it, checked.

    Raises:
        HomeRefused: what the store holds is not that version, or it holds none.
    """
    query = (
        sa.select(MODELS.c.model, MODEL_CARDS.c.card, MODEL_CARDS.c.sha256)
        .join(MODEL_CARDS, sa.and_(*(MODELS.c[name] == MODEL_CARDS.c[name] for name in ("series_id", "version_id"))))
        .where(MODELS.c.series_id == series_id, MODELS.c.version_id == version_id)
    )
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise HomeRefused(f"The model {version_id} of {series_id} is not in the store.")
    try:
        return version_of(version_id, row.sha256, row.model, row.card)
    except VersionRefused as error:
        raise HomeRefused(f"The model in the store cannot be used. {error}") from error


def published_history(
    engine: sa.Engine, series_id: str, *, first: Month, last: Month, known_at: dt.datetime
) -> dict[Month, float]:
    """The price of each month from `first` to `last` that is published, as it was known at an instant."""
    columns = OBSERVED_PRICES.c
    query = (
        sa.select(columns.month, columns.price)
        .where(columns.series_id == series_id, columns.month.between(first, last), columns.known_since <= known_at)
        .order_by(columns.known_since)
    )
    with reading(engine) as connection:
        # The newest value of a month comes last, and stays.
        return {row.month: row.price for row in connection.execute(query)}


def kept_prediction(engine: sa.Engine, prediction_id: str) -> OnlinePrediction | None:
    """A request and its answer; `None` where they are not there, or not any more.

    Raises:
        NotAllowed: the user of the store may not read what was asked online.
        HomeRefused: the store does not answer.
    """
    query = sa.select(ONLINE_PREDICTIONS).where(ONLINE_PREDICTIONS.c.id == prediction_id)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else OnlinePrediction(**row)


def keep_prediction(engine: sa.Engine, prediction: OnlinePrediction) -> OnlinePrediction:
    """Keep a request and its answer; the same again changes nothing and gives back what stands.

    Raises:
        HomeRefused: the store does not answer, or may not be written.
        HomeBusy: another process held the store for more than a tenth of a second.
    """
    held = kept_prediction(engine, prediction.id)
    if held is not None:
        return held
    values = plain_row(prediction) | {"request": dict(prediction.request), "answer": dict(prediction.answer)}
    try:
        with writing(engine, is_alone=False, patience_ms=MOST_WAITING_MS) as connection:
            connection.execute(sa.insert(ONLINE_PREDICTIONS), values)
    except sa.exc.IntegrityError:
        # Somebody asked the same at the same moment.
        return kept_prediction(engine, prediction.id) or prediction
    return prediction


def forget_predictions(engine: sa.Engine, *, created_before: dt.datetime) -> int:
    """Delete what was asked before an instant, and say how many rows it were.

    Raises:
        HomeRefused: the store does not answer, or its user may not delete.
        HomeBusy: another process held the store for more than five seconds.
    """
    is_old = ONLINE_PREDICTIONS.c.created_at < created_before
    with reading(engine) as connection:
        old = connection.scalar(sa.select(sa.func.count()).select_from(ONLINE_PREDICTIONS).where(is_old)) or 0
    if old:
        with writing(engine, is_alone=False) as connection:
            old = connection.execute(sa.delete(ONLINE_PREDICTIONS).where(is_old)).rowcount
    return old
