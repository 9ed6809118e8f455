"""What is told of the quality of the data: the same home says the same, and a fault of a table stops nothing."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from milk.home.layout import Home
from milk.home.tables import read_table, write_table
from milk.months import Month
from milk.panel.merge import merge_sources
from milk.panel.quality import absent_months
from milk.publication.quality import data_quality
from milk.series import SERIES_ID, series_register
from milk.sources.files import DataFolder
from milk.steps.data_quality import MERGED_TABLE, quality_documents
from milk.steps.predictions import TABLE, Issuing, issue_months
from milk.steps.publication import publish_months
from milk.steps.receive import empty_observations, observations_of, receive
from milk.steps.staging import stage_version
from milk.steps.store import home_store
from milk.tables import RESTORED, empty_table
from tests.builders import RULE, SAMPLE, sample_features
from tests.milk.steps.homes import NOW, sample_training

NOVEMBER = Month(2026, 11)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("made") / "home")
    for source in ("milk_price", "precipitation"):
        receive(home, DataFolder(SAMPLE), source, received_at=NOW)
    version = stage_version(home, sample_training())
    issue_months(home, Issuing(sample_features(), version, RULE, is_synthetic=True, issued_at=NOW), [NOVEMBER])
    rain = observations_of(home, "precipitation")
    merged, _repairs = merge_sources(
        observations_of(home, "milk_price"), rain, empty_table(RESTORED), series_register()
    )
    write_table(home, MERGED_TABLE, merged)
    return home


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    shutil.copytree(made.path, tmp_path / "home")
    return Home(tmp_path / "home")


def _said(home: Home) -> dict[str, dict[str, Any]]:
    return {document.part: dict(document.content) for document in quality_documents(home)}


def test_what_is_told_of_a_sound_home(made: Home) -> None:
    said = _said(made)
    assert set(said) == {"received", "freshness", "repairs"}
    price, rain = said["received"]["rows"]
    assert (price["source"], price["series"], price["last_month"], price["absent_months"]) == (
        "milk_price", 1, "2026-10", 0,
    )  # fmt: skip
    assert (rain["source"], rain["series"], rain["revised"]) == ("precipitation", 8, 0)
    assert (said["freshness"]["issue_month"], said["freshness"]["as_of"]) == ("2026-11", "2026-11-01T03:00:00+00:00")
    assert [row["months_behind"] for row in said["freshness"]["rows"]] == [0, 0]
    blocks = {row["block"]: row for row in said["repairs"]["rows"]}
    assert (blocks["price"]["left_out"], blocks["gdp"]["proved"]) == ("nothing", "not received")


def test_an_empty_home_says_nothing_of_what_it_has_not(tmp_path: Path) -> None:
    assert _said(Home(tmp_path)) == {"received": {"rows": []}}


def test_gaps_are_counted_as_the_checks_list_them(home: Home) -> None:
    table = read_table(home, "raw_precipitation")
    first = table["series"].iloc[0]
    gone = table["series"].eq(first) & table["month"].isin(pd.to_datetime(["1999-03-01", "2001-05-01", "2001-06-01"]))
    write_table(home, "raw_precipitation", table[~gone])
    listed = absent_months(observations_of(home, "precipitation"), series_register().of_source("precipitation"))
    assert _said(home)["received"]["rows"][1]["absent_months"] == listed["absent"].sum() == 3


def test_a_source_that_is_late_is_told(home: Home) -> None:
    table = read_table(home, "raw_precipitation")
    write_table(home, "raw_precipitation", table[table["month"] < "2026-05-01"])
    behind = {row["source"]: row["months_behind"] for row in _said(home)["freshness"]["rows"]}
    assert behind == {"milk_price": 0, "precipitation": 5}


def test_a_damaged_table_stops_no_forecast(home: Home) -> None:
    for file in (home.path / "tables" / MERGED_TABLE).glob("*.parquet"):
        file.write_bytes(b"nothing")
    assert set(_said(home)) == {"received", "freshness"}


def test_what_is_told_is_published_once(home: Home) -> None:
    with home_store(home, home.store_url) as store:
        numbers = [
            publish_months(home, store, [NOVEMBER], published_at=NOW, run_id=run_id).published for run_id in ("a", "b")
        ]
        assert [one and one.publication_id for one in numbers] == [1, None]
        assert set(data_quality(store, SERIES_ID, upto=1)) == {"received", "freshness", "repairs"}
        # Other forecasts of the same home are no news of its data.
        rows = read_table(home, TABLE)
        write_table(home, TABLE, rows.assign(price=rows["price"] + 0.001))
        assert publish_months(home, store, [NOVEMBER], published_at=NOW, run_id="c").published is not None
        with store.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM data_quality").scalar() == 3


def test_without_observations_there_is_no_source(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_table(home, "raw_milk_price", empty_observations())
    assert _said(home)["received"] == {"rows": []}
