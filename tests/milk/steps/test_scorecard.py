"""From the store and the home to the scorecard: what is written once, what a revised price adds, what is refused."""

import dataclasses
import datetime as dt
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from filelock import FileLock

from milk.errors import ForecastRefused, HomeBusy
from milk.home.layout import Home
from milk.home.tables import read_table, table_version, write_table
from milk.months import Month, available_from, data_cutoff
from milk.publication.engine import reading
from milk.publication.judged_rows import JudgedForecast, RunningStatistics
from milk.publication.judged_schema import SCORECARD as SQL_SCORECARD
from milk.publication.judged_schema import SCORECARD_SUMMARY as SQL_SUMMARY
from milk.publication.read_judged import LiveForecast, held_scorecard
from milk.publication.schema import OBSERVED_PRICES, PUBLICATIONS
from milk.scorecard_tables import SCORECARD, SCORECARD_SUMMARY
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.steps.publication import observed_prices
from milk.steps.receive import receive
from milk.steps.scorecard import (
    SUMMARY,
    TABLE,
    Scored,
    judge_published,
    judged_rows,
    known_prices,
    statistics_rows,
)
from milk.steps.scorecard_audit import judged_hindcasts, unlike_the_store
from milk.steps.store import home_store
from milk.tables import column_types
from tests.builders import RULE, SAMPLE
from tests.milk.publication.issues import issue, observed, published
from tests.milk.steps.homes import NOW

SEPTEMBER, LAST_PRICE = Month(2026, 9), Month(2026, 10)
"""The prices of the sample end in October 2026."""
LATER = NOW + dt.timedelta(days=20)


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the prices of the sample."""
    home = Home(tmp_path_factory.mktemp("received") / "home")
    receive(home, DataFolder(SAMPLE), "milk_price", received_at=NOW)
    return home


@pytest.fixture
def home(received: Home, tmp_path: Path) -> Home:
    """Live issues of August to October in the store, a hindcast of July, a second live revision of September."""
    shutil.copytree(received.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    with home_store(home, home.store_url) as store:
        for month, days, price in (
            (Month(2026, 8), 2, 310.0),
            (SEPTEMBER, 2, 320.0),
            (SEPTEMBER, 3, 321.0),
            (LAST_PRICE, 2, 330.0),
        ):
            in_time = data_cutoff(month) + dt.timedelta(days=days)
            published(store, issue(month, kind="live", price=price, series_id=SERIES_ID), published_at=in_time)
        published(store, issue(Month(2026, 7), price=305.0, series_id=SERIES_ID), published_at=NOW)
    return home


def _judge(home: Home, at: dt.datetime = NOW) -> Scored:
    with home_store(home, home.store_url) as store:
        return judge_published(home, store, published_at=at, run_id="run-1")


def _counts(home: Home) -> list[int]:
    tables = (PUBLICATIONS, OBSERVED_PRICES, SQL_SCORECARD, SQL_SUMMARY)
    with home_store(home, home.store_url) as store, reading(store) as connection:
        counts = [connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables]
    return [*counts, table_version(home, TABLE), table_version(home, SUMMARY)]


def _receive(home: Home, folder: Path, spoil: str) -> None:
    """The price file once more, its last line another one."""
    shutil.copytree(SAMPLE, folder)
    file = folder / "precio_leche.csv"
    *before, last = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*before, f"{last.rsplit(',', 1)[0]},{spoil}"]) + "\n", encoding="utf-8")
    receive(home, DataFolder(folder), "milk_price", received_at=LATER)


def test_every_column_is_a_field_and_a_column_of_the_store() -> None:
    given = {"judgement", "content_sha256", "publication_id"}
    for schema, row, table in (
        (SCORECARD, JudgedForecast, SQL_SCORECARD),
        (SCORECARD_SUMMARY, RunningStatistics, SQL_SUMMARY),
    ):
        fields = [field.name for field in dataclasses.fields(row)]
        assert fields == list(schema.columns)
        assert {*fields} | given == set(table.columns.keys())
        optional = {name for name, column in table.columns.items() if column.nullable}
        assert optional <= {name for name, column in schema.columns.items() if column.nullable}
    assert {field.name for field in dataclasses.fields(LiveForecast)} - {"kind"} <= set(SCORECARD.columns)


def test_live_issues_are_judged_and_hindcasts_are_not(home: Home) -> None:
    scored = _judge(home)
    SCORECARD.validate(scored.rows)
    SCORECARD_SUMMARY.validate(scored.summary)
    keys = [(f"{row.issue_month:%m}", f"{row.target_month:%m}", row.revision) for row in scored.rows.itertuples()]
    assert keys == [
        ("08", "08", 1),
        ("08", "09", 1),
        ("08", "10", 1),
        ("09", "09", 2),
        ("09", "10", 2),
        ("10", "10", 1),
    ]
    assert scored.live_issues == 3
    assert [*scored.summary["horizon_months"]] == 2 * [0, 1, 2, 3]
    assert not scored.summary["is_judged"].any()


def test_what_is_kept_is_what_is_published(home: Home) -> None:
    scored = _judge(home)
    pd.testing.assert_frame_equal(read_table(home, TABLE), scored.rows)
    pd.testing.assert_frame_equal(read_table(home, SUMMARY), scored.summary)
    with home_store(home, home.store_url) as store:
        held = held_scorecard(store, SERIES_ID)
        assert held.judged == judged_rows(scored.rows)
        assert {r.content_sha256 for r in held.statistics} == {
            r.content_sha256 for r in statistics_rows(scored.summary)
        }
        assert (judged_hindcasts(scored.rows, store), unlike_the_store(scored.rows, store)) == ([], [])
    assert dict(read_table(home, TABLE).dtypes.astype(str)) == column_types(SCORECARD)


def test_the_prices_behind_it_are_published_with_it(home: Home) -> None:
    before = _counts(home)
    scored = _judge(home)
    assert scored.published.observed == len(observed_prices(home)) > 0
    assert _counts(home)[:3] == [before[0] + 1, before[1] + scored.published.observed, 6]


def test_the_same_again_writes_nothing(home: Home) -> None:
    _judge(home)
    before = _counts(home)
    again = _judge(home, LATER)
    assert again.published.publication_id is None
    assert _counts(home) == before


def test_a_run_that_ended_before_its_table_was_written_is_made_up_for(home: Home, tmp_path: Path) -> None:
    """What the store was told and the table not; and what a table of before the revision holds."""
    first = _judge(home).rows
    before = _counts(home)
    shutil.rmtree(home.path / "tables" / TABLE)
    again = _judge(home, LATER)
    assert again.published.publication_id is None
    assert _counts(home) == before
    pd.testing.assert_frame_equal(again.rows, first)
    _receive(home, tmp_path / "data", "399.99")
    revised = _judge(home, LATER).rows
    write_table(home, TABLE, first)
    assert _judge(home, LATER).published.publication_id is None
    pd.testing.assert_frame_equal(read_table(home, TABLE), revised)


def test_a_store_that_went_back_is_told_again(home: Home, tmp_path: Path) -> None:
    """Restored from a backup of before the revision, it holds the judgements and not what is said of the latest."""
    _judge(home)
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(home.path / "milk.db")) as live, closing(sqlite3.connect(backup)) as copy:
        live.backup(copy)
    _receive(home, tmp_path / "data", "399.99")
    _judge(home, LATER)
    (home.path / "milk.db").unlink()
    for beside in home.path.glob("milk.db-*"):
        beside.unlink()
    shutil.copy(backup, home.path / "milk.db")
    scored = _judge(home, LATER)
    assert scored.published.judged == 3
    with home_store(home, home.store_url) as store:
        assert unlike_the_store(scored.rows, store) == []


def test_a_revised_price_changes_what_is_said_of_the_latest_and_adds_a_judgement(home: Home, tmp_path: Path) -> None:
    first = _judge(home).rows
    _receive(home, tmp_path / "data", "399.99")
    scored = _judge(home, LATER)
    latest = [name for name in first.columns if name.endswith("_latest")]
    pd.testing.assert_frame_equal(scored.rows.drop(columns=latest), first.drop(columns=latest))
    changed = scored.rows[scored.rows["observed_latest"] == 399.99]
    assert [*changed["target_month"]] == 3 * [pd.Timestamp("2026-10-01")]
    assert (scored.published.judged, scored.published.observed) == (3, 1)
    with home_store(home, home.store_url) as store:
        assert len(held_scorecard(store, SERIES_ID).judged) == 6
        assert unlike_the_store(scored.rows, store) == []
        assert len(unlike_the_store(first, store)) == 3, "the former table is not what the store says now"


def test_a_first_price_that_only_the_store_knows_stays_the_first(home: Home) -> None:
    """A home that was made anew from revised files knows one state of each price; the store knows what came first."""
    known = available_from(RULE, LAST_PRICE) - dt.timedelta(microseconds=1)
    early = dataclasses.replace(observed(LAST_PRICE, 300.0, known_since=known), series_id=SERIES_ID)
    with home_store(home, home.store_url) as store:
        published(store, observed=[early])
    rows = _judge(home).rows
    october = rows[rows["target_month"] == pd.Timestamp("2026-10-01")]
    assert set(october["observed"]) == {300.0}
    assert set(october["observed_latest"]) == {observed_prices(home)[-1].price}


def test_of_two_prices_of_one_instant_the_published_one_counts() -> None:
    one, other = observed(LAST_PRICE, 300.0), observed(LAST_PRICE, 301.0)
    assert known_prices([one], [other, observed(SEPTEMBER, 299.0)]) == [observed(SEPTEMBER, 299.0), one]


def test_nothing_live_is_an_empty_table_and_no_publication(received: Home, tmp_path: Path) -> None:
    shutil.copytree(received.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    scored = _judge(home)
    assert scored.rows.empty
    assert scored.summary.empty
    assert (scored.live_issues, scored.published.publication_id) == (0, None)
    assert dict(read_table(home, TABLE).dtypes.astype(str)) == column_types(SCORECARD)
    assert _counts(home)[:4] == [0, 0, 0, 0]


def test_a_price_that_is_none_is_refused_before_anything_is_written(home: Home) -> None:
    _judge(home)
    before = _counts(home)
    prices = read_table(home, "raw_milk_price")
    november = prices.tail(1).assign(month=pd.Timestamp("2026-11-01"), value="-5", known_since=pd.Timestamp(LATER))
    write_table(home, "raw_milk_price", pd.concat([prices, november.astype(prices.dtypes.to_dict())]))
    with pytest.raises(
        ForecastRefused, match=r"the price of 2026-11 is -5, not a positive number\. Mend the price file"
    ):
        _judge(home)
    assert _counts(home) == before


def test_a_home_that_is_held_is_waited_for_and_then_busy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milk.steps.scorecard.LOCK_WAIT_SECONDS", 0.1)
    with FileLock(home.path / "run.lock", is_singleton=False), pytest.raises(HomeBusy, match="Another run is writing"):
        _judge(home)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("price", 1.0, "2026-08 for 2026-08: price not as published"),
        ("model_version", "v-other", "2026-08 for 2026-08: model_version not as published"),
        ("revision", 7, "2026-08 for 2026-08: revision 7 is no live forecast of the store"),
        ("observed", 1.0, "2026-08 for 2026-08: the store holds another judgement"),
        ("known_since", pd.Timestamp("2026-08-01T00:00Z"), "revision 1 did not stand when the price became known"),
    ],
)
def test_a_row_that_is_not_what_was_published_is_named(home: Home, column: str, value: object, said: str) -> None:
    rows = _judge(home).rows
    spoilt = rows.assign(**{column: [value, *rows[column].iloc[1:]]}).astype(rows.dtypes.to_dict())
    with home_store(home, home.store_url) as store:
        (problem,) = unlike_the_store(spoilt, store)
    assert said in problem


def test_a_judgement_that_the_table_lost_is_named(home: Home) -> None:
    rows = _judge(home).rows
    with home_store(home, home.store_url) as store:
        assert unlike_the_store(rows.iloc[1:], store) == [
            "2026-08 for 2026-08: judged in the store, and not in the table"
        ]


def test_a_judged_hindcast_is_named(home: Home) -> None:
    rows = _judge(home).rows
    july = rows.head(1).assign(issue_month=pd.Timestamp("2026-07-01").as_unit("us"))
    never = rows.head(1).assign(issue_month=pd.Timestamp("2026-01-01").as_unit("us"))
    with home_store(home, home.store_url) as store:
        found = judged_hindcasts(pd.concat([rows, july, never]), store)
    assert found == ["2026-01 revision 1: not published", "2026-07 revision 1: hindcast"]
