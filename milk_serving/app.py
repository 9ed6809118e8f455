"""The application: its routes, its problems, and the store that it holds."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from milk.settings import Settings
from milk_serving import problems
from milk_serving.answers import Reader
from milk_serving.description import describe_in_full
from milk_serving.finished import FinishedAnswers
from milk_serving.guards import BodyCap, TimeLimit
from milk_serving.metrics import RequestMetrics
from milk_serving.online import OnlineDesk
from milk_serving.pages.answers import PageCache
from milk_serving.routes import (
    config,
    explain,
    health,
    issues,
    models,
    online,
    pages,
    predecessor,
    predictions,
    prices,
    quality,
    series,
)
from milk_serving.store import PublishedStore
from milk_serving.watching import HeadAsGet, Watch

VERSIONED = (predictions, explain, prices, issues, models, series, quality, config)
"""What stands below `/v1`."""
SHORT_DOORS = (predictions, issues)
"""What is also there without it, by the same functions."""

_DESCRIPTION = """
Forecasts of Chile's farm-gate milk price, as they were published: each with its intervals, the issue it belongs to, and
the model and data behind it. Months are `YYYY-MM`, instants UTC. What was issued stands: a later revision is added
beside the earlier one, and `as_of` asks for what stood at an instant. Every address answers HEAD; answers carry an
`ETag`, and lists come as JSON or CSV. A failure is answered as `application/problem+json` (RFC 9457).

Below `/v1` answers only gain fields and routes. The addresses without it are short doors to the same answers.
""".strip()
_TAGS = [
    {"name": "predictions", "description": "What was forecast."},
    {"name": "online", "description": "Forecasts from prices that you send."},
    {"name": "prices", "description": "What was observed, and the mean of the next months."},
    {"name": "issues", "description": "What was issued, and when."},
    {"name": "models", "description": "Which models made it, and what they were worth."},
    {"name": "series", "description": "Which series there are."},
    {"name": "quality", "description": "What is known of the data."},
    {"name": "health", "description": "Whether the reader runs, and whether it can answer."},
    {"name": "predecessor", "description": "The routes of the service that this one replaces."},
]


def create_app(settings: Settings, *, log: Callable[[str], None] | None = None) -> FastAPI:
    """The reader of the store that the settings name.

    Connects to nothing: a store that is missing or stopped answers 503 until it is there.

    Args:
        settings: the settings.
        log: told one line for each request; nobody where not given.
    """
    app = FastAPIOffline(
        redoc_url=None,
        # The address that it leads to would be made of the Host header, which is whatever the client says.
        redirect_slashes=False,
        title="milk",
        version=config.API_VERSION,
        summary="Reader of the published forecasts",
        description=_DESCRIPTION,
        contact={"name": "The operator of this reader"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        responses=problems.documented(problems.INTERNAL_ERROR),
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.reader = Reader(PublishedStore(settings.store_address))
    app.state.pages = PageCache()
    app.state.online = OnlineDesk(app.state.reader.store, settings.online_retention_days)
    app.state.metrics = RequestMetrics(app.state.reader.store.engine)
    problems.install(app)
    # Before the forecasts: there `online` would be a target month.
    app.include_router(online.router)
    for room in VERSIONED:
        app.include_router(room.router, prefix="/v1")
    for room in (*SHORT_DOORS, health, predecessor, pages):
        app.include_router(room.router)
    describe_in_full(app)
    _add_layers(app, settings, log)
    return app


def _add_layers(app: FastAPI, settings: Settings, log: Callable[[str], None] | None) -> None:
    """Put our layers around the application, the outermost last.

    They stand outside of the one that answers bugs, where `add_middleware` puts none: that answer, too, has an id, is
    counted and logged.
    """
    build = app.build_middleware_stack

    def layered() -> ASGIApp:
        stack: ASGIApp = TimeLimit(BodyCap(build()))
        stack = FinishedAnswers(stack, app.state.reader)
        if settings.cors_origins:
            stack = CORSMiddleware(
                stack,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "HEAD", "POST"],
                allow_headers=["Content-Type", "If-None-Match", "X-API-Key", "X-Request-ID"],
                expose_headers=["Content-Disposition", "ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
            )
        return HeadAsGet(Watch(stack, app.state.metrics.count, log))

    app.build_middleware_stack = layered  # type: ignore[method-assign]  # because it is made at the first request, once


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    reader: Reader = app.state.reader
    await run_in_threadpool(reader.store.close)


def _operation_id(route: APIRoute) -> str:
    """The name of the function: stable, and fit for the clients that are made from the description."""
    is_short = route.path.removeprefix("/").split("/")[0] in ("predictions", "issues")
    return f"{route.name}_short" if is_short else route.name
