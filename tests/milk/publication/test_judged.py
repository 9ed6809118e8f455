"""The scorecard and the decisions in the store: what is new is added, nothing is changed, on both databases."""

import dataclasses
import datetime as dt

import pytest
import sqlalchemy as sa

from milk.publication.engine import migrate, open_store, reading, writing
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.judged_schema import JUDGED, RETRAIN_DECISIONS, SCORECARD, SCORECARD_SUMMARY
from milk.publication.publish_judged import PublishedScorecard, publish_decision, publish_scorecard
from milk.publication.read import broken_issues, newest_publication
from milk.publication.read_judged import held_scorecard, live_record, retrain_decisions
from milk.publication.schema import PUBLICATIONS
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, observed, published
from tests.milk.publication.judged import decision, judged, stamp, statistics
from tests.milk.publication.rows import in_processes

LATER = NOON + dt.timedelta(days=30)
TICK = dt.timedelta(microseconds=1)
"""A publication of the same instant as the one before comes so long after it."""


def _counts(store: sa.Engine) -> list[int]:
    with reading(store) as connection:
        tables = (PUBLICATIONS, *JUDGED)
        return [connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables]


@pytest.fixture
def filled(store: sa.Engine) -> sa.Engine:
    """October and November live, and a hindcast beside each."""
    published(store, issue(OCTOBER, kind="live"), issue(NOVEMBER, kind="live", price=400.0))
    published(store, issue(OCTOBER, price=350.0), issue(NOVEMBER, price=350.0), published_at=LATER)
    published(store, issue(NOVEMBER, kind="live", price=410.0), published_at=LATER, observed=[observed(OCTOBER, 305.0)])
    return store


def test_every_field_is_a_column_of_its_table() -> None:
    given = {"judgement", "content_sha256", "publication_id"}
    for row, table, keys in (
        (JudgedForecast, SCORECARD, given),
        (RunningStatistics, SCORECARD_SUMMARY, given),
        (RetrainDecision, RETRAIN_DECISIONS, given - {"judgement"} | {"number"}),
    ):
        assert {field.name for field in dataclasses.fields(row)} | keys == set(table.columns.keys())


def test_the_live_record_holds_every_live_revision_and_no_hindcast(filled: sa.Engine) -> None:
    record = live_record(filled, "s")
    assert {(r.issue_month, r.revision, r.kind, r.issue_published_at) for r in record.forecasts} == {
        (OCTOBER, 1, "live", NOON),
        (NOVEMBER, 1, "live", NOON),
        (NOVEMBER, 3, "live", LATER + TICK),
    }
    assert len(record.forecasts) == 36
    first = record.forecasts[0]
    assert (first.target_month, first.price, first.lower_95, first.horizon_months) == (OCTOBER, 300.0, 280.0, 1)
    assert record.observed == [observed(OCTOBER, 305.0)]
    assert live_record(filled, "another") == type(record)([], [])


def test_a_scorecard_comes_back_as_it_went_in(filled: sa.Engine) -> None:
    rows, summary = [judged(), judged(NOVEMBER)], [statistics(0), statistics(1), statistics(1, observed_as="latest")]
    done = publish_scorecard(filled, rows, summary, stamp(observed=[observed(NOVEMBER, 305.0)]))
    assert (done.judged, done.statistics, done.observed) == (2, 3, 1)
    held = held_scorecard(filled, "s")
    assert held.judged == rows
    assert {row.content_sha256 for row in held.statistics} == {row.content_sha256 for row in summary}
    assert done.publication_id == newest_publication(filled).number
    assert broken_issues(filled) == []


def test_the_same_again_adds_nothing(filled: sa.Engine) -> None:
    publish_scorecard(filled, [judged()], [statistics()], stamp())
    before = _counts(filled)
    again = publish_scorecard(filled, [judged()], [statistics()], stamp(published_at=LATER, run_id="run-2"))
    assert again == PublishedScorecard(None)
    in_the_last_digits = dataclasses.replace(judged(), error=judged().error + 1e-12)
    assert publish_scorecard(filled, [in_the_last_digits], [], stamp()).publication_id is None
    assert _counts(filled) == before


def test_a_revised_price_adds_a_judgement_beside_the_one_that_stood(filled: sa.Engine) -> None:
    former, other = judged(), judged(NOVEMBER)
    publish_scorecard(filled, [former, other], [statistics()], stamp())
    revised = dataclasses.replace(former, observed_latest=309.0, error_latest=9.0, known_since_latest=LATER)
    done = publish_scorecard(filled, [revised, other], [statistics(bias=0.02)], stamp(published_at=LATER))
    assert (done.judged, done.statistics) == (1, 1)
    with reading(filled) as connection:
        query = sa.select(SCORECARD.c.judgement, SCORECARD.c.observed_latest).where(SCORECARD.c.issue_month == OCTOBER)
        assert connection.execute(query.order_by(SCORECARD.c.judgement)).all() == [(1, 305.0), (2, 309.0)]
    assert held_scorecard(filled, "s").judged == [revised, other]
    assert [row.bias for row in held_scorecard(filled, "s").statistics] == [0.02]
    # Back to what was said before the last: one more judgement, for the newest is compared.
    assert publish_scorecard(filled, [former], [], stamp()).judged == 1


def test_it_is_all_or_nothing(filled: sa.Engine) -> None:
    before = _counts(filled)
    with pytest.raises(sa.exc.IntegrityError):
        publish_scorecard(filled, [judged(), judged(revision=9)], [statistics()], stamp())
    never_published = judged(OCTOBER + (-5))
    with pytest.raises(sa.exc.IntegrityError):
        publish_scorecard(filled, [never_published], [], stamp())
    assert _counts(filled) == before


def test_without_a_judged_forecast_no_price_is_published(filled: sa.Engine) -> None:
    before = _counts(filled)
    assert publish_scorecard(filled, [], [], stamp(observed=[observed(NOVEMBER, 305.0)])).publication_id is None
    assert _counts(filled) == before


def test_decisions_are_numbered_and_the_same_again_adds_none(store: sa.Engine) -> None:
    assert publish_decision(store, decision(), stamp()) == 1
    assert publish_decision(store, decision(decided_at=LATER), stamp(published_at=LATER)) == 1
    retrain = decision(decision="retrain", rule="bias", numbers={"bias": 0.1})
    assert publish_decision(store, retrain, stamp()) == 2
    assert publish_decision(store, decision(as_of=NOVEMBER + 1), stamp()) == 3
    assert publish_decision(store, decision(series_id="another"), stamp()) == 1
    assert retrain_decisions(store, "s") == [decision(), retrain, decision(as_of=NOVEMBER + 1)]
    assert _counts(store) == [4, 0, 0, 4]


def test_a_decision_of_another_kind_is_refused(store: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="decision"):
        publish_decision(store, decision(decision="perhaps"), stamp())
    assert _counts(store) == [0, 0, 0, 0]


def test_a_number_that_is_none_is_a_bug() -> None:
    with pytest.raises(ValueError, match=r"numbers\['cusum'\] is nan"):
        decision(numbers={"cusum": float("nan")})


def test_what_is_published_of_it_is_never_changed(filled: sa.Engine) -> None:
    publish_scorecard(filled, [judged()], [statistics()], stamp())
    publish_decision(filled, decision(), stamp())
    for table in JUDGED:
        column = next(iter(table.columns))
        for statement in (sa.update(table).values({column: column}), sa.delete(table)):
            with pytest.raises(sa.exc.DBAPIError, match=f"{table.name} is append-only"), writing(filled) as connection:
                connection.execute(statement)


def _judge(url: str) -> str:
    store = open_store(url)
    migrate(store)
    done = publish_scorecard(store, [judged()], [statistics()], stamp())
    store.dispose()
    return f"{done.judged} {done.statistics}"


def test_of_two_that_judge_at_once_one_adds(address: str) -> None:
    store = open_store(address)
    migrate(store)
    published(store, issue(OCTOBER, kind="live"))
    store.dispose()
    assert sorted(in_processes(_judge, [(address,)] * 2)) == ["0 0", "1 1"]
