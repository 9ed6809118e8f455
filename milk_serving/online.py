"""Answering what is asked online: the version, the history before the prices sent, the forecast, and its record.

The model is a few dozen numbers and is applied in plain Python (`milk.models.apply`). A version is named after its
content, so the one that was loaded and checked is kept for as long as the store names it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from milk.errors import HomeRefused, NothingPublished
from milk.models.apply import apply_version, months_needed, months_used
from milk.models.online import Basis, basis_of, features_not_given, unused_columns
from milk.models.version import ModelVersion
from milk.months import SANTIAGO, Month
from milk.publication.online import (
    AnsweringVersion,
    OnlinePrediction,
    answering_version,
    keep_prediction,
    published_history,
    stored_version,
)
from milk.publication.read import SeriesRecord, series_record
from milk_serving.bodies import refuse
from milk_serving.missing import no_such_forecast
from milk_serving.online_body import Sent
from milk_serving.online_responses import OnlineAnswer, forecast_row
from milk_serving.problems import UnknownSeries
from milk_serving.store import Edition, PublishedStore


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class OnlineDesk:
    """Where online requests are answered: `app.state.online`.

    Attributes:
        store: the store of the reader.
        retention_days: for how long requests are kept; 0 keeps none.
        now: the clock.
    """

    store: PublishedStore
    retention_days: int
    now: Callable[[], dt.datetime] = _now
    _version: ModelVersion | None = field(default=None, init=False)
    _series: tuple[Edition, str, SeriesRecord | None] | None = field(default=None, init=False)

    @property
    def current_month(self) -> Month:
        """The month that it is now in Chile."""
        return Month.of(self.now().astimezone(SANTIAGO).date())

    def predict(self, engine: sa.Engine, edition: Edition, sent: Sent) -> OnlineAnswer:
        """Forecast from the prices sent, and keep both where the store may be written.

        Raises:
            RequestValidationError: the version needs more months than there are.
            UnknownSeries: nothing is published of the series.
            NothingPublished: no model of the series is published.
            HomeRefused: the store does not answer, or its model is damaged.
        """
        found = self._answering(engine, edition, sent.series_id)
        version = self._loaded(engine, sent.series_id, found.version_id)
        basis = self._basis(engine, version, sent)
        forecasts = apply_version(version, basis.prices, last_month=basis.last_month)
        meta = _meta(found, version, basis, sent, self._series_record(engine, edition, sent.series_id))
        prediction = OnlinePrediction.of(
            sent.request,
            {"data": [forecast_row(forecast) for forecast in forecasts], "meta": meta},
            series_id=sent.series_id,
            model_version=version.version_id,
            created_at=self.now().replace(microsecond=0),
        )
        return self._kept(engine, prediction)

    def _answering(self, engine: sa.Engine, edition: Edition, series_id: str) -> AnsweringVersion:
        try:
            return answering_version(engine, series_id)
        except NothingPublished as error:
            reason = no_such_forecast(engine, series_id, None, upto=edition.publication)
            raise (reason if isinstance(reason, UnknownSeries) else error) from error

    def _loaded(self, engine: sa.Engine, series_id: str, version_id: str) -> ModelVersion:
        version = self._version
        if version is None or version.version_id != version_id:
            version = stored_version(engine, series_id, version_id)
            self._version = version
        return version

    def _basis(self, engine: sa.Engine, version: ModelVersion, sent: Sent) -> Basis:
        wanted = months_used(version)
        history = published_history(
            engine,
            sent.series_id,
            first=sent.first_month + (-wanted),
            last=sent.first_month + (len(sent.prices) - 1),
            known_at=self.now(),
        )
        basis = basis_of(sent.first_month, sent.prices, history, months_wanted=wanted)
        needed, there = months_needed(version), len(basis.prices)
        if there < needed:
            refuse([("prices", f"The model needs {needed} months, and there are {there}: send older ones, too.", None)])
        return basis

    def _series_record(self, engine: sa.Engine, edition: Edition, series_id: str) -> SeriesRecord | None:
        held = self._series
        if held is None or held[:2] != (edition, series_id):
            held = (edition, series_id, series_record(engine, series_id))
            self._series = held
        return held[2]

    def _kept(self, engine: sa.Engine, prediction: OnlinePrediction) -> OnlineAnswer:
        if not self.retention_days:
            return OnlineAnswer.of(prediction, is_kept=False)
        try:
            return OnlineAnswer.of(keep_prediction(engine, prediction), is_kept=True)
        except HomeRefused as error:
            # A forecast is of use without its record; the operator reads in the log why there is none.
            self.store.log_met(error)
            return OnlineAnswer.of(prediction, is_kept=False)


def _meta(
    found: AnsweringVersion, version: ModelVersion, basis: Basis, sent: Sent, series: SeriesRecord | None
) -> dict[str, Any]:
    """What the answer says of itself, as it is kept."""
    return {
        "series_id": sent.series_id,
        "unit": version.model["unit"],
        "is_nominal": True,
        "source": None if series is None else series.source,
        "licence": None if series is None else series.licence,
        "is_synthetic": version.card["is_synthetic"],
        "model_version": version.version_id,
        "is_in_production": found.is_in_production,
        "forecast_origin": str(basis.last_month),
        "first_month_used": str(basis.first_month),
        "months_sent": basis.months_sent,
        "months_of_history": basis.months_of_history,
        "history": basis.reason,
        # A feature of other data has a name of its own: what is sent are cells of files.
        "unused_columns": unused_columns(sent.columns, features_not_given(version)),
        "features_not_given": features_not_given(version),
    }
