"""The roles of deploy/postgres/roles.sql on a real server: what each may do, and above all what none may."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from milk.errors import HomeRefused, NotAllowed
from milk.publication.columns import METADATA
from milk.publication.engine import migrate, open_store, reading, writing
from milk.publication.ledger import append_promotion
from milk.publication.online import (
    OnlinePrediction,
    answering_version,
    forget_predictions,
    keep_prediction,
    kept_prediction,
)
from milk.publication.online_schema import ONLINE_PREDICTIONS
from milk.publication.publish import claim_store
from milk.publication.read import issue_records, newest_publication
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.publication.schema import ADD_ONLY, FORECASTS, PROMOTIONS
from milk.settings import Settings
from milk_serving.app import create_app
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, observed, published
from tests.milk.publication.rows import promoted
from tests.milk_serving.client import serving
from tests.milk_serving.online import NOW, PATH, a_version, months_body, publish_model, text_of

SCRIPTS = Path(__file__).parents[3] / "deploy" / "postgres"
ROLES_SQL = SCRIPTS / "roles.sql"
PASSWORD = "a-password-of-this-test"  # noqa: S105  # because the server is gone with the test
USERS = {"publisher": "milk_publisher", "reader": "milk_reader", "online": "milk_online"}
CHANGES = ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE", "DROP TABLE {0} CASCADE",
           "ALTER TABLE {0} DISABLE TRIGGER ALL")  # fmt: skip
Open = Callable[[str], sa.Engine]


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """The store as its owner opens it, migrated, with the roles given, and users of each."""
    engine = open_store(request.getfixturevalue("postgres").new_database())
    migrate(engine)
    for _ in range(2):
        # Twice: it must be safe to repeat.
        _run(engine, ROLES_SQL.read_text(encoding="utf-8"))
    for user, role in USERS.items():
        _run(engine, f"DROP USER IF EXISTS {user}; CREATE USER {user} PASSWORD '{PASSWORD}' IN ROLE {role}")
    yield engine
    engine.dispose()


def _run(engine: sa.Engine, script: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(script.replace("%", "%%"))


@pytest.fixture
def as_user(owner: sa.Engine) -> Iterator[Open]:
    """The store as a user opens it."""
    opened: list[sa.Engine] = []

    def open_as(user: str) -> sa.Engine:
        engine = open_store(address_of(owner, user))
        opened.append(engine)
        return engine

    yield open_as
    for engine in opened:
        engine.dispose()


def address_of(owner: sa.Engine, user: str) -> str:
    return owner.url.set(username=user, password=PASSWORD).render_as_string(hide_password=False)


def _asked() -> OnlinePrediction:
    return OnlinePrediction.of({"a": 1}, {"b": 2}, series_id="s", model_version="v-1", created_at=NOON)


def test_the_publisher_publishes_promotes_and_claims(owner: sa.Engine, as_user: Open) -> None:
    publisher = as_user("publisher")
    migrate(publisher)
    claim_store(publisher, "s", dataset_id="d", is_synthetic=True)
    assert published(publisher, issue(OCTOBER), observed=[observed(OCTOBER, 301.0)]).publication_id == 1
    assert published(publisher, issue(OCTOBER, price=310.0), issue(NOVEMBER)).publication_id == 2
    assert append_promotion(publisher, promoted("v-1")) == 1
    assert [record.revision for record in issue_records(owner, "s")] == [1, 2, 1]


@pytest.mark.parametrize("user", USERS)
def test_nobody_changes_a_published_row(owner: sa.Engine, as_user: Open, user: str) -> None:
    published(owner, issue(OCTOBER))
    append_promotion(owner, promoted("v-1"))
    engine = as_user(user)
    for table in (*ADD_ONLY, PROMOTIONS):
        column = next(iter(table.columns)).name
        for change in CHANGES:
            with pytest.raises(HomeRefused, match="does not let its user do that"), writing(engine) as connection:
                connection.exec_driver_sql(change.format(table.name, column))
    assert len(find_forecasts(owner, ForecastQuestion(series_id="s", upto=1)).rows) == 12


def test_the_owner_meets_the_triggers(owner: sa.Engine) -> None:
    published(owner, issue(OCTOBER))
    for change in CHANGES[:3]:
        with pytest.raises(sa.exc.DBAPIError, match="is append-only"), writing(owner) as connection:
            connection.exec_driver_sql(change.format(FORECASTS.name, "price"))


@pytest.mark.parametrize("user", ["reader", "online"])
def test_who_reads_reads_everything_published_and_adds_nothing_to_it(
    owner: sa.Engine, as_user: Open, user: str
) -> None:
    published(owner, issue(OCTOBER))
    engine = as_user(user)
    assert newest_publication(engine).number == 1
    assert len(find_forecasts(engine, ForecastQuestion(series_id="s", upto=1)).rows) == 12
    for table in METADATA.sorted_tables:
        if table is ONLINE_PREDICTIONS:
            continue
        with reading(engine) as connection:
            connection.execute(sa.select(table).limit(1))
        with pytest.raises(HomeRefused, match="permission denied"), writing(engine) as connection:
            connection.execute(sa.insert(table).from_select(table.columns.keys(), sa.select(table)))
    for statement in ("CREATE TABLE mine (a int)", "CREATE TEMPORARY TABLE mine (a int)",
                      "UPDATE alembic_version SET version_num = '9999'"):  # fmt: skip
        with pytest.raises(HomeRefused, match="permission denied"), writing(engine) as connection:
            connection.exec_driver_sql(statement)


def test_the_online_route_adds_to_its_table_and_changes_nothing_there(owner: sa.Engine, as_user: Open) -> None:
    online = as_user("online")
    assert keep_prediction(online, _asked()) == _asked() == kept_prediction(online, _asked().id)
    for change in CHANGES:
        with pytest.raises(HomeRefused, match="does not let its user do that"), writing(online) as connection:
            connection.exec_driver_sql(change.format("online_predictions", "id"))
    with pytest.raises(HomeRefused, match="permission denied"):
        forget_predictions(online, created_before=NOON + dt.timedelta(days=1))
    assert kept_prediction(owner, _asked().id) == _asked()


def test_the_reader_neither_sees_nor_adds_what_was_asked(owner: sa.Engine, as_user: Open) -> None:
    keep_prediction(owner, _asked())
    reader = as_user("reader")
    with pytest.raises(NotAllowed, match="permission denied for table online_predictions"):
        kept_prediction(reader, _asked().id)
    with pytest.raises(HomeRefused, match="permission denied for table online_predictions"):
        keep_prediction(reader, _asked())
    with pytest.raises(HomeRefused, match="permission denied"), writing(reader) as connection:
        connection.execute(sa.delete(ONLINE_PREDICTIONS))


def test_the_publisher_deletes_old_requests_and_writes_none(owner: sa.Engine, as_user: Open) -> None:
    publisher = as_user("publisher")
    with pytest.raises(HomeRefused, match="permission denied for table online_predictions"):
        keep_prediction(publisher, _asked())
    keep_prediction(owner, _asked())
    assert forget_predictions(publisher, created_before=NOON + dt.timedelta(days=1)) == 1
    assert kept_prediction(owner, _asked().id) is None


@pytest.mark.parametrize(("user", "is_kept"), [("online", True), ("reader", False)])
def test_the_reader_serves_as_each_of_the_two(owner: sa.Engine, tmp_path: Path, user: str, *, is_kept: bool) -> None:
    publish_model(owner, a_version())
    assert answering_version(owner, a_version().model["series_id"]).is_in_production
    with serving(_reader(tmp_path, address_of(owner, user))) as client:
        assert client.get("/readyz").status_code == 200
        answer = client.post(PATH, text_of(months_body()))
        assert (answer.status_code, answer.json()["meta"]["is_kept"]) == (200, is_kept)
        again = client.get(f"{PATH}/{answer.json()['meta']['id']}")
        # Who may not read what was asked keeps nothing: that set-up is as it should be, and nothing is unusable.
        assert again.status_code == (200 if is_kept else 404)
        assert is_kept or again.json()["type"] == "urn:milk:problem:not-kept"
        assert "permission" not in again.text


def _reader(folder: Path, address: str) -> FastAPI:
    app = create_app(Settings(home=folder / "home", store_url=address))
    app.state.online.now = lambda: NOW
    return app
