"""The store as the reader holds it: opened when it is first needed, looked at seldom, healed without a restart.

Every answer rests on an *edition*, the newest publication of the store that is open. Whoever answers asks for the
edition first. The store itself is asked for it at most every fifth of a second, by one request while the others wait
for what that one finds; a fault stands for as long. So a store that hangs holds up each request once, not one after the
other, and a store that comes back is found by the next look.
"""

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from milk.errors import MilkError
from milk.publication.engine import open_store
from milk.publication.read import newest_publication

RECHECK_SECONDS = 0.2
"""An answer is older than the store by no more than this and the time of one look."""

_LOG = logging.getLogger(__name__)


class Edition(NamedTuple):
    """What answers are made of at a moment; any other edition may give other answers.

    The number of the publication alone would not do: a store that was deleted and made anew counts from 1 again.
    """

    opening: int
    publication: int


class PublishedStore:
    """A store that may be missing or stopped at any time, the start of the reader included.

    Args:
        url: its address, as `open_store` takes it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opening = threading.Lock()
        self._engine: sa.Engine | None = None
        self._file: tuple[int, int] | None = None
        self._openings = 0
        self._looking = asyncio.Lock()
        self._look_again_at = 0.0
        self._found: Edition | MilkError = Edition(0, 0)
        self._logged = ""

    async def edition(self) -> Edition:
        """The edition that stands; free of charge but for one call in a fifth of a second.

        Raises:
            NothingPublished: the store is not there, or holds nothing yet.
            HomeRefused: it does not answer, or cannot be read.
            BadSetting: its address is none.
        """
        if time.monotonic() >= self._look_again_at:
            async with self._looking:
                if time.monotonic() >= self._look_again_at:
                    self._found = await run_in_threadpool(self._look)
                    # Counted from the end of the look: who waited for a slow one must not start the next.
                    self._look_again_at = time.monotonic() + RECHECK_SECONDS
        if isinstance(self._found, MilkError):
            # A new one for each request: one object raised again and again would collect their tracebacks.
            raise type(self._found)(*self._found.args)
        return self._found

    def engine(self) -> sa.Engine:
        """The engine; opens the store where it is not open, which may block.

        Raises:
            MilkError: as `edition`.
        """
        with self._opening:
            if self._engine is None:
                self._engine = open_store(self._url, create=False)
                self._file = _identity(self._engine)
                self._openings += 1
            return self._engine

    def close(self) -> None:
        """Give up the connections; the next question opens the store again."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _look(self) -> Edition | MilkError:
        found: Edition | MilkError
        try:
            self._leave_replaced_file()
            publication = newest_publication(self.engine())
            found = Edition(self._openings, publication)
        except MilkError as error:
            found = error
            # What comes back may be another store with as many publications: opened anew, it is another edition.
            self.close()
        self._log(found)
        return found

    def _leave_replaced_file(self) -> None:
        """An open SQLite file that is deleted answers on, from a file that no one can see or write any more."""
        if self._engine is not None and _identity(self._engine) != self._file:
            self.close()

    def _log(self, found: Edition | MilkError) -> None:
        """Say what is wrong once, in the log: paths, hosts and users are for the operator and not for the client."""
        said = f"{type(found).__name__}: {found}" if isinstance(found, MilkError) else ""
        if said != self._logged:
            _LOG.warning(said or "The store answers again.")
            self._logged = said


def _identity(engine: sa.Engine) -> tuple[int, int] | None:
    """Which file a SQLite store is; `None` for a server, and for a file that is gone."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        stat = Path(engine.url.database or "").stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
