"""A home as an earlier program left it, with partitions and rows in it: the present program goes on from there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

from milk.home.layout import Home
from milk.home.tables import read_table
from milk.publication.engine import HEAD, bring_to, open_store, reading, schema_within, writing
from milk.publication.read import broken_issues
from milk.steps.predictions import TABLE
from milk.tables import LATER_COLUMNS
from tests.milk.cli.commands import milk
from tests.milk.cli.conftest import Ran

SCHEMA = "0003"
"""Before the scorecard, the decisions to retrain, the data quality and the online route."""
TABLES_SINCE = ("scorecard", "scorecard_summary", "retrain_decisions", "input_drift")
PUBLISHED = ("promotions", "publications", "issues", "forecasts", "observed_prices", "model_cards", "scores", "series")
Rows = dict[str, set[tuple[Any, ...]]]


@contextmanager
def store_of(home: Path) -> Iterator[sa.Engine]:
    engine = open_store(Home(home).store_url)
    try:
        yield engine
    finally:
        engine.dispose()


def rows_of(home: Path) -> Rows:
    """Everything that was published and decided, column for column as the database holds it."""
    with store_of(home) as engine, reading(engine) as connection:
        return {
            name: {tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")}  # noqa: S608  # because the names are ours
            for name in PUBLISHED
        }


@pytest.fixture(scope="module")
def earlier(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody changes it; whoever wants to copies it first."""
    home = tmp_path_factory.mktemp("earlier") / "home"
    shutil.copytree(ran.home, home)
    with store_of(home) as engine, writing(engine) as connection:
        bring_to(connection, SCHEMA)
    for name in TABLES_SINCE:
        shutil.rmtree(home / "tables" / name)
    rows = read_table(Home(home), TABLE)
    shutil.rmtree(home / "tables" / TABLE)
    write_deltalake(str(home / "tables" / TABLE), rows.drop(columns=[*LATER_COLUMNS[TABLE]]))
    return home


@pytest.fixture
def home(earlier: Path, tmp_path: Path) -> Path:
    shutil.copytree(earlier, tmp_path / "home")
    return tmp_path / "home"


def test_it_is_as_an_earlier_program_left_it(earlier: Path) -> None:
    with store_of(earlier) as engine, reading(engine) as connection:
        assert schema_within(connection) == SCHEMA
        assert "scorecard" not in sa.inspect(connection).get_table_names()


def test_the_next_run_goes_on_and_nothing_that_was_published_is_lost_or_changed(home: Path) -> None:
    before, issued = rows_of(home), read_table(Home(home), TABLE)
    told = milk("run", MILK_HOME=str(home))
    assert told.code == 0, told.err
    after = rows_of(home)
    assert {name: rows - after[name] for name, rows in before.items()} == {name: set() for name in PUBLISHED}
    # The same data, so no month is said anew.
    assert {name: len(after[name]) for name in ("issues", "forecasts", "promotions")} == {
        name: len(before[name]) for name in ("issues", "forecasts", "promotions")
    }
    with store_of(home) as engine:
        assert broken_issues(engine) == []
        with reading(engine) as connection:
            assert schema_within(connection) == HEAD
    again = read_table(Home(home), TABLE)
    same = [name for name in issued.columns if name not in LATER_COLUMNS[TABLE] and name != "data_versions"]
    keys = ["issue_month", "target_month"]
    assert (
        again[same]
        .drop(columns="issued_at")
        .sort_values(keys, ignore_index=True)
        .equals(issued[same].drop(columns="issued_at").sort_values(keys, ignore_index=True))
    )


def test_everything_in_it_is_read_and_it_is_backed_up_as_it_is(home: Path, tmp_path: Path) -> None:
    backup = milk("backup", tmp_path / "b", "--home", home)
    assert f"schema {SCHEMA}" in backup.out, backup.err
    # To back up is not to upgrade: the earlier program still has its store.
    with store_of(home) as engine, reading(engine) as connection:
        assert schema_within(connection) == SCHEMA
    restored = milk("restore", tmp_path / "b", "--home", tmp_path / "new")
    assert f"brought up from schema {SCHEMA}" in restored.out, restored.err
    for place in (home, tmp_path / "new"):
        status = milk("status", "--home", place)
        assert "published 11 issues" in status.out, status.err
        assert "since" in milk("models", "list", "--home", place).out
        assert "Nothing to free" in milk("gc", "--home", place).out
        assert milk("alerts", "--home", place).code == 0
    assert rows_of(tmp_path / "new") == rows_of(home)
