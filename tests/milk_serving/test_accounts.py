"""What is told beside the forecasts: causes, means, models, accuracy, series, quality, limits."""

import dataclasses
import datetime as dt
import math
import time
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from milk.publication.ledger import append_promotion
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.read_page import accuracy_record
from milk.publication.rows import ForecastRow, Issue, QualityDocument
from milk.series import SERIES_ID
from milk_serving.store import RECHECK_SECONDS
from tests.milk.publication import issues as store_rows
from tests.milk.publication.judged import decision, stamp, statistics
from tests.milk.publication.rows import promoted
from tests.milk_serving.client import Client
from tests.milk_serving.rows import issue, observed, publish_issues

LATER = dt.datetime(2026, 11, 6, 12, tzinfo=dt.UTC)


def _get(client: Client, url: str) -> dict[str, Any]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _with_causes(month: str, causes: dict[str, float]) -> Issue:
    """An issue whose prices are what its causes make."""
    price = math.exp(sum(causes.values()))
    named: dict[str, Any] = {f"contribution_{cause}": points for cause, points in causes.items()}
    made = issue(month, price=price)
    rows: tuple[ForecastRow, ...] = tuple(
        dataclasses.replace(row, price=price, lower_80=price - 1, upper_80=price + 1, lower_95=price - 2,
                            upper_95=price + 2, **named)
        for row in made.forecasts
    )  # fmt: skip
    return dataclasses.replace(made, forecasts=rows)


CAUSES = {"base": 5.3, "drift": 0.01, "season": -0.02, "momentum": 0.003, "cycle": 0.0, "other": 0.05}


def test_the_causes_lead_to_the_forecast(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09", price=180), _with_causes("2014-10", CAUSES))
    content = _get(client, "/v1/explain/2014-11")
    data = content["data"]
    assert {cause["cause"]: cause["log_points"] for cause in data["causes"]} == CAUSES
    assert data["causes"][-1]["price_after"] == data["price"]
    assert data["causes"][0]["factor"] is None
    assert data["causes"][2]["factor"] == pytest.approx(math.exp(-0.02), abs=1e-6)
    assert data["before"] == {
        "issue_month": "2014-09", "revision": 1, "price": 182.0, "change": round(data["price"] - 182.0, 4)
    }  # fmt: skip
    assert (content["meta"]["issue_month"], content["meta"]["unit"]) == ("2014-10", "CLP/L")
    assert _get(client, "/v1/explain/2014-11?issued=2014-09")["data"]["before"] is None


@pytest.mark.parametrize(
    "url", ["/v1/explain/2030-01", "/v1/explain/2014-09?issued=2014-10", "/v1/means?issued=2013-01"]
)
def test_what_was_not_forecast_has_no_causes_and_no_mean(client: Client, store: sa.Engine, url: str) -> None:
    publish_issues(store, issue("2014-09"), issue("2014-10"))
    assert client.get(url).json()["type"] == "urn:milk:problem:no-forecast"


def test_the_means_of_a_quarter_and_of_a_year(client: Client, store: sa.Engine) -> None:
    made = issue("2014-10")
    rows = tuple(
        dataclasses.replace(row, mean_price=row.price + 0.5, mean_lower_80=row.price - 1, mean_upper_80=row.price + 1,
                            mean_lower_95=row.price - 2, mean_upper_95=row.price + 2)
        for row in made.forecasts
    )  # fmt: skip
    publish_issues(store, issue("2014-09"), dataclasses.replace(made, forecasts=rows))
    content = _get(client, "/v1/means")
    assert [(m["months"], m["first_month"], m["last_month"], m["mean_price"]) for m in content["data"]] == [
        (3, "2014-10", "2014-12", 202.5),
        (12, "2014-10", "2015-09", 211.5),
    ]
    assert (content["data"][0]["lower_80"], content["data"][0]["upper_95"]) == (201.0, 204.0)
    # An issue of an older program has no means, and says so.
    assert [m["mean_price"] for m in _get(client, "/v1/means?issued=2014-09")["data"]] == [None, None]


def _card(version: str) -> Any:  # noqa: ANN401  # because only the store looks into it
    return dataclasses.replace(store_rows.card(version), series_id=SERIES_ID)


@pytest.fixture
def two_models(store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09"), cards=[_card("v-1")])
    publish_issues(store, issue("2014-10", model="v-2"), cards=[_card("v-2")])
    append_promotion(store, promoted("v-1", series=SERIES_ID))
    append_promotion(store, promoted("v-2", previous="v-1", series=SERIES_ID))


@pytest.mark.usefixtures("two_models")
def test_models_and_which_is_in_production(client: Client) -> None:
    rows = _get(client, "/v1/models")["data"]
    assert [(row["version_id"], row["is_in_production"], row["issues"], row["last_issue_month"]) for row in rows] == [
        ("v-2", True, 1, "2014-10"),
        ("v-1", False, 1, "2014-09"),
    ]
    detail = _get(client, "/v1/models/v-1")["data"]
    assert detail["card"] == {"scores": {"recipe": {"ratio_year": 0.8}}}
    assert [(entry["decision"], entry["reason"]) for entry in detail["ledger"]] == [("promoted", "It was better.")]
    answer = client.get("/v1/models/v-3")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:unknown-model")
    assert client.get("/v1/models/a%00b").status_code == 404


@pytest.mark.usefixtures("two_models")
def test_accuracy_is_of_the_version_behind_the_newest_issue(client: Client) -> None:
    rows = _get(client, "/v1/accuracy")["data"]
    assert [(row["evaluation"], row["model_version"], row["rmse"], row["ratio"]) for row in rows] == [
        ("backtest", "v-2", 4.5, 0.75)
    ]


def test_page_and_api_tell_of_the_version_that_made_what_is_published(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"), cards=[_card("v-1")])
    append_promotion(store, promoted("v-1", series=SERIES_ID))
    before = client.get("/v1/models").json()["meta"]["publication"]
    # A promotion brings card and scores of its version, and issues nothing.
    publish_issues(store, cards=[_card("v-2")], published_at=LATER)
    append_promotion(store, promoted("v-2", previous="v-1", series=SERIES_ID))
    time.sleep(RECHECK_SECONDS * 1.25)
    content = _get(client, "/v1/accuracy")
    page = accuracy_record(store, SERIES_ID)
    assert content["meta"]["publication"] == before + 1
    assert page.card is not None
    assert {row["model_version"] for row in content["data"]} == {"v-1"} == {page.card.version_id}
    assert [row["version_id"] for row in _get(client, "/v1/models")["data"] if row["is_in_production"]] == ["v-2"]
    # A hindcast by the new version stands below the live issue of its month, and above it in a later month.
    publish_issues(store, issue("2014-10", kind="hindcast", model="v-2"), cards=[_card("v-2")], published_at=LATER)
    time.sleep(RECHECK_SECONDS * 1.25)
    assert {row["model_version"] for row in _get(client, "/v1/accuracy")["data"]} == {"v-1"}
    publish_issues(store, issue("2014-11", model="v-2"), cards=[_card("v-2")], published_at=LATER)
    time.sleep(RECHECK_SECONDS * 1.25)
    assert {row["model_version"] for row in _get(client, "/v1/accuracy")["data"]} == {"v-2"}
    then = _get(client, "/v1/accuracy?as_of=2026-11-05T12:00:00Z")
    assert {row["model_version"] for row in then["data"]} == {"v-1"}


@pytest.mark.parametrize("path", ["models", "models/v-1", "accuracy"])
def test_before_the_first_publication_there_is_nothing_and_the_description_says_so(
    app: FastAPI, client: Client, store: sa.Engine, path: str
) -> None:
    publish_issues(store, issue("2014-10"))
    answer = client.get(f"/v1/{path}?as_of=2001-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:no-forecast")
    described = app.openapi()["paths"][f"/v1/{path.replace('v-1', '{version}')}"]["get"]["responses"]["404"]
    assert "no-forecast" in str(described)


@pytest.mark.usefixtures("two_models")
def test_the_newest_judgement_counts(client: Client, store: sa.Engine) -> None:
    one = statistics(0, series_id=SERIES_ID, ratio_last_value=0.9, ratio_last_value_low=0.7)
    for rmse in (5.0, 6.0):
        publish_scorecard(store, [], [dataclasses.replace(one, rmse=rmse)], stamp())
    (live,) = [row for row in _get(client, "/v1/accuracy")["data"] if row["evaluation"] == "live"]
    said = {"rmse": 6.0, "ratio": 0.9, "ratio_low": 0.7, "horizon_months": 0, "mae": None, "observed_as": "first"}
    assert {name: live[name] for name in said} == said
    assert live["finding"] == one.finding


@pytest.mark.parametrize("path", ["models", "accuracy", "data-quality"])
def test_of_an_unknown_series_there_is_nothing(client: Client, store: sa.Engine, path: str) -> None:
    publish_issues(store, issue("2014-10"))
    answer = client.get(f"/v1/{path}?series_id=gold")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:unknown-series")


@pytest.mark.parametrize("path", ["models", "accuracy"])
def test_a_series_without_cards_has_an_empty_list(client: Client, store: sa.Engine, path: str) -> None:
    publish_issues(store, issue("2014-10"))
    assert _get(client, f"/v1/{path}")["data"] == []


def test_which_series_there_are(client: Client, store: sa.Engine) -> None:
    publish_issues(
        store, issue("2014-09"), issue("2014-10"), observed=[observed("2014-08", 1.0), observed("2014-09", 2.0)]
    )
    (row,) = _get(client, "/v1/series")["data"]
    said = {
        "series_id": SERIES_ID, "first_month": "2014-08", "last_month": "2014-09", "first_issue_month": "2014-09",
        "last_issue_month": "2014-10", "first_target_month": "2014-09", "last_target_month": "2015-09",
        "last_update": "2026-11-05T12:00:00Z", "unit": "CLP/L", "is_synthetic": True, "licence": "none stated",
        "availability": "month_end, lag 0 months", "frequency": "monthly", "inputs": 1,
    }  # fmt: skip
    assert {name: row[name] for name in said} == said
    assert client.get("/v1/series?kind=live").status_code == 422


def test_the_quality_of_the_data(client: Client, store: sa.Engine) -> None:
    def document(behind: int) -> QualityDocument:
        content = {"issue_month": "2014-10", "rows": [{"source": "milk_price", "months_behind": behind}]}
        return QualityDocument(series_id=SERIES_ID, part="freshness", content=content)

    publish_issues(store, issue("2014-10"), quality=[document(2)])
    publish_issues(store, issue("2014-10"), quality=[document(1)])
    publish_decision(store, decision(series_id=SERIES_ID), stamp())
    data = _get(client, "/v1/data-quality")["data"]
    assert data["freshness"]["rows"] == [{"source": "milk_price", "months_behind": 1}]
    assert (data["repairs"], data["drift"], data["received"]) == (None, None, None)
    assert (data["retraining"]["decision"], data["retraining"]["as_of"]) == ("hold", "2026-11")
    assert data["retraining"]["numbers"]["cusum"] == 1.5


def test_limits_are_told_without_a_store(client: Client) -> None:
    data = _get(client, "/v1/config")["data"]
    assert (data["most_rows"], data["formats"], data["languages"]) == (1000, ["json", "csv"], ["en", "es"])


@pytest.mark.parametrize("path", ["/v1/predictions/online", "/api/v1/get_online_prediction"])
def test_a_body_may_be_as_long_as_the_limits_say(client: Client, store: sa.Engine, path: str) -> None:
    publish_issues(store, issue("2014-10"))
    most = _get(client, "/v1/config")["data"]["most_body_bytes"]
    answers = [client.post(path, b" " * size) for size in (most, most + 1)]
    assert [answer.json()["type"] for answer in answers] == ["urn:milk:problem:not-json", "urn:milk:problem:too-large"]
    assert f"{most // 1024} KiB" in answers[1].json()["detail"]
