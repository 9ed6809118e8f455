"""Kill a publisher with SIGKILL, again and again; look at the store after each kill, and let the next run heal it.

The publications are numbered, and each child goes on with the first that no child before it reported as committed. A
kill comes in one of three ways: while the child waits inside its transaction, which its trace proves; at a random
moment of its life; and around its COMMIT. After each kill a child that nobody disturbs publishes what comes next.
"""

import random
import time
from collections.abc import Callable
from itertools import cycle

from benchmarks.faults.children import Child, ChildEndedError
from benchmarks.faults.content import FIRST, Order
from benchmarks.faults.stores import store_state
from benchmarks.faults.tally import Tally

MODULE = "benchmarks.faults.publisher"
STEPS = ("begin", "INSERT INTO issues", "half of forecasts", "commit begins")
"""Where a child is held: with the lock, with issues but no forecasts, with half of them, with everything."""

EACH = 5
"""How many publications a child is told, so that one that is killed has just committed others."""

PAUSE_SECONDS = 0.004
AROUND_COMMIT_SECONDS = 0.0015
INSIDE, AT_COMMIT, OUTSIDE = "inside the transaction", "at the commit", "between transactions"
DONE = ("kills", INSIDE, AT_COMMIT, OUTSIDE, "ended before the kill", "publications")
FAULTS = ("torn", "lost", "not healed")


def order_of(number: int) -> Order:
    """Three months each, overlapping those of others; a quarter are hindcasts, which must not displace what is live."""
    return Order(number, FIRST + 5 * number % 12, kind="hindcast" if number % 4 == 3 else "live")


def moment_of(trace: list[str]) -> str:
    """What a killed child was doing, by its last words."""
    steps: list[str] = []
    for line in trace:
        steps = [] if line.startswith("publishing ") else [*steps, line]
    if "begin" not in steps or steps[-1].startswith("committed "):
        return OUTSIDE
    # Who is held has not gone on from there: its COMMIT was never sent.
    return AT_COMMIT if steps[-1] == "commit begins" else INSIDE


def kill_publishers(url: str, kills: int, *, seed: int, part: str = "publisher killed") -> Tally:
    """Kill as often as asked, or until something is broken: what is broken once would be counted after each kill.

    Args:
        url: a new store.
        kills: how many kills; four of ten are held inside the transaction.
        seed: of the moments.
        part: the name of the tally.
    """
    tally = Tally(part, done=DONE, faults=FAULTS)
    soak = _Soak(url, random.Random(seed), tally)  # noqa: S311  # because these are moments, not secrets
    ways = cycle(
        (soak.kill_held, soak.kill_at_a_moment, soak.kill_held, soak.kill_around_commit, soak.kill_at_a_moment)
    )
    while tally.done["kills"] < kills and tally.is_sound:
        soak.round(next(ways))
    return tally


class _Soak:
    """One store, and what must be in it."""

    def __init__(self, url: str, moments: random.Random, tally: Tally) -> None:
        self._url = url
        self._moments = moments
        self._tally = tally
        self._steps = cycle(STEPS)
        self._unreported = 0
        """The first publication that no child reported as committed."""
        self._seen = 0
        """How many publications the store was seen to hold, reported or not."""
        began = time.monotonic()
        self._publish(EACH)
        self._life = time.monotonic() - began

    def round(self, kill: Callable[[], Child]) -> None:
        """Kill one child, look, heal, look."""
        try:
            child = kill()
        except ChildEndedError as error:
            self._tally.found("not healed", [f"a publisher failed before it was killed: {error}"])
            return
        self._hear(child)
        where = f"after the kill {moment_of(child.trace)} ({' / '.join(child.trace[-2:])})"
        self._look(where, most=self._unreported + 1)
        self._publish(1)
        self._look(f"healed {where}", most=self._unreported)

    def kill_held(self) -> Child:
        """Kill while the child waits inside its transaction."""
        number, step = self._unreported + self._moments.randrange(EACH), next(self._steps)
        with Child(MODULE, self._url, "0", str(number), step) as child:
            self._tell(child, EACH)
            child.wait_for("held")
            self._kill(child)
        return child

    def kill_at_a_moment(self) -> Child:
        """Kill at a random moment of the life of a child, its start included."""
        with Child(MODULE, self._url, str(PAUSE_SECONDS)) as child:
            self._tell(child, EACH)
            child.ended_within(self._moments.uniform(0, self._life))
            self._kill(child)
        return child

    def kill_around_commit(self) -> Child:
        """Kill just after the child has said that its next step is COMMIT."""
        with Child(MODULE, self._url) as child:
            self._tell(child, EACH)
            for _ in range(self._moments.randint(1, EACH)):
                child.wait_for("commit begins")
            time.sleep(self._moments.uniform(0, AROUND_COMMIT_SECONDS))
            self._kill(child)
        return child

    def _tell(self, child: Child, publications: int) -> None:
        numbers = range(self._unreported, self._unreported + publications)
        child.tell([order_of(number).line() for number in numbers], last=True)

    def _kill(self, child: Child) -> None:
        if child.kill():
            self._tally.did("kills")
            self._tally.did(moment_of(child.trace))
        else:
            self._tally.did("ended before the kill")

    def _hear(self, child: Child) -> None:
        reported = [int(line.split()[1]) for line in child.trace if line.startswith("committed ")]
        self._unreported = max([self._unreported, *(number + 1 for number in reported)])

    def _publish(self, publications: int) -> None:
        """Publish what comes next, undisturbed; what the killed child had under way is the first of it."""
        wanted = self._unreported + publications
        with Child(MODULE, self._url, str(PAUSE_SECONDS)) as child:
            self._tell(child, publications)
            code = child.finish()
        self._hear(child)
        if code != 0 or self._unreported != wanted:
            self._tally.found("not healed", [f"exit code {code}: {' / '.join(child.trace[-5:])}"])

    def _look(self, where: str, *, most: int) -> None:
        """Look through the store: what was reported or seen must be there, and at most what was told."""
        state = store_state(self._url, order_of)
        there = len(state.numbers)
        self._tally.found("torn", [f"{where}: {fault}" for fault in state.torn])
        # Publications are made one after the other, so any that is missing shifts those after it.
        if state.numbers != tuple(range(there)) or there < max(self._seen, self._unreported):
            self._tally.found(
                "lost", [f"{where}: {there} publications, {max(self._seen, self._unreported)} were there"]
            )
        if there > most:
            self._tally.found("torn", [f"{where}: {there} publications, at most {most} were made"])
        self._seen = max(self._seen, there)
        self._tally.done["publications"] = there
