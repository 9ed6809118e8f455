"""What the store is given: issues, observed prices, cards, register, as the home holds them."""

import dataclasses
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from milk.errors import HomeBusy, HomeRefused
from milk.home.dataset import claim_home
from milk.home.layout import Home
from milk.home.tables import read_table, write_table
from milk.models.version import ModelVersion
from milk.months import Month, available_from
from milk.publication.read import issue_records
from milk.publication.rows import ForecastRow, Issue
from milk.series import SERIES_ID, series_register
from milk.sources.files import DataFolder
from milk.steps.issues import issues_of
from milk.steps.predictions import TABLE, Issuing, issue_months
from milk.steps.publication import (
    observed_prices,
    publish_months,
    register_rows,
    unpublished_months,
)
from milk.steps.published_versions import card_of
from milk.steps.receive import dataset_of, receive
from milk.steps.staging import stage_version
from milk.steps.store import home_store
from milk.tables import BATCH_PREDICTIONS
from tests.builders import RULE, SAMPLE, sample_features
from tests.milk.steps.homes import NOW, sample_training

MONTHS = [Month(2026, 10), Month(2026, 11)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ModelVersion]:
    """A home with two issue months; whoever changes it copies it first."""
    home = Home(tmp_path_factory.mktemp("made") / "home")
    receive(home, DataFolder(SAMPLE), "milk_price", received_at=NOW)
    version = stage_version(home, sample_training())
    issue_months(home, Issuing(sample_features(), version, RULE, is_synthetic=True, issued_at=NOW), MONTHS)
    return home, version


@pytest.fixture
def home(made: tuple[Home, ModelVersion], tmp_path: Path) -> Home:
    shutil.copytree(made[0].path, tmp_path / "home")
    return Home(tmp_path / "home")


def test_an_issue_says_what_its_rows_say(made: tuple[Home, ModelVersion]) -> None:
    home, version = made
    rows = _rows(home, MONTHS[1])
    (issue,) = issues_of(rows)
    assert (issue.series_id, issue.issue_month, issue.kind) == (SERIES_ID, MONTHS[1], "live")
    assert (issue.issued_at, issue.model_version, issue.is_synthetic) == (NOW, version.version_id, True)
    assert issue.data_versions["model"] == {"sha256": version.sha256}
    assert [f.target_month for f in issue.forecasts] == [MONTHS[1] + k for k in range(12)]
    assert [f.price for f in issue.forecasts] == rows["price"].to_list()
    # The drivers of databases take the types of Python, not those of NumPy.
    assert {type(f.horizon_months) for f in issue.forecasts} == {int}
    assert {type(f.price) for f in issue.forecasts} == {float}
    assert type(issue.is_synthetic) is bool


def test_every_column_of_a_forecast_is_published() -> None:
    published = {f.name for kind in (Issue, ForecastRow) for f in dataclasses.fields(kind)} - {"forecasts"}
    assert published == set(BATCH_PREDICTIONS.columns)


def test_the_order_of_rows_is_no_part_of_the_content(made: tuple[Home, ModelVersion]) -> None:
    rows = _rows(made[0], MONTHS[0])
    ((first,), (again,), (other,)) = map(issues_of, (rows, rows.iloc[::-1], rows.assign(price=rows["price"] + 0.01)))
    assert first.content_sha256 == again.content_sha256 != other.content_sha256


def test_observed_prices_carry_their_vintage(home: Home, tmp_path: Path) -> None:
    prices = observed_prices(home)
    assert {p.known_by for p in prices} == {"rule"}
    assert all(p.known_since == available_from(RULE, p.month) for p in prices)
    data = tmp_path / "data"
    shutil.copytree(SAMPLE, data)
    file = data / "precio_leche.csv"
    *before, last = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*before, last.rsplit(",", 1)[0] + ",399.99"]) + "\n", encoding="utf-8")
    receive(home, DataFolder(data), "milk_price", received_at=NOW)
    last_month = max(p.month for p in prices)
    newest = sorted((p for p in observed_prices(home) if p.month == last_month), key=lambda p: p.known_since)
    assert [p.known_by for p in newest] == ["rule", "received"]
    assert (newest[1].price, newest[1].known_since) == (399.99, NOW)


def test_a_card_brings_the_scores_of_every_model(made: tuple[Home, ModelVersion]) -> None:
    card = card_of(made[1])
    assert card.card == made[1].card
    assert len(card.scores) == 5 * 12
    assert {s.ratio for s in card.scores if s.model == "last_value"} == {1.0}


def test_a_card_of_before_has_no_scores_by_horizon(made: tuple[Home, ModelVersion]) -> None:
    version = made[1]
    scores = {name: score for name, score in version.card["scores"].items() if name != "by_horizon"}
    assert card_of(replace(version, card={**version.card, "scores": scores})).scores == ()


def test_the_register_is_published_whole() -> None:
    rows = register_rows()
    assert [row.name for row in rows] == [s.name for s in series_register().series]
    assert {row.series_id for row in rows} == {SERIES_ID}
    assert next(row for row in rows if row.name == "price").availability == "month_end, lag 0 months"


def test_what_is_not_published_is_named(home: Home) -> None:
    with home_store(home, home.store_url) as store:
        assert unpublished_months(home, store) == MONTHS
        publish_months(home, store, MONTHS[:1], published_at=NOW, run_id=None)
        assert unpublished_months(home, store) == MONTHS[1:]
        publish_months(home, store, MONTHS, published_at=NOW, run_id=None)
        assert unpublished_months(home, store) == []
        table = read_table(home, TABLE)
        write_table(home, TABLE, table.assign(price=table["price"] + 0.01))
        assert unpublished_months(home, store) == MONTHS
        publish_months(home, store, MONTHS, published_at=NOW, run_id=None)
        # What was published once and replaced since does not answer any more.
        write_table(home, TABLE, table)
        assert unpublished_months(home, store) == MONTHS


def test_nothing_was_ever_made(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home_store(home, home.store_url) as store:
        done = publish_months(home, store, MONTHS, published_at=NOW, run_id=None)
        assert done.published is None
        assert set(done.refused) == set(MONTHS)
        assert unpublished_months(home, store) == []
        assert issue_records(store, SERIES_ID) == []


def test_a_home_that_is_held_is_waited_for_and_then_busy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milk.steps.publication.LOCK_WAIT_SECONDS", 0.1)
    with (
        FileLock(home.path / "run.lock", is_singleton=False),
        home_store(home, home.store_url) as store,
        pytest.raises(HomeBusy, match="Another run is writing"),
    ):
        publish_months(home, store, MONTHS, published_at=NOW, run_id=None)


def test_two_homes_of_other_data_do_not_share_a_store(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.prepare()
    dataset = dataset_of(DataFolder(SAMPLE))
    claim_home(other, replace(dataset, is_synthetic=False, dataset_id="0" * 12))
    shared = f"sqlite:///{tmp_path}/shared.db"
    with home_store(home, shared):
        pass
    with pytest.raises(HomeRefused, match="holds another dataset"), home_store(other, shared):
        pass


def _rows(home: Home, month: Month) -> pd.DataFrame:
    table = read_table(home, TABLE)
    return table[table["issue_month"] == pd.Timestamp(month.first_day)].sort_values("target_month")
