"""Each parameter of `/v1/predictions`, and the lists: which rows answer, page by page, as of when."""

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa

from milk.series import SERIES_ID
from milk_serving.queries import MOST_ROWS
from tests.milk_serving.client import Client
from tests.milk_serving.rows import OTHER_SERIES, issue, observed, publish_issues

FIRST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
SECOND = dt.datetime(2020, 2, 1, tzinfo=dt.UTC)
LONG_AFTER = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)


def _get(client: Client, url: str) -> dict[str, Any]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _keys(content: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(row["target_month"], row["issue_month"], row["revision"]) for row in content["data"]]


@pytest.fixture
def two_publications(store: sa.Engine) -> None:
    """First 2014-09 and 2014-10; then 2014-10 revised and a price; prices of an issue rise from its own."""
    publish_issues(store, issue("2014-09", price=180), issue("2014-10", price=200), published_at=FIRST)
    publish_issues(store, issue("2014-10", price=300), observed=[observed("2014-10", 290.0)], published_at=SECOND)


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("target_month=2014-10", [("2014-10", "2014-10", 2)]),
        ("target_month=2014-10&all_issues=true", [("2014-10", "2014-09", 1), ("2014-10", "2014-10", 2)]),
        ("target_month=2014-10&all_issues=false", [("2014-10", "2014-10", 2)]),
        ("horizon=2", [("2014-10", "2014-09", 1), ("2014-11", "2014-10", 2)]),
        ("horizon=2&last=1", [("2014-11", "2014-10", 2)]),
        ("target_month=2014-10&horizon=2..12", [("2014-10", "2014-09", 1)]),
        ("issued=2014-09&horizon=1..2", [("2014-09", "2014-09", 1), ("2014-10", "2014-09", 1)]),
        ("last=2", [("2015-08", "2014-10", 2), ("2015-09", "2014-10", 2)]),
        ("last=2&to=2014-10", [("2014-09", "2014-09", 1), ("2014-10", "2014-10", 2)]),
        (
            "last=2&to=2014-10&all_issues=true",
            [("2014-09", "2014-09", 1), ("2014-10", "2014-09", 1), ("2014-10", "2014-10", 2)],
        ),
        ("issued=2014-09&last=1", [("2015-08", "2014-09", 1)]),
        ("updated_after=2020-01-15T00:00:00Z&to=2014-11", [("2014-10", "2014-10", 2), ("2014-11", "2014-10", 2)]),
        ("updated_after=2020-02-01T00:00:00Z", []),
        ("as_of=2020-01-15T00:00:00Z&target_month=2014-10", [("2014-10", "2014-10", 1)]),
        ("as_of=2020-02-01T00:00:00Z&target_month=2014-10", [("2014-10", "2014-10", 2)]),
        ("as_of=2020-01-31T23:59:59.999999Z&target_month=2014-10", [("2014-10", "2014-10", 1)]),
    ],
)  # fmt: skip
def test_the_rows_that_answer(client: Client, query: str, expected: list[tuple[str, str, int]]) -> None:
    content = _get(client, f"/v1/predictions?{query}")
    assert _keys(content) == expected
    assert content["meta"]["total"] == len(expected)
    # The short door leads to the same function.
    short = _get(client, f"/predictions?{query}")
    assert short == content


@pytest.mark.usefixtures("two_publications")
def test_as_of_shows_the_store_of_then_and_repeats_its_instant(client: Client) -> None:
    then = _get(client, "/v1/predictions/2014-10?as_of=2020-01-15T00:00:00Z")
    now = _get(client, "/v1/predictions/2014-10")
    assert [content["meta"]["as_of"] for content in (then, now)] == ["2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z"]
    assert [content["meta"]["publication"] for content in (then, now)] == [1, 2]
    assert [content["data"][0]["price"] for content in (then, now)] == [200.0, 300.0]
    # The price was published later, too.
    assert then["data"][0]["observed"] is None
    assert {name: now["data"][0][name] for name in ("observed", "error", "inside_80", "inside_95")} == {
        "observed": 290.0, "error": -10.0, "inside_80": True, "inside_95": True,
    }  # fmt: skip


@pytest.mark.usefixtures("two_publications")
def test_before_the_first_publication_there_was_nothing(client: Client) -> None:
    answer = client.get("/v1/predictions?as_of=2019-12-31T00:00:00Z")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:no-forecast")
    assert "Nothing was published by 2019-12-31T00:00:00Z" in answer.json()["detail"]
    assert "2020-01-01T00:00:00Z" in answer.json()["detail"]


def test_a_hindcast_of_later_does_not_change_what_stood(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200, kind="hindcast"), published_at=FIRST)
    publish_issues(store, issue("2014-10", price=300, kind="live"), published_at=SECOND)
    for query, price in (("", 300.0), ("?as_of=2020-01-15T00:00:00Z", 200.0), ("?kind=hindcast", 200.0)):
        assert _get(client, f"/v1/predictions/latest{query}")["data"][0]["price"] == price
    assert client.get("/v1/predictions/latest?as_of=2020-01-15T00:00:00Z&kind=live").status_code == 404


def test_what_came_is_judged_by_the_first_value(client: Client, store: sa.Engine) -> None:
    revised = dt.datetime(2015, 3, 1, tzinfo=dt.UTC)
    prices = [observed("2014-10", 221.0), observed("2014-10", 200.0, known_since=revised)]
    publish_issues(store, issue("2014-10", price=200), observed=prices)
    row = _get(client, "/v1/predictions/2014-10")["data"][0]
    assert (row["observed"], row["error"], row["inside_80"], row["inside_95"]) == (221.0, 21.0, False, False)
    newest = _get(client, "/v1/observations")["data"]
    assert [(one["price"], one["is_newest"]) for one in newest] == [(200.0, True)]
    every = _get(client, "/v1/observations?all_values=true")["data"]
    assert [(one["price"], one["is_newest"], one["known_by"]) for one in every] == [
        (221.0, False, "rule"),
        (200.0, True, "received"),
    ]


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize(
    ("url", "total"),
    [
        ("/v1/predictions?limit=5", 12),
        ("/v1/predictions?all_issues=true&limit=7", 24),
        ("/predictions?from=2014-09&limit=4&kind=live", 13),
        ("/v1/issues?limit=1", 3),
        ("/v1/observations?limit=1&from=2014-10", 1),
    ],
)
def test_pages_follow_each_other(client: Client, store: sa.Engine, url: str, total: int) -> None:
    whole = _get(client, re.sub(r"limit=[0-9]+", "limit=1000", url))
    pages, following = [], url
    while following:
        answer = client.get(following)
        page = answer.json()
        assert page["meta"]["total"] == total
        following = page["meta"]["next"]
        assert answer.headers.get("link") == (f'<{following}>; rel="next"' if following else None)
        pages += page["data"]
        # What is published meanwhile is no part of an answer that has begun.
        publish_issues(store, issue("2014-11", price=400 + len(pages)))
    assert pages == whole["data"]
    assert len(pages) == total


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize("cursor", ["9.0", "999999999.5"])
def test_a_cursor_of_another_store(client: Client, cursor: str) -> None:
    answer = client.get(f"/v1/issues?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "cursor"
    assert "another store" in answer.json()["detail"]


@pytest.mark.usefixtures("two_publications")
def test_after_the_last_page_there_is_nothing(client: Client) -> None:
    content = _get(client, "/v1/predictions?cursor=2.500")
    assert (content["data"], content["meta"]["total"], content["meta"]["next"]) == ([], 12, None)


def test_a_cap_that_bites_is_told(client: Client, store: sa.Engine) -> None:
    months = [f"{1990 + k // 12}-{k % 12 + 1:02d}" for k in range(MOST_ROWS // 12 + 1)]
    publish_issues(store, *(issue(month) for month in months))
    content = _get(client, "/v1/predictions?all_issues=true")
    assert content["meta"]["count"] == MOST_ROWS < content["meta"]["total"] == 12 * len(months)
    (warning,) = content["meta"]["warnings"]
    assert f"Only the first {MOST_ROWS} of {12 * len(months)} rows" in warning
    # Who asks for few is told nothing that is not known.
    assert _get(client, "/v1/predictions?all_issues=true&limit=5")["meta"]["warnings"] == []


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize(
    ("query", "parameter", "said"),
    [
        ("as_of=2014-10", "as_of", "write it like 2026-11-05T12:00:00Z"),
        ("as_of=2026-11-05T12:00:00+00:00", "as_of", "write it like 2026-11-05T12:00:00Z"),
        ("as_of=2026-02-30T12:00:00Z", "as_of", "There is no such day"),
        ("updated_after=yesterday", "updated_after", "write it like"),
        ("horizon=0", "horizon", "write months from 1 on"),
        ("horizon=3..2", "horizon", "a range, for example 1..12"),
        ("horizon=1...2", "horizon", "a range, for example 1..12"),
        ("last=0", "last", "greater than or equal to 1"),
        ("last=1.0", "last", "It is not a whole number"),
        ("all_issues=yes", "all_issues", "neither true nor false"),
        ("cursor=abc", "cursor", "take it from `meta.next`"),
        ("format=parquet", "format", "'json' or 'csv'"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(client: Client, query: str, parameter: str, said: str) -> None:
    answer = client.get(f"/v1/predictions?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert said in error["detail"]


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize("path", ["predictions", "issues", "observations"])
def test_nothing_new_is_an_empty_list_and_of_no_series_none(client: Client, path: str) -> None:
    content = _get(client, f"/v1/{path}?updated_after=2020-02-01T00:00:00Z")
    assert (content["data"], content["meta"]["count"], content["meta"]["unit"]) == ([], 0, "CLP/L")
    lines = client.get(f"/v1/{path}?updated_after=2020-02-01T00:00:00Z&format=csv").text.splitlines()
    assert len(lines) == 1
    answer = client.get(f"/v1/{path}?updated_after=2020-02-01T00:00:00Z&series_id=gold")
    assert (answer.status_code, answer.json()["series"]) == (404, [SERIES_ID])


@pytest.mark.usefixtures("two_publications")
@pytest.mark.parametrize("path", ["predictions", "issues"])
def test_nothing_new_costs_no_text_of_a_404(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def never(*_asked: object, **_named: object) -> None:
        raise AssertionError("The reason of a 404 was looked for.")

    monkeypatch.setattr(f"milk_serving.routes.{path}.no_such_forecast", never)
    assert _get(client, f"/v1/{path}?updated_after=2020-02-01T00:00:00Z")["data"] == []


@pytest.mark.usefixtures("two_publications")
def test_what_is_asked_in_vain_is_told_as_of_its_instant(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-12"), issue("2014-12", series_id=OTHER_SERIES), published_at=LONG_AFTER)
    then = client.get("/v1/predictions/1999-01?as_of=2020-02-01T00:00:00Z")
    now = client.get("/v1/predictions/1999-01")
    assert (then.status_code, now.status_code) == (404, 404)
    assert "the months 2014-09 to 2015-09" in then.json()["detail"]
    assert "the months 2014-09 to 2015-11" in now.json()["detail"]
    unborn = client.get(f"/v1/predictions?as_of=2020-02-01T00:00:00Z&series_id={OTHER_SERIES}")
    assert unborn.status_code == 404
    assert f"Nothing of {OTHER_SERIES} was published by then." in unborn.json()["detail"]


@pytest.mark.usefixtures("two_publications")
def test_issues_say_why_they_are_there(client: Client) -> None:
    rows = _get(client, "/v1/issues")["data"]
    assert [(row["issue_month"], row["revision"], row["is_standing"], row["reason"]) for row in rows] == [
        ("2014-10", 2, True, "other numbers from the same data and model"),
        ("2014-10", 1, False, "first issue"),
        ("2014-09", 1, True, "first issue"),
    ]
    then = _get(client, "/v1/issues?as_of=2020-01-15T00:00:00Z")["data"]
    assert [(row["issue_month"], row["revision"], row["is_standing"]) for row in then] == [
        ("2014-10", 1, True),
        ("2014-09", 1, True),
    ]


def test_prices_in_a_range(client: Client, store: sa.Engine) -> None:
    prices = [observed(f"2014-{k:02d}", 100.0 + k) for k in range(1, 7)]
    publish_issues(store, issue("2014-10"), issue("2014-12", series_id=OTHER_SERIES), observed=prices)
    asked = {"from=2014-03": 4, "to=2014-02": 2, "last=2": 2, "from=2014-02&to=2014-04": 3, "last=3&to=2014-02": 2}
    assert {query: _get(client, f"/v1/observations?{query}")["meta"]["total"] for query in asked} == asked
    for query, said in (
        ("from=2020-01", "the months 2014-01 to 2014-06"),
        (f"series_id={OTHER_SERIES}", "No observed"),
    ):
        answer = client.get(f"/v1/observations?{query}")
        assert answer.status_code == 404
        assert said in answer.json()["detail"]
