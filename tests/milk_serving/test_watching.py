"""What is seen of each request, and what a request may cost."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from milk.publication.publish_judged import publish_scorecard
from milk.series import SERIES_ID
from milk.settings import Settings
from milk_serving.app import create_app
from milk_serving.bodies import MOST_BODY_BYTES
from milk_serving.guards import BodyCap, TimeLimit
from tests.milk.publication.issues import publication
from tests.milk.publication.judged import statistics
from tests.milk_serving.client import Client, serving
from tests.milk_serving.rows import issue, publish_issues


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def app(settings: Settings, lines: list[dict[str, Any]]) -> FastAPI:
    async def bug() -> None:
        raise ZeroDivisionError

    async def length(request: Request) -> int:
        return len(await request.body())

    app = create_app(settings, log=lambda line: lines.append(json.loads(line)))
    app.add_api_route("/bug", bug)
    app.add_api_route("/length", length, methods=["POST"])
    return app


@pytest.mark.parametrize("path", ["/livez", "/predictions", "/v1/predictions", "/none", "/bug"])
def test_every_answer_has_an_id_and_is_guarded(client: Client, store: sa.Engine, path: str) -> None:
    publish_issues(store, issue("2014-10"))
    # The second time it is given from what is kept.
    for answer in (client.get(path), client.get(path)):
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["x-frame-options"] == "DENY"
    assert client.get(path).headers["x-request-id"] != client.get(path).headers["x-request-id"]


@pytest.mark.parametrize(("sent", "is_echoed"), [("abc-1.2_3~", True), ("a" * 65, False), ("a b", False), ("", False)])
def test_the_id_of_the_client_is_kept_where_it_is_a_name(client: Client, sent: str, is_echoed: bool) -> None:
    answer = client.get("/livez", headers={"X-Request-ID": sent})
    assert (answer.headers["x-request-id"] == sent) is is_echoed


def test_a_page_may_load_its_own_parts(client: Client) -> None:
    assert "content-security-policy" not in client.get("/docs").headers


def test_each_request_is_one_line(client: Client, store: sa.Engine, lines: list[dict[str, Any]]) -> None:
    publish_issues(store, issue("2014-10"))
    asked = ["/v1/predictions/2014-10?kind=live", "/v1/predictions/2014-10?kind=live", "/none", "/bug"]
    ids = [client.get(url).headers["x-request-id"] for url in asked]
    client.ask("HEAD", "/predictions", headers={"X-Request-ID": "mine"})
    assert [line["request_id"] for line in lines] == [*ids, "mine"]
    assert [(line["method"], line["route"], line["status"], line["rows"]) for line in lines] == [
        ("GET", "/v1/predictions/{target_month}", 200, 1),
        ("GET", "/v1/predictions/{target_month}", 200, 1),
        ("GET", "unmatched", 404, 0),
        ("GET", "/bug", 500, 0),
        ("HEAD", "/predictions", 200, 12),
    ]
    assert (lines[0]["path"], lines[0]["query"]) == ("/v1/predictions/2014-10", "kind=live")
    assert lines[0]["bytes"] == lines[1]["bytes"] > 500
    assert lines[4]["bytes"] == 0
    assert set(lines[0]) == {"time", "event", "request_id", "method", "path", "query", "route", "status", "bytes",
                             "rows", "milliseconds", "client"}  # fmt: skip


def test_a_line_cannot_be_forged(client: Client, lines: list[dict[str, Any]]) -> None:
    client.get("/none%0A%7B%22event%22%3A1%7D?a=%0A")
    assert [line["event"] for line in lines] == ["request"]


@pytest.mark.parametrize("path", ["/v1/predictions/online/", "/predictions/online/", "/V1//predictions/online//"])
def test_a_line_does_not_tell_how_to_read_what_was_sent(
    client: Client, store: sa.Engine, lines: list[dict[str, Any]], path: str
) -> None:
    publish_issues(store, issue("2014-10"))
    name = "0123456789abcdef" * 2
    for url in (f"{path}{name}", f"{path}{name}?key={name}", f"{path}{name}/", f"{path}%0A{name}"):
        client.get(url)
        client.ask("PUT", url)
    assert len(lines) == 8
    assert name not in json.dumps(lines)
    assert {line["path"].rsplit("/", 1)[1] for line in lines} == {"{prediction_id}"}


def _metrics(client: Client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    pairs = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_requests_are_counted_by_route(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    for path in ("/v1/predictions/2014-10", "/v1/predictions/2014-11", "/predictions/2014-10", "/none", "/none2"):
        client.get(path)
    client.ask("BREW", "/livez")
    found = _metrics(client)
    count = "milk_reader_request_seconds_count"
    assert found[f'{count}{{method="GET",route="/v1/predictions/{{target_month}}",status="200"}}'] == 2
    assert found[f'{count}{{method="GET",route="/predictions/{{target_month}}",status="200"}}'] == 1
    assert found[f'{count}{{method="GET",route="unmatched",status="404"}}'] == 2
    assert found[f'{count}{{method="other",route="/livez",status="405"}}'] == 1
    assert found['milk_reader_rows_served_total{route="/v1/predictions/{target_month}"}'] == 2


def test_the_store_is_told_of(client: Client, store: sa.Engine) -> None:
    assert _metrics(client)["milk_store_up"] == 1 - 1
    publish_issues(store, issue("2014-10"))
    row = statistics(1, series_id=SERIES_ID, coverage_80=0.75, coverage_95=0.9, rmse=5.5, forecasts=12)
    publish_scorecard(store, [], [row], publication([], series=()))
    found = _metrics(client)
    labels = f'series_id="{SERIES_ID}"'
    assert (found["milk_store_up"], found["milk_publication"]) == (1, 2)
    assert found[f"milk_newest_issue_age_seconds{{{labels}}}"] > 0
    assert found[f'milk_live_coverage{{horizon_months="1",level="80",{labels}}}'] == 0.75
    assert found[f'milk_live_rmse{{horizon_months="1",{labels}}}'] == 5.5
    assert found[f'milk_live_forecasts{{horizon_months="1",{labels}}}'] == 12


@pytest.fixture
def open_client(settings: Settings) -> Iterator[Client]:
    with serving(create_app(settings.model_copy(update={"cors_origins": ("https://a.example",)}))) as client:
        yield client


def test_pages_on_the_list_may_read(open_client: Client, client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    for _ in range(2):
        answer = open_client.get("/v1/predictions", headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert "Origin" in answer.headers["vary"]
        assert "Accept-Encoding" in answer.headers["vary"]
        exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert {"Location", "Retry-After", "Content-Disposition", "ETag", "Link"} < exposed
    other = open_client.get("/v1/predictions", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers
    closed = client.get("/v1/predictions", headers={"Origin": "https://a.example"})
    assert "access-control-allow-origin" not in closed.headers


def test_pages_on_the_list_may_send_a_key(open_client: Client) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,x-api-key"}  # fmt: skip
    answer = open_client.ask("OPTIONS", "/v1/predictions/online", headers=asked)
    assert answer.status_code == 200
    assert "X-API-Key" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(("size", "status"), [(MOST_BODY_BYTES, 200), (MOST_BODY_BYTES + 1, 413)])
def test_a_body_that_says_its_length(client: Client, size: int, status: int) -> None:
    answer = client.ask("POST", "/length", content=bytes(size))
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["type"] == "urn:milk:problem:too-large"


async def _told(app: Any, chunks: list[bytes]) -> tuple[int, int]:  # noqa: ANN401  # because it is any ASGI application
    """Status, and how many chunks were taken."""
    taken = 0
    status = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": chunks[taken - 1], "more_body": taken < len(chunks)}

    async def send(message: Any) -> None:  # noqa: ANN401  # because ASGI says so
        nonlocal status
        status = message.get("status", status)

    scope = {"type": "http", "method": "POST", "path": "/length", "raw_path": b"/length", "query_string": b"",
             "headers": [(b"content-type", b"text/plain")], "root_path": "", "scheme": "http",
             "http_version": "1.1"}  # fmt: skip
    await app(scope, receive, send)
    return status, taken


def test_a_body_that_does_not_is_cut_off_while_it_is_read(app: FastAPI) -> None:
    chunks = [bytes(MOST_BODY_BYTES // 4)] * 40
    assert asyncio.run(_told(app, chunks)) == (413, 5)
    assert asyncio.run(_told(app, chunks[:4])) == (200, 4)


def test_what_takes_too_long_is_given_up() -> None:
    let_go = threading.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.to_thread(let_go.wait, 10)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(TimeLimit(slow, 0.05))
        async with httpx.AsyncClient(transport=transport, base_url="http://reader") as http:
            answer = await http.get("/v1/predictions")
            let_go.set()
            return answer

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:milk:problem:timed-out")
    assert answer.headers["retry-after"] == "5"


def test_a_failure_in_time_is_the_failure_it_is() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ZeroDivisionError

    async def ask() -> None:
        transport = httpx.ASGITransport(TimeLimit(BodyCap(broken), 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://reader") as http:
            await http.get("/")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask())
