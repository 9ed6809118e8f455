"""Asking an application in this process: one event loop for all questions, as a server has it."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI


class Client:
    """Asks from a test that is not `async`; a bug of the application is answered, as a server answers it."""

    def __init__(self, portal: BlockingPortal, http: httpx.AsyncClient) -> None:
        self._portal = portal
        self._http = http

    def ask(
        self,
        method: str,
        url: str,
        *,
        host: str = "reader",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            return await self._http.request(method, url, headers={"Host": host, **(headers or {})}, content=content)

        return self._portal.call(ask)

    def get(self, url: str, *, host: str = "reader", headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.ask("GET", url, host=host, headers=headers)

    def post(self, url: str, body: bytes) -> httpx.Response:
        async def post() -> httpx.Response:
            return await self._http.post(url, content=body)

        return self._portal.call(post)

    def get_together(self, urls: list[str]) -> list[httpx.Response]:
        """All at the same moment."""

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self._http.get(url) for url in urls))

        return self._portal.call(together)


@contextmanager
def serving(app: FastAPI) -> Iterator[Client]:
    """An application from its start to its shutdown."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://reader")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(http),
    ):
        yield Client(portal, http)
