"""What a route asks for by the type of an argument."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Path, Request, Response

from milk.errors import UnknownMonth
from milk.publication.read_at import first_published_at, publication_as_of, publication_of, said_synthetic
from milk.publication.read_lists import Page
from milk_serving.answers import Reader
from milk_serving.problems import refused_parameter
from milk_serving.queries import ListQuery, MonthText, StateQuery
from milk_serving.rendering import IMMUTABLE
from milk_serving.store import Edition

SETTLED = dt.timedelta(hours=1)
"""A publication says when it was begun and is seen when it is there: within this time an instant may still get one."""


def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


def _engine(reader: Annotated[Reader, Depends(_reader)]) -> sa.Engine:
    return reader.store.engine()


async def _edition(request: Request, reader: Annotated[Reader, Depends(_reader)]) -> Edition:
    # A `CachedRoute` has asked already, and keeps the answer under what it was told.
    found: Edition | None = getattr(request.state, "edition", None)
    return found or await reader.store.edition()


Store = Annotated[sa.Engine, Depends(_engine)]
"""The open store; not `async`, so that opening it holds up no other request."""

Standing = Annotated[Edition, Depends(_edition)]
"""The edition that stands, or that an answer is kept under."""

Served = Annotated[Reader, Depends(_reader)]

TargetMonth = Annotated[MonthText, Path(description="The month that is forecast, `YYYY-MM`.")]


@dataclass(frozen=True, slots=True)
class State:
    """The publication as of which a question is answered, and when it was made."""

    publication: int
    published_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a question is answered: the store, what stands, and the answer on its way out."""

    store: sa.Engine
    edition: Edition
    reader: Reader
    request: Request
    response: Response

    @property
    def now(self) -> dt.datetime:
        """The clock."""
        return dt.datetime.fromtimestamp(self.reader.now(), dt.UTC)

    def state(self, query: StateQuery) -> State:
        """As of which publication a question is asked; what lies in the past can be kept for ever.

        Raises:
            UnknownMonth: nothing was published by then.
            RequestValidationError: the cursor is none of this store.
        """
        if isinstance(query, ListQuery) and query.place is not None:
            return self._of_cursor(query.place[0])
        if query.instant is None:
            return State(self.edition.publication, self.edition.published_at or self.now)
        found = publication_as_of(self.store, query.instant, upto=self.edition.publication)
        if found is None:
            first = first_published_at(self.store) or self.now
            raise UnknownMonth(
                f"Nothing was published by {query.as_of}: the first publication was made at "
                f"{first.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}."
            )
        if self.now - query.instant > SETTLED:
            self.keep_for_ever()
        return State(found.number, found.published_at)

    def keep_for_ever(self) -> None:
        """Say that this answer never changes."""
        self.response.headers["Cache-Control"] = IMMUTABLE

    def is_synthetic(self, series_id: str, state: State) -> bool | None:
        """Whether the data of a series are invented; `None` where nothing of it was issued by then."""
        return said_synthetic(self.store, series_id, upto=state.publication)

    def _of_cursor(self, number: int) -> State:
        found = publication_of(self.store, number) if number <= self.edition.publication else None
        if found is None:
            raise refused_parameter("cursor", "It is of another store: ask again without it.", str(number))
        return State(found.number, found.published_at)


def page_of(query: ListQuery, state: State) -> Page:
    """Which part of a list is asked for."""
    return Page(
        series_id=query.series_id,
        upto=state.publication,
        published_after=query.published_after,
        limit=query.limit,
        offset=query.place[1] if query.place else 0,
    )


def _desk(store: Store, edition: Standing, reader: Served, request: Request, response: Response) -> Desk:
    return Desk(store, edition, reader, request, response)


Asked = Annotated[Desk, Depends(_desk)]
"""The desk at which a question is answered."""
