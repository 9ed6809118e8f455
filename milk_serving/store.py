"""The store as the reader holds it: opened when it is first needed, looked at seldom, healed without a restart.

Every answer rests on an *edition*, the newest publication of the store that is open. Whoever answers asks for the
edition first. The store itself is asked for it at most every eighth of a second, and what it said is believed for a
fifth of one: then one request looks while the others wait for what that one finds; a fault stands for as long. A look
that takes too long is a fault: it goes on in its thread, no other begins before it ends, and until then each request is
refused at once. So a store that hangs holds up each request once, not one after the other, and a store that comes back
is found by the next look.
"""

import asyncio
import datetime as dt
import logging
import threading
import time
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread

from milk.errors import MilkError, StoreUnavailable
from milk.publication.engine import open_store, shown_address
from milk.publication.ledger import newest_decision_mark
from milk.publication.read import Transaction, newest_publication

RECHECK_SECONDS = 0.2
"""An answer is older than the store by no more than this and the time of one look."""

LOOK_AHEAD_SECONDS = 0.12
"""From so long after a look on, a request starts the next one and does not wait for it. Where requests are many, none
waits: else one in a hundred would, which is what a slow percent is made of."""

LOOK_SECONDS = 6.0
"""How long a look may take: a little longer than a server may take to accept a connection."""

QUIET_SECONDS = 60.0
"""A fault that was not met for as long is said anew when it is met again."""

_LOG = logging.getLogger(__name__)


class Edition(NamedTuple):
    """What answers are made of at a moment; any other edition may give other answers.

    The number of the publication alone would not do: a store that was deleted and made anew counts from 1 again.
    """

    opening: int
    publication: int
    made: str = ""
    """When and by which run it was published."""
    promotion: int = 0
    """The newest row of the ledger: a promotion changes what is in production without a publication."""
    changed_at: dt.datetime | None = None
    """When the newer of the two was made."""
    published_at: dt.datetime | None = None
    """When the publication was made."""


class PublishedStore:
    """A store that may be missing or stopped at any time, the start of the reader included.

    Args:
        url: its address, as `open_store` takes it.
        look_seconds: how long a look may take.
    """

    def __init__(self, url: str, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._url = url
        self._look_seconds = look_seconds
        self._opening = threading.Lock()
        self._engine: sa.Engine | None = None
        self._file: tuple[int, ...] | None = None
        self._seen: tuple[tuple[int, ...] | None, Edition] | None = None
        self._openings = 0
        self._looking = asyncio.Lock()
        self._look_again_at = 0.0
        self._look_ahead: asyncio.Task[None] | None = None
        self._look_under_way: asyncio.Task[Edition | MilkError] | None = None
        self._look_began = 0.0
        self._found: Edition | MilkError = Edition(0, 0)
        self._logged = ""
        self._met: dict[str, float] = {}

    async def edition(self) -> Edition:
        """The edition that stands; free of charge but for one call in a fifth of a second.

        Raises:
            NothingPublished: the store is not there, or holds nothing yet.
            HomeRefused: it does not answer, or not in time, or cannot be read.
            BadSetting: its address is none.
        """
        left = self._look_again_at - time.monotonic()
        if left <= 0:
            await self._look_once(self._look_again_at)
        elif left <= RECHECK_SECONDS - LOOK_AHEAD_SECONDS and (self._look_ahead is None or self._look_ahead.done()):
            self._look_ahead = asyncio.create_task(self._look_once(self._look_again_at))
        if isinstance(self._found, MilkError):
            # A new one for each request: one object raised again and again would collect their tracebacks.
            raise type(self._found)(*self._found.args)
        return self._found

    async def _look_once(self, due: float) -> None:
        """Look, unless somebody has since this look became due."""
        async with self._looking:
            if self._look_again_at == due:
                self._found = await self._look_in_time()
                self._log(self._found)
                # Counted from the end of the look: who waited for a slow one must not start the next.
                self._look_again_at = time.monotonic() + RECHECK_SECONDS

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

    def log_met(self, error: MilkError) -> None:
        """Say a fault that a question met, and no look; once while it repeats."""
        said, now = _said(error), time.monotonic()
        if said == self._logged:
            return
        self._met = {one: at for one, at in self._met.items() if now - at < QUIET_SECONDS}
        if said not in self._met:
            _LOG.warning("Met by a question: %s", said)
        self._met[said] = now

    async def _look_in_time(self) -> Edition | MilkError:
        # What an abandoned look found is not taken: it may have ended long ago.
        if self._look_under_way is None or self._look_under_way.done():
            self._look_began = time.monotonic()
            # Not `asyncio.to_thread`: the shutdown would wait for its threads, and they for a frozen server.
            # Nor the threads of the routes: what is kept must not wait until one of them is free.
            self._look_under_way = asyncio.create_task(to_thread.run_sync(self._look, limiter=CapacityLimiter(1)))
        left = self._look_began + self._look_seconds - time.monotonic()
        # Unlike `wait_for` it leaves the look alone, when the time is over and when the client is gone.
        done, _under_way = await asyncio.wait({self._look_under_way}, timeout=max(0.0, left))
        if not done:
            return StoreUnavailable(
                f"The store at {shown_address(self._url)} has not answered for {self._look_seconds:g} seconds: "
                "its server may be frozen."
            )
        return self._look_under_way.result()

    def _look(self) -> Edition | MilkError:
        found: Edition | MilkError
        try:
            self._leave_replaced_file()
            newest = newest_publication(self.engine())
            found = self._recognised(_edition(self._openings, newest, newest_decision_mark(self.engine())))
        except MilkError as error:
            found = error
            self._seen = None
            # What comes back may be another store with as many publications: opened anew, it is another edition.
            self.close()
        return found

    def _recognised(self, found: Edition) -> Edition:
        """The edition that was seen before, where it is that one still, though its file was opened again.

        A checkpoint changes the file, and nothing that is read of it: after some hundred online requests there is one.
        """
        place = self._file and self._file[:2]
        if self._seen is not None:
            seen_at, seen = self._seen
            if place == seen_at and place is not None and found._replace(opening=seen.opening) == seen:
                found = seen
        self._seen = place, found
        return found

    def _leave_replaced_file(self) -> None:
        """Close a SQLite file that was deleted or overwritten: it would answer on, from what is left or kept of it."""
        if self._engine is not None and _identity(self._engine) != self._file:
            self.close()

    def _log(self, found: Edition | MilkError) -> None:
        """Say what is wrong once, in the log: paths, hosts and users are for the operator and not for the client."""
        said = _said(found) if isinstance(found, MilkError) else ""
        if said != self._logged:
            _LOG.warning(said or "The store answers again.")
            self._logged = said


def _edition(opening: int, newest: Transaction, mark: tuple[int, dt.datetime | None]) -> Edition:
    promotion, decided_at = mark
    return Edition(
        opening,
        newest.number,
        f"{newest.published_at.isoformat()} {newest.run_id}",
        promotion,
        max(newest.published_at, decided_at or newest.published_at),
        newest.published_at,
    )


def _said(error: MilkError) -> str:
    return f"{type(error).__name__}: {error}"


def _identity(engine: sa.Engine) -> tuple[int, ...] | None:
    """Which file a SQLite store is, and as of when; `None` for a server, and for a file that is gone.

    A checkpoint of a writer changes it as well, and costs one opening.
    """
    if engine.dialect.name != "sqlite":
        return None
    try:
        stat = Path(engine.url.database or "").stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
