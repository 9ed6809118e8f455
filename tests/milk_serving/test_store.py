"""A store that is not there yet, goes away, comes back, or gets more: the reader follows, without a restart."""

import asyncio
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from anyio import to_thread
from fastapi import FastAPI

from milk.errors import HomeRefused, MilkError
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import append_promotion
from milk.publication.online import OnlinePrediction, keep_prediction
from milk.series import SERIES_ID
from milk.settings import Settings
from milk_serving.answers import Reader
from milk_serving.app import create_app
from milk_serving.store import RECHECK_SECONDS, Edition, PublishedStore
from tests.milk.publication.rows import NOON, promoted
from tests.milk_serving.client import Client, serving
from tests.milk_serving.rows import issue, publish_issues
from tests.ports import free_port
from tests.postgres import PostgresServer

PATHS = ["/predictions", "/predictions/latest", "/predictions/2014-10", "/issues", "/readyz",
         "/api/v1/get_prediction?year=2014&month=10"]  # fmt: skip


def _wait_for_the_next_look() -> None:
    time.sleep(RECHECK_SECONDS * 1.25)


def _refused(client: Client, path: str = "/predictions") -> str:
    """The name of the problem that a question meets."""
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/livez").status_code == 200
    return str(answer.json()["type"].removeprefix("urn:milk:problem:"))


def _first_price(client: Client) -> float:
    answer = client.get("/predictions/latest")
    assert answer.status_code == 200, answer.text
    return float(answer.json()["data"][0]["price"])


@pytest.mark.parametrize("path", PATHS)
def test_a_store_that_is_not_there(client: Client, settings: Settings, path: str) -> None:
    assert _refused(client, path) == "nothing-published"
    assert not settings.home_path.exists(), "who reads must leave no empty store behind"


def test_what_to_do_where_nothing_is_published(client: Client) -> None:
    detail = client.get("/predictions").json()["detail"]
    assert "make run" in detail
    assert "materialise batch_predictions in Dagster under `make up`" in detail


def test_a_store_is_found_when_it_is_made_and_when_it_is_filled(client: Client, settings: Settings) -> None:
    assert _refused(client) == "nothing-published"
    with closing(_new_store(settings)) as store:
        _wait_for_the_next_look()
        assert _refused(client) == "nothing-published"
        publish_issues(store.engine, issue("2014-10", price=200))
        _wait_for_the_next_look()
        assert _first_price(client) == 200.0


def test_an_old_answer_is_not_given_after_the_next_look(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200))
    assert _first_price(client) == 200.0
    publish_issues(store, issue("2014-10", price=210))
    _wait_for_the_next_look()
    assert _first_price(client) == 210.0
    publish_issues(store, issue("2014-11", price=220))
    _wait_for_the_next_look()
    assert client.get("/readyz").json()["newest_issue_month"] == "2014-11"
    assert _first_price(client) == 220.0


def test_a_store_that_goes_away_and_comes_back(client: Client, store: sa.Engine, settings: Settings) -> None:
    publish_issues(store, issue("2014-10", price=200))
    assert _first_price(client) == 200.0
    store.dispose()
    home, away = settings.home_path, settings.home_path.with_name("away")
    home.rename(away)
    _wait_for_the_next_look()
    assert _refused(client, "/predictions/latest") == "nothing-published"
    away.rename(home)
    _wait_for_the_next_look()
    assert _first_price(client) == 200.0


def test_a_store_made_anew_under_the_same_name(client: Client, store: sa.Engine, settings: Settings) -> None:
    publish_issues(store, issue("2014-10", price=200))
    assert _first_price(client) == 200.0
    store.dispose()
    settings.home_path.rename(settings.home_path.with_name("away"))
    with closing(_new_store(settings)) as other:
        # As many publications as before: the number alone does not tell the two stores apart.
        publish_issues(other.engine, issue("2014-10", price=555))
        _wait_for_the_next_look()
        assert _first_price(client) == 555.0


def test_a_store_that_is_overwritten_in_its_place(
    client: Client, store: sa.Engine, settings: Settings, tmp_path: Path
) -> None:
    publish_issues(store, issue("2014-10", price=200))
    assert _first_price(client) == 200.0
    with store.connect() as connection:
        # Long after a publication nothing is left in the log beside the file.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()
    with closing(_new_store(Settings(home=tmp_path / "other"))) as other:
        # Another store has other runs; the same file with the same publication is taken for what it was.
        publish_issues(other.engine, issue("2014-10", price=555), run_id="another run")
    # As `cp` restores a backup: into the very file that is there.
    (settings.home_path / "milk.db").write_bytes((tmp_path / "other" / "milk.db").read_bytes())
    _wait_for_the_next_look()
    assert _first_price(client) == 555.0


def test_a_checkpoint_drops_no_answer(app: FastAPI, client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200))
    append_promotion(store, promoted("v-1", series=SERIES_ID))
    assert client.get("/issues").status_code == 200
    first = client.get("/predictions/latest")
    reader: Reader = app.state.reader
    engine = reader.store.engine()
    keep_prediction(store, _asked())
    with store.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    _wait_for_the_next_look()
    assert client.get("/readyz").status_code == 200
    assert reader.store.engine() is not engine, "the file was not opened again"
    assert client.get("/predictions/latest").content == first.content
    # The other answer would be gone with an edition, and nobody has asked for it again.
    assert len(reader.answers) == 2
    # What is published drops it, in the same file opened again or not.
    publish_issues(store, issue("2014-10", price=210))
    with store.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    _wait_for_the_next_look()
    assert _first_price(client) == 210.0


def test_the_same_publication_after_a_fault_is_another_edition(settings: Settings, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    held = PublishedStore(settings.store_address)

    def look() -> Edition | MilkError:
        # The file changes, as a checkpoint changes it.
        file = settings.home_path / "milk.db"
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
        return held._look()

    first = look()
    assert isinstance(first, Edition)
    assert look() == first
    with closing(sqlite3.connect(settings.home_path / "milk.db")) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        _set_version(connection, "9999")
        assert isinstance(look(), HomeRefused)
        _set_version(connection, version)
    again = look()
    assert isinstance(again, Edition)
    assert again.opening > first.opening
    assert again._replace(opening=first.opening) == first
    held.close()


def test_a_look_waits_for_no_thread_of_the_routes(settings: Settings, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    held = PublishedStore(settings.store_address)
    let_go = threading.Event()

    async def ask() -> Edition:
        limiter = to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        blocked = asyncio.create_task(to_thread.run_sync(let_go.wait, 30))
        while limiter.available_tokens:
            await asyncio.sleep(0.01)
        try:
            return await asyncio.wait_for(held.edition(), 5)
        finally:
            let_go.set()
            await blocked

    assert asyncio.run(ask()).publication == 1
    held.close()


def _asked() -> OnlinePrediction:
    return OnlinePrediction.of({}, {}, series_id=SERIES_ID, model_version="v-1", created_at=NOON)


class _OwnedStore:
    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def close(self) -> None:
        self.engine.dispose()


def _new_store(settings: Settings) -> _OwnedStore:
    engine = open_store(settings.store_address)
    migrate(engine)
    return _OwnedStore(engine)


def test_a_file_that_is_no_store(client: Client, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.home_path.mkdir()
    (settings.home_path / "milk.db").write_bytes(b"This is a letter and not a database. " * 100)
    with caplog.at_level(logging.WARNING, "milk_serving"):
        assert _refused(client) == "store-unusable"
        assert str(settings.home_path) not in client.get("/predictions").text
    assert str(settings.home_path) in caplog.text


def test_a_store_of_a_newer_version(client: Client, store: sa.Engine, settings: Settings) -> None:
    publish_issues(store, issue("2014-10"))
    with closing(sqlite3.connect(settings.home_path / "milk.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert _refused(client) == "store-unusable"


def test_an_answer_from_before_a_fault_is_not_given_after_it(
    client: Client, store: sa.Engine, settings: Settings
) -> None:
    publish_issues(store, issue("2014-10", price=200))
    assert _first_price(client) == 200.0
    with closing(sqlite3.connect(settings.home_path / "milk.db")) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        _set_version(connection, "9999")
        _wait_for_the_next_look()
        assert _refused(client) == "store-unusable"
        # The file is the same and has as many publications; only its content is that of another store.
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE forecasts SET price = price + 1")
        _set_version(connection, version)
    _wait_for_the_next_look()
    assert _first_price(client) == 201.0


def _set_version(connection: sqlite3.Connection, version: str) -> None:
    connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.commit()


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with serving(create_app(Settings(home=tmp_path, store_url="secret-and-no-url"))) as client:
        assert _refused(client) == "store-unusable"
        assert "secret" not in client.get("/predictions").text


@pytest.fixture
def stopped_server() -> str:
    """The address of a server that is not running."""
    return f"postgresql+psycopg://reader:letmein@127.0.0.1:{free_port()}/milk"


def test_a_server_that_is_stopped(tmp_path: Path, stopped_server: str, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        serving(create_app(Settings(home=tmp_path, store_url=stopped_server))) as client,
    ):
        for path in PATHS:
            assert _refused(client, path) == "store-unavailable"
            text = client.get(path).text
            assert not [word for word in ("letmein", "reader:", "127.0.0.1", "Traceback") if word in text]
    assert "does not answer" in caplog.text
    assert "letmein" not in caplog.text


def test_a_store_made_anew_on_a_server_while_nobody_asks(tmp_path: Path, postgres: PostgresServer) -> None:
    settings = Settings(home=tmp_path, store_url=postgres.new_database())
    with serving(create_app(settings)) as client:
        for price in (200.0, 555.0):
            with closing(_new_store(settings)) as store:
                publish_issues(store.engine, issue("2014-10", price=price), run_id=f"run {price}")
            _wait_for_the_next_look()
            assert _first_price(client) == price
            with closing(_new_store(settings)) as store, store.engine.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")


def test_a_server_that_is_stopped_and_started_again(tmp_path: Path, postgres: PostgresServer) -> None:
    settings = Settings(home=tmp_path, store_url=postgres.new_database())
    with serving(create_app(settings)) as client:
        assert _refused(client) == "nothing-published"
        with closing(_new_store(settings)) as store:
            publish_issues(store.engine, issue("2014-10", price=200))
        _wait_for_the_next_look()
        assert _first_price(client) == 200.0
        postgres.stop()
        try:
            _wait_for_the_next_look()
            assert {_refused(client, path) for path in PATHS} == {"store-unavailable"}
        finally:
            postgres.start()
        _wait_for_the_next_look()
        assert _first_price(client) == 200.0


def test_a_fault_is_logged_once_and_so_is_its_end(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "milk_serving"):
        for _ in range(3):
            assert _refused(client) == "nothing-published"
            _wait_for_the_next_look()
        with closing(_new_store(settings)) as store:
            publish_issues(store.engine, issue("2014-10"))
            _wait_for_the_next_look()
            assert client.get("/predictions").status_code == 200
    said = [record.getMessage() for record in caplog.records if record.name == "milk_serving.store"]
    assert [line.split(":")[0] for line in said] == ["NothingPublished", "The store answers again."]


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "milk_serving.store"]


def _spoil_forecasts(settings: Settings) -> None:
    """Overwrite the pages of one table; its indexes, and all other tables, stay whole."""
    file = settings.home_path / "milk.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'forecasts'").fetchone()
    with file.open("r+b") as stream:
        stream.seek((page - 1) * size)
        stream.write(b"\xff" * size)


def test_a_fault_that_only_a_question_meets(
    client: Client, store: sa.Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    publish_issues(store, issue("2014-10"))
    store.dispose()
    _spoil_forecasts(settings)
    with caplog.at_level(logging.WARNING, "milk_serving"):
        assert _refused(client, "/readyz") == "store-unusable"
        for _ in range(3):
            assert _refused(client, "/predictions") == "store-unusable"
            assert client.get("/issues").status_code == 200
            _wait_for_the_next_look()
    (said,) = _said(caplog)
    assert said.startswith("Met by a question: HomeRefused: ")
    assert str(settings.home_path) in said


def test_a_fault_that_the_look_has_logged_is_not_logged_again(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.home_path.mkdir()
    (settings.home_path / "milk.db").write_bytes(b"This is a letter and not a database. " * 100)
    with caplog.at_level(logging.WARNING, "milk_serving"):
        for path in PATHS:
            assert _refused(client, path) == "store-unusable"
    (said,) = _said(caplog)
    assert said.startswith("HomeRefused: ")


LOOK_SECONDS = 0.5


@contextmanager
def _frozen(engine: sa.Engine) -> Iterator[list[str]]:
    """Hold every statement until the end, as a frozen server does; gives those that began."""
    thaw = threading.Event()
    begun: list[str] = []

    def hold(*arguments: object) -> None:
        begun.append(str(arguments[2]))
        assert thaw.wait(60)

    sa.event.listen(engine, "before_cursor_execute", hold)
    try:
        yield begun
    finally:
        thaw.set()
        sa.event.remove(engine, "before_cursor_execute", hold)


@pytest.fixture
def hasty_app(app: FastAPI, settings: Settings) -> FastAPI:
    """A reader that does not wait long for a look."""
    app.state.reader = Reader(PublishedStore(settings.store_address, look_seconds=LOOK_SECONDS))
    return app


def test_a_server_that_is_frozen(hasty_app: FastAPI, store: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    publish_issues(store, issue("2014-10", price=200))
    reader: Reader = hasty_app.state.reader
    with serving(hasty_app) as client, caplog.at_level(logging.WARNING, "milk_serving"):
        assert _first_price(client) == 200.0
        with _frozen(reader.store.engine()) as begun:
            _wait_for_the_next_look()
            began = time.monotonic()
            answers = client.get_together(["/readyz", "/predictions/latest", "/issues"] * 10)
            assert LOOK_SECONDS * 0.9 < time.monotonic() - began < LOOK_SECONDS + 5
            assert {answer.json()["type"] for answer in answers} == {"urn:milk:problem:store-unavailable"}
            # As long as that look hangs there is no other, and nobody waits for it again.
            for path in PATHS:
                _wait_for_the_next_look()
                began = time.monotonic()
                assert _refused(client, path) == "store-unavailable"
                assert time.monotonic() - began < LOOK_SECONDS * 0.9
            assert len(begun) == 1
        _wait_for_the_next_look()
        assert _first_price(client) == 200.0
    said = _said(caplog)
    assert [line.split(":")[0] for line in said] == ["StoreUnavailable", "The store answers again."]
    assert "has not answered for 0.5 seconds" in said[0]


def test_what_a_look_found_too_late_is_not_taken(hasty_app: FastAPI, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10", price=200))
    reader: Reader = hasty_app.state.reader
    with serving(hasty_app) as client:
        with _frozen(reader.store.engine()):
            assert _refused(client) == "store-unavailable"
        # The abandoned look has ended, and found one publication.
        _wait_for_the_next_look()
        publish_issues(store, issue("2014-10", price=210))
        assert client.get("/readyz").json()["publication"] == 2
        assert _first_price(client) == 210.0


def test_a_reader_stops_while_its_store_is_frozen(hasty_app: FastAPI, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    reader: Reader = hasty_app.state.reader
    with _frozen(reader.store.engine()):
        with serving(hasty_app) as client:
            assert _refused(client) == "store-unavailable"
            began = time.monotonic()
        assert time.monotonic() - began < 5


def _statements(app: FastAPI) -> list[str]:
    """What the reader asks its store from now on."""
    asked: list[str] = []
    reader: Reader = app.state.reader

    def remember(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    sa.event.listen(reader.store.engine(), "before_cursor_execute", remember)
    return asked


def test_a_question_asked_before_touches_no_store(app: FastAPI, client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    first = client.get("/predictions?limit=3")
    asked = _statements(app)
    _wait_for_the_next_look()
    answers = client.get_together(["/predictions?limit=3"] * 20)
    looks = [statement for statement in asked if "FROM publications ORDER BY" in " ".join(statement.split())]
    assert {answer.content for answer in answers} == {first.content}
    # One looks, and the others wait for what it finds; a very slow machine may come to the next look meanwhile.
    assert 1 <= len(looks) <= 3
    assert not [statement for statement in asked if "forecasts" in statement]


def test_another_question_is_answered_by_itself(app: FastAPI, client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    reader: Reader = app.state.reader
    counts = [client.get(f"/predictions?limit={k}").json()["meta"]["count"] for k in (1, 2, 3, 1)]
    assert counts == [1, 2, 3, 1]
    assert len(reader.answers) == 3


def test_only_good_answers_are_kept(app: FastAPI, client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    reader: Reader = app.state.reader
    for url in ("/predictions?limit=0", "/predictions/2030-01", "/predictions?series_id=gold"):
        assert client.get(url).status_code >= 400
    assert len(reader.answers) == 0


def test_the_store_is_given_up_at_the_end(settings: Settings, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    app = create_app(settings)
    with serving(app) as client:
        assert _first_price(client) == 200.0
        reader: Reader = app.state.reader
        pool = reader.store.engine().pool
        assert isinstance(pool, sa.QueuePool)
        assert pool.checkedin() == 1
    assert reader.store.engine().pool is not pool
    reader.store.close()


def test_an_application_computes_nothing_before_it_is_asked(settings: Settings) -> None:
    reader: Reader = create_app(settings).state.reader
    assert len(reader.answers) == 0
    assert not settings.home_path.exists()


def test_an_answer_is_json_that_any_parser_reads(client: Client, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(client.get("/predictions").text, parse_constant=refuse)
