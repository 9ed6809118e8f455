"""Whether a store holds whole publications and nothing else: read table by table, and compared with their maker."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from benchmarks.faults.content import SERIES, Order, publication, run_id
from milk.months import Month
from milk.publication.engine import open_store, reading, writing
from milk.publication.read import broken_issues, issue_records, standing_hashes
from milk.publication.rows import Publication
from milk.publication.schema import (
    FORECASTS,
    ISSUES,
    MODEL_CARDS,
    OBSERVED_PRICES,
    PUBLICATIONS,
    SCORES,
)
from milk.publication.schema import SERIES as REGISTER

Parts = dict[str, list[tuple[Any, ...]]]
"""What a publication brought, by table."""

_QUERIES = {
    "issues": sa.select(ISSUES.c.publication_id, ISSUES.c.issue_month, ISSUES.c.kind, ISSUES.c.content_sha256),
    "forecasts": sa.select(
        ISSUES.c.publication_id, FORECASTS.c.issue_month, FORECASTS.c.target_month, FORECASTS.c.price
    ).join_from(ISSUES, FORECASTS),
    "observed prices": sa.select(
        OBSERVED_PRICES.c.publication_id,
        OBSERVED_PRICES.c.month,
        OBSERVED_PRICES.c.known_since,
        OBSERVED_PRICES.c.price,
    ),
    "cards": sa.select(MODEL_CARDS.c.publication_id, MODEL_CARDS.c.version_id, MODEL_CARDS.c.sha256),
    "scores": sa.select(
        MODEL_CARDS.c.publication_id, SCORES.c.version_id, SCORES.c.model, SCORES.c.horizon_months
    ).join_from(MODEL_CARDS, SCORES),
    "series": sa.select(REGISTER.c.publication_id, REGISTER.c.name, REGISTER.c.content_sha256),
}


@dataclass(frozen=True, slots=True)
class StoreState:
    """What was found in a store.

    Attributes:
        numbers: the publications in it, in the order of their commits.
        torn: what is not whole, in words.
    """

    numbers: tuple[int, ...]
    torn: tuple[str, ...]


def store_state(url: str, order_of: Callable[[int], Order]) -> StoreState:
    """Open a store as the next process would, and look through all of it.

    Args:
        url: its address.
        order_of: the order behind the number of a publication.
    """
    try:
        engine = open_store(url, create=False)
        try:
            _settle(engine)
            return _state(engine, order_of)
        finally:
            engine.dispose()
    except Exception as error:  # noqa: BLE001  # because whatever keeps a store from being read is what is counted
        return StoreState((), (f"the store cannot be read: {error!r}",))


def _settle(engine: sa.Engine) -> None:
    """Wait for the end of what is under way: a server may carry out the COMMIT of a client that is killed already."""
    with writing(engine):
        pass


def _state(engine: sa.Engine, order_of: Callable[[int], Order]) -> StoreState:
    with reading(engine) as connection:
        heads = connection.execute(sa.select(PUBLICATIONS.c.id, PUBLICATIONS.c.run_id).order_by(PUBLICATIONS.c.id))
        runs = {row.id: str(row.run_id) for row in heads}
        held = _held(connection)
    numbers = tuple(int(run.removeprefix(run_id(0)[:-1])) for run in runs.values())
    orders = [order_of(number) for number in numbers]
    torn = [f"publication {number} is there more than once" for number in set(numbers) if numbers.count(number) > 1]
    for (identifier, run), order in zip(runs.items(), orders, strict=True):
        torn += _differences(run, held.get(identifier, {}), parts_of(publication(order)))
    torn += [f"rows name a publication {identifier} that is not there" for identifier in held.keys() - runs.keys()]
    torn += broken_issues(engine)
    torn += _gaps(engine)
    if standing_hashes(engine, SERIES) != expected_standing(orders):
        torn.append("what stands is not what the publications say")
    return StoreState(numbers, tuple(torn))


def _held(connection: sa.Connection) -> dict[int, Parts]:
    held: dict[int, Parts] = defaultdict(lambda: {name: [] for name in _QUERIES})
    for name, query in _QUERIES.items():
        for identifier, *row in connection.execute(query):
            held[identifier][name].append(tuple(row))
    return held


def parts_of(made: Publication) -> Parts:
    """What a publication brings, as its maker knows it."""
    return {
        "issues": [(i.issue_month, i.kind, i.content_sha256) for i in made.issues],
        "forecasts": [(i.issue_month, row.target_month, row.price) for i in made.issues for row in i.forecasts],
        "observed prices": [(row.month, row.known_since, row.price) for row in made.observed],
        "cards": [(card.version_id, card.sha256) for card in made.cards],
        "scores": [(card.version_id, s.model, s.horizon_months) for card in made.cards for s in card.scores],
        "series": [(row.name, row.content_sha256) for row in made.series],
    }


def _differences(run: str, held: Mapping[str, list[tuple[Any, ...]]], made: Parts) -> list[str]:
    return [
        f"{run}: {len(held.get(name, []))} {name} in the store, {len(rows)} made, and they are not the same"
        for name, rows in made.items()
        if sorted(held.get(name, [])) != sorted(rows)
    ]


def _gaps(engine: sa.Engine) -> list[str]:
    """The months whose revisions are not numbered 1, 2, 3 ..."""
    revisions: dict[Month, list[int]] = defaultdict(list)
    for record in issue_records(engine, SERIES):
        revisions[record.issue_month].append(record.revision)
    return [
        f"{month} has the revisions {sorted(found)}"
        for month, found in revisions.items()
        if sorted(found) != list(range(1, len(found) + 1))
    ]


def expected_standing(orders: list[Order]) -> dict[Month, str]:
    """What must stand after some publications, one after the other: the newest live issue, else the newest."""
    standing: dict[Month, str] = {}
    live: set[Month] = set()
    for order in orders:
        for issue in publication(order).issues:
            if order.kind == "live":
                live.add(issue.issue_month)
            elif issue.issue_month in live:
                continue
            standing[issue.issue_month] = issue.content_sha256
    return standing
