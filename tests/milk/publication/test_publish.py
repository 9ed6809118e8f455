"""Publication only adds: what stands is never changed, the same again writes nothing, all of it or nothing."""

import datetime as dt

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.errors import HomeBusy, HomeRefused
from milk.months import Kind
from milk.publication.engine import migrate, open_store, reading, writing
from milk.publication.judged_schema import JUDGED
from milk.publication.publish import claim_store, publish
from milk.publication.read import broken_issues, issue_records, newest_publication, standing_hashes
from milk.publication.read_at import publication_as_of
from milk.publication.read_lists import Page, find_issues
from milk.publication.rows import DECIMALS, ModelRow, QualityDocument
from milk.publication.schema import ADD_ONLY, MODEL_CARDS, OBSERVED_PRICES, PUBLICATIONS, SCORES, SERIES
from tests.milk.publication.issues import (
    NOON,
    NOVEMBER,
    OCTOBER,
    card,
    forecast,
    issue,
    observed,
    outcomes,
    publication,
    published,
    series_row,
)
from tests.milk.publication.rows import in_processes


def _counts(store: sa.Engine) -> dict[str, int]:
    with reading(store) as connection:
        return {table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in ADD_ONLY}


def test_a_publication_holds_all_that_belongs_to_it(store: sa.Engine) -> None:
    done = published(store, issue(OCTOBER), issue(NOVEMBER), observed=[observed(OCTOBER, 301.0)])
    assert outcomes(done) == [(1, "added"), (1, "added")]
    assert (done.publication_id, done.observed, done.cards, done.series) == (1, 1, 1, 1)
    assert _counts(store) == {
        "datasets": 0, "publications": 1, "issues": 2, "forecasts": 24, "observed_prices": 1, "model_cards": 1,
        "models": 0, "scores": 1, "series": 1, "scorecard": 0, "scorecard_summary": 0, "retrain_decisions": 0,
        "data_quality": 0,
    }  # fmt: skip
    assert broken_issues(store) == []


def test_the_same_again_writes_nothing(store: sa.Engine) -> None:
    published(store, issue(OCTOBER), observed=[observed(OCTOBER, 301.0)])
    before = _counts(store)
    later = issue(OCTOBER, issued_at=NOON + dt.timedelta(days=3))
    done = published(store, later, observed=[observed(OCTOBER, 301.0)], published_at=NOON + dt.timedelta(days=3))
    assert (done.publication_id, outcomes(done)) == (None, [(1, "unchanged")])
    assert done.issues[0].reason == "first issue"
    assert _counts(store) == before


def test_numbers_are_compared_to_nine_decimals(store: sa.Engine) -> None:
    published(store, issue(price=300.0))
    assert outcomes(published(store, issue(price=300.0 + 10 ** -(DECIMALS + 2)))) == [(1, "unchanged")]
    assert outcomes(published(store, issue(price=300.0 + 10 ** -(DECIMALS - 2)))) == [(2, "added")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (issue(price=310.0), "other numbers from the same data and model"),
        (issue(model_version="v-2"), "model v-2 in place of v-1"),
        (issue(data_versions={"features": {"sha256": "e" * 64, "table_version": 4}}), "other data"),
        (issue(forecast_origin=OCTOBER + (-2)), "origin 2026-08 in place of 2026-09"),
        (
            issue(model_version="v-2", data_versions={"features": {"sha256": "e" * 64, "table_version": 4}}),
            "model v-2 in place of v-1; other data",
        ),
    ],
)
def test_other_content_is_a_revision_with_its_reason(store: sa.Engine, changed: object, reason: str) -> None:
    assert isinstance(changed, type(issue()))
    published(store, issue())
    done = published(store, changed)
    assert outcomes(done) == [(2, "added")]
    assert done.issues[0].reason == reason
    newest, first = issue_records(store, "s")
    assert (newest.revision, newest.is_standing, newest.reason) == (2, True, reason)
    assert (first.revision, first.is_standing) == (1, False)
    assert broken_issues(store) == []


def test_what_came_back_is_a_revision_too(store: sa.Engine) -> None:
    """The newest revision is what stands, so going back must be said again."""
    for price in (300.0, 310.0, 300.0):
        done = published(store, issue(price=price))
    assert outcomes(done) == [(3, "added")]


def test_a_hindcast_never_supersedes_a_live_forecast(store: sa.Engine) -> None:
    live = published(store, issue(kind="live")).issues[0]
    done = published(store, issue(price=310.0))
    assert outcomes(done) == [(2, "beside")]
    assert done.issues[0].reason == "a hindcast beside the live forecast, which stands"
    assert standing_hashes(store, "s") == {OCTOBER: live.content_sha256}
    # The same hindcast again is there already, and so is the live forecast.
    assert outcomes(published(store, issue(price=310.0))) == [(2, "unchanged")]
    assert outcomes(published(store, issue(kind="live"))) == [(1, "unchanged")]


def test_a_live_forecast_takes_the_place_of_a_hindcast(store: sa.Engine) -> None:
    published(store, issue())
    done = published(store, issue(kind="live"))
    assert outcomes(done) == [(2, "added")]
    assert done.issues[0].reason == "a live forecast in the place of a hindcast"
    assert standing_hashes(store, "s") == {OCTOBER: done.issues[0].content_sha256}


def test_a_live_forecast_made_again_in_time_is_a_revision(store: sa.Engine) -> None:
    published(store, issue(kind="live"))
    done = published(store, issue(kind="live", price=310.0))
    assert outcomes(done) == [(2, "added")]
    assert standing_hashes(store, "s") == {OCTOBER: done.issues[0].content_sha256}


_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["live", "hindcast"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_KINDS, st.integers(300, 303)), min_size=1, max_size=8))
def test_whatever_is_published_in_any_order_the_rules_hold(sequence: list[tuple[Kind, int]]) -> None:
    store = open_store("sqlite://")
    migrate(store)
    newest: dict[Kind, int] = {}
    told: list[tuple[int, str]] = []
    for kind, price in sequence:
        done = published(store, issue(kind=kind, price=float(price)))
        (fate,) = done.issues
        assert (fate.outcome == "unchanged") == (newest.get(kind) == price)
        assert (done.publication_id is None) == (fate.outcome == "unchanged" and bool(told))
        newest[kind] = price
        told.append((fate.revision, fate.content_sha256))
        # What stands is the newest live forecast, or the newest hindcast where none was ever live.
        expected = issue(kind="live" if "live" in newest else kind, price=float(newest.get("live", price)))
        assert standing_hashes(store, "s") == {OCTOBER: expected.content_sha256}
    records = issue_records(store, "s")
    assert [r.revision for r in records] == list(range(len(records), 0, -1))
    assert {(r.revision, r.content_sha256) for r in records} == set(told)
    assert sum(r.is_standing for r in records) == 1
    assert broken_issues(store) == []
    store.dispose()


def test_a_revised_price_is_a_row_beside_the_first(store: sa.Engine) -> None:
    published(store, issue(), observed=[observed(OCTOBER, 301.0)])
    revised = observed(OCTOBER, 305.0, known_since=NOON)
    assert published(store, issue(), observed=[observed(OCTOBER, 301.0), revised]).observed == 1
    with reading(store) as connection:
        rows = connection.execute(sa.select(OBSERVED_PRICES).order_by(OBSERVED_PRICES.c.known_since)).all()
    assert [(row.price, row.known_by, row.publication_id) for row in rows] == [
        (301.0, "rule", 1),
        (305.0, "received", 2),
    ]


def test_a_change_of_the_register_is_a_revision(store: sa.Engine) -> None:
    published(store, issue())
    assert published(store, issue(), series=[series_row(note="Now known better.")]).series == 1
    assert published(store, issue(), series=[series_row(note="Now known better.")]).series == 0
    with reading(store) as connection:
        rows = connection.execute(sa.select(SERIES).order_by(SERIES.c.revision)).all()
    assert [(row.revision, row.note) for row in rows] == [(1, ""), (2, "Now known better.")]


def test_a_card_comes_with_its_scores_once(store: sa.Engine) -> None:
    published(store, issue())
    assert published(store, issue(price=310.0)).cards == 0
    assert published(store, issue(model_version="v-2")).cards == 1
    with reading(store) as connection:
        assert [row.version_id for row in connection.execute(sa.select(MODEL_CARDS))] == ["v-1", "v-2"]
        assert [(row.model, row.ratio) for row in connection.execute(sa.select(SCORES))] == [("milk", 0.75)] * 2
        assert connection.execute(sa.select(MODEL_CARDS.c.card)).scalars().first() == card().card


def test_it_is_all_or_nothing(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    before = _counts(store)
    crossed = forecast(NOVEMBER, 1, 300.0)
    object.__setattr__(crossed, "lower_80", 400.0)
    with pytest.raises(sa.exc.IntegrityError, match="nested"):
        published(store, issue(OCTOBER, price=310.0), issue(NOVEMBER, forecasts=(crossed,)))
    assert _counts(store) == before


@pytest.mark.parametrize(
    ("issues", "said"),
    [((issue(), issue(price=310.0)), "more than once"), ((issue(forecasts=()),), "2026-10 has no forecasts")],
)
def test_a_senseless_publication_is_a_bug(store: sa.Engine, issues: tuple[object, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        publish(store, publication(issues))  # type: ignore[arg-type]  # because pytest knows no more of its parameters
    assert _counts(store)["publications"] == 0


@pytest.mark.parametrize("table", [t for t in ADD_ONLY if t not in JUDGED], ids=lambda table: table.name)
def test_every_table_refuses_change_and_deletion(store: sa.Engine, table: sa.Table) -> None:
    models = [ModelRow(series_id="s", version_id="v-1", model={})]
    quality = [QualityDocument(series_id="s", part="drift", content={"rows": []})]
    published(store, issue(), observed=[observed(OCTOBER, 301.0)], models=models, quality=quality)
    claim_store(store, "s", dataset_id="d1", is_synthetic=True)
    column = next(iter(table.columns))
    for statement in (sa.update(table).values({column: column}), sa.delete(table)):
        with pytest.raises(sa.exc.DBAPIError, match=f"{table.name} is append-only"), writing(store) as connection:
            connection.execute(statement)


def test_a_changed_row_is_found(store: sa.Engine) -> None:
    published(store, issue(OCTOBER), issue(NOVEMBER))
    with writing(store) as connection:
        on_sqlite = ("forecasts_refuse_update", "forecasts_refuse_delete")
        for trigger in on_sqlite if store.dialect.name == "sqlite" else ("forecasts_refuse_change ON forecasts",):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("UPDATE forecasts SET price = price + 1 WHERE target_month = '2026-10'")
        connection.exec_driver_sql("DELETE FROM forecasts WHERE issue_month = '2026-11' AND target_month = '2027-01'")
    assert broken_issues(store) == [
        "s 2026-10 revision 1: its content is not the one that was published",
        "s 2026-11 revision 1: 11 forecasts, not 12",
    ]


def test_a_publisher_that_must_wait_too_long_is_told_so(
    store: sa.Engine, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milk.publication.engine._BUSY_TIMEOUT_MS", 200)
    other = open_store(migrated)
    with writing(store), pytest.raises(HomeBusy, match="Another process is writing"):
        published(other, issue())
    other.dispose()
    assert _counts(store)["publications"] == 0


def _publish_one(url: str, price: str) -> str:
    store = open_store(url)
    migrate(store)
    done = published(store, issue(price=float(price)))
    store.dispose()
    return f"{done.issues[0].revision} {done.issues[0].outcome}"


def test_of_publishers_at_once_one_adds_and_the_other_finds_it(address: str) -> None:
    told = in_processes(_publish_one, [(address, "300")] * 3)
    assert sorted(told) == ["1 added", "1 unchanged", "1 unchanged"]


def test_publishers_of_different_content_follow_each_other(address: str) -> None:
    told = in_processes(_publish_one, [(address, "300"), (address, "310")])
    assert sorted(told) == ["1 added", "2 added"]
    store = open_store(address)
    assert newest_publication(store).number == 2
    assert broken_issues(store) == []
    store.dispose()


def test_a_store_belongs_to_one_dataset(store: sa.Engine) -> None:
    claim_store(store, "s", dataset_id="d1", is_synthetic=True)
    claim_store(store, "s", dataset_id="d1", is_synthetic=True)
    claim_store(store, "other series", dataset_id="d2", is_synthetic=False)
    with pytest.raises(
        HomeRefused, match=r"holds another dataset of s: d1 \(synthetic\), not d2 \(real\).*MILK_STORE_URL"
    ):
        claim_store(store, "s", dataset_id="d2", is_synthetic=False)


def test_the_publication_says_who_and_with_what(store: sa.Engine) -> None:
    published(store, issue())
    with reading(store) as connection:
        row = connection.execute(sa.select(PUBLICATIONS)).one()
    assert (row.published_at, row.run_id, row.software) == (NOON, "run-1", {"milk": "0.1.0"})


def _instants(store: sa.Engine) -> list[dt.datetime]:
    with reading(store) as connection:
        return [*connection.scalars(sa.select(PUBLICATIONS.c.published_at).order_by(PUBLICATIONS.c.id))]


def test_instants_grow_with_numbers_whatever_the_publishers_say(store: sa.Engine) -> None:
    tick, hour = dt.timedelta(microseconds=1), dt.timedelta(hours=1)
    # One read its clock and then waited, one has the clock of the one before, one has a later one in another zone.
    given = [NOON, NOON - hour, NOON, (NOON + hour).astimezone(dt.timezone(-5 * hour))]
    for k, instant in enumerate(given):
        published(store, issue(price=300.0 + k), published_at=instant)
    assert _instants(store) == [NOON, NOON + tick, NOON + 2 * tick, NOON + hour]


def test_a_publication_comes_after_all_that_an_older_program_stamped_out_of_order(store: sa.Engine) -> None:
    with writing(store) as connection:
        for instant in (NOON + dt.timedelta(hours=1), NOON):
            connection.execute(sa.insert(PUBLICATIONS), {"published_at": instant, "software": {}})
    published(store, issue(), published_at=NOON)
    assert _instants(store)[-1] == NOON + dt.timedelta(hours=1, microseconds=1)


def test_who_asks_for_what_came_after_its_answer_misses_no_issue(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    seen = newest_publication(store)
    # Begun before the answer, and committed after it.
    published(store, issue(NOVEMBER), published_at=NOON - dt.timedelta(minutes=5))
    page = Page(series_id="s", upto=seen.number + 1, published_after=seen.published_at)
    assert [row.issue_month for row in find_issues(store, page)[0]] == [NOVEMBER]
    stood = publication_as_of(store, seen.published_at, upto=seen.number + 1)
    assert stood == seen
