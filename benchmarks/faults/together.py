"""Publish from several processes at the same moment.

A round is two meetings on new months. In the first all processes publish the same content: one revision must come of
it. In the second each publishes a content of its own: each must become a revision, numbered without a gap.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.faults.children import Child, ChildEndedError
from benchmarks.faults.content import FIRST, Order
from benchmarks.faults.stores import store_state
from benchmarks.faults.tally import Tally

MODULE = "benchmarks.faults.publisher"
WRITERS, MOST_WRITERS = 2, 4
STAGGER_SECONDS = 0.001
DONE = ("meetings", "meetings of four", "meetings that overlapped", "publications", "tried again while busy")
FAULTS = ("wrong revisions", "torn", "errors")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a publisher said, and from when to when it was at it."""

    number: int
    is_added: bool
    began: float
    ended: float


def publish_together(url: str, rounds: int, *, seed: int, part: str = "publishers at once") -> Tally:
    """Publish in rounds, two processes in each and four in the last.

    Args:
        url: a new store, which the processes migrate at the same moment.
        rounds: how many.
        seed: of the little delays between the processes.
        part: the name of the tally.
    """
    tally = Tally(part, done=DONE, faults=FAULTS)
    with ExitStack() as stack:
        children = [stack.enter_context(Child(MODULE, url)) for _ in range(MOST_WRITERS)]
        meeting = _Meeting(url, children, tally, seed)
        try:
            meeting.open()
            for number in range(1, rounds + 1):
                meeting.round(WRITERS if number < rounds else MOST_WRITERS)
        except ChildEndedError as error:
            tally.found("errors", [str(error)])
        for child in children:
            tally.did("tried again while busy", sum(line.startswith("busy ") for line in child.trace))
    meeting.look()
    return tally


class _Meeting:
    """Some publishers that wait for orders."""

    def __init__(self, url: str, children: Sequence[Child], tally: Tally, seed: int) -> None:
        self._url = url
        self._children = children
        self._tally = tally
        self._delays = random.Random(seed)  # noqa: S311  # because these are moments, not secrets
        self._orders: list[Order] = []
        """Everything that was ordered, by its number."""
        self._months_used = 0

    def open(self) -> None:
        """Wait until all of them are ready: who still loads its modules meets nobody."""
        for child in self._children:
            child.wait_for("opened")

    def round(self, writers: int) -> None:
        """The same content by all of them, then a content of each."""
        same = self._new_orders(1) * writers
        added = sum(answer.is_added for answer in self._ask(same))
        if added != 1:
            self._tally.found("wrong revisions", [f"{added} of {writers} processes added the same content"])
        own = self._new_orders(writers)
        added = sum(answer.is_added for answer in self._ask(own))
        if added != writers:
            self._tally.found("wrong revisions", [f"{added} of {writers} processes added a content of their own"])

    def _new_orders(self, number: int) -> list[Order]:
        """Orders for the same new months."""
        first = FIRST + self._months_used
        new = [Order(len(self._orders) + k, first) for k in range(number)]
        self._months_used += new[0].months
        self._orders += new
        return new

    def _ask(self, orders: Sequence[Order]) -> list[_Answer]:
        children = self._children[: len(orders)]
        for child, order in zip(children, orders, strict=True):
            child.tell([order.line()])
            time.sleep(self._delays.uniform(0, STAGGER_SECONDS))
        answers = [_answer(child.wait_for("committed ")) for child in children]
        overlapped = max(answer.began for answer in answers) < min(answer.ended for answer in answers)
        self._tally.did("meetings")
        self._tally.did("meetings of four", int(len(orders) == MOST_WRITERS))
        self._tally.did("meetings that overlapped", int(overlapped))
        return answers

    def look(self) -> None:
        """Look through the store: each content once, and revisions from 1 without a gap."""
        state = store_state(self._url, self._orders.__getitem__)
        self._tally.found("torn", state.torn)
        self._tally.done["publications"] = len(state.numbers)
        if sorted(state.numbers) != list(range(len(self._orders))):
            self._tally.found("wrong revisions", [f"{len(self._orders)} contents, {len(state.numbers)} publications"])


def _answer(line: str) -> _Answer:
    _committed, number, outcome, began, ended = line.split()
    return _Answer(int(number), outcome == "added", float(began), float(ended))
