import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.faults.content import SERIES, publication
from benchmarks.faults.reader import REVISIONS, Key, Watch, newest_issue, newest_of_targets, order_of, watch
from benchmarks.faults.reading import read_while_publishing
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish
from milk.publication.read import issue_records
from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts

READERS = 2

Rows = list[ForecastAnswer]


def test_readers_see_whole_revisions_and_never_an_older_one_while_others_are_published(address: str) -> None:
    tally = read_while_publishing(address, READERS, 3.0)
    assert tally.is_sound, tally.faults
    assert tally.done["readers"] == READERS
    # They saw the store change, and not only one state of it.
    assert tally.done["reads"] > tally.done["reads with a newer answer"] > READERS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    for number in range(REVISIONS + 2):
        publish(engine, publication(order_of(number)))
    yield engine
    engine.dispose()


def _hashes(store: sa.Engine) -> Callable[[Key], str]:
    held = {(r.issue_month, r.revision): r.content_sha256 for r in issue_records(store, SERIES)}
    return held.__getitem__


def test_a_store_at_rest_is_read_without_a_fault(store: sa.Engine) -> None:
    seen = watch(store, 0.2)
    assert seen.faults == 0
    assert seen.reads > 0
    assert seen.newer_answers == 1


def _with_one_of_an_older_revision(rows: Rows) -> Rows:
    return [*rows[:-1], dataclasses.replace(rows[-1], revision=rows[-1].revision - 1, price=rows[-1].price - 1)]


def _with_one_price_of_another_revision(rows: Rows) -> Rows:
    return [*rows[:-1], dataclasses.replace(rows[-1], price=rows[-1].price - 1)]


def _without_the_last(rows: Rows) -> Rows:
    return rows[:-1]


@pytest.mark.parametrize(
    "tear", [_with_one_of_an_older_revision, _with_one_price_of_another_revision, _without_the_last]
)
def test_a_torn_answer_is_found(store: sa.Engine, tear: Callable[[Rows], Rows]) -> None:
    seen = Watch()
    seen.issue(tear(newest_issue(store)), _hashes(store))
    seen.targets(tear(newest_of_targets(store)))
    assert len(seen.torn) == 2


def test_an_empty_answer_is_found(store: sa.Engine) -> None:
    seen = Watch()
    seen.issue([], _hashes(store))
    assert len(seen.torn) == 1


def test_a_content_other_than_its_hash_is_found(store: sa.Engine) -> None:
    seen = Watch()
    rows = [dataclasses.replace(row, upper_80=row.upper_80 + 1) for row in newest_issue(store)]
    seen.issue(rows, _hashes(store))
    assert "is not what its hash says" in seen.torn[0]


def test_an_older_answer_after_a_newer_one_is_found(store: sa.Engine) -> None:
    seen = Watch()
    older = ForecastQuestion(series_id=SERIES, upto=REVISIONS, issue_month=order_of(0).first)
    seen.issue(newest_issue(store), _hashes(store))
    seen.issue(find_forecasts(store, older).rows, _hashes(store))
    assert len(seen.backwards) == 1


def test_an_error_is_counted_and_the_reader_does_not_go_on_for_ever(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/empty.db")
    seen = watch(engine, 60.0)
    engine.dispose()
    assert seen.faults == len(seen.errors) > 0
    assert "no such table" in seen.errors[0]
