import contextlib
import sqlite3
import sys
import threading
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from milk.errors import BadSetting, HomeBusy, HomeRefused, NothingPublished, StoreUnavailable
from milk.publication.engine import migrate, open_store, reading, shown_address
from milk.publication.read import newest_publication
from tests.postgres import PostgresServer


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_an_address_that_leaves_its_driver_open_is_refused(scheme: str) -> None:
    with pytest.raises(BadSetting, match=r"write postgresql\+psycopg:// in place of") as said:
        open_store(f"{scheme}://ana:secret@host/store")
    assert "secret" not in str(said.value)


@pytest.mark.parametrize(
    "url",
    ["store.db", "", "postgresql+psycopg://host:abc/store", "postgresql+psycopg://[::1/store", "sqlite:////a\0b.db"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match=r"\(MILK_STORE_URL\) is not a database URL, such as sqlite:"):
        open_store(url)


@pytest.mark.parametrize(
    "driver", ["nosuch", "postgresql+nosuch", "postgresql+psycopg_async", "mysql", "sqlite+aiosqlite"]
)
def test_a_driver_that_this_program_cannot_use_is_refused(driver: str) -> None:
    with pytest.raises(BadSetting, match="which this program cannot use") as said:
        open_store(f"{driver}://ana:secret@host/store")
    assert driver in str(said.value)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize("option", ["timeout=abc", "timeout=1&timeout=2", "mode=ro"])
def test_a_file_takes_no_options(tmp_path: Path, option: str) -> None:
    with pytest.raises(BadSetting, match="takes no options"):
        open_store(f"sqlite:///{tmp_path}/store.db?{option}")
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadSetting, match="package 'psycopg', which is not installed"):
        open_store("postgresql+psycopg://host/store")


def test_no_password_is_shown_wherever_it_stands_in_the_address() -> None:
    shown = shown_address("postgresql+psycopg://ana:s3cret@host:5432/milk?password=s3cret&sslpassword=s3cret")
    assert shown == "postgresql+psycopg://ana:***@host:5432/milk"


def test_what_can_be_no_store_is_told_from_one_that_is_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="There is no store at"):
        open_store(f"sqlite:///{tmp_path}/new.db", create=False)
    with pytest.raises(HomeRefused, match="File name too long"):
        open_store(f"sqlite:///{tmp_path}/{'x' * 300}.db", create=False)
    with pytest.raises(HomeRefused, match="is no file"):
        open_store(f"sqlite:///{tmp_path}", create=False)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE music (song)")
    store = open_store(f"sqlite:///{tmp_path}/other.db", create=False)
    with pytest.raises(HomeRefused, match="another program"):
        newest_publication(store)
    store.dispose()


def test_who_only_reads_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        copy.execute("PRAGMA user_version = 1")
    open_store(f"sqlite:///{tmp_path}/copy.db", create=False).dispose()
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_user_without_the_rights_is_told_which(postgres: PostgresServer) -> None:
    address = sa.make_url(postgres.new_database())
    migrated = open_store(address.render_as_string(hide_password=False))
    migrate(migrated)
    with migrated.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE ROLE guest LOGIN PASSWORD '{postgres.password}'")
    migrated.dispose()
    store = open_store(address.set(username="guest").render_as_string(hide_password=False))
    with pytest.raises(HomeRefused, match=r"guest:\*\*\*@.*permission denied.*a reader needs SELECT") as said:
        newest_publication(store)
    assert not isinstance(said.value, StoreUnavailable)
    with pytest.raises(HomeRefused, match="does not let its user do that"):
        migrate(store)
    store.dispose()


def test_an_option_that_the_driver_does_not_know_is_a_bad_setting(postgres: PostgresServer) -> None:
    with pytest.raises(BadSetting, match=r"\(MILK_STORE_URL\) cannot be used: .*nonsense"):
        open_store(f"{postgres.new_database()}?nonsense=1")


def test_a_server_that_does_not_answer_is_refused_without_its_password() -> None:
    class SilentServer:
        """What SQLAlchemy asks of a driver before it is connected."""

        __version__ = "1.31"
        paramstyle = "pyformat"
        OperationalError = type("OperationalError", (Exception,), {})
        InterfaceError = type("InterfaceError", (Exception,), {})
        Error = (OperationalError, InterfaceError)

    def connect() -> NoReturn:
        raise SilentServer.OperationalError("connection refused")

    engine = sa.create_engine("postgresql+pg8000://ana:secret@host/store", module=SilentServer, creator=connect)
    with (
        pytest.raises(HomeRefused, match=r"ana:\*\*\*@host/store does not answer \(connection refused\)"),
        reading(engine),
    ):
        pass


def test_a_new_file_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.2, holder.execute, ["COMMIT"])
    release.start()
    open_store(f"sqlite:///{tmp_path}/store.db").dispose()
    release.join()
    holder.close()


def test_a_new_file_that_another_process_keeps_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milk.publication.engine._WAL_PAUSE_SECONDS", 0)
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(HomeBusy, match="Another process is writing"):
        open_store(f"sqlite:///{tmp_path}/store.db")
    holder.close()


def test_a_fault_does_not_say_the_values_of_its_statement(store: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as said, reading(store) as connection:
        connection.execute(sa.text("SELECT * FROM nowhere WHERE price = :price"), {"price": "a secret price"})
    assert "secret" not in str(said.value)


def test_a_statement_that_is_wrong_stays_a_bug(store: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="nowhere"), reading(store) as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")
