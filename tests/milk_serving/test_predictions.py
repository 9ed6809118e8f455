"""`/predictions` and its two short forms: which rows answer which question."""

from typing import Any

import pytest
import sqlalchemy as sa

from milk.publication.schema import FORECASTS, ISSUES
from milk.series import SERIES_ID
from tests.milk_serving.client import Client
from tests.milk_serving.rows import OTHER_SERIES, issue, publish_issues

COLUMNS = [
    "series_id", "target_month", "issue_month", "revision", "issued_at", "data_cutoff", "forecast_origin",
    "horizon_months", "price", "lower_80", "upper_80", "lower_95", "upper_95", "unit", "kind", "model_version",
    "data_versions", "published_at", "observed", "error", "inside_80", "inside_95", "measured_80", "measured_95",
    "measured_forecasts", "mean_price", "mean_lower_80", "mean_upper_80", "mean_lower_95", "mean_upper_95",
    "contribution_base", "contribution_drift", "contribution_season", "contribution_momentum", "contribution_cycle",
    "contribution_other", "interval_errors",
]  # fmt: skip
COMPUTED = {"published_at", "observed", "error", "inside_80", "inside_95"}
META = [
    "series_id", "unit", "is_nominal", "source", "is_synthetic", "issue_month", "revision", "model_version",
    "generated_at", "count", "total", "licence", "frequency", "publication", "as_of", "next", "warnings",
]  # fmt: skip


def _ask(client: Client, url: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert list(content) == ["data", "meta"]
    assert content["meta"]["count"] == len(content["data"])
    return content["data"], content["meta"]


def _keys(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["issue_month"], row["target_month"]) for row in rows]


@pytest.fixture
def three_issues(store: sa.Engine) -> None:
    publish_issues(
        store, issue("2014-09", price=180), issue("2014-10", price=200), issue("2014-11", price=220, model="v-2")
    )


def test_a_row_has_its_columns_in_their_order(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200 + 1 / 3))
    rows, _meta = _ask(client, "/predictions")
    assert rows[1] == {
        "series_id": SERIES_ID,
        "target_month": "2014-11",
        "issue_month": "2014-10",
        "revision": 1,
        "issued_at": "2026-11-05T12:00:00Z",
        "data_cutoff": "2014-10-01T03:00:00Z",
        "forecast_origin": "2014-09",
        "horizon_months": 2,
        "price": 201.3333,
        "lower_80": 191.3333,
        "upper_80": 211.3333,
        "lower_95": 181.3333,
        "upper_95": 221.3333,
        "unit": "CLP/L",
        "kind": "live",
        "model_version": "v-1",
        "data_versions": {"features": {"sha256": "f" * 64, "table_version": 3}, "model": {"sha256": "1" * 64}},
        "published_at": "2026-11-05T12:00:00Z",
        "observed": None,
        "error": None,
        "inside_80": None,
        "inside_95": None,
        "measured_80": None,
        "measured_95": None,
        "measured_forecasts": 0,
        "mean_price": None,
        "mean_lower_80": None,
        "mean_upper_80": None,
        "mean_lower_95": None,
        "mean_upper_95": None,
        "contribution_base": 0.333333,
        "contribution_drift": 0.2,
        "contribution_season": 0.0,
        "contribution_momentum": 0.0,
        "contribution_cycle": 0.0,
        "contribution_other": 0.0,
        "interval_errors": 120,
    }
    assert {tuple(row) for row in rows} == {tuple(COLUMNS)}


def test_each_column_is_one_of_the_tables() -> None:
    assert set(COLUMNS) - COMPUTED <= set(FORECASTS.c.keys()) | set(ISSUES.c.keys())


@pytest.mark.usefixtures("three_issues")
def test_meta_says_what_holds_for_all_rows(client: Client) -> None:
    _rows, meta = _ask(client, "/predictions/latest")
    assert list(meta) == META
    assert meta == {
        "series_id": SERIES_ID,
        "unit": "CLP/L",
        "is_nominal": True,
        "source": "milk_price",
        "is_synthetic": True,
        "issue_month": "2014-11",
        "revision": 1,
        "model_version": "v-2",
        "generated_at": "2026-11-05T12:00:00Z",
        "count": 12,
        "total": 12,
        "licence": "none stated",
        "frequency": "monthly",
        "publication": 1,
        "as_of": "2026-11-05T12:00:00Z",
        "next": None,
        "warnings": [],
    }


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize("url", ["/predictions", "/predictions/latest", "/predictions?issued=2014-11"])
def test_the_newest_issue(client: Client, url: str) -> None:
    rows, _meta = _ask(client, url)
    assert _keys(rows) == [("2014-11", f"{2014 + k // 12}-{k % 12 + 1:02d}") for k in range(10, 22)]
    assert [row["price"] for row in rows] == [220.0 + k for k in range(12)]


@pytest.mark.usefixtures("three_issues")
def test_an_older_issue(client: Client) -> None:
    rows, meta = _ask(client, "/predictions?issued=2014-09")
    assert {row["issue_month"] for row in rows} == {"2014-09"}
    assert (len(rows), rows[0]["price"], meta["issue_month"]) == (12, 180.0, "2014-09")


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("target_month=2014-09", [("2014-09", "2014-09")]),
        ("target_month=2014-10", [("2014-10", "2014-10")]),
        ("target_month=2014-12", [("2014-11", "2014-12")]),
        ("target_month=2014-12&issued=2014-09", [("2014-09", "2014-12")]),
        ("to=2014-11", [("2014-09", "2014-09"), ("2014-10", "2014-10"), ("2014-11", "2014-11")]),
        ("from=2015-09", [("2014-11", "2015-09"), ("2014-11", "2015-10")]),
        ("from=2014-10&to=2014-11", [("2014-10", "2014-10"), ("2014-11", "2014-11")]),
        ("from=2014-10&to=2014-10", [("2014-10", "2014-10")]),
        ("from=2014-11&to=2014-12&issued=2014-10", [("2014-10", "2014-11"), ("2014-10", "2014-12")]),
    ],
)
def test_target_months(client: Client, query: str, expected: list[tuple[str, str]]) -> None:
    rows, _meta = _ask(client, f"/predictions?{query}")
    assert _keys(rows) == expected


@pytest.mark.usefixtures("three_issues")
def test_rows_of_several_issues_have_no_issue_in_common(client: Client) -> None:
    _rows, meta = _ask(client, "/predictions?from=2014-10&to=2014-11")
    assert (meta["issue_month"], meta["revision"], meta["model_version"]) == (None, None, None)


@pytest.mark.usefixtures("three_issues")
def test_one_month_by_its_address(client: Client) -> None:
    rows, meta = _ask(client, "/predictions/2014-10")
    assert _keys(rows) == [("2014-10", "2014-10")]
    assert (meta["issue_month"], meta["count"], meta["total"]) == ("2014-10", 1, 1)


@pytest.mark.usefixtures("three_issues")
def test_a_limit_is_told(client: Client) -> None:
    rows, meta = _ask(client, "/predictions?from=2014-09&limit=2")
    assert _keys(rows) == [("2014-09", "2014-09"), ("2014-10", "2014-10")]
    assert (meta["count"], meta["total"]) == (2, 14)


def test_what_stands_what_is_live_and_what_is_hindcast(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200, kind="live"))
    publish_issues(store, issue("2014-10", price=300, kind="hindcast"))
    publish_issues(store, issue("2014-09", price=100, kind="hindcast"))
    prices = {
        url: [(row["kind"], row["price"]) for row in _ask(client, url)[0]][:1]
        for url in (
            "/predictions",
            "/predictions?kind=live",
            "/predictions?kind=hindcast",
            "/predictions?issued=2014-10&kind=hindcast",
            "/predictions/latest?kind=hindcast",
            "/predictions/2014-10",
            "/predictions/2014-10?kind=hindcast",
            "/predictions/2014-09",
        )
    }
    assert prices == {
        "/predictions": [("live", 200.0)],
        "/predictions?kind=live": [("live", 200.0)],
        "/predictions?kind=hindcast": [("hindcast", 300.0)],
        "/predictions?issued=2014-10&kind=hindcast": [("hindcast", 300.0)],
        "/predictions/latest?kind=hindcast": [("hindcast", 300.0)],
        "/predictions/2014-10": [("live", 200.0)],
        "/predictions/2014-10?kind=hindcast": [("hindcast", 300.0)],
        "/predictions/2014-09": [("hindcast", 100.0)],
    }


def test_a_revision_takes_the_place_of_the_one_before(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200))
    publish_issues(store, issue("2014-10", price=250))
    rows, meta = _ask(client, "/predictions")
    assert (rows[0]["price"], rows[0]["revision"], meta["revision"]) == (250.0, 2, 2)


def test_series_are_kept_apart(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200), issue("2014-12", price=900, series_id=OTHER_SERIES))
    rows, _meta = _ask(client, "/predictions")
    others, other_meta = _ask(client, f"/predictions?series_id={OTHER_SERIES}")
    assert {row["series_id"] for row in rows} == {SERIES_ID}
    assert {row["series_id"] for row in others} == {OTHER_SERIES} == {other_meta["series_id"]}
    assert others[0]["price"] == 900.0


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize(
    "url",
    [
        "/predictions?target_month=2030-01",
        "/predictions?to=2014-08",
        "/predictions?issued=2014-08",
        "/predictions?issued=2014-12&target_month=2014-12",
        "/predictions/2014-08",
        "/predictions/latest?kind=hindcast",
    ],
)
def test_where_nothing_matches_the_answer_says_what_there_is(client: Client, url: str) -> None:
    answer = client.get(url)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (404, "urn:milk:problem:no-forecast")
    assert problem["available"] == {
        "first_target_month": "2014-09",
        "last_target_month": "2015-10",
        "first_issue_month": "2014-09",
        "last_issue_month": "2014-11",
    }
    assert "the months 2014-09 to 2015-10, from the issues 2014-09 to 2014-11" in problem["detail"]
    assert ("There is no hindcast forecast." in problem["detail"]) == ("kind=" in url)


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize("query", ["target_month=2014-09", "to=2014-09", "from=2015-10&kind=live"])
def test_an_issue_without_the_month_says_which_months_it_has(client: Client, query: str) -> None:
    # 2014-09 and 2015-10 are forecast, only not by this issue.
    answer = client.get(f"/predictions?issued=2014-10&{query}")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (404, "urn:milk:problem:no-forecast")
    assert problem["available"] == {
        "first_target_month": "2014-10",
        "last_target_month": "2015-09",
        "first_issue_month": "2014-10",
        "last_issue_month": "2014-10",
    }
    assert problem["detail"].startswith(f"The issue 2014-10 of {SERIES_ID} has no forecast of what is asked for")
    assert problem["detail"].endswith("it has the months 2014-10 to 2015-09.")


def test_the_range_is_that_of_the_kind_asked_for(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09", kind="hindcast"), issue("2014-10", kind="live"))
    problem = client.get("/predictions/2014-09?kind=live").json()
    assert problem["available"]["first_issue_month"] == "2014-10"
    assert "there are live forecasts" in problem["detail"]


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize("path", ["/predictions", "/predictions/latest", "/predictions/2014-10", "/issues"])
def test_an_unknown_series_is_told_the_known_ones(client: Client, path: str) -> None:
    answer = client.get(f"{path}?series_id=gold")
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (404, "urn:milk:problem:unknown-series")
    assert problem["series"] == [SERIES_ID]
    assert problem["detail"] == f"There is no series 'gold': the series are {SERIES_ID}."


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize(
    ("url", "parameter", "detail", "value"),
    [
        ("/predictions?target_month=2014-1", "target_month", "write it as YYYY-MM, for example 2014-10.", "2014-1"),
        ("/predictions?from=2014", "from", "write it as YYYY-MM, for example 2014-10.", "2014"),
        ("/predictions?to=2014-13", "to", "write it as YYYY-MM, for example 2014-10.", "2014-13"),
        ("/predictions?issued=october", "issued", "write it as YYYY-MM, for example 2014-10.", "october"),
        ("/predictions/2014-00", "target_month", "write it as YYYY-MM, for example 2014-10.", "2014-00"),
        ("/issues?issue_month=x", "issue_month", "write it as YYYY-MM, for example 2014-10.", "x"),
        ("/predictions?target_month=2014-10&from=2014-09", "target_month", "either target_month, or from", "2014-10"),
        ("/predictions?target_month=2014-10&to=2014-11", "target_month", "either target_month, or from", "2014-10"),
        ("/predictions?from=2014-11&to=2014-10", "from", "2014-11 is later than 2014-10.", "2014-11"),
        ("/predictions?limit=0", "limit", "greater than or equal to 1.", "0"),
        ("/predictions?limit=1001", "limit", "less than or equal to 1000.", "1001"),
        ("/predictions?limit=-1", "limit", "greater than or equal to 1.", "-1"),
        ("/predictions?limit=many", "limit", "It is not a whole number: write it in digits", "many"),
        ("/predictions?limit=", "limit", "It is not a whole number: write it in digits", ""),
        ("/predictions?limit=5.0", "limit", "It is not a whole number: write it in digits", "5.0"),
        ("/issues?limit=1_0", "limit", "It is not a whole number: write it in digits", "1_0"),
        ("/issues?limit=%205", "limit", "It is not a whole number: write it in digits", " 5"),
        ("/issues?limit=5%0A", "limit", "It is not a whole number: write it in digits", "5\n"),
        (
            "/predictions?limit=%D9%A5",
            "limit",
            "It is not a whole number: write it in digits",
            "\N{ARABIC-INDIC DIGIT FIVE}",
        ),
        ("/predictions?target_month=%202014-10", "target_month", "There are blanks around it", " 2014-10"),
        ("/predictions?issued=2014-10%0A", "issued", "There are blanks around it", "2014-10\n"),
        ("/predictions/2014-10%20", "target_month", "There are blanks around it", "2014-10 "),
        (f"/predictions?issued={'8' * 500}", "issued", f"'{'8' * 100}' is not a month", "8" * 100),
        ("/predictions?kind=best", "kind", "'live' or 'hindcast'.", "best"),
        ("/predictions?series_id=", "series_id", f"It is empty: name a series, for example {SERIES_ID}", ""),
        ("/predictions?series_id=a%00b", "series_id", "It holds a NUL character, and no series does.", "a\x00b"),
        (f"/issues?series_id={'a' * 101}", "series_id", "It is longer than 100 characters", "a" * 100),
        ("/predictions?limit=x&limit=3", "limit", "It is given more than once.", "3"),
        ("/predictions?limit=3&limit=3", "limit", "It is given more than once.", "3"),
        ("/predictions?limit=3&l%69mit=4", "limit", "It is given more than once.", "4"),
        ("/predictions?target_month=2014-10&target_month=2014-11", "target_month", "more than once.", "2014-11"),
        ("/predictions/latest?kind=&kind=live", "kind", "It is given more than once.", "live"),
        ("/predictions/2014-10?series_id=a&series_id=b", "series_id", "It is given more than once.", "b"),
        ("/issues?issue_month=2014-10&issue_month=2014-09", "issue_month", "more than once.", "2014-09"),
        ("/api/v1/get_prediction?year=2014&year=2015&month=10", "year", "It is given more than once.", "2015"),
        ("/api/v1/get_prediction?year=2014.0&month=10", "year", "It is not a whole number", "2014.0"),
        ("/api/v1/get_prediction?year=2014&month=1_0", "month", "It is not a whole number", "1_0"),
        ("/predictions?month=2014-10", "month", "There is no such parameter here.", "2014-10"),
        ("/predictions/latest?limit=3", "limit", "There is no such parameter here.", "3"),
        ("/predictions/2014-10?from=2014-09", "from", "There is no such parameter here.", "2014-09"),
        ("/issues?target_month=2014-09", "target_month", "There is no such parameter here.", "2014-09"),
        (f"/predictions?x={'9' * 500}", "x", "There is no such parameter here.", "9" * 100),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(
    client: Client, url: str, parameter: str, detail: str, value: str
) -> None:
    answer = client.get(url)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:milk:problem:invalid-parameters")
    (error,) = problem["errors"]
    assert (error["parameter"], error["value"]) == (parameter, value)
    assert detail in error["detail"]
    assert f"{parameter}: {error['detail']}" in problem["detail"]


@pytest.mark.usefixtures("three_issues")
def test_every_parameter_that_cannot_be_used_is_named(client: Client) -> None:
    problem = client.get("/predictions?limit=0&issued=2014&nonsense=1").json()
    assert {error["parameter"] for error in problem["errors"]} == {"limit", "issued", "nonsense"}


@pytest.mark.usefixtures("three_issues")
def test_every_parameter_that_is_repeated_is_named(client: Client) -> None:
    problem = client.get("/predictions?limit=1&issued=2014-10&limit=2&issued=2014-09&kind=live").json()
    assert {error["parameter"] for error in problem["errors"]} == {"limit", "issued"}


@pytest.mark.usefixtures("three_issues")
@pytest.mark.parametrize("times", [1, 2])
def test_a_question_of_thousands_of_parameters_has_a_short_answer(client: Client, times: int) -> None:
    answer = client.get("/predictions?" + "&".join(f"p{number}=" for number in range(3000) for _ in range(times)))
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)
    assert len(answer.content) < 5000


def test_a_zero_before_the_month_is_a_number_still(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-09", price=180))
    answer = client.get("/api/v1/get_prediction?year=2014&month=09")
    assert (answer.status_code, answer.json()) == (200, {"prediction": 180.0})
