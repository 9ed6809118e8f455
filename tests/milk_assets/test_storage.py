"""Dagster's records on a real PostgreSQL server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster_postgres.utils import retry_pg_connection_fn

from milk.cli.dagster_home import (
    create_dagster_storage,
    environment_of_parts,
    in_process_instance,
    prepare_dagster_home,
)
from milk.errors import HomeRefused, StoreUnavailable
from milk.home.layout import Home
from milk.settings import load_settings
from milk_assets.records import revisions
from milk_assets.storage import bounded, explained
from tests.postgres import PostgresServer

OPEN = """
import sys
import dagster as dg
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    instance.report_runless_asset_event(dg.AssetMaterialization("made_by", metadata={"who": sys.argv[2]}))
"""


@pytest.fixture
def address(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new database for the records, which the settings name."""
    address = postgres.new_database(driver="psycopg2")
    monkeypatch.setenv("MILK_DAGSTER_URL", address)
    return address


@pytest.fixture
def home(address: str, tmp_path: Path) -> Home:
    assert address
    home = Home(tmp_path / "home")
    prepare_dagster_home(home, load_settings())
    return home


@contextmanager
def _connected(address: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        yield connection


def test_what_is_recorded_stands_on_the_server(home: Home, address: str) -> None:
    with in_process_instance(home) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("thing"))
    with in_process_instance(home) as again:
        assert again.get_latest_materialization_event(dg.AssetKey("thing")) is not None
    assert [file.name for file in home.dagster.rglob("*.db")] == []
    with _connected(address) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM event_logs")) == 1


def test_processes_that_meet_an_empty_database_at_once_make_it_once(home: Home, address: str) -> None:
    environment = environment_of_parts(load_settings(), home)
    command = [sys.executable, "-c", OPEN, str(home.dagster)]
    processes = [subprocess.Popen([*command, str(n)], env=environment, stderr=subprocess.PIPE) for n in range(2)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    with _connected(address) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1
        assert connection.scalar(sa.text("SELECT count(*) FROM event_logs")) == 2


def test_a_server_that_does_not_answer_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILK_DAGSTER_URL", "postgresql+psycopg2://ana:p4ss@127.0.0.1:1/dagster")
    with pytest.raises(StoreUnavailable, match=r"ana:\*\*\*@127.0.0.1:1/dagster does not answer"):
        create_dagster_storage(home)


def test_a_server_that_goes_in_the_middle_is_told() -> None:
    url = bounded("postgresql+psycopg2://ana:p4ss@127.0.0.1:1/dagster")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with pytest.raises(StoreUnavailable, match="does not answer"), explained(url):
        # As Dagster connects for each event, but with no patience.
        retry_pg_connection_fn(engine.connect, retry_limit=0, retry_wait=0)


def test_an_address_has_limits_unless_it_sets_its_own() -> None:
    assert dict(bounded("postgresql+psycopg2://h/d?connect_timeout=30").query) == {
        "connect_timeout": "30",
        "tcp_user_timeout": "15000",
    }


def test_a_restarted_server_costs_no_answer(home: Home, postgres: PostgresServer) -> None:
    with in_process_instance(home) as instance:
        instance.optimize_for_webserver(statement_timeout=5000, pool_recycle=3600, max_overflow=5)
        assert instance.get_runs() == []
        assert instance.all_instigator_state() == []
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is None
        postgres.stop()
        postgres.start()
        assert instance.get_runs() == []
        assert instance.all_instigator_state() == []
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is None


def test_a_bug_stays_a_bug(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), in_process_instance(home):
        _ = 1 / 0


def test_records_of_an_earlier_dagster_are_brought_up_to_date(
    home: Home, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with in_process_instance(home) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("thing"))
        head = next(iter(revisions(instance).values()))[1]
    with _connected(address) as connection:
        connection.exec_driver_sql("ALTER TABLE concurrency_limits DROP COLUMN using_default_limit")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '6b7fb194ff9c'")
    create_dagster_storage(home)
    assert "brought to the schema of this version of Dagster" in capsys.readouterr().err
    with in_process_instance(home) as instance:
        assert {has for has, _wanted in revisions(instance).values()} == {head}
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None
    with _connected(address) as connection:
        assert "using_default_limit" in {c["name"] for c in sa.inspect(connection).get_columns("concurrency_limits")}


def test_records_of_a_newer_dagster_are_refused(home: Home, address: str) -> None:
    create_dagster_storage(home)
    with _connected(address) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(HomeRefused, match=r"A newer Dagster than .* made its records here"):
        create_dagster_storage(home)


def test_the_settings_of_dagster_hold_no_address(home: Home, address: str) -> None:
    password = sa.make_url(address).password
    assert password
    for file in home.dagster.iterdir():
        content = file.read_text(encoding="utf-8")
        assert "milk_assets.storage" in content
        assert password not in content


def test_records_go_back_to_the_home_when_the_setting_is_gone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILK_DAGSTER_URL")
    with pytest.raises(HomeRefused, match="MILK_DAGSTER_URL is not set"), in_process_instance(home):
        pass
    prepare_dagster_home(home, load_settings())
    with in_process_instance(home) as instance:
        assert instance.get_runs() == []
    assert any(home.dagster.rglob("*.db"))


def test_a_secret_given_as_a_file_stays_out_of_the_environment_of_the_parts(
    home: Home, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("records").write_text(address, encoding="utf-8")
    Path("store").write_text("postgresql+psycopg://ana:p4ss@host/store", encoding="utf-8")
    monkeypatch.delenv("MILK_DAGSTER_URL")
    monkeypatch.setenv("MILK_DAGSTER_URL_FILE", "records")
    monkeypatch.setenv("milk_store_url_file", "store")
    monkeypatch.setenv("MILK_STORE_ULR", "p4ss")
    environment = environment_of_parts(load_settings(), home)
    given = {name: value for name, value in environment.items() if name.upper().startswith("MILK_")}
    assert given["MILK_DAGSTER_URL_FILE"] == str(tmp_path / "records")
    assert given["MILK_STORE_URL_FILE"] == str(tmp_path / "store")
    assert {*given} & {"MILK_STORE_URL", "MILK_DAGSTER_URL", "milk_store_url_file", "MILK_STORE_ULR"} == set()
    assert "p4ss" not in str(environment)


def test_an_address_of_a_file_means_the_same_in_another_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("store").write_text("sqlite:///here.db", encoding="utf-8")
    monkeypatch.setenv("MILK_STORE_URL_FILE", "store")
    environment = environment_of_parts(load_settings(), home)
    assert environment["MILK_STORE_URL"] == f"sqlite:///{tmp_path}/here.db"
    assert "MILK_STORE_URL_FILE" not in environment
    assert os.environ["MILK_STORE_URL_FILE"] == "store"
