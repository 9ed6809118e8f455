"""What is answered when something is wrong: RFC 9457 problems, and the one table from errors to statuses.

A problem says what the client can do about it. What only the operator can mend (a path, a server, a user) stands in
the log of the reader and not in its answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from milk.errors import BadSetting, HomeBusy, HomeRefused, MilkError, NothingPublished, StoreUnavailable, UnknownMonth
from milk.publication.read import Extent

MEDIA_TYPE: Final = "application/problem+json"
LONGEST_ECHO: Final = 100
"""How much of what a client sent comes back to it."""

MOST_ERRORS: Final = 20
"""A question of thousands of parameters is answered by its first faults."""


class ParameterProblem(BaseModel):
    """One parameter that cannot be used."""

    parameter: str = Field(description="Its name.")
    detail: str = Field(description="What is wrong with it, and what is allowed.")
    value: str | None = Field(description="What was given, shortened; null where nothing was.")


class Available(BaseModel):
    """From where to where something is published; months as `YYYY-MM`."""

    first_target_month: str
    last_target_month: str
    first_issue_month: str
    last_issue_month: str


class Problem(BaseModel):
    """A problem as RFC 9457 has it."""

    type: str = Field(description="Stable name of the kind of problem, `urn:milk:problem:<name>`.")
    title: str = Field(description="The kind of problem in words; the same for each of its type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong here, and what to do.")
    instance: str = Field(description="The path that was asked for, percent-encoded and shortened.")
    errors: list[ParameterProblem] | None = Field(default=None, description="Each parameter that cannot be used.")
    available: Available | None = Field(default=None, description="Which months are published.")
    series: list[str] | None = Field(default=None, description="Which series are published.")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem.

    Attributes:
        name: its stable name.
        status: its HTTP status.
        title: what it is, in words.
        detail: what to do about it; empty where each error says so itself, in words meant for the client.
        retry_after: after how many seconds it is worth asking again.
        example: what an answer of this kind says besides, for the documentation.
    """

    name: str
    status: HTTPStatus
    title: str
    detail: str = ""
    retry_after: int | None = None
    example: Mapping[str, Any] = field(default_factory=dict)


NOT_FOUND = ProblemType(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is nothing at this address",
    "The addresses there are stand at /docs; none of them ends in a slash.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    HTTPStatus.NOT_ACCEPTABLE,
    "There is no answer in a format that is accepted",
    example={"detail": "The formats here are json, csv: ask with another Accept, or with format=json."},
)
TIMED_OUT = ProblemType(
    "timed-out",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The answer took too long",
    "The store of forecasts is slow or does not answer: try again later.",
    retry_after=5,
)
UNKNOWN_MODEL = ProblemType(
    "unknown-model",
    HTTPStatus.NOT_FOUND,
    "No such model version is published",
    example={"detail": "There is no model version 'v-1': /v1/models lists those there are."},
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "This address does not take the method"
)
INVALID_PARAMETERS = ProblemType(
    "invalid-parameters",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "A parameter cannot be used",
    example={
        "detail": "limit: Input should be greater than or equal to 1.",
        "errors": [
            {"parameter": "limit", "detail": "Input should be greater than or equal to 1.", "value": "0"},
        ],
    },
)
NO_FORECAST = ProblemType(
    "no-forecast",
    HTTPStatus.NOT_FOUND,
    "No such forecast is published",
    example={
        "detail": "Nothing published matches. Of cl_farmgate_milk there are forecasts for the months 2010-01 to "
        "2015-09, from the issues 2010-01 to 2014-10.",
        "available": {
            "first_target_month": "2010-01",
            "last_target_month": "2015-09",
            "first_issue_month": "2010-01",
            "last_issue_month": "2014-10",
        },
    },
)
UNKNOWN_SERIES = ProblemType(
    "unknown-series",
    HTTPStatus.NOT_FOUND,
    "No such series is published",
    example={
        "detail": "There is no series 'milk': the series are cl_farmgate_milk.",
        "series": ["cl_farmgate_milk"],
    },
)
NOTHING_PUBLISHED = ProblemType(
    "nothing-published",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Nothing is published yet",
    "Publish a forecast on the home of this reader: run `make run`, or materialise batch_predictions in Dagster under "
    "`make up`. The reader finds it without a restart.",
    retry_after=30,
)
STORE_UNAVAILABLE = ProblemType(
    "store-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store of forecasts does not answer",
    "Try again later; the reader needs no restart.",
    retry_after=5,
)
STORE_UNUSABLE = ProblemType(
    "store-unusable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The store of forecasts cannot be read",
    "It must be mended first; the log of the reader says what is wrong with it.",
    retry_after=30,
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The reader failed",
    "This is a fault of the program; the log of the reader holds its traceback.",
)

STORE_PROBLEMS = (NOTHING_PUBLISHED, STORE_UNAVAILABLE, STORE_UNUSABLE, TIMED_OUT)
"""What every route that reads the store may answer."""
LISTING_PROBLEMS = (NO_FORECAST, UNKNOWN_SERIES, NOT_ACCEPTABLE, INVALID_PARAMETERS, *STORE_PROBLEMS)
"""What a route of forecasts or prices may answer."""


class NoForecast(UnknownMonth):
    """Nothing published matches; says from where to where something does."""

    def __init__(self, detail: str, available: Extent) -> None:
        super().__init__(detail)
        self.available = Available(
            first_target_month=str(available.first_target),
            last_target_month=str(available.last_target),
            first_issue_month=str(available.first_issue),
            last_issue_month=str(available.last_issue),
        )


class UnknownSeries(MilkError):  # noqa: N818  # because it is named as the errors of `milk.errors` are
    """Nothing is published of a series; says of which something is."""

    def __init__(self, detail: str, series: Sequence[str]) -> None:
        super().__init__(detail)
        self.series = list(series)


class NotAcceptable(MilkError):  # noqa: N818  # likewise
    """The client accepts no format that a route has."""

    def __init__(self, formats: str) -> None:
        super().__init__(f"The formats here are {formats}: ask with another Accept, or with format=json.")


class UnknownModel(MilkError):  # noqa: N818  # likewise
    """A model version of which no card is published."""


PROBLEM_OF: Final[Mapping[type[MilkError], ProblemType]] = {
    NothingPublished: NOTHING_PUBLISHED,
    StoreUnavailable: STORE_UNAVAILABLE,
    HomeBusy: STORE_UNAVAILABLE,
    HomeRefused: STORE_UNUSABLE,
    BadSetting: STORE_UNUSABLE,
    UnknownMonth: NO_FORECAST,
    UnknownSeries: UNKNOWN_SERIES,
    UnknownModel: UNKNOWN_MODEL,
    NotAcceptable: NOT_ACCEPTABLE,
}
"""The one place that turns errors into problems; a class that is not named is answered as the nearest one above it."""

_OF_STATUS = {kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED)}


def install(app: FastAPI) -> None:
    """Answer every failure of an application as a problem."""
    app.add_exception_handler(MilkError, _of_milk_error)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_http_exception)
    app.add_exception_handler(Exception, _of_bug)


def problem_type(error: MilkError) -> ProblemType | None:
    """The kind of problem that an error is; `None` for one that the reader does not expect.

    An error of one route alone names its kind itself, as `problem`.
    """
    own: ProblemType | None = getattr(error, "problem", None)
    return own or next((PROBLEM_OF[kind] for kind in type(error).__mro__ if kind in PROBLEM_OF), None)


def refused_parameter(parameter: str, detail: str, value: str) -> RequestValidationError:
    """The error to raise where only the store can say that a parameter cannot be used."""
    return RequestValidationError([{"type": "refused", "loc": ("query", parameter), "msg": detail, "input": value}])


def documented(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for its documentation."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = _problem(kind, "/predictions", **{"detail": kind.detail, **kind.example})
        answer = found.setdefault(
            int(kind.status),
            {"model": Problem, "description": "", "content": {"application/json": {"examples": {}}}},
        )
        # Not the phrase of the status: Python's versions do not agree on it.
        answer["description"] = "; ".join(said for said in (answer["description"], kind.title) if said)
        content = example.model_dump(mode="json", exclude_none=True)
        answer["content"]["application/json"]["examples"][kind.name] = {"summary": kind.title, "value": content}
    return found


def _problem(kind: ProblemType, path: str, **members: Any) -> Problem:  # noqa: ANN401  # because pydantic checks them
    return Problem(type=f"urn:milk:problem:{kind.name}", title=kind.title, status=kind.status, instance=path, **members)


def plain_answer(kind: ProblemType, path: str, detail: str = "", **members: Any) -> Response:  # noqa: ANN401  # because pydantic checks them
    """A problem as a response, for who stands outside of the routes."""
    problem = _problem(kind, _instance(path), detail=detail or kind.detail, **members)
    # Without it a cache may keep a 404, and go on with it after the month was published.
    headers = {"Cache-Control": "no-store"}
    if kind.retry_after is not None:
        headers["Retry-After"] = str(kind.retry_after)
    body = problem.model_dump_json(exclude_unset=True)
    return Response(body, kind.status, headers=headers, media_type=MEDIA_TYPE)


def _answer(kind: ProblemType, request: Request, detail: str = "", **members: Any) -> Response:  # noqa: ANN401  # because pydantic checks them
    return plain_answer(kind, request.scope["path"], detail, **members)


def _instance(path: str) -> str:
    """A path as a URI reference, shortened before it is encoded: a cut would leave half a character behind."""
    encoded = quote(path[:LONGEST_ECHO])
    # Two slashes at its head would name a host.
    return f"/.{encoded}" if encoded.startswith("//") else encoded


async def _of_milk_error(request: Request, error: Exception) -> Response:
    kind = problem_type(error) if isinstance(error, MilkError) else None
    if kind is None:
        raise error
    if isinstance(error, HomeRefused | BadSetting):
        request.app.state.reader.store.log_met(error)
    members = {name: value for name in ("available", "series") if (value := getattr(error, name, None)) is not None}
    return _answer(kind, request, "" if kind.detail else str(error), **members)


async def _of_parameters(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [_parameter(fault) for fault in found[:MOST_ERRORS]]
    detail = " ".join(f"{fault.parameter}: {fault.detail}" for fault in errors)
    return _answer(INVALID_PARAMETERS, request, detail, errors=errors)


def _parameter(fault: Mapping[str, Any]) -> ParameterProblem:
    context = fault.get("ctx", {})
    # A fault of two parameters together stands at no single one; it names the one to look at.
    parameter = fault["loc"][1] if len(fault["loc"]) > 1 else context.get("parameter", "")
    value = context.get("value", fault["input"])
    detail = fault["msg"].removeprefix("Value error, ").rstrip(".") + "."
    if fault["type"] == "extra_forbidden":
        detail = "There is no such parameter here."
    return ParameterProblem(
        parameter=str(parameter)[:LONGEST_ECHO],
        detail=detail,
        value=value[:LONGEST_ECHO] if isinstance(value, str) else None,
    )


async def _of_http_exception(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    kind = _OF_STATUS.get(status) or ProblemType(
        f"http-{int(status)}", status, status.phrase, status.description or status.phrase
    )
    if kind is not METHOD_NOT_ALLOWED:
        return _answer(kind, request)
    headers = getattr(error, "headers", None) or {}
    allowed = "POST" if headers.get("Allow") == "POST" else "GET, HEAD"
    response = _answer(kind, request, f"Ask with {allowed.replace(',', ' or')}.")
    response.headers["Allow"] = allowed
    return response


async def _of_bug(request: Request, _error: Exception) -> Response:
    # What it was is raised again after this answer, and lands in the log of the server.
    return _answer(INTERNAL_ERROR, request)
