"""The role of deploy/postgres/dagster.sql on a real server: enough for Dagster's records, and nothing of the store."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from milk.cli.dagster_home import create_dagster_storage, in_process_instance, prepare_dagster_home
from milk.errors import HomeRefused, StoreUnavailable
from milk.home.layout import Home
from milk.publication.engine import migrate, open_store
from milk.settings import load_settings
from tests.milk.cli.commands import milk
from tests.postgres import PostgresServer

SCRIPTS = Path(__file__).parents[2] / "deploy" / "postgres"
PASSWORD = "a-password-of-this-test"  # noqa: S105  # because the server is gone with the test


def _run(address: str, script: str) -> None:
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(script.replace("%", "%%"))


def _as(address: str, user: str) -> str:
    return sa.make_url(address).set(username=user, password=PASSWORD).render_as_string(hide_password=False)


@pytest.fixture
def store(postgres: PostgresServer) -> str:
    """The store as its owner opens it, with its roles, and a user who publishes."""
    address = postgres.new_database()
    engine = open_store(address)
    migrate(engine)
    engine.dispose()
    _run(address, (SCRIPTS / "roles.sql").read_text(encoding="utf-8"))
    _run(address, f"DROP USER IF EXISTS publishes; CREATE USER publishes PASSWORD '{PASSWORD}' IN ROLE milk_publisher")
    return address


@pytest.fixture
def records(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The database of the records, with its role given, as the pipeline's user opens it."""
    owner = postgres.new_database(driver="psycopg2")
    for _ in range(2):
        # Twice: it must be safe to repeat.
        _run(owner, (SCRIPTS / "dagster.sql").read_text(encoding="utf-8"))
    _run(owner, f"CREATE USER pipeline PASSWORD '{PASSWORD}' IN ROLE milk_dagster")
    address = _as(owner, "pipeline")
    monkeypatch.setenv("MILK_DAGSTER_URL", address)
    yield address
    _run(owner, "DROP OWNED BY pipeline; DROP USER pipeline")


@pytest.fixture
def home(records: str, tmp_path: Path) -> Home:
    assert records
    home = Home(tmp_path / "home")
    prepare_dagster_home(home, load_settings())
    return home


def test_the_role_makes_and_keeps_the_records(home: Home) -> None:
    create_dagster_storage(home)
    with in_process_instance(home) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("thing"))
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (a int)",
        "SELECT pg_read_file('/etc/hostname')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_the_role_may_nothing_else_on_the_server(records: str, statement: str) -> None:
    engine = sa.create_engine(records, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=r"permission denied|must be superuser"):
        connection.exec_driver_sql(statement)


def test_nobody_gets_into_the_database_of_the_other(store: str, records: str, home: Home) -> None:
    pipeline = sa.make_url(store).set(username="pipeline", password=PASSWORD).render_as_string(hide_password=False)
    with pytest.raises((StoreUnavailable, HomeRefused), match="permission denied for database"):
        open_store(pipeline)
    publisher = sa.create_engine(_as(records, "publishes"), poolclass=sa.NullPool)
    with pytest.raises(sa.exc.OperationalError, match="permission denied for database"):
        publisher.connect()
    engine = open_store(_as(store, "publishes"))
    engine.dispose()
    create_dagster_storage(home)


def test_the_check_tells_what_the_user_may(store: str, records: str, tmp_path: Path) -> None:
    told = milk("config", "check", "--home", tmp_path, MILK_STORE_URL=_as(store, "publishes"), MILK_DAGSTER_URL=records)
    assert told.code == 0, told
    assert "its user may publish" in told.out
    assert "empty, the first start makes its tables" in told.out


def test_a_user_who_may_make_no_tables_is_told_what_gives_the_right(
    postgres: PostgresServer, records: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert records
    closed = postgres.new_database(driver="psycopg2")
    _run(closed, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    monkeypatch.setenv("MILK_DAGSTER_URL", _as(closed, "pipeline"))
    told = milk("config", "check", "--home", tmp_path / "h")
    assert told.code == 1
    assert "may make no tables there. deploy/postgres/dagster.sql gives the right" in told.out
    home = Home(tmp_path / "home")
    prepare_dagster_home(home, load_settings())
    with pytest.raises(HomeRefused, match=r"does not let its user do that .*permission denied for schema public"):
        create_dagster_storage(home)
