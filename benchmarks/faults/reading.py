"""Readers that read without a pause while somebody publishes."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.faults.children import LONGEST_SECONDS, Child, ChildEndedError
from benchmarks.faults.reader import order_of
from benchmarks.faults.stores import store_state
from benchmarks.faults.tally import Tally

PUBLISHER, READER = "benchmarks.faults.publisher", "benchmarks.faults.reader"
EVERY_SECONDS = 0.05
DONE = ("readers", "reads", "reads with a newer answer", "publications")
FAULTS = ("torn", "backwards", "errors")


def read_while_publishing(url: str, readers: int, seconds: float, *, part: str = "readers") -> Tally:
    """Read from some processes for some time, and publish from another.

    Args:
        url: a new store.
        readers: how many processes read.
        seconds: how long each of them reads.
        part: the name of the tally.
    """
    tally = Tally(part, done=DONE, faults=FAULTS)
    with ExitStack() as stack:
        publisher = stack.enter_context(Child(PUBLISHER, url))
        try:
            _publish(publisher, 0)
            watching = [stack.enter_context(Child(READER, url, str(seconds))) for _ in range(readers)]
            published = _publish_until_read(publisher, watching, seconds + LONGEST_SECONDS)
            for reader in watching:
                _add(tally, reader.wait_for("seen "))
        except ChildEndedError as error:
            tally.found("errors", [str(error)])
            return tally
    state = store_state(url, order_of)
    tally.found("torn", state.torn)
    if len(state.numbers) != published:
        tally.found("torn", [f"{len(state.numbers)} publications, {published} were made"])
    tally.did("publications", len(state.numbers))
    return tally


def _publish(publisher: Child, number: int) -> None:
    publisher.tell([order_of(number).line()])
    publisher.wait_for("committed ")


def _publish_until_read(publisher: Child, watching: Sequence[Child], longest_seconds: float) -> int:
    """Publish, one after the other, until nobody reads any more; how many there are then."""
    number, limit = 1, time.monotonic() + longest_seconds
    while not all(reader.ended_within(0) for reader in watching):
        due = time.monotonic() + EVERY_SECONDS
        if due > limit:
            raise ChildEndedError("A reader does not come to its end.")
        _publish(publisher, number)
        number += 1
        time.sleep(max(0.0, due - time.monotonic()))
    return number


def _add(tally: Tally, line: str) -> None:
    """Count what a reader saw."""
    seen = json.loads(line.removeprefix("seen "))
    tally.did("readers")
    tally.did("reads", seen["reads"])
    tally.did("reads with a newer answer", seen["newer_answers"])
    for kind in FAULTS:
        tally.found(kind, seen[kind])
