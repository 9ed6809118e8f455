"""Answers that are finished, given before a route is looked for."""

from starlette.types import ASGIApp, Receive, Scope, Send

from milk.errors import MilkError
from milk_serving.answers import Reader
from milk_serving.negotiation import wishes
from milk_serving.rendering import Kept
from milk_serving.watching import watched


class FinishedAnswers:
    """Give what is kept; anything else goes on to the application.

    The whole cost of such an answer is one look at the headers and one at a dictionary: no route, no validation, no
    thread. Where the store does not answer, the route meets that once more, and explains it.
    """

    def __init__(self, app: ASGIApp, reader: Reader) -> None:
        self._app = app
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = wishes(scope["headers"])
        kept = await self._kept((scope["path"], scope["query_string"], asked.format))
        if kept is None:
            await self._app(scope, receive, send)
            return
        status, headers, body = kept.fitting(asked, self._reader.now())
        if (seen := watched(scope)) is not None:
            seen.route, seen.rows = kept.route, kept.rows if status == 200 else 0
        await send({"type": "http.response.start", "status": status, "headers": [*headers]})
        await send({"type": "http.response.body", "body": body})

    async def _kept(self, key: tuple[str, bytes, str]) -> Kept | None:
        # Looked at first: an address that never keeps anything must not wait for the store.
        if key not in self._reader.answers:
            return None
        try:
            return self._reader.answers.get(await self._reader.store.edition(), key)
        except MilkError:
            return None
