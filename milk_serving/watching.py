"""What is seen of each request from outside: its id, one line in the log, its place in the metrics, guarding headers.

The outermost of our layers: also an answer to a bug passes here.
"""

import datetime as dt
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNMATCHED = "unmatched"
"""The route of an address that is none."""

_KEY = "milk.watched"
_ASKED = "milk.asked_method"
_USABLE_ID = re.compile(rb"[A-Za-z0-9._~-]{1,64}")
_LONGEST_LOGGED = 500
_CAPABILITY = re.compile(r"/predictions/online/.+", re.DOTALL)
"""Who knows the rest of such a path can read what somebody sent: a log must not tell it."""
_CAPABILITY_LOGGED = "/predictions/online/{prediction_id}"

_GUARDS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Of what is no page; a page brings the policy that it needs."""


@dataclass(slots=True)
class Watched:
    """What is known of a request and its answer."""

    request_id: bytes
    method: str
    route: str = ""
    rows: int = 0
    status: int = 0
    sent: int = 0


def watched(scope: Scope) -> Watched | None:
    """What is known of a request; `None` where nobody watches."""
    found: Watched | None = scope.get(_KEY)
    return found


class HeadAsGet:
    """Answer HEAD on every address that answers GET.

    A route of FastAPI answers only the methods it names, and naming HEAD would document every operation twice. The
    server leaves out the body: it knows the method that it received.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET", _ASKED: "HEAD"}
        await self._app(scope, receive, send)


class Watch:
    """Name, guard, count and log each request.

    Args:
        app: what answers.
        count: told each request with the seconds that it took.
        log: told the line of each request; nobody where not given.
    """

    def __init__(
        self, app: ASGIApp, count: Callable[[Watched, float], None], log: Callable[[str], None] | None = None
    ) -> None:
        self._app = app
        self._count = count
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = Watched(_request_id(scope), scope.get(_ASKED, scope["method"]))
        scope[_KEY] = seen

        async def look(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = _guarded(message.get("headers", ()), seen.request_id)
            elif seen.method != "HEAD":
                seen.sent += len(message.get("body", b""))
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, look)
        finally:
            # A client that went away has no answer: its status stays 0.
            seconds = time.perf_counter() - began
            seen.route = seen.route or _route(scope)
            self._count(seen, seconds)
            if self._log is not None:
                self._log(_line(scope, seen, seconds))


def _request_id(scope: Scope) -> bytes:
    """What the client calls the request, where that is a plain name; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _USABLE_ID.fullmatch(value):
            return bytes(value)
    return token_hex(16).encode()


def _guarded(headers: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:  # noqa: ANN401  # because ASGI allows any iterable of pairs
    """The headers with the id and what browsers are told; a header that the answer brings itself stays."""
    known = dict(headers)
    policy = [] if known.get(b"content-type", b"").startswith(b"text/html") else [_POLICY]
    return [*headers, (b"x-request-id", request_id), *(own for own in (*_GUARDS, *policy) if own[0] not in known)]


def _route(scope: Scope) -> str:
    """The address of the route with its parameters unfilled: a metric of each month would have no end."""
    path = getattr(scope.get("route"), "path", None)
    return UNMATCHED if path is None else full_route(scope, path)


def full_route(scope: Scope, path: str) -> str:
    """The address of a route below its prefix, which a route does not know of itself."""
    prefix = "/v1" if scope["path"].startswith("/v1/") and not path.startswith("/v1/") else ""
    return prefix + path


def _line(scope: Scope, seen: Watched, seconds: float) -> str:
    client = scope.get("client")
    path, hidden = _CAPABILITY.subn(_CAPABILITY_LOGGED, scope["path"])
    return json.dumps(
        {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "event": "request",
            "request_id": seen.request_id.decode(),
            "method": seen.method,
            "path": path[:_LONGEST_LOGGED],
            "query": "" if hidden else scope["query_string"][:_LONGEST_LOGGED].decode("latin-1"),
            "route": seen.route,
            "status": seen.status,
            "bytes": seen.sent,
            "rows": seen.rows,
            "milliseconds": round(1000 * seconds, 3),
            "client": client[0] if client else None,
        }
    )


def write_line(line: str) -> None:
    """Write a line to the standard output, at once.

    Not by `logging`: that looks for the caller of each line, which costs as much as the rest of a kept answer.
    """
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
