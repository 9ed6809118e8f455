"""The application: its routes, its problems, and the store that it holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from milk.settings import Settings
from milk_serving import problems
from milk_serving.answers import Reader
from milk_serving.online import OnlineDesk
from milk_serving.pages.answers import PageCache
from milk_serving.routes import health, issues, online, pages, predecessor, predictions
from milk_serving.store import PublishedStore

API_VERSION = "1"
"""Within it answers only gain fields and routes."""

_DESCRIPTION = """
Forecasts of Chile's farm-gate milk price, as they were published: each with its intervals, the issue it belongs to, and
the model and data behind it. Months are `YYYY-MM`, instants UTC. What was issued stands: a later revision is added
beside the earlier one. A failure is answered as `application/problem+json` (RFC 9457).
""".strip()
_TAGS = [
    {"name": "predictions", "description": "What was forecast."},
    {"name": "online", "description": "Forecasts from prices that you send."},
    {"name": "issues", "description": "What was issued, and when."},
    {"name": "health", "description": "Whether the reader runs, and whether it can answer."},
    {"name": "predecessor", "description": "The routes of the service that this one replaces."},
]


def create_app(settings: Settings) -> FastAPI:
    """The reader of the store that the settings name.

    Connects to nothing: a store that is missing or stopped answers 503 until it is there.
    """
    app = FastAPIOffline(
        redoc_url=None,
        # The address that it leads to would be made of the Host header, which is whatever the client says.
        redirect_slashes=False,
        title="milk",
        version=API_VERSION,
        summary="Reader of the published forecasts",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        responses=problems.documented(problems.INTERNAL_ERROR),
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.reader = Reader(PublishedStore(settings.store_address))
    app.state.pages = PageCache()
    app.state.online = OnlineDesk(app.state.reader.store, settings.online_retention_days)
    app.add_middleware(HeadAsGet)
    problems.install(app)
    for room in (predictions, online, issues, health, predecessor, pages):
        app.include_router(room.router)
    _document_problems(app)
    return app


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
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    reader: Reader = app.state.reader
    await run_in_threadpool(reader.store.close)


def _operation_id(route: APIRoute) -> str:
    """The name of the function: stable, and fit for the clients that are made from the description."""
    return route.name


def _document_problems(app: FastAPI) -> None:
    """Let the description name the media type of problems; FastAPI knows only one for all answers of a route."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        operations = [operation for path in schema["paths"].values() for operation in path.values()]
        for operation in operations:
            for status, answer in operation["responses"].items():
                if status >= "400" and "application/json" in answer["content"]:
                    answer["content"][problems.MEDIA_TYPE] = answer["content"].pop("application/json")
        return schema

    app.openapi = described  # type: ignore[method-assign]  # because this is how FastAPI wants to be extended
