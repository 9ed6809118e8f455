"""A child that publishes what it is told, and says how far it is: the process that is killed.

It reads orders from its input, one a line, and publishes one after the other. Listeners of SQLAlchemy, which the
program knows nothing of, make it say each step of the transaction before it takes the next, and wait there.

    opened                  the store is open and migrated
    publishing N            an order was taken
    begin                   the write lock is held
    INSERT INTO issues      the statement was executed; so for each table
    half of forecasts       half of the rows of the statement were executed
    commit begins           the next thing that the driver does is COMMIT
    committed N OUTCOME BEGAN ENDED    `publish` came back; when, on the clock that all processes share
    busy N                  another process held the store for too long; it is tried again
    held                    it waits to be killed

Usage: python -m benchmarks.faults.publisher URL [PAUSE [HOLD_NUMBER HOLD_AT]]
"""

import sys
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from benchmarks.faults.content import Order, publication
from milk.errors import HomeBusy
from milk.publication.engine import migrate, open_store
from milk.publication.publish import Published, publish

HOLD_SECONDS = 600.0
_LOCKS = ("BEGIN IMMEDIATE", "pg_advisory_xact_lock")


class Trace:
    """Says each step; waits a little after it, and at one step of one publication until it is killed.

    Args:
        pause: seconds to wait after each step.
        hold: the publication and its step at which to wait for the end.
    """

    def __init__(self, pause: float = 0.0, hold: tuple[int, str] | None = None) -> None:
        self._pause = pause
        self._hold = hold
        self._number = -1

    def listen(self, engine: sa.Engine) -> None:
        """Hear of everything that the engine does from now on."""
        event.listen(engine, "after_cursor_execute", self._executed)
        event.listen(engine, "do_executemany", self._execute_in_halves)
        event.listen(engine, "commit", self._committing)

    def take(self, number: int) -> None:
        """From now on it is this publication."""
        self._number = number
        say(f"publishing {number}")

    def _step(self, step: str) -> None:
        say(step)
        if self._hold == (self._number, step):
            say("held")
            time.sleep(HOLD_SECONDS)
        time.sleep(self._pause)

    def _executed(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if any(lock in statement for lock in _LOCKS):
            self._step("begin")
        elif statement.startswith("INSERT"):
            self._step(" ".join(statement.split()[:3]))

    def _execute_in_halves(self, cursor: Any, statement: str, parameters: Any, _context: object) -> bool:  # noqa: ANN401  # because a driver's cursor has no type of its own
        """In the place of the driver's own loop over the rows, which gives no chance to stop in its middle."""
        middle = len(parameters) // 2
        cursor.executemany(statement, parameters[:middle])
        self._step(f"half of {statement.split()[2]}")
        cursor.executemany(statement, parameters[middle:])
        # SQLAlchemy leaves the statement alone then.
        return True

    def _committing(self, _connection: object) -> None:
        self._step("commit begins")


def say(line: str) -> None:
    print(line, flush=True)


def _publish(engine: sa.Engine, order: Order) -> Published:
    while True:
        try:
            return publish(engine, publication(order))
        except HomeBusy:
            say(f"busy {order.number}")


def main() -> None:
    """Publish until the input ends."""
    url, *rest = sys.argv[1:]
    pause = float(rest[0]) if rest else 0.0
    trace = Trace(pause, (int(rest[1]), rest[2]) if len(rest) > 1 else None)
    engine = open_store(url)
    migrate(engine)
    trace.listen(engine)
    say("opened")
    for line in sys.stdin:
        order = Order.of(line)
        trace.take(order.number)
        began = time.monotonic()
        published = _publish(engine, order)
        outcome = "unchanged" if published.publication_id is None else "added"
        say(f"committed {order.number} {outcome} {began!r} {time.monotonic()!r}")
    engine.dispose()


if __name__ == "__main__":
    main()
