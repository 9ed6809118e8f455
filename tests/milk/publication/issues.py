"""Publications for the tests: issues whose numbers follow from a price, so that each can be told from the others."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month, data_cutoff
from milk.publication.publish import Published, publish
from milk.publication.rows import ForecastRow, Issue, ModelCard, ObservedPrice, Publication, Score, SeriesRow

NOON = dt.datetime(2026, 11, 5, 12, tzinfo=dt.UTC)
SERIES = "s"
OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


def forecast(target: Month, horizon: int, price: float) -> ForecastRow:
    return ForecastRow(
        target_month=target,
        horizon_months=horizon,
        price=price,
        lower_80=price - 10,
        upper_80=price + 10,
        lower_95=price - 20,
        upper_95=price + 20,
        contribution_base=1 / 3,
        contribution_drift=0.2,
        contribution_season=-0.0,
        contribution_momentum=1e-12,
        interval_errors=120,
    )


def issue(month: Month = OCTOBER, *, kind: Kind = "hindcast", price: float = 300.0, **changed: Any) -> Issue:  # noqa: ANN401  # because any field may be changed
    whole: dict[str, Any] = {
        "series_id": SERIES,
        "issue_month": month,
        "kind": kind,
        "issued_at": NOON,
        "data_cutoff": data_cutoff(month),
        "forecast_origin": month + (-1),
        "unit": "CLP/L",
        "is_synthetic": True,
        "model_version": "v-1",
        "data_versions": {"features": {"sha256": "f" * 64, "table_version": 3}, "model": {"sha256": "1" * 64}},
        "forecasts": tuple(forecast(month + k, k + 1, price + k) for k in range(12)),
    }
    return Issue(**whole | changed)


def card(version: str = "v-1") -> ModelCard:
    score = Score(
        model="milk",
        horizon_months=1,
        forecasts=120,
        rmse=4.5,
        mae=3.4,
        ratio=0.75,
        coverage_80=0.8,
        coverage_95=0.95,
        width_80=12.0,
    )
    return ModelCard(
        series_id=SERIES,
        version_id=version,
        sha256="1" * 64,
        recipe="seasonal_autoregression",
        created_at=NOON,
        card={"scores": {"recipe": {"ratio_year": 0.8}}},
        scores=(score,),
    )


def observed(month: Month, price: float, *, known_since: dt.datetime | None = None) -> ObservedPrice:
    return ObservedPrice(
        series_id=SERIES,
        month=month,
        known_since=known_since or data_cutoff(month + 1),
        known_by="received" if known_since else "rule",
        price=price,
        unit="CLP/L",
        received_at=NOON,
        snapshot="a" * 64,
    )


def series_row(**changed: Any) -> SeriesRow:  # noqa: ANN401  # because any field may be changed
    whole: dict[str, Any] = {
        "series_id": SERIES,
        "name": "price",
        "meaning": "Farm-gate milk price",
        "unit": "CLP/L",
        "block": "price",
        "source": "milk_price",
        "source_column": "Precio_leche",
        "code": "",
        "current_code": "",
        "first_valid_month": Month(1979, 1),
        "plausible_low": 0.1,
        "plausible_high": 5000.0,
        "availability": "month_end, lag 0 months",
        "licence": "none stated",
        "note": "",
    }
    return SeriesRow(**whole | changed)


def publication(issues: Sequence[Issue], **changed: Any) -> Publication:  # noqa: ANN401  # because any field may be changed
    versions = sorted({issue.model_version for issue in issues})
    whole: dict[str, Any] = {
        "published_at": NOON,
        "run_id": "run-1",
        "software": {"milk": "0.1.0"},
        "issues": issues,
        "cards": [card(version) for version in versions],
        "series": [series_row()],
    }
    return Publication(**whole | changed)


def published(store: sa.Engine, *issues: Issue, **changed: Any) -> Published:  # noqa: ANN401  # because any field may be changed
    return publish(store, publication(issues, **changed))


def outcomes(done: Published) -> list[tuple[int, str]]:
    """Revision and outcome of each issue."""
    return [(issue.revision, issue.outcome) for issue in done.issues]
