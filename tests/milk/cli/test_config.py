"""`milk config show`, `milk config check`, `milk prepare`: what is set, whether it works, and no password anywhere."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from milk.cli.check import Found, check_store, try_all
from milk.cli.config import shown_secret
from milk.errors import StoreUnavailable
from milk.publication.engine import HEAD, open_store, schema_of
from milk.settings import Settings, load_settings
from tests.milk.cli.commands import Told, milk, price_folder, refused
from tests.postgres import PostgresServer

SECRET = "p4ss"  # noqa: S105  # because it opens nothing
RECORDS = f"postgresql+psycopg2://ana:{SECRET}@127.0.0.1:1/dagster"
STORE = f"postgresql+psycopg://ana:{SECRET}@127.0.0.1:1/milk?password={SECRET}"


def found_by(*arguments: object, **settings: str) -> tuple[int, dict[str, Found]]:
    """Exit code and findings of `milk config check`."""
    told = milk("config", "check", "--json", *arguments, **settings)
    assert "Traceback" not in told.out + told.err
    return told.code, {one["name"]: Found(**one) for one in json.loads(told.out)}


def shown_by(*arguments: object, **settings: str) -> dict[str, dict[str, str]]:
    told = milk("config", "show", "--json", *arguments, **settings)
    assert told.code == 0, told
    assert SECRET not in told.out + told.err
    return {row["name"]: row for row in json.loads(told.out)}


def test_every_setting_is_shown_with_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(RECORDS, encoding="utf-8")
    rows = shown_by("--home", tmp_path, MILK_STORE_URL=STORE, MILK_DAGSTER_URL_FILE=str(tmp_path / "url"))
    assert set(rows) == set(Settings.model_fields)
    assert {name: rows[name]["from"] for name in ("home", "first_issue", "store_url", "dagster_url", "port")} == {
        "home": "option",
        "first_issue": "environment",
        "store_url": "environment",
        "dagster_url": "file",
        "port": "default",
    }
    assert rows["home"]["value"] == str(tmp_path)
    assert rows["store_url"]["value"] == "postgresql+psycopg://ana:***@127.0.0.1:1/milk"
    assert rows["dagster_url"]["value"] == "postgresql+psycopg2://ana:***@127.0.0.1:1/dagster"


def test_what_is_used_is_shown_where_nothing_is_set(tmp_path: Path) -> None:
    rows = shown_by("--home", tmp_path)
    assert rows["store_url"]["value"] == f"sqlite:///{tmp_path}/milk.db"
    assert rows["dagster_url"]["value"] == f"SQLite in {tmp_path}/dagster"
    assert list(tmp_path.iterdir()) == []


def test_a_line_each_for_a_person(tmp_path: Path) -> None:
    told = milk("config", "show", "--home", tmp_path)
    assert ["MILK_HOME", "option", str(tmp_path)] in [line.split() for line in told.out.splitlines()]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql+psycopg://ana:p4ss@h/d?sslpassword=p4ss", "postgresql+psycopg://ana:***@h/d"),
        ("https://hooks.example.org/p4ss?key=p4ss", "https://hooks.example.org/***"),
        ("p4ss", "***"),
        ("postgresql://ana:p4ss@h:port/d", "***"),
        ("postgresql+psycopg://ana:p@ss/p4ss@h/d", "postgresql+psycopg://***"),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(value: str, shown: str) -> None:
    assert shown_secret(value) == shown


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("rest", ["ana:p@ss/p4ss@h/d", "ana:p@s:p4ss@h/d", "ana:p4ss@h:port/d"])
def test_an_address_that_misleads_its_parser_is_refused_and_not_shown(tmp_path: Path, driver: str, rest: str) -> None:
    setting = "MILK_DAGSTER_URL" if driver == "psycopg2" else "MILK_STORE_URL"
    told = milk("prepare", MILK_HOME=str(tmp_path), **{setting: f"postgresql+{driver}://{rest}"})
    refused(told, setting, code=2)
    assert "p4ss" not in told.out + told.err


def test_an_embedded_home_is_well_before_its_first_run(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    code, found = found_by("--home", home)
    assert code == 0, found
    assert list(found) == ["data", "home", "store", "dagster"]
    assert "the first run makes it" in found["home"].said
    assert "the first run makes it" in found["store"].said
    assert not (tmp_path / "new").exists(), "to look is not to make"


def test_everything_wrong_is_said_at_once_and_without_a_password(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data", replace=("1979,Feb,4.37", "1979,Feb,cuatro"))
    home = tmp_path / "home"
    home.write_text("a file", encoding="utf-8")
    told = milk("config", "check", "--data", data, "--home", home, MILK_STORE_URL=STORE, MILK_DAGSTER_URL=RECORDS)
    assert told.code == 1
    assert SECRET not in told.out + told.err
    lines = told.out.splitlines()
    assert [line.split()[:2] for line in lines] == [["wrong", part] for part in ("data", "home", "store", "dagster")]
    for line, words in zip(lines, ("row 3", f"{home} cannot be", "does not answer", "MILK_DAGSTER_URL"), strict=True):
        assert words in line


def test_a_setting_that_cannot_be_used_is_said_as_ever(tmp_path: Path) -> None:
    told = milk("config", "check", "--home", tmp_path, MILK_PORT="0")
    assert (told.code, told.err.count("error: MILK_PORT")) == (2, 1)
    code, found = found_by("--home", tmp_path, MILK_DAGSTER_URL="postgresql://ana@host/dagster")
    assert code == 1
    assert "write postgresql+psycopg2://" in found["dagster"].said


def test_a_check_that_never_ends_is_not_waited_for() -> None:
    never = threading.Event()

    def bad() -> str:
        raise ZeroDivisionError("of a bug")

    found = try_all({"frozen": lambda: str(never.wait()), "fine": lambda: "yes", "bug": bad}, limit_seconds=0.5)
    assert found[0].state == "wrong"
    assert found[0].said.startswith("no answer within 0.5 s")
    assert found[1:] == [Found("fine", "ok", "yes"), Found("bug", "wrong", "ZeroDivisionError: of a bug")]
    never.set()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_server_that_says_nothing_is_given_up(silent: int) -> None:
    address = f"postgresql+psycopg://ana:{SECRET}@127.0.0.1:{silent}/milk?connect_timeout=2"
    with pytest.raises(StoreUnavailable, match="does not answer"):
        check_store(load_settings(store_url=address))


def test_servers_are_prepared_and_found_well(postgres: PostgresServer, tmp_path: Path) -> None:
    settings = {
        "MILK_STORE_URL": postgres.new_database(),
        "MILK_DAGSTER_URL": postgres.new_database(driver="psycopg2"),
    }
    home = tmp_path / "home"
    code, found = found_by("--home", home, **settings)
    assert code == 0, found
    assert "empty, the first run makes its tables" in found["store"].said
    assert "empty, the first start makes its tables" in found["dagster"].said
    for _ in range(2):
        _is_prepared(milk("prepare", "--home", home, **settings), postgres)
    code, found = found_by("--home", home, **settings)
    assert code == 0, found
    assert f"schema {HEAD}; its user may publish" in found["store"].said
    assert f"that of Dagster {dg.__version__}" in found["dagster"].said
    assert postgres.password not in "".join(file.read_text() for file in (home / "dagster").glob("*.yaml"))
    engine = open_store(settings["MILK_STORE_URL"])
    assert schema_of(engine) == HEAD
    _of_a_newer_version(engine)
    code, found = found_by("--home", home, **settings)
    assert (code, found["store"].state) == (1, "wrong")
    assert "A newer version of this program made the store" in found["store"].said


def _is_prepared(told: Told, postgres: PostgresServer) -> None:
    assert told.code == 0, told
    assert [line.split()[0] for line in told.out.splitlines()] == ["store", "dagster", "home"]
    assert postgres.password not in told.out + told.err


def _of_a_newer_version(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
