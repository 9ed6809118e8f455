"""What clients and caches are told, over HTTP: tags, 304, packing, formats, for how long."""

import csv
import datetime as dt
import io
import time

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from milk.publication.ledger import append_promotion
from milk_serving.answers import Reader
from milk_serving.rendering import IMMUTABLE, SHORT
from milk_serving.store import RECHECK_SECONDS
from tests.milk.publication.rows import promoted
from tests.milk_serving.client import Client
from tests.milk_serving.rows import issue, observed, publish_issues

LISTS = ["/predictions", "/v1/predictions", "/v1/issues", "/v1/observations", "/v1/means", "/v1/series"]
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def filled(store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"), issue("2014-11"), observed=[observed("2014-10", 205.0)])


def _statements(app: FastAPI) -> list[str]:
    asked: list[str] = []
    reader: Reader = app.state.reader
    sa.event.listen(
        reader.store.engine(), "before_cursor_execute", lambda *arguments: asked.append(" ".join(arguments[2].split()))
    )
    return asked


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("coding", [GZIP, PLAIN])
def test_who_holds_an_answer_is_told_so_without_a_row(
    app: FastAPI, client: Client, path: str, coding: dict[str, str]
) -> None:
    first = client.get(path, headers=coding)
    assert first.headers.get("content-encoding", "identity") == coding["Accept-Encoding"]
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    asked = _statements(app)
    reader: Reader = app.state.reader
    again = client.get(path, headers={**coding, "If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    # As after a start of the reader: nothing is kept, and still no row is read.
    reader.answers._answers.clear()
    cold = client.get(path, headers={**coding, "If-None-Match": f'"other", {tag}'})
    assert (cold.status_code, cold.content, cold.headers["etag"]) == (304, b"", tag)
    assert not [statement for statement in asked if "forecasts" in statement or "observed" in statement]
    assert client.get(path, headers={**coding, "If-None-Match": '"other"'}).content == first.content


@pytest.mark.usefixtures("filled")
def test_many_who_ask_at_once_are_answered_by_one_reading(app: FastAPI, client: Client) -> None:
    asked = _statements(app)
    answers = client.get_together(["/v1/predictions?limit=5"] * 20)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len([statement for statement in asked if statement.startswith("SELECT page.")]) == 1
    reader: Reader = app.state.reader
    assert reader.under_way == {}


@pytest.mark.usefixtures("filled")
def test_many_who_ask_in_vain_are_each_told_so(app: FastAPI, client: Client) -> None:
    answers = client.get_together(["/v1/predictions/2030-01"] * 5 + ["/v1/predictions?limit=0"] * 5)
    assert [answer.status_code for answer in answers] == [404] * 5 + [422] * 5
    reader: Reader = app.state.reader
    assert reader.under_way == {}


@pytest.mark.usefixtures("filled")
def test_a_publication_and_a_promotion_change_the_tag(client: Client, store: sa.Engine) -> None:
    tags = [client.get("/v1/predictions/latest").headers["etag"]]
    publish_issues(store, issue("2014-11", price=230))
    time.sleep(RECHECK_SECONDS * 1.25)
    tags.append(client.get("/v1/predictions/latest").headers["etag"])
    append_promotion(store, promoted("v-1"))
    time.sleep(RECHECK_SECONDS * 1.25)
    tags.append(client.get("/v1/predictions/latest").headers["etag"])
    assert len(set(tags)) == 3


@pytest.mark.usefixtures("filled")
def test_each_format_and_coding_has_a_tag_of_its_own(client: Client) -> None:
    asked = [(url, coding) for url in ("/v1/predictions", "/v1/predictions?format=csv") for coding in (GZIP, PLAIN)]
    tags = [client.get(url, headers=coding).headers["etag"] for url, coding in asked]
    assert len(set(tags)) == 4


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("path", LISTS)
def test_csv_by_header_and_by_parameter(client: Client, path: str) -> None:
    by_header = client.get(path, headers={"Accept": "text/csv"})
    by_parameter = client.get(f"{path}?format=csv", headers={"Accept": "application/json"})
    assert by_header.content == by_parameter.content
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert by_header.headers["vary"] == "Accept, Accept-Encoding"
    rows = list(csv.DictReader(io.StringIO(by_header.text, newline="")))
    content = client.get(path).json()
    assert len(rows) == len(content["data"]) > 0
    assert {"is_nominal", "source", "licence"} <= set(rows[0])
    assert [name for name in rows[0] if name in content["data"][0]] == list(content["data"][0])


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("path", "accept", "formats"),
    [("/v1/predictions", "text/html", "json, csv"), ("/v1/data-quality", "text/csv", "json")],
)
def test_a_format_that_is_not_there(client: Client, path: str, accept: str, formats: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.json()["type"]) == (406, "urn:milk:problem:not-acceptable")
    assert f"The formats here are {formats}:" in answer.json()["detail"]
    assert client.get(f"{path}?format=xml", headers={"Accept": accept}).status_code in (406, 422)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("accept", ["text/csv, application/json;q=0.5", "text/csv, */*;q=0.1"])
def test_who_takes_json_as_well_gets_it_where_there_is_nothing_else(client: Client, accept: str) -> None:
    # The second time it is given from what is kept.
    for _ in range(2):
        answer = client.get("/v1/data-quality", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("accept", ["text/html", "text/csv", "application/json;q=0", "nonsense", "*/*;q=0"])
def test_the_route_of_the_predecessor_is_as_deaf_as_it_was(client: Client, accept: str) -> None:
    url = "/api/v1/get_prediction?year=2014&month=10"
    for _ in range(2):
        answer = client.get(url, headers={"Accept": accept})
        assert (answer.status_code, answer.json()) == (200, client.get(url).json())


@pytest.mark.usefixtures("filled")
def test_a_wrong_format_is_a_wrong_parameter(client: Client) -> None:
    assert client.get("/v1/predictions?format=xml").json()["errors"][0]["parameter"] == "format"
    assert client.get("/v1/data-quality?format=csv").json()["errors"][0]["parameter"] == "format"


def _for_how_long(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    kept = client.get(url)
    assert kept.headers["cache-control"] == answer.headers["cache-control"]
    return str(answer.headers["cache-control"])


PRICES = [observed(f"{2014 + k // 12}-{k % 12 + 1:02d}", 200.0 + k) for k in range(9, 21)]


def test_what_never_changes_is_kept_for_ever(client: Client, store: sa.Engine) -> None:
    publish_issues(
        store,
        issue("2014-09", kind="hindcast"),
        issue("2014-10"),
        issue("2014-11"),
        issue("2014-12", kind="hindcast"),
        observed=PRICES,
        published_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    )
    lives = {
        url: _for_how_long(client, url)
        for url in (
            "/v1/predictions",
            "/v1/predictions/latest",
            "/v1/predictions?issued=2014-12",
            "/v1/predictions?issued=2014-11",
            "/v1/predictions?issued=2014-11&to=2015-09",
            "/v1/predictions?issued=2014-10",
            "/v1/predictions?issued=2014-09",
            "/v1/predictions?as_of=2020-06-01T00:00:00Z",
            "/v1/issues?as_of=2020-06-01T00:00:00Z",
            "/v1/observations?as_of=2020-06-01T00:00:00Z",
            "/v1/predictions?as_of=2999-01-01T00:00:00Z",
        )
    }
    assert {url for url, life in lives.items() if life == IMMUTABLE} == {
        # Live, its month over, each of its prices known.
        "/v1/predictions?issued=2014-10",
        "/v1/predictions?issued=2014-11&to=2015-09",
        # As it stood in the past.
        "/v1/predictions?as_of=2020-06-01T00:00:00Z",
        "/v1/issues?as_of=2020-06-01T00:00:00Z",
        "/v1/observations?as_of=2020-06-01T00:00:00Z",
    }
    assert {life for life in lives.values() if life != IMMUTABLE} == {SHORT}
    assert "stale-while-revalidate" in SHORT
