"""Finished answers, kept for as long as what they were made of stands.

An answer changes only when something is published, a few times a month. So a route that reads the store is a
`CachedRoute`: it keeps the bytes of each good answer under the path and the query string that gave it, and the same
question costs neither validation nor thread nor SQL until the edition changes.

It stands at the route, not before the application and not in a dependency. Before the application a fault of the store
would miss the handlers of exceptions; and a dependency runs after the validation, the larger part of what is saved.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from milk_serving.queries import refuse_repeated
from milk_serving.store import Edition, PublishedStore

MOST_ANSWERS = 256
MOST_BYTES = 16 * 2**20

Key = tuple[str, bytes]


class AnswerCache:
    """The finished answers of one edition; the oldest give way when there are too many of them, or too large ones."""

    def __init__(self) -> None:
        self._edition: Edition | None = None
        self._bodies: dict[Key, bytes] = {}
        self._bytes = 0

    def get(self, edition: Edition, key: Key) -> bytes | None:
        """The body kept for a question, if it was made of this edition; those of another are dropped."""
        if edition != self._edition:
            self._edition = edition
            self._bodies.clear()
            self._bytes = 0
        return self._bodies.get(key)

    def keep(self, edition: Edition, key: Key, body: bytes) -> None:
        """Keep a body; not one that took so long that its edition stands no more."""
        if edition != self._edition or key in self._bodies:
            return
        self._bodies[key] = body
        self._bytes += len(body)
        while len(self._bodies) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            self._bytes -= len(self._bodies.pop(next(iter(self._bodies))))

    def __len__(self) -> int:
        return len(self._bodies)


@dataclass(frozen=True, slots=True)
class Reader:
    """What an application holds: `app.state.reader`."""

    store: PublishedStore
    answers: AnswerCache = field(default_factory=AnswerCache)


class CachedRoute(APIRoute):
    """A route whose good answers are kept; the bytes are kept, since a response may be changed on its way out."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, behind the cache."""
        make = super().get_route_handler()

        async def answer(request: Request) -> Response:
            reader: Reader = request.app.state.reader
            # Asked before the rows are read: an answer may be newer than the edition it is kept under, never older.
            edition = await reader.store.edition()
            key = (request.scope["path"], request.scope["query_string"])
            body = reader.answers.get(edition, key)
            if body is not None:
                return Response(body, media_type="application/json")
            # Not before the cache: an answer is kept only of a question that came past here.
            refuse_repeated(request.query_params)
            # A failure is raised here and becomes an answer further out: what comes back is good.
            response = await make(request)
            reader.answers.keep(edition, key, bytes(response.body))
            return response

        return answer
