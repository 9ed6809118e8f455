import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from milk.errors import HomeBusy, PromotionRefused
from milk.publication import ledger
from milk.publication.columns import UtcDateTime
from milk.publication.engine import migrate, open_store, reading, writing
from milk.publication.ledger import PromotionRow, append_promotion, current_champion, promotions
from milk.publication.schema import PROMOTIONS
from tests.milk.publication.rows import NOON, in_processes, kept, promoted


def test_an_empty_ledger_has_no_champion(store: sa.Engine) -> None:
    assert current_champion(store, "s") is None
    assert promotions(store, "s") == []


def test_the_champion_is_what_the_newest_row_says(store: sa.Engine) -> None:
    rows = [promoted("v1"), promoted("v2", previous="v1"), kept("v2", considered="v3"), promoted("v1", previous="v2")]
    ids = [append_promotion(store, row) for row in rows]
    champion = current_champion(store, "s")
    assert ids == sorted(set(ids))
    assert promotions(store, "s") == rows
    assert [row.id for row in promotions(store, "s")] == ids
    assert champion is not None
    assert (champion.champion_version_id, champion.id) == ("v1", ids[-1])


def test_series_are_kept_apart(store: sa.Engine) -> None:
    append_promotion(store, promoted("v1", series="north"), expected_previous=None)
    append_promotion(store, promoted("v2", series="south"), expected_previous=None)
    assert promotions(store, "north") == [promoted("v1", series="north")]
    assert current_champion(store, "south") == promoted("v2", series="south")


def test_the_same_decision_of_a_run_is_written_once(store: sa.Engine) -> None:
    row = promoted("v1", run_id="r1")
    first = append_promotion(store, row, expected_previous=None)
    append_promotion(store, promoted("v2", previous="v1", run_id="r2"))
    later = dataclasses.replace(row, decided_at=NOON + dt.timedelta(hours=1))
    # The guard no longer holds, and yet the repeat is no conflict: its work is done.
    assert append_promotion(store, later, expected_previous=None) == first
    assert len(promotions(store, "s")) == 2


@pytest.mark.parametrize(
    "other",
    [
        promoted("v1", run_id="r2"),
        promoted("v2", run_id="r1"),
        promoted("v1", run_id="r1", series="t"),
        dataclasses.replace(promoted("v1", run_id="r1"), sha256="other", champion_sha256="other"),
        kept("v1", considered="v1", run_id="r1"),
    ],
    ids=["run", "version", "series", "hash", "decision"],
)
def test_another_decision_is_another_row(store: sa.Engine, other: PromotionRow) -> None:
    assert append_promotion(store, promoted("v1", run_id="r1")) != append_promotion(store, other)


def test_a_person_may_decide_the_same_twice(store: sa.Engine) -> None:
    there, back = promoted("v1"), promoted("v2", previous="v1")
    assert len({append_promotion(store, row) for row in (there, back, there)}) == 3


def test_a_guarded_row_is_refused_when_the_champion_changed(store: sa.Engine) -> None:
    append_promotion(store, promoted("v1"), expected_previous=None)
    append_promotion(store, promoted("v2", previous="v1"), expected_previous="v1")
    with pytest.raises(PromotionRefused, match="Version v3 was judged against v1, but v2 is in production of s"):
        append_promotion(store, promoted("v3", previous="v1"), expected_previous="v1")
    with pytest.raises(PromotionRefused, match="an empty ledger"):
        append_promotion(store, promoted("v3"), expected_previous=None)
    assert len(promotions(store, "s")) == 2


def test_a_guard_on_a_champion_that_never_was_is_refused(store: sa.Engine) -> None:
    with pytest.raises(PromotionRefused, match="nothing is in production"):
        append_promotion(store, promoted("v2", previous="v1"), expected_previous="v1")


def test_a_row_that_contradicts_its_guard_is_a_bug(store: sa.Engine) -> None:
    with pytest.raises(ValueError, match="The row says"):
        append_promotion(store, promoted("v2", previous="v0"), expected_previous="v1")


@pytest.mark.parametrize("change", ["UPDATE promotions SET actor = 'eve'", "DELETE FROM promotions"])
def test_the_store_refuses_to_change_a_row(store: sa.Engine, change: str) -> None:
    append_promotion(store, promoted("v1"))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(store) as connection:
        connection.exec_driver_sql(change)
    assert promotions(store, "s") == [promoted("v1")]


@pytest.mark.parametrize("key", ["id", "run_id"])
def test_the_store_refuses_to_replace_a_row(embedded: sa.Engine, key: str) -> None:
    append_promotion(embedded, promoted("v1", run_id="r1"))
    columns = ", ".join(c.name for c in PROMOTIONS.c)
    # A conflict on the one key or on the other: the rest of the new row differs.
    changed = columns.replace("run_id", "'r2'") if key == "id" else columns.replace("id,", "99,", 1)
    replace = f"INSERT OR REPLACE INTO promotions ({columns}) SELECT {changed} FROM promotions"  # noqa: S608  # because no part of it comes from outside
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(embedded) as connection:
        connection.exec_driver_sql(replace)
    assert promotions(embedded, "s") == [promoted("v1", run_id="r1")]


def test_the_room_offers_no_way_to_change_or_remove() -> None:
    assert not [name for name in vars(ledger) if any(verb in name for verb in ("update", "delete", "remove"))]


@pytest.mark.parametrize(
    "wrong",
    [
        {"actor_kind": "robot"},
        {"decision": "perhaps"},
        {"champion_version_id": "v9"},
        {"champion_sha256": "other"},
        {"decision": "kept"},
        {"decision": "kept", "previous_version_id": "v0"},
        {"reason": None},
    ],
    ids=str,
)
def test_the_store_refuses_a_row_that_cannot_be(store: sa.Engine, wrong: dict[str, str]) -> None:
    row = promoted("v1")
    for name, value in wrong.items():
        object.__setattr__(row, name, value)
    with pytest.raises(sa.exc.IntegrityError):
        append_promotion(store, row)
    assert promotions(store, "s") == []


def test_instants_come_back_aware_in_utc(store: sa.Engine) -> None:
    local = dt.datetime(2014, 10, 2, 9, 30, 0, 123456, tzinfo=ZoneInfo("America/Santiago"))
    append_promotion(store, dataclasses.replace(promoted("v1"), decided_at=local))
    champion = current_champion(store, "s")
    assert champion is not None
    assert champion.decided_at == local
    assert (champion.decided_at.tzinfo, champion.data_cutoff.tzinfo) == (dt.UTC, dt.UTC)
    assert champion.decided_at.isoformat() == "2014-10-02T12:30:00.123456+00:00"


def test_a_naive_instant_is_refused(store: sa.Engine) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="data_cutoff has no time zone"):
        dataclasses.replace(promoted("v1"), data_cutoff=naive)
    query = sa.select(PROMOTIONS.c.id).where(PROMOTIONS.c.decided_at < naive)
    with pytest.raises(sa.exc.StatementError, match="has no time zone"), reading(store) as connection:
        connection.execute(query)


def test_no_instant_stays_none(store: sa.Engine) -> None:
    with reading(store) as connection:
        assert connection.scalar(sa.select(sa.literal(None, UtcDateTime))) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="numbers\\['mae'\\]"):
        dataclasses.replace(promoted("v1"), numbers={"mae": value})


def test_numbers_are_stored_in_one_way_only(store: sa.Engine) -> None:
    append_promotion(store, dataclasses.replace(promoted("v1"), numbers={"b": 0.1, "a": "x"}))
    with reading(store) as connection:
        assert (
            connection.exec_driver_sql("SELECT CAST(numbers AS TEXT) FROM promotions").scalar() == '{"a":"x","b":0.1}'
        )


def test_a_row_can_be_a_key() -> None:
    assert len({promoted("v1"), promoted("v1"), promoted("v2")}) == 2


def test_a_writer_that_never_ends_is_named_as_busy(store_url: str, embedded: sa.Engine) -> None:
    other = open_store(store_url)
    with other.connect() as connection:
        # Stays with the pooled connection: the test would else wait out the five seconds of the program.
        connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    with writing(embedded), pytest.raises(HomeBusy, match=r"Another process is writing to the store at .*store\.db"):
        append_promotion(other, promoted("v1"))
    other.dispose()


def test_a_reader_is_not_held_up_by_a_writer(store: sa.Engine) -> None:
    append_promotion(store, promoted("v1"))
    with writing(store) as connection:
        connection.execute(sa.insert(PROMOTIONS), _values(promoted("v2", previous="v1")))
        assert current_champion(store, "s") == promoted("v1")
    assert current_champion(store, "s") == promoted("v2", previous="v1")


def _values(row: PromotionRow) -> dict[str, object]:
    return {name: value for name, value in dataclasses.asdict(row).items() if name != "id"}


def _promote(url: str, version: str) -> str:
    engine = open_store(url)
    try:
        append_promotion(engine, promoted(version, previous="v0"), expected_previous="v0")
    except PromotionRefused:
        return "refused"
    finally:
        engine.dispose()
    return "promoted"


def _repeat(url: str) -> str:
    engine = open_store(url)
    number = append_promotion(engine, promoted("v1", run_id="r1"))
    engine.dispose()
    return str(number)


def test_of_promoters_at_the_same_moment_one_wins(migrated: str, store: sa.Engine) -> None:
    append_promotion(store, promoted("v0"))
    outcomes = in_processes(_promote, [(migrated, f"v{k}") for k in (1, 2, 3, 4)])
    assert sorted(outcomes) == ["promoted", "refused", "refused", "refused"]
    assert len(promotions(store, "s")) == 2


def test_repeats_at_the_same_moment_write_one_row(migrated: str, store: sa.Engine) -> None:
    numbers = in_processes(_repeat, [(migrated,)] * 4)
    assert [str(row.id) for row in promotions(store, "s")] == list(set(numbers))


# PostgreSQL keeps no NUL and nothing that is not Unicode; the store promises what both can keep.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
INSTANTS = st.datetimes(
    dt.datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy wants bounds without a zone
    dt.datetime(2200, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.sampled_from([dt.UTC, ZoneInfo("America/Santiago")]),
    allow_imaginary=False,
)
NUMBERS = st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False) | TEXT, max_size=5)
_series = (f"series {k}" for k in itertools.count())


@st.composite
def rows(draw: st.DrawFn) -> PromotionRow:
    version, sha256, previous = draw(TEXT), draw(TEXT), draw(TEXT)
    is_promoted = draw(st.booleans())
    return PromotionRow(
        series_id=draw(TEXT),
        version_id=version,
        sha256=sha256,
        decided_at=draw(INSTANTS),
        actor_kind=draw(st.sampled_from(["schedule", "sensor", "person", "run"])),
        actor=draw(TEXT),
        decision="promoted" if is_promoted else "kept",
        reason=draw(TEXT),
        numbers=draw(NUMBERS),
        champion_version_id=version if is_promoted else previous,
        champion_sha256=sha256 if is_promoted else draw(TEXT),
        previous_version_id=draw(st.none() | st.just(previous)) if is_promoted else previous,
        data_cutoff=draw(INSTANTS),
        run_id=draw(st.none() | TEXT),
    )


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    folder: Path = tmp_path_factory.mktemp("shared")
    engine = open_store(f"sqlite:///{folder}/store.db")
    migrate(engine)
    yield engine
    engine.dispose()


@given(row=rows())
def test_any_row_comes_back_as_it_went_in(shared_store: sa.Engine, row: PromotionRow) -> None:
    # One store for all examples, so each needs a series of its own.
    row = dataclasses.replace(row, series_id=f"{next(_series)}:{row.series_id}")
    number = append_promotion(shared_store, row)
    champion = current_champion(shared_store, row.series_id)
    assert champion == row
    assert promotions(shared_store, row.series_id) == [row]
    assert champion is not None
    assert champion.id == number
    assert champion.decided_at.tzinfo is dt.UTC


@given(tries=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "a", "b", "c"])), max_size=8))
def test_guarded_rows_always_form_one_chain(shared_store: sa.Engine, tries: list[tuple[str, str | None]]) -> None:
    series, chain = next(_series), list[str]()
    for version, expected in tries:
        row = promoted(version, previous=expected, series=series)
        if expected == (chain[-1] if chain else None):
            append_promotion(shared_store, row, expected_previous=expected)
            chain.append(version)
        else:
            with pytest.raises(PromotionRefused):
                append_promotion(shared_store, row, expected_previous=expected)
    ledger_rows = promotions(shared_store, series)
    assert [row.champion_version_id for row in ledger_rows] == chain
    assert [row.previous_version_id for row in ledger_rows] == [None, *chain][: len(chain)]
