"""Further series on their way to the store: each by itself, with its prices, and judged by them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from milk.forecasting.recipe import Setting
from milk.home.tables import read_table, write_table
from milk.publication.read import broken_issues, issue_records, published_series
from milk.publication.read_judged import held_scorecard, live_record
from milk.publication.read_observed import observed_marks
from milk.publication.read_series import price_record
from milk.publication.rows import Publication
from milk.publication.schema import OBSERVED_PRICES, PUBLICATIONS
from milk.series import SERIES_ID
from milk.steps import publish_series
from milk.steps.predictions import TABLE
from milk.steps.publish_series import FurtherPublished, publish_prices
from milk.steps.receive_series import TABLE as PRICES
from milk.steps.scorecard import judge_published
from milk.steps.series_scorecard import judge_all, judge_series
from milk.steps.staging import write_recipe
from milk.steps.store import home_store
from tests.builders import random_walk
from tests.milk.steps.homes import sample_training
from tests.milk.steps.many import ISSUES, LAST, LATER, SOUND, Many, price_text, write_list

OF_ALL = Publication(published_at=LATER, run_id=None, software={})


@pytest.fixture
def store(many: Many) -> Iterator[sa.Engine]:
    with home_store(many.home, many.home.store_url) as engine:
        yield engine


def test_published_once_and_the_same_again_writes_nothing(many: Many, store: sa.Engine) -> None:
    first, again = many.publish(store), many.publish(store)
    assert (first.series, first.added, first.unchanged, first.observed) == (3, 6, 0, 490)
    assert again == FurtherPublished(series=3, unchanged=6, content_sha256=first.content_sha256)
    assert published_series(store) == sorted([SERIES_ID, *SOUND])
    assert broken_issues(store) == []
    record = price_record(store, "region_b", upto=100)
    assert record is not None
    assert (record.meaning, record.unit) == ("Price of region_b", "EUR/t")


def test_a_transaction_brings_whole_series(many: Many, store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_series, "ISSUES_AT_ONCE", 2)
    assert many.publish(store).transactions == 4
    with store.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(PUBLICATIONS)) == 5
    assert [len(issue_records(store, name)) for name in SOUND] == [2, 2, 2]


def test_a_new_month_brings_only_what_is_new(many: Many, store: sa.Engine) -> None:
    many.publish(store)
    (many.folder / "prices/region_a.csv").write_text(price_text(np.append(random_walk(130, seed=0), 201.5), LAST + 1))
    many.receive(LATER)
    assert many.publish(store).observed == 1
    assert observed_marks(store, ["region_a", "region_b", "none"]).keys() == {"region_a", "region_b"}
    assert observed_marks(store, ["region_a"])["region_a"].prices == 131


def test_a_price_that_the_store_lacks_below_its_newest_is_added(many: Many, store: sa.Engine) -> None:
    prices = read_table(many.home, PRICES)
    write_table(many.home, PRICES, prices[(prices["series_id"] != "region_a") | (prices["month"] != "2020-03-01")])
    assert many.publish(store).observed == 489
    write_table(many.home, PRICES, prices)
    assert many.publish(store).observed == 1
    with store.connect() as connection:
        held = connection.scalar(sa.select(sa.func.count()).where(OBSERVED_PRICES.c.series_id == "region_a"))
    assert held == 130


def _change(many: Many, name: str, **columns: object) -> None:
    """Change what `batch_predictions` holds of a series."""
    rows = read_table(many.home, TABLE)
    is_own = rows["series_id"] == name
    for column, value in columns.items():
        rows[column] = rows[column].mask(is_own, value)
    write_table(many.home, TABLE, rows)


def test_broken_rows_of_one_series_stop_no_other(many: Many, store: sa.Engine) -> None:
    rows = many.table()
    write_table(many.home, TABLE, pd.concat([rows, rows[rows["series_id"] == "region_a"].head(1)]))
    further = many.publish(store)
    assert [*further.refused] == ["region_a"]
    assert "its forecasts break their contract" in further.refused["region_a"]
    assert (further.series, further.added) == (2, 4)
    assert published_series(store) == sorted([SERIES_ID, "region_b", "region_c"])
    assert broken_issues(store) == []


def test_rows_of_a_version_that_is_gone_are_not_published(many: Many, store: sa.Engine) -> None:
    _change(many, "region_b", model_version="v-000000000000")
    further = many.publish(store)
    assert [*further.refused] == ["region_b"]
    assert "v-000000000000" in further.refused["region_b"]
    assert published_series(store) == sorted([SERIES_ID, "region_a", "region_c"])
    assert broken_issues(store) == []


def test_where_no_further_series_is_sound_the_reference_is_published(many: Many, store: sa.Engine) -> None:
    for name in SOUND:
        _change(many, name, model_version="v-gone")
    further = many.publish(store)
    assert (sorted(further.refused), further.series) == (sorted(SOUND), 0)
    assert published_series(store) == [SERIES_ID]


def test_the_card_of_a_version_that_forecast_further_series_alone_comes_with_these(
    many: Many, store: sa.Engine
) -> None:
    other = write_recipe(many.home, sample_training(), Setting((24.0,), 0.5))
    rows = read_table(many.home, TABLE)
    is_own = rows["series_id"] == "region_a"
    versions = rows["data_versions"].str.replace(many.version.sha256, other.sha256)
    rows["data_versions"] = rows["data_versions"].mask(is_own, versions)
    write_table(many.home, TABLE, rows)
    _change(many, "region_a", model_version=other.version_id)
    assert many.publish(store).refused == {}
    assert broken_issues(store) == []


def test_prices_of_a_series_without_an_issue_are_published_and_judge_what_was_said_before(
    many: Many, store: sa.Engine
) -> None:
    many.publish(store)
    rows = read_table(many.home, TABLE)
    write_table(many.home, TABLE, rows[rows["series_id"] == SERIES_ID])
    later = np.append(random_walk(130, seed=0), 201.5)
    (many.folder / "prices/region_a.csv").write_text(price_text(later, LAST + 1))
    write_list(many.folder, ["region_a", "region_c", "short"])
    many.receive(LATER)
    further = many.publish(store)
    assert (further.series, further.observed) == (0, 1)
    assert judge_series(store, OF_ALL).series == 1


def test_the_scorecard_publishes_the_prices_that_it_judges_by(many: Many, store: sa.Engine) -> None:
    many.publish(store)
    (many.folder / "prices/region_a.csv").write_text(price_text(np.append(random_walk(130, seed=0), 201.5), LAST + 1))
    many.receive(LATER)
    _scored, further = judge_all(many.home, store, published_at=LATER, run_id=None)
    assert (further.series, further.judgements) == (1, 1)
    assert publish_prices(many.home, store, OF_ALL) == 0


def test_each_series_is_judged_by_its_own_prices(many: Many, store: sa.Engine) -> None:
    """November was issued in time; its price comes for two of the three series."""
    many.publish(store)
    for seed, name in enumerate(["region_a", "region_b"]):
        later = np.append(random_walk(130, seed=seed), 200.0 + seed)
        (many.folder / f"prices/{name}.csv").write_text(price_text(later, LAST + 1))
    many.receive(LATER)
    many.publish(store)
    scored = judge_series(store, OF_ALL)
    assert (scored.series, scored.judgements, scored.refused) == (2, 2, {})
    (judged,) = held_scorecard(store, "region_b").judged
    (said,) = [row for row in live_record(store, "region_b").forecasts if row.target_month == ISSUES[1]]
    assert (judged.observed, judged.price, judged.error) == (201.0, said.price, 201.0 - said.price)
    assert judged.last_value == pytest.approx(random_walk(130, seed=1)[-1], abs=0.006)
    again = judge_series(store, OF_ALL)
    assert (again.series, again.judgements) == (2, 0)
    assert judge_published(many.home, store, published_at=LATER, run_id=None).rows.empty
