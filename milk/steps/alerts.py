"""Look for what somebody should be told of, and tell it once: what was told stands in a document of the home.

So a sensor that starts anew, another machine, or a person at the command line tells nothing twice; those of one machine
take turns, message by message. A message that was not taken is not written down, and is sent again at the next look.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from milk.errors import HomeRefused, Undelivered
from milk.evaluation.alerts import Change, Condition, Episode, Kind, changes, missing_issue, stale_data, uncovered
from milk.home.dataset import read_dataset
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.months import Availability
from milk.publication.read import issue_months
from milk.publication.read_judged import held_scorecard
from milk.series import SERIES_ID
from milk.steps.webhook import Receiver, deliver, payload_of

DOCUMENT = "alerts"
"""The episodes that were told and are not over."""
OF_THE_HOME: Final[tuple[Kind, ...]] = ("stale_data", "no_issue", "coverage")
"""What home and store tell by themselves; of runs only Dagster knows."""
PRICE = "milk_price"


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a look.

    Attributes:
        changes: what was told.
        untold: how many messages were not taken, and wait for the next look.
        problem: why not.
    """

    changes: tuple[Change, ...]
    untold: int = 0
    problem: str = ""


def home_conditions(
    home: Home, store: sa.Engine | None, *, price_rule: Availability, now: dt.datetime
) -> list[Condition]:
    """What holds of a home and its store; nothing of a home before its first run.

    Raises:
        HomeRefused: the record of the home is damaged, or the store does not answer.
    """
    dataset = read_dataset(home)
    if dataset is None:
        return []
    months = set() if store is None else issue_months(store, SERIES_ID)
    found = [
        stale_data(PRICE, dataset.last_month, price_rule, now=now),
        missing_issue(SERIES_ID, max(months, default=None), now=now),
        *([] if store is None else _uncovered(store)),
    ]
    return [condition for condition in found if condition is not None]


def _uncovered(store: sa.Engine) -> Iterable[Condition]:
    """The levels whose running coverage, over all horizons and by the prices as first known, is out of its band."""
    for row in held_scorecard(store, SERIES_ID).statistics:
        if row.observed_as != "first" or row.horizon_months != 0 or not row.is_judged:
            continue
        for level in (80, 95):
            if getattr(row, f"is_outside_{level}"):
                low, high = (getattr(row, f"coverage_{level}_{end}") for end in ("low", "high"))
                coverage = getattr(row, f"coverage_{level}")
                yield uncovered(SERIES_ID, level, coverage=coverage, low=low, high=high, months=row.months_judged)


def tell(
    home: Home, receiver: Receiver, found: Sequence[Condition], *, looked_for: Collection[Kind], now: dt.datetime
) -> Told:
    """Tell what has begun and what is over, and remember it; a receiver that is down stops nothing.

    A message that the receiver refuses withholds no other. Where it does not answer the rest waits, too: each would
    wait for its answer in turn.

    Args:
        home: the home.
        receiver: where to.
        found: what holds now.
        looked_for: the kinds that were looked for.
        now: the instant of the look.

    Raises:
        HomeRefused: what was told before cannot be read, or what is told not be written down; then nothing is sent.
        HomeBusy: another process sends the alerts of this home.
    """
    wanted = changes(told_episodes(home), found, looked_for=looked_for, now=now)
    done: list[Change] = []
    untold, problem = 0, ""
    for number, change in enumerate(wanted):
        try:
            if _tell_once(home, receiver, change, now=now):
                done.append(change)
        except Undelivered as error:
            problem = problem or str(error)
            if not error.has_answered:
                return Told(tuple(done), untold + len(wanted) - number, str(error))
            untold += 1
    return Told(tuple(done), untold, problem)


def _tell_once(home: Home, receiver: Receiver, change: Change, *, now: dt.datetime) -> bool:
    """Tell a change and write it down at once; whether it was still to be told."""
    key, is_over = change.episode.condition.key, change.event == "over"
    with home.telling():
        # Read again: whoever looked at the same time may have told it by now.
        told = told_episodes(home)
        if (key in told) != is_over:
            return False
        # First as it stands: what cannot be written down would be sent again at each look.
        _remember(home, told)
        deliver(receiver, payload_of(change, now=now, origin=origin_of(home)), now=now)
        if is_over:
            told.pop(key)
        else:
            told[key] = change.episode
        _remember(home, told)
    return True


def _remember(home: Home, told: Mapping[str, Episode]) -> None:
    try:
        write_document(home, DOCUMENT, {name: _document(episode) for name, episode in told.items()})
    except OSError as error:
        raise HomeRefused(
            f"The document {DOCUMENT} of the home {home.address} cannot be written: {error.strerror or error}. What "
            "was told could not be remembered, so nothing more is sent. Check the disk and who may write to the home."
        ) from error


def send_test(home: Home, receiver: Receiver, *, now: dt.datetime) -> None:
    """Send a message that says that it is none.

    Raises:
        Undelivered: the receiver did not take it.
    """
    condition = Condition("run_failed", "test", "This is a test of the alerts; nothing is wrong.")
    deliver(receiver, payload_of(Change("test", Episode(condition, now)), now=now, origin=origin_of(home)), now=now)


def told_episodes(home: Home) -> dict[str, Episode]:
    """The episodes that were told and are not over, by the keys of their conditions.

    Raises:
        HomeRefused: the document is damaged.
    """
    content = read_document(home, DOCUMENT)
    try:
        return {} if content is None else {str(key): _episode(said) for key, said in content.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HomeRefused(
            f"The document {DOCUMENT} of the home {home.address} is none of ours. Delete it: what holds is told once "
            "more."
        ) from error


def origin_of(home: Home) -> dict[str, Any]:
    """Which home speaks."""
    dataset = read_dataset(home)
    return {
        "dataset_id": "" if dataset is None else dataset.dataset_id,
        "is_synthetic": dataset is None or dataset.is_synthetic,
    }


def _document(episode: Episode) -> dict[str, Any]:
    condition = episode.condition
    said = {"kind": condition.kind, "subject": condition.subject, "text": condition.text}
    return said | {"numbers": dict(condition.numbers), "since": episode.since.isoformat()}


def _episode(said: dict[str, Any]) -> Episode:
    condition = Condition(said["kind"], str(said["subject"]), str(said["text"]), dict(said["numbers"]))
    return Episode(condition, dt.datetime.fromisoformat(said["since"]))
