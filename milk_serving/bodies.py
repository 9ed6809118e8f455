"""The body of a request: read no further than it may be long, and parsed without a fault of the program."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from milk.errors import MilkError
from milk_serving.problems import LONGEST_ECHO, MOST_ERRORS, ProblemType

MOST_BODY_BYTES = 256 * 1024
"""600 months of every column of the data fit in; a body that is longer is not held."""

NOT_JSON = ProblemType(
    "not-json",
    HTTPStatus.BAD_REQUEST,
    "The body is not JSON",
    example={"detail": "The body is not JSON: Expecting value: line 1 column 1 (char 0)."},
)
TOO_LARGE = ProblemType(
    "too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    f"A body may hold {MOST_BODY_BYTES // 1024} KiB. Send the last months only.",
)


_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
"""Both halves of a character, a half alone, any other escape; in this order, so that a half found has no other."""


class NotJson(MilkError):  # noqa: N818  # because it is named as the errors of `milk.errors` are
    """The body is not JSON."""

    problem: ClassVar[ProblemType] = NOT_JSON


class TooLarge(MilkError):  # noqa: N818  # because it is named as the errors of `milk.errors` are
    """The body is longer than it may be."""

    problem: ClassVar[ProblemType] = TOO_LARGE


_SAID = {"extra_forbidden": "There is no such name here", "model_type": "It must be an object"}
"""Where pydantic speaks of its own things."""

Fault = tuple[str, str, object]
"""What cannot be used: its place in the body, what is wrong with it, what was given."""


async def read_json(request: Request) -> object:
    """The body as JSON.

    Raises:
        TooLarge: it is longer than `MOST_BODY_BYTES`; no more than that was ever held.
        NotJson: it is not JSON, is nested beyond reason, or holds a number of thousands of digits.
        RequestValidationError: an object holds a name twice, of which a parser would silently take the last.
    """
    body = await _bounded(request)
    if any(escape["half"] for escape in _ESCAPES.finditer(body)):
        # Python would take it for text, and no encoding could send it back.
        raise NotJson("The body is not JSON that can be read: it escapes half of a character, \\ud800 to \\udfff.")
    try:
        return json.loads(body.decode(), object_pairs_hook=_object)
    except RecursionError as error:
        raise NotJson("The body is nested too deep.") from error
    except UnicodeDecodeError as error:
        raise NotJson("The body is not JSON: it is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error}.") from error
    except ValueError as error:
        raise NotJson("The body holds a whole number of thousands of digits.") from error


async def _bounded(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    # Python refuses to read a number of thousands of digits.
    if declared.isdecimal() and (len(declared) > len(str(MOST_BODY_BYTES)) or int(declared) > MOST_BODY_BYTES):
        raise TooLarge(TOO_LARGE.detail)
    body = bytearray()
    try:
        async for chunk in request.stream():
            if len(body) + len(chunk) > MOST_BODY_BYTES:
                raise TooLarge(TOO_LARGE.detail)
            body += chunk
    except ClientDisconnect as error:
        raise NotJson("The body ended before it was complete.") from error
    return bytes(body)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _value in pairs)
        refuse([(name, "It stands there more than once.", None) for name, count in times.items() if count > 1])
    return found


def refuse(faults: Sequence[Fault]) -> None:
    """Refuse a body for its faults; without any, nothing happens.

    Raises:
        RequestValidationError: names each place.
    """
    if faults:
        raise RequestValidationError(
            [
                {"type": "body", "loc": ("body", place), "msg": said, "input": _shown(given)}
                for place, said, given in faults[:MOST_ERRORS]
            ]
        )


def faults_of(error: ValidationError) -> list[Fault]:
    """The faults that pydantic found, each at its place: `prices[2].month`."""
    found = error.errors(include_url=False, include_context=False)[:MOST_ERRORS]
    return [(_place(fault["loc"]), _SAID.get(fault["type"], fault["msg"]), fault["input"]) for fault in found]


def _place(loc: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".") or "body"


def _shown(given: object) -> str | None:
    """What was given, where that is one value."""
    if isinstance(given, str):
        return given[:LONGEST_ECHO]
    return json.dumps(given) if isinstance(given, bool | int | float) else None
