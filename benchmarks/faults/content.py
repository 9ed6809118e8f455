"""Publications whose every number says which of them it came from, so that a mixture of two cannot pass as either."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from milk.models.canonical import canonical_json
from milk.months import YEAR_AHEAD, Kind, Month, data_cutoff
from milk.publication.read_forecasts import ForecastAnswer
from milk.publication.rows import ForecastRow, Issue, ModelCard, ObservedPrice, Publication, Score, SeriesRow

SERIES = "soaked"
FIRST = Month(2010, 1)
NOON = dt.datetime(2010, 1, 1, 12, tzinfo=dt.UTC)
UNIT = "CLP/L"
BASE = 200.0
"""The price of publication 0; that of publication `n` is `BASE + n`."""

_CAUSES: dict[str, Any] = {
    "contribution_base": 5.0,
    "contribution_drift": 0.01,
    "contribution_season": -0.02,
    "contribution_momentum": 0.0,
}
_INTERVAL_ERRORS = 60


@dataclass(frozen=True, slots=True)
class Order:
    """Which publication a child is to make: all of its content follows from this."""

    number: int
    first: Month
    months: int = 3
    kind: Kind = "live"

    def line(self) -> str:
        """As one line of text."""
        said = {"number": self.number, "first": str(self.first), "months": self.months, "kind": self.kind}
        return canonical_json(said).decode().rstrip()

    @classmethod
    def of(cls, line: str) -> Self:
        """From one line of text."""
        said = json.loads(line)
        return cls(said["number"], Month.parse(said["first"]), said["months"], said["kind"])

    @property
    def issue_months(self) -> list[Month]:
        """The months that it issues."""
        return [self.first + k for k in range(self.months)]


def run_id(number: int) -> str:
    """The run that a publication names; by it the store's rows find their maker's."""
    return f"soak-{number}"


def publication(order: Order) -> Publication:
    """Something for each table of the store."""
    return Publication(
        published_at=NOON + dt.timedelta(hours=order.number),
        run_id=run_id(order.number),
        software={"milk": "soaked"},
        issues=[issue(month, order.number, order.kind) for month in order.issue_months],
        observed=[_observed(FIRST + k, order.number) for k in range(2)],
        cards=[_card(order.number)],
        series=[_series("price", order.number), _series("rain", order.number)],
    )


def issue(month: Month, number: int, kind: Kind = "live") -> Issue:
    """An issue month as a publication says it."""
    return Issue(
        series_id=SERIES,
        issue_month=month,
        kind=kind,
        issued_at=NOON,
        data_cutoff=data_cutoff(month),
        forecast_origin=month + (-1),
        unit=UNIT,
        is_synthetic=True,
        model_version=f"v-{number}",
        data_versions={"milk_price": f"data-{number}", "model": {"sha256": f"sha-{number}"}},
        forecasts=tuple(_forecast(month + k, k + 1, BASE + number) for k in range(YEAR_AHEAD)),
    )


def _forecast(target: Month, horizon: int, price: float) -> ForecastRow:
    return ForecastRow(
        target_month=target,
        horizon_months=horizon,
        price=price,
        lower_80=price - horizon,
        upper_80=price + horizon,
        lower_95=price - 2 * horizon,
        upper_95=price + 2 * horizon,
        interval_errors=_INTERVAL_ERRORS,
        **_CAUSES,
    )


def issue_as_read(rows: Sequence[ForecastAnswer]) -> Issue:
    """The issue that some rows of a reader make up; what the reader does not show is the same in every publication."""
    head = rows[0]
    shown = ("target_month", "horizon_months", "price", "lower_80", "upper_80", "lower_95", "upper_95")
    return Issue(
        **{name: getattr(head, name) for name in Issue.__dataclass_fields__ if name != "forecasts"},
        forecasts=tuple(
            ForecastRow(**{name: getattr(row, name) for name in shown}, interval_errors=_INTERVAL_ERRORS, **_CAUSES)
            for row in rows
        ),
    )


def _observed(month: Month, number: int) -> ObservedPrice:
    known = NOON + dt.timedelta(hours=number)
    return ObservedPrice(
        series_id=SERIES,
        month=month,
        known_since=known,
        known_by="receipt",
        price=BASE + number,
        unit=UNIT,
        received_at=known,
        snapshot=f"snapshot-{number}",
    )


def _card(number: int) -> ModelCard:
    models = ("recipe", "last value")
    return ModelCard(
        series_id=SERIES,
        version_id=f"v-{number}",
        sha256=f"sha-{number}",
        recipe="soaked",
        created_at=NOON,
        card={"number": number},
        scores=tuple(_score(model, horizon) for model in models for horizon in (1, 2)),
    )


def _score(model: str, horizon: int) -> Score:
    errors = {"rmse": 2.0, "mae": 1.5, "ratio": 0.8, "coverage_80": 0.8, "coverage_95": 0.95, "width_80": 30.0}
    return Score(model=model, horizon_months=horizon, forecasts=60, **errors)


def _series(name: str, number: int) -> SeriesRow:
    return SeriesRow(
        series_id=SERIES,
        name=name,
        meaning="An invented series",
        unit=UNIT,
        block="price",
        source="nobody",
        source_column=name,
        code="none",
        current_code="none",
        first_valid_month=FIRST,
        plausible_low=1.0,
        plausible_high=1e6,
        availability="day, lag 1 months, day 20",
        licence="none",
        note=f"as of publication {number}",
    )
