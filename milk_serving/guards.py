"""What a request may cost: the size of its body, and the time until it is answered."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milk_serving import problems
from milk_serving.bodies import MOST_BODY_BYTES, TOO_LARGE, TooLarge

LONGEST_LENGTH = 20
"""Digits of a length that are read."""
ANSWER_SECONDS = 20.0
"""A little longer than a store may take to be found missing."""


class BodyCap:
    """Refuse a body that is too large: at once where it says so, else as soon as it is; none is held."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BODY_BYTES) -> None:
        self._app = app
        self._most = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what is received of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > self._most:
            await problems.plain_answer(TOO_LARGE, scope["path"])(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise TooLarge(TOO_LARGE.detail)
            return message

        await self._app(scope, counted, send)


class TimeLimit:
    """Answer 503 where an answer takes too long.

    What takes so long is a thread that waits for a store, and a thread cannot be stopped: it is left to come to its
    end, and what it would say is not sent any more.
    """

    def __init__(self, app: ASGIApp, seconds: float = ANSWER_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and wait for its answer no longer than the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = is_over = False

        async def in_time(message: Message) -> None:
            nonlocal has_begun
            if not is_over:
                has_begun = True
                await send(message)

        answering = asyncio.create_task(_run(self._app, scope, receive, in_time))
        try:
            done, _waiting = await asyncio.wait({answering}, timeout=self._seconds)
        except asyncio.CancelledError:
            answering.cancel()
            raise
        if done or has_begun:
            await answering
            return
        is_over = True
        answering.cancel()
        await problems.plain_answer(problems.TIMED_OUT, scope["path"])(scope, receive, send)


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _announced(scope: Scope) -> int:
    """The length that the client says; 0 where it says none that can be read, and the server judges that."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            # Python refuses to read a number of thousands of digits; so large a one need not be read.
            return int(value[:LONGEST_LENGTH]) if value.isdigit() else 0
    return 0
