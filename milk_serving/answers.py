"""Finished answers, kept for as long as what they were made of stands.

An answer changes only when something is published, a few times a month. So a route that reads the store is a
`CachedRoute`: it keeps each good answer, plain and packed, under the path, the query string and the format that gave
it, and the same question costs neither validation nor thread nor SQL until the edition changes. `milk_serving.finished`
gives what is kept before any route is looked for.

It is made at the route, not before the application and not in a dependency. Before the application a fault of the store
would miss the handlers of exceptions; and a dependency runs after the validation, the larger part of what is saved.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, get_args

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from milk_serving.negotiation import Wishes, wishes
from milk_serving.problems import NotAcceptable
from milk_serving.queries import refuse_repeated
from milk_serving.rendering import FORMATS, SHORT, VARY, Headers, Kept, entity_tag, last_modified, render
from milk_serving.store import Edition, PublishedStore
from milk_serving.watching import full_route, watched

MOST_ANSWERS = 256
MOST_BYTES = 16 * 2**20

Key = tuple[str, bytes, str]
"""Path, query string, and the format that `Accept` prefers."""


class AnswerCache:
    """The finished answers of one edition; the oldest give way when there are too many of them, or too large ones."""

    def __init__(self) -> None:
        self._edition: Edition | None = None
        self._answers: dict[Key, Kept] = {}
        self._bytes = 0

    def get(self, edition: Edition, key: Key) -> Kept | None:
        """The answer kept for a question, if it was made of this edition; those of another are dropped."""
        if edition != self._edition:
            self._edition = edition
            self._answers.clear()
            self._bytes = 0
        return self._answers.get(key)

    def keep(self, edition: Edition, key: Key, answer: Kept) -> None:
        """Keep an answer; not one that took so long that its edition stands no more."""
        if edition != self._edition or key in self._answers:
            return
        self._answers[key] = answer
        self._bytes += answer.size
        while len(self._answers) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            self._bytes -= self._answers.pop(next(iter(self._answers))).size

    def __contains__(self, key: Key) -> bool:
        """Whether an answer is kept, of whichever edition."""
        return key in self._answers

    def __len__(self) -> int:
        return len(self._answers)


@dataclass(frozen=True, slots=True)
class Reader:
    """What an application holds: `app.state.reader`."""

    store: PublishedStore
    answers: AnswerCache = field(default_factory=AnswerCache)
    now: Callable[[], float] = time.time
    """The clock, in seconds of the epoch."""
    under_way: dict[tuple[Edition, Key], asyncio.Future[Kept | None]] = field(default_factory=dict)

    async def made_once(self, edition: Edition, key: Key, make: Callable[[], Coroutine[Any, Any, Kept]]) -> Kept:
        """The answer to a question that many may ask at the same moment, as they do after a publication.

        The first makes it, and the others wait for that. Where it fails, or its client goes away, each of them makes
        its own, and meets the failure by itself.
        """
        if (first := self.under_way.get((edition, key))) is not None:
            # Shielded: who is told to stop must not stop the others.
            kept = await asyncio.shield(first)
            return await make() if kept is None else kept
        mine = self.under_way[edition, key] = asyncio.get_running_loop().create_future()
        kept = None
        try:
            kept = await make()
        finally:
            del self.under_way[edition, key]
            mine.set_result(kept)
        return kept


class CachedRoute(APIRoute):
    """A route whose good answers are finished and kept.

    A route that is not described to answer with an object that has `data`, a list of rows, answers in JSON alone.
    """

    heeds_accept: ClassVar[bool] = True
    """Whether who accepts none of the formats is refused; if not, everybody gets JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, behind the cache."""
        make = super().get_route_handler()
        columns = row_columns(self.response_model)

        async def answer(request: Request) -> Response:
            reader: Reader = request.app.state.reader
            # Asked before the rows are read, and the rows are read as of it.
            edition = await reader.store.edition()
            request.state.edition = edition
            asked = wishes(request.scope["headers"])
            key = (request.scope["path"], request.scope["query_string"], asked.format)
            kept = reader.answers.get(edition, key)
            if kept is None:
                form = _format(request, asked, columns) if self.heeds_accept else "json"
                if held := _held_already(edition, (*key[:2], form), asked):
                    return held

                finish = partial(self._finish, make, request, edition, (*key[:2], form))
                kept = await reader.made_once(edition, key, finish)
                reader.answers.keep(edition, key, kept)
            status, headers, body = kept.fitting(asked, reader.now())
            if (seen := watched(request.scope)) is not None:
                seen.route, seen.rows = kept.route, kept.rows if status == 200 else 0
            return response_of(status, headers, body)

        return answer

    async def _finish(
        self, make: Callable[[Request], Coroutine[Any, Any, Response]], request: Request, edition: Edition, key: Key
    ) -> Kept:
        """Make an answer and finish it, in the format that its key names."""
        # Not before the cache: an answer is kept only of a question that came past here.
        refuse_repeated(request.query_params)
        # A failure is raised here and becomes an answer further out: what comes back is good.
        response = await make(request)
        return await run_in_threadpool(
            render,
            bytes(response.body),
            _further_headers(response),
            edition=edition,
            key=key,
            route=full_route(request.scope, self.path_format),
            columns=row_columns(self.response_model),
        )


def row_columns(model: Any) -> tuple[str, ...] | None:  # noqa: ANN401  # because FastAPI takes anything for a model
    """The fields of the rows of an answer in their order; `None` where it is not made of rows."""
    if not (isinstance(model, type) and issubclass(model, BaseModel) and "data" in model.model_fields):
        return None
    rows = get_args(model.model_fields["data"].annotation)
    return tuple(rows[0].model_fields) if rows and issubclass(rows[0], BaseModel) else None


def response_of(status: int, headers: Headers, body: bytes) -> Response:
    """A response of finished parts."""
    response = Response(status_code=status)
    response.body = body
    response.raw_headers = list(headers)
    return response


def _format(request: Request, asked: Wishes, columns: Sequence[str] | None) -> str:
    """The format of the answer: the parameter before the header; a wrong parameter is met by the validation.

    Raises:
        NotAcceptable: the client takes no format that this route has.
    """
    parameter = request.query_params.get("format")
    form = parameter if parameter in FORMATS else asked.format
    if columns is None:
        form = "json" if parameter or asked.is_json_taken else ""
    if not form:
        raise NotAcceptable("json" if columns is None else "json, csv")
    return form


def _held_already(edition: Edition, key: Key, asked: Wishes) -> Response | None:
    """A 304 where the client holds the answer already: its tag is known before any row is read."""
    tags = [entity_tag(edition, *key, is_gzip=is_gzip) for is_gzip in ((True, False) if asked.is_gzip else (False,))]
    tag = next((tag for tag in tags if asked.has(tag)), None)
    if tag is None:
        return None
    headers = {"cache-control": SHORT, "etag": tag.decode(), "last-modified": last_modified(edition), "vary": VARY}
    return response_of(304, tuple((name.encode(), value.encode()) for name, value in headers.items()), b"")


def _further_headers(response: Response) -> dict[str, str]:
    own = {"content-length", "content-type"}
    return {name: value for name, value in response.headers.items() if name.lower() not in own}
