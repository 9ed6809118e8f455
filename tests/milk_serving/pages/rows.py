"""A store as a year of operation leaves it, with numbers that can be told from each other on a page."""

import math
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month, data_cutoff
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.ledger import PromotionRow, append_promotion
from milk.publication.publish import Published
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.rows import ForecastRow, Issue, ModelCard, ObservedPrice, Score
from milk.series import SERIES_ID
from tests.milk.publication import issues as store_rows
from tests.milk.publication import judged as judged_rows
from tests.milk.publication.issues import NOON

ISSUE = Month(2026, 11)
LAST_PRICE = 341.4
MODELS = ("milk", "last_value", "seasonal_naive", "drift", "seasonal_drift")


def forecast(ahead: int, *, issue: Month = ISSUE, **changed: Any) -> ForecastRow:  # noqa: ANN401  # because any field may be changed
    """The target month so many months after the issue month; its causes add up to the log of its price."""
    causes = {
        "contribution_base": math.log(LAST_PRICE),
        "contribution_season": -0.04 + 0.01 * ahead,
        "contribution_momentum": 0.008,
        "contribution_drift": 0.002 * (ahead + 1),
    }
    price = math.exp(sum(causes.values()))
    spread = 0.03 * math.sqrt(ahead + 1)
    ends = {}
    for level, times in (("80", 1.28), ("95", 1.96)):
        ends[f"lower_{level}"] = price * math.exp(-times * spread)
        ends[f"upper_{level}"] = price * math.exp(times * spread)
    means = {"mean_price": price - 2, "mean_lower_80": price - 12, "mean_upper_80": price + 8,
             "mean_lower_95": price - 22, "mean_upper_95": price + 18}  # fmt: skip
    measured = {"measured_80": 0.79, "measured_95": 0.94, "measured_forecasts": 178}
    whole: dict[str, Any] = {
        "target_month": issue + ahead,
        "horizon_months": ahead + 1,
        "price": price,
        "interval_errors": 120,
    }
    return ForecastRow(**whole | causes | ends | means | measured | changed)


def issue(month: Month = ISSUE, *, kind: Kind = "live", **changed: Any) -> Issue:  # noqa: ANN401  # because any field may be changed
    whole = {"series_id": SERIES_ID, "forecasts": tuple(forecast(ahead, issue=month) for ahead in range(12))}
    return store_rows.issue(month, kind=kind, **whole | changed)


def observed(month: Month, price: float) -> ObservedPrice:
    return ObservedPrice(
        series_id=SERIES_ID,
        month=month,
        known_since=data_cutoff(month + 1),
        known_by="rule",
        price=price,
        unit="CLP/L",
        received_at=NOON,
        snapshot="a" * 64,
    )


def prices(months: int = 90) -> list[ObservedPrice]:
    """Known prices up to the month before the issue."""
    return [
        observed(ISSUE + (-ago), LAST_PRICE - 0.9 * (ago - 1) + 20 * math.sin((ago - 1) / 2))
        for ago in range(months, 0, -1)
    ]


def card(version: str = "v-1", **content: Any) -> ModelCard:  # noqa: ANN401  # because a card holds anything
    scores = [
        Score(
            model=model,
            horizon_months=horizon,
            forecasts=119,
            rmse=4.0 + 3 * number + horizon,
            mae=3.25 + number + horizon,
            ratio=0.7 + 0.02 * horizon,
            coverage_80=0.81 - 0.005 * horizon,
            coverage_95=0.96,
            width_80=11.0 * horizon,
        )
        for number, model in enumerate(MODELS)
        for horizon in range(1, 13)
    ]
    against = {
        name: [
            {"horizon_months": h, "ratio": 0.7 + 0.02 * h, "ratio_low": 0.6 + 0.02 * h, "ratio_high": 0.8 + 0.02 * h}
            for h in range(1, 13)
        ]
        for name in ("last_value", "seasonal_drift")
    }
    whole: dict[str, Any] = {
        "recipe": {"name": "combination", "parameters": {"half_lives_months": [48.0, 96.0], "drift_share": 0.5},
                   "interval": {"name": "split", "memory_months": 120}, "blocks": {}},
        "scores": {"against": against},
        "search": {"blocks": {"rain": "Refused. Its ratio is 1.001."}},
        "windows": {"evaluation_first": "2016-11", "evaluation_last": "2026-10"},
        "notes": ["Scores come from rolling origins."],
    }  # fmt: skip
    return ModelCard(
        series_id=SERIES_ID,
        version_id=version,
        sha256="9" * 64,
        recipe="combination",
        created_at=NOON,
        card=whole | content,
        scores=tuple(scores),
    )


def promotion(version: str = "v-1", **changed: Any) -> PromotionRow:  # noqa: ANN401  # because any field may be changed
    whole: dict[str, Any] = {
        "series_id": SERIES_ID,
        "version_id": version,
        "sha256": "9" * 64,
        "decided_at": NOON,
        "actor_kind": "run",
        "actor": "__ASSET_JOB",
        "decision": "promoted",
        "reason": f"{version} beats the last value.",
        "numbers": {"challenger_ratio_next_month": 0.71, "challenger_ratio_year": 0.83},
        "champion_version_id": version,
        "champion_sha256": "9" * 64,
        "previous_version_id": None,
        "data_cutoff": data_cutoff(ISSUE),
        "run_id": f"run-{version}",
    }
    return PromotionRow(**whole | changed)


def judged(ago: int, *, ahead: int = 0, **changed: Any) -> JudgedForecast:  # noqa: ANN401  # because any field may be changed
    """The judgement of the forecast that an issue so many months ago made."""
    month = ISSUE + (-ago)
    row = forecast(ahead, issue=month)
    ends = {name: getattr(row, name) for name in ("lower_80", "upper_80", "lower_95", "upper_95")}
    whole = {"series_id": SERIES_ID, "price": row.price, **ends}
    known = {"error": 5.5, "error_latest": 5.5}
    return judged_rows.judged(month, ahead, came=row.price + 5.5, **whole | known | changed)


def statistics(horizon: int = 0, **changed: Any) -> RunningStatistics:  # noqa: ANN401  # because any field may be changed
    whole = {"series_id": SERIES_ID, "months_judged": 3, "forecasts": 6, "coverage_80": 0.83, "coverage_95": 1.0}
    return judged_rows.statistics(horizon, **whole | changed)


def decision(**changed: Any) -> RetrainDecision:  # noqa: ANN401  # because any field may be changed
    return judged_rows.decision(**{"series_id": SERIES_ID} | changed)


def publish_issue(store: sa.Engine, *issues: Issue, **changed: Any) -> Published:  # noqa: ANN401  # because any part may be changed
    """Publish issues with the known prices and a card."""
    whole = {"series": [store_rows.series_row(series_id=SERIES_ID)], "observed": prices(), "cards": [card()]}
    return store_rows.published(store, *(issues or (issue(),)), **whole | changed)


def publish_year(store: sa.Engine) -> None:
    """All that a page can show: issues, judged forecasts, running statistics, a decision, the ledger."""
    publish_issue(store, *(issue(ISSUE + (-ago)) for ago in (3, 2, 1, 0)))
    rows = [judged(3), judged(3, ahead=1), judged(3, ahead=2), judged(2), judged(2, ahead=1), judged(1)]
    publish_scorecard(store, rows, [statistics(0), statistics(1)], judged_rows.stamp(run_id="scorecard"))
    publish_decision(store, decision(), judged_rows.stamp(run_id="retrain"))
    append_promotion(store, promotion())
