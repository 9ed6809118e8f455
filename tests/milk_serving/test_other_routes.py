"""Issues, health, the documentation, and the two routes of the predecessor."""

import dataclasses
import re
from typing import Any

import pytest
import sqlalchemy as sa

from milk.publication.engine import HEAD
from milk.publication.read import IssueRecord
from milk.publication.read_forecasts import ForecastQuestion, FoundForecasts, find_forecasts
from milk.series import SERIES_ID
from tests.milk_serving.client import Client
from tests.milk_serving.rows import OTHER_SERIES, issue, observed, publish_issues

GET_PATHS = [
    "/", "/livez", "/readyz", "/docs", "/openapi.json", "/predictions", "/predictions/latest", "/predictions/2014-10",
    "/issues", "/accuracy", "/models", "/v1/predictions", "/v1/predictions/latest", "/v1/predictions/2014-10",
    "/v1/issues",
    "/v1/explain/2014-10", "/v1/means", "/v1/observations", "/v1/accuracy", "/v1/models", "/v1/series",
    "/v1/data-quality", "/v1/config", "/check_service", "/api/v1/get_prediction?year=2014&month=10",
]  # fmt: skip


def test_every_revision_is_listed_the_newest_first(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09"), issue("2014-10", price=200))
    publish_issues(store, issue("2014-10", price=210))
    publish_issues(store, issue("2014-10", price=220, kind="hindcast"))
    content = client.get("/issues").json()
    assert [(row["issue_month"], row["revision"], row["kind"], row["is_standing"]) for row in content["data"]] == [
        ("2014-10", 3, "hindcast", False),
        ("2014-10", 2, "live", True),
        ("2014-10", 1, "live", False),
        ("2014-09", 1, "live", True),
    ]
    assert {tuple(row) for row in content["data"]} == {tuple(f.name for f in dataclasses.fields(IssueRecord))}
    assert [row["published_at"] for row in content["data"]][1:] == [
        "2026-11-05T12:00:00.000001Z", "2026-11-05T12:00:00Z", "2026-11-05T12:00:00Z",
    ]  # fmt: skip
    meta = content["meta"]
    assert (meta["count"], meta["total"], meta["issue_month"], meta["is_synthetic"]) == (4, 4, None, True)


@pytest.mark.parametrize(
    ("query", "expected", "total"),
    [
        ("kind=hindcast", [("2014-10", 2)], 1),
        ("issue_month=2014-09", [("2014-09", 1)], 1),
        ("limit=1", [("2014-10", 2)], 3),
        (f"series_id={OTHER_SERIES}", [("2014-12", 1)], 1),
    ],
)
def test_issues_can_be_chosen(
    client: Client, store: sa.Engine, query: str, expected: list[tuple[str, int]], total: int
) -> None:
    publish_issues(store, issue("2014-09"), issue("2014-10"), issue("2014-12", series_id=OTHER_SERIES))
    publish_issues(store, issue("2014-10", kind="hindcast"))
    content = client.get(f"/issues?{query}").json()
    assert [(row["issue_month"], row["revision"]) for row in content["data"]] == expected
    assert content["meta"]["total"] == total


def test_an_issue_that_is_not_there(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    answer = client.get("/issues?issue_month=2014-11")
    assert answer.status_code == 404
    assert answer.json()["available"]["last_issue_month"] == "2014-10"


def test_alive_without_a_store(client: Client) -> None:
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_with_the_newest_issue_of_any_series(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    publish_issues(store, issue("2014-12", series_id=OTHER_SERIES))
    answer = client.get("/readyz")
    age = [answer.json()["newest_issue_age_days"]]
    assert age[0] > 0
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "status": "ready",
            "publication": 2,
            "newest_issue_month": "2014-12",
            "newest_issue_at": "2026-11-05T12:00:00Z",
            "newest_issue_age_days": age.pop(),
            "schema_version": HEAD,
        },
    )


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/get_prediction?year=2014&month=10"])
def test_what_a_probe_and_the_predecessor_ask_is_bounded(client: Client, store: sa.Engine, path: str) -> None:
    """No question ranks all issues of the store: none that is asked of them has a window over all of their rows."""
    publish_issues(store, issue("2014-10"))
    asked: list[str] = []

    def note(*told: Any) -> None:  # noqa: ANN401  # because SQLAlchemy gives six things
        asked.append(told[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    of_issues = [one for one in asked if "issues" in one]
    assert of_issues
    assert [one for one in of_issues if "PARTITION BY issues" in one] == []


@pytest.mark.parametrize("path", ["/readyz", "/predictions", "/issues"])
def test_a_publication_without_an_issue_is_nothing_to_read(client: Client, store: sa.Engine, path: str) -> None:
    assert publish_issues(store).publication_id == 1
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:milk:problem:nothing-published")


def test_the_documentation_needs_no_network(client: Client) -> None:
    page = client.get("/docs").text
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(parts) >= 3
    assert "//" not in "".join(parts), "a part comes from another host"
    for part in parts:
        assert client.get(part).status_code == 200, part
    assert "url: '/openapi.json'" in page


@pytest.mark.parametrize("path", ["/redoc", "/static-offline-docs/none.js"])
def test_what_is_not_documentation(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:not-found")


def test_the_greeting_of_the_predecessor(client: Client) -> None:
    answer = client.get("/check_service")
    assert (answer.status_code, answer.json()) == (200, {"Message": "Hello world from service"})


def test_the_forecast_as_the_predecessor_answers_it(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09", price=180), issue("2014-10", price=200 + 2 / 3))
    answer = client.get("/api/v1/get_prediction?year=2014&month=10")
    assert (answer.status_code, answer.json()) == (200, {"prediction": 200.6667})


def test_the_predecessor_answers_as_of_the_edition_that_its_tag_names(
    client: Client, store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_issues(store, issue("2014-10", price=200))

    def find_late(engine: sa.Engine, question: ForecastQuestion) -> FoundForecasts:
        publish_issues(store, issue("2014-10", price=300))
        return find_forecasts(engine, question)

    monkeypatch.setattr("milk_serving.routes.predecessor.find_forecasts", find_late)
    answer = client.get("/api/v1/get_prediction?year=2014&month=10")
    assert (answer.status_code, answer.json()) == (200, {"prediction": 200.0})


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("year=2030&month=1", 404, "the months 2014-10 to 2015-09"),
        ("year=2014&month=9", 404, "the months 2014-10 to 2015-09"),
        ("year=2014&month=13", 422, "month: Input should be less than or equal to 12."),
        ("year=2014", 422, "month: Field required."),
        ("month=10", 422, "year: Field required."),
        ("year=x&month=10", 422, "year: It is not a whole number"),
        ("year=2014&month=10&day=1", 422, "day: There is no such parameter here."),
    ],
)
def test_what_the_predecessor_is_asked_in_vain(
    client: Client, store: sa.Engine, query: str, status: int, said: str
) -> None:
    publish_issues(store, issue("2014-10"))
    answer = client.get(f"/api/v1/get_prediction?{query}")
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("path", GET_PATHS)
def test_head_answers_as_get_does_without_a_body(client: Client, store: sa.Engine, path: str) -> None:
    publish_issues(store, issue("2014-10"), observed=[observed("2014-09", 199.0)])
    got, headed = client.get(path), client.ask("HEAD", path)
    assert headed.status_code == got.status_code < 400
    del headed.headers["x-request-id"], got.headers["x-request-id"]
    assert headed.headers == got.headers
    assert headed.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [*GET_PATHS, "/static/0/page.css", "/static-offline-docs/swagger-ui.css"])
def test_the_reader_only_reads(client: Client, method: str, path: str) -> None:
    answer = client.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:milk:problem:method-not-allowed"


def test_many_series_are_listed_some_at_a_time(client: Client, store: sa.Engine) -> None:
    names = [f"region_{k:02d}" for k in range(7)]
    publish_issues(store, *(issue("2014-10", series_id=name) for name in names))
    whole = client.get("/v1/series").json()
    assert [row["series_id"] for row in whole["data"]] == names
    assert (whole["meta"]["count"], whole["meta"]["next"]) == (7, None)
    seen, address = [], "/v1/series?limit=3&format=json"
    while address:
        answer = client.get(address)
        seen.append([row["series_id"] for row in answer.json()["data"]])
        address = answer.json()["meta"]["next"]
        assert answer.headers.get("link") == (f'<{address}>; rel="next"' if address else None)
    assert seen == [names[:3], names[3:6], names[6:]]
    assert client.get("/v1/series?after=z").json()["data"] == []


def test_of_many_series_a_message_names_some_and_a_monitor_looks_at_some(client: Client, store: sa.Engine) -> None:
    names = [f"a_region_{k:02d}" for k in range(12)]
    publish_issues(store, *(issue("2014-10", series_id=name) for name in names), issue("2014-11"))
    problem = client.get("/v1/predictions?series_id=none").json()
    assert problem["detail"].endswith(f"{', '.join(names[:10])} and others.")
    ready = client.get("/readyz").json()
    assert ready["newest_issue_month"] == "2014-11"
    shown = set(re.findall(r'milk_newest_issue_age_seconds\{series_id="(.*?)"\}', client.get("/metrics").text))
    assert shown == {SERIES_ID, *names[:9]}
