"""Every failure is answered as a problem, and every expected one as the problem that it is."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module

import pytest
import sqlalchemy as sa
from fastapi import FastAPI, HTTPException

from milk import errors
from milk.errors import MilkError
from milk_serving import problems
from milk_serving.problems import PROBLEM_OF, ProblemType, problem_type
from tests.milk_serving.client import Client

NOT_OF_A_READER = {
    errors.BadInput, errors.UnreachableMonth, errors.NotEnoughHistory, errors.SourceChanged, errors.VersionRefused,
    errors.VersionOutdated,
    errors.PromotionRefused, errors.ForecastRefused, errors.BackupRefused, errors.Undelivered,
}  # fmt: skip
"""What only the pipeline raises; a new class of error belongs here or in the table of the reader."""


def _below(kind: type[MilkError]) -> Iterator[type[MilkError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def test_each_error_is_mapped_or_known_not_to_be_of_a_reader() -> None:
    known = {kind for kind in _below(MilkError) if kind.__module__ in {"milk.errors", "milk_serving.problems"}}
    mapped = {kind for kind in known if problem_type(kind.__new__(kind)) is not None}
    assert known - mapped == NOT_OF_A_READER
    assert set(PROBLEM_OF) <= known


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (errors.NothingPublished("x"), "nothing-published", 503),
        (errors.StoreUnavailable("x"), "store-unavailable", 503),
        (errors.HomeBusy("x"), "store-unavailable", 503),
        (errors.HomeRefused("x"), "store-unusable", 503),
        (errors.UnknownMonth("x"), "no-forecast", 404),
        (problems.UnknownSeries("x", []), "unknown-series", 404),
    ],
)
def test_which_problem_an_error_is(error: MilkError, name: str, status: int) -> None:
    kind = problem_type(error)
    assert kind is not None
    assert (kind.name, kind.status) == (name, status)


def test_names_are_told_apart() -> None:
    module = import_module("milk_serving.problems")
    kinds = [value for value in vars(module).values() if isinstance(value, ProblemType)]
    assert len(kinds) >= 9
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert all(kind.retry_after for kind in kinds if kind.status == HTTPStatus.SERVICE_UNAVAILABLE)


@pytest.mark.parametrize("path", ["/nothing", "/predictions/2014-10/more", "/api/v1", "/%2e%2e/etc/passwd"])
def test_an_address_that_is_none(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert list(problem) == ["type", "title", "status", "detail", "instance"]
    assert (problem["type"], problem["status"]) == ("urn:milk:problem:not-found", 404)
    assert answer.headers["cache-control"] == "no-store"
    assert problem["instance"].startswith("/")


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/leche%20y%20miel", "/leche%20y%20miel"),
        ("/a%22b%3Fc%23", "/a%22b%3Fc%23"),
        ("/a%25zz", "/a%25zz"),
        ("/%F0%9F%A5%9B" + "x" * 200, "/%F0%9F%A5%9B" + "x" * 98),
        ("/" + "%E2%82%AC" * 200, "/" + "%E2%82%AC" * 99),
        ("http://reader//evil.example/x", "/.//evil.example/x"),
    ],
)
def test_the_instance_is_a_short_reference(client: Client, path: str, instance: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["instance"]) == (404, instance)


@pytest.mark.parametrize("path", ["/" + "y" * 45_000, "/" + "%01" * 15_000, "/predictions/" + "z" * 45_000])
def test_a_long_address_has_a_short_answer(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 503, 422)
    assert len(answer.content) < 1500


@pytest.mark.parametrize("path", ["/predictions/", "/predictions/latest/", "/issues/", "/livez/", "/docs/"])
def test_a_slash_at_the_end_leads_nowhere(client: Client, path: str) -> None:
    answer = client.get(path, host="evil.example")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:not-found")
    assert "none of them ends in a slash" in answer.json()["detail"]
    assert "location" not in answer.headers
    assert "evil" not in answer.text


def test_only_where_nothing_is_published_a_run_is_of_help() -> None:
    assert [kind.name for kind in problems.STORE_PROBLEMS if "make run" in kind.detail] == ["nothing-published"]
    for error in (errors.HomeRefused("x"), errors.BadSetting("x")):
        kind = problem_type(error)
        assert kind is not None
        assert "the log of the reader says what is wrong with it" in kind.detail


def test_a_bug_is_answered_without_its_traceback(app: FastAPI, client: Client) -> None:
    async def bug() -> None:
        raise ZeroDivisionError("the password is letmein")

    app.add_api_route("/bug", bug)
    answer = client.get("/bug")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:milk:problem:internal-error"
    assert not [word for word in ("Traceback", "ZeroDivision", "letmein") if word in answer.text]


def test_an_error_that_no_reader_expects_is_a_bug(app: FastAPI, client: Client) -> None:
    async def promote() -> None:
        raise errors.PromotionRefused("no")

    app.add_api_route("/promote", promote)
    answer = client.get("/promote")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:milk:problem:internal-error")


def test_any_other_status_is_a_problem_too(app: FastAPI, client: Client) -> None:
    async def teapot() -> None:
        raise HTTPException(418, "short and stout")

    app.add_api_route("/teapot", teapot)
    answer = client.get("/teapot")
    assert (answer.status_code, answer.headers["content-type"]) == (418, "application/problem+json")
    assert answer.json()["type"] == "urn:milk:problem:http-418"


def test_a_fault_of_a_statement_is_a_bug_and_not_a_stopped_store(client: Client, store: sa.Engine) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("DROP TABLE publications")
    answer = client.get("/predictions")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:milk:problem:internal-error")
    assert "publications" not in answer.text
