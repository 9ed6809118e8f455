"""What a route asks for by the type of an argument."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Path, Request

from milk_serving.answers import Reader
from milk_serving.queries import MonthText
from milk_serving.store import Edition


def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


def _engine(reader: Annotated[Reader, Depends(_reader)]) -> sa.Engine:
    return reader.store.engine()


async def _edition(reader: Annotated[Reader, Depends(_reader)]) -> Edition:
    return await reader.store.edition()


Store = Annotated[sa.Engine, Depends(_engine)]
"""The open store; not `async`, so that opening it holds up no other request."""

Standing = Annotated[Edition, Depends(_edition)]
"""The edition that stands, for a route that keeps no answers."""

TargetMonth = Annotated[MonthText, Path(description="The month that is forecast, `YYYY-MM`.")]
