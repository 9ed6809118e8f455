"""The online route: what is answered, what it rests on, what is kept, and which version speaks."""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from milk.models.apply import apply_version, months_used
from milk.months import Month
from milk.publication.engine import migrate, open_store, reading
from milk.publication.ledger import append_promotion
from milk.publication.online import forget_predictions
from milk.publication.online_schema import ONLINE_PREDICTIONS
from milk.series import SERIES_ID
from milk.settings import Settings
from milk_serving.app import create_app
from milk_serving.online import OnlineDesk
from tests.milk.publication.rows import promoted
from tests.milk_serving.client import Client, serving
from tests.milk_serving.online import (
    AUGUST,
    FIRST,
    LAST,
    NOW,
    PATH,
    PREDECESSOR,
    a_version,
    columns_body,
    macro_columns,
    months_body,
    publish_model,
    published_price,
    text_of,
)
from tests.milk_serving.rows import issue, publish_issues

LATER = NOW + dt.timedelta(days=9)


@pytest.fixture
def app(settings: Settings, store: sa.Engine) -> FastAPI:
    publish_model(store, a_version())
    return app_at(settings, NOW)


def app_at(settings: Settings, now: dt.datetime) -> FastAPI:
    app = create_app(settings)
    app.state.online.now = lambda: now
    return app


@pytest.fixture
def read_only(app: FastAPI) -> Iterator[Client]:
    """A reader whose database lets nobody write."""
    with serving(app) as client:
        engine = app.state.reader.store.engine()
        # By the pragma and not by the mode of the file, which does not bind an administrator.
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
        yield client


def _rows(store: sa.Engine) -> int:
    with reading(store) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(ONLINE_PREDICTIONS)) or 0


def test_the_answer_is_the_model_applied_to_the_published_prices_and_those_sent(client: Client) -> None:
    answer = client.post(PATH, text_of(months_body()))
    assert answer.status_code == 200
    version = a_version()
    months = months_used(version)
    prices = [published_price(LAST + (k + 1 - months)) for k in range(months)]
    expected = apply_version(version, prices, last_month=LAST)
    data, meta = answer.json()["data"], answer.json()["meta"]
    assert [row["target_month"] for row in data] == [str(LAST + k) for k in range(1, 13)]
    for row, forecast in zip(data, expected, strict=True):
        for name in ("price", "lower_80", "upper_80", "lower_95", "upper_95"):
            assert row[name] == pytest.approx(getattr(forecast, name), abs=5e-5)
        causes = [value for name, value in row.items() if name.startswith("contribution_")]
        assert len(causes) == 6
        assert math.exp(sum(causes)) == pytest.approx(row["price"], abs=1e-3)
    assert (meta["months_sent"], meta["months_of_history"]) == (3, months - 3)
    assert meta["first_month_used"] == str(LAST + (1 - months))
    assert (meta["unit"], meta["is_nominal"], meta["is_synthetic"], meta["licence"]) == (
        "CLP/L", True, True, "none stated"
    )  # fmt: skip
    assert (meta["model_version"], meta["is_in_production"]) == (version.version_id, True)
    assert (meta["series_id"], meta["forecast_origin"], meta["unused_columns"]) == (SERIES_ID, str(LAST), [])


def test_prices_of_another_level_stand_alone(client: Client) -> None:
    own = [price * 1.2 for price in (231.0, 235.0, 239.0)]
    answer = client.post(PATH, text_of(months_body(AUGUST, *own)))
    meta = answer.json()["meta"]
    assert (meta["months_of_history"], meta["first_month_used"]) == (0, str(AUGUST))
    assert "yours of 2014-08 is 277.2" in meta["history"]
    expected = apply_version(a_version(), own, last_month=LAST)
    assert answer.json()["data"][0]["price"] == pytest.approx(expected[0].price, abs=5e-5)


def test_the_month_that_it_is_may_be_sent(client: Client) -> None:
    body = months_body(Month(2014, 10), 239.0, 241.0, 242.0)
    meta = client.post(PATH, text_of(body)).json()["meta"]
    assert (meta["forecast_origin"], meta["months_of_history"] > 0) == ("2014-12", True)


def test_a_price_that_was_not_known_yet_is_no_history(settings: Settings, store: sa.Engine) -> None:
    publish_model(store, a_version())
    with serving(app_at(settings, NOW - dt.timedelta(days=31))) as client:
        meta = client.post(PATH, text_of(months_body())).json()["meta"]
    assert (meta["months_of_history"], meta["history"]) == (0, "no month of yours is among the published ones")


def test_whole_numbers_and_the_default_series_are_the_same_request(client: Client) -> None:
    floats, whole = months_body(AUGUST, 231.0, 235.0, 239.0), months_body(AUGUST, 231, 235, 239)
    del whole["series_id"]
    assert client.post(PATH, text_of(floats)).json() == client.post(PATH, text_of(whole)).json()


def test_the_same_again_is_the_same_answer_also_later_and_after_a_restart(
    client: Client, settings: Settings, store: sa.Engine
) -> None:
    first = client.post(PATH, text_of(months_body()))
    assert client.post(PATH, text_of(months_body())).content == first.content
    assert first.json()["meta"]["created_at"] == "2014-12-05T12:00:00Z"
    with serving(app_at(settings, LATER)) as restarted:
        assert restarted.post(PATH, text_of(months_body())).content == first.content
        assert restarted.get(first.headers["location"]).status_code == 200
    assert _rows(store) == 1
    other = client.post(PATH, text_of(months_body(AUGUST, 231.0, 235.0, 239.1)))
    assert other.json()["meta"]["id"] != first.json()["meta"]["id"]
    assert _rows(store) == 2


@pytest.mark.parametrize("short", [False, True])
def test_what_was_asked_can_be_asked_for_again(client: Client, *, short: bool) -> None:
    path = PATH.removeprefix("/v1") if short else PATH
    body = months_body()
    answer = client.post(path, text_of(body))
    meta = answer.json()["meta"]
    assert (meta["is_kept"], answer.headers["location"]) == (True, f"{PATH}/{meta['id']}")
    assert answer.headers["cache-control"] == "private, no-store"
    again = client.get(f"{path}/{meta['id']}")
    assert (again.status_code, again.headers["cache-control"]) == (200, "private, no-store")
    assert again.json() == {**answer.json(), "request": body}


def test_the_predecessor_gets_its_answer_and_no_more(client: Client) -> None:
    body = columns_body()
    assert len(body["data"]) == 3 + 8 + 38
    answer = client.post(PREDECESSOR, text_of(body))
    whole = client.post(PATH, text_of(months_body())).json()
    assert (answer.status_code, answer.json()) == (200, {"prediction": whole["data"][0]["price"]})
    record = client.get(answer.headers["location"]).json()
    assert record["request"] == body
    assert record["data"] == whole["data"]
    assert record["meta"]["unused_columns"] == [*list(body["data"])[3:]]
    assert set(macro_columns()) < set(record["meta"]["unused_columns"])


@pytest.mark.parametrize(
    "changed",
    [
        {"anio": [2014, 2014, 2014], "mes": [8, 9, 10]},
        {"PIB": [102.5, 103, "1.234.567.890"], "Imacec_minero": ["-0.5", "0", "836.84"]},
        {"PIB": ..., "Coquimbo": ...},
        {"Ocupados": ["7.476.614"] * 3},
        {"Coquimbo": [None, 0, 1999.9]},
    ],
)
def test_the_other_columns_make_no_difference_to_the_forecast(client: Client, changed: dict[str, object]) -> None:
    answer = client.post(PREDECESSOR, text_of(columns_body(**changed)))
    whole = client.post(PATH, text_of(months_body())).json()
    assert (answer.status_code, answer.json()) == (200, {"prediction": whole["data"][0]["price"]})


def test_more_months_than_the_predecessor_took(client: Client) -> None:
    body = {"data": {"anio": [2014] * 4, "mes": [7, 8, 9, 10], "Precio_leche": [239.0, 231.0, 235.0, 239.0]}}
    assert client.post(PREDECESSOR, text_of(body)).status_code == 200


def test_a_promotion_and_a_rollback_act_at_once(client: Client, store: sa.Engine) -> None:
    first, other = a_version(), a_version(is_other=True)
    before = client.post(PATH, text_of(months_body())).json()
    publish_model(store, other, is_promoted=False)
    append_promotion(store, promoted(other.version_id, previous=first.version_id, series=SERIES_ID))
    promoted_answer = client.post(PATH, text_of(months_body())).json()
    # The other version repeats the last value.
    assert {row["price"] for row in promoted_answer["data"]} == {published_price(LAST)}
    assert promoted_answer["meta"]["model_version"] == other.version_id
    append_promotion(store, promoted(first.version_id, previous=other.version_id, series=SERIES_ID))
    after = client.post(PATH, text_of(months_body())).json()
    assert after["data"] == before["data"]
    assert after["meta"]["model_version"] == first.version_id


def test_the_version_of_the_newest_issue_speaks_where_the_champion_is_not_there(
    client: Client, store: sa.Engine
) -> None:
    append_promotion(store, promoted("v-9", previous=a_version().version_id, series=SERIES_ID))
    meta = client.post(PATH, text_of(months_body())).json()["meta"]
    assert (meta["model_version"], meta["is_in_production"]) == (a_version().version_id, False)


def test_a_store_that_is_only_read_still_answers(read_only: Client, store: sa.Engine) -> None:
    answer = read_only.post(PATH, text_of(months_body()))
    meta = answer.json()["meta"]
    assert (answer.status_code, meta["is_kept"], "location" in answer.headers) == (200, False, False)
    assert len(answer.json()["data"]) == 12
    assert _rows(store) == 0
    missing = read_only.get(f"{PATH}/{meta['id']}")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:milk:problem:not-kept")


def test_the_operator_reads_once_that_nothing_is_kept(read_only: Client, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert read_only.post(PATH, text_of(months_body())).status_code == 200
    assert len([record for record in caplog.records if "readonly" in record.message]) == 1


def test_with_no_retention_nothing_is_kept(settings: Settings, store: sa.Engine) -> None:
    publish_model(store, a_version())
    app = create_app(settings.model_copy(update={"online_retention_days": 0}))
    app.state.online.now = lambda: NOW
    with serving(app) as client:
        assert client.post(PATH, text_of(months_body())).json()["meta"]["is_kept"] is False
    assert _rows(store) == 0


def test_what_was_deleted_is_not_found_and_can_be_asked_anew(client: Client, store: sa.Engine) -> None:
    answer = client.post(PATH, text_of(months_body()))
    assert forget_predictions(store, created_before=LATER) == 1
    missing = client.get(answer.headers["location"])
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:milk:problem:not-kept")
    assert client.post(PATH, text_of(months_body())).json()["meta"]["id"] == answer.json()["meta"]["id"]


@pytest.mark.parametrize("name", ["x", "0" * 31, "0" * 33, "G" * 32, "%00"])
def test_a_name_that_no_prediction_has(client: Client, name: str) -> None:
    answer = client.get(f"{PATH}/{name}")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "prediction_id")


@pytest.mark.parametrize("path", [PATH, PREDECESSOR])
def test_nothing_is_published(settings: Settings, path: str) -> None:
    with serving(create_app(settings)) as client:
        answer = client.post(path, text_of(months_body()))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:milk:problem:nothing-published")


def test_a_store_without_a_model_says_that_something_must_be_published(settings: Settings, store: sa.Engine) -> None:
    publish_issues(store, issue("2014-10"))
    with serving(app_at(settings, NOW)) as client:
        answer = client.post(PATH, text_of(months_body()))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:milk:problem:nothing-published")


def test_a_series_that_is_none(client: Client) -> None:
    answer = client.post(PATH, text_of(months_body() | {"series_id": "goat"}))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:unknown-series")
    assert answer.json()["series"] == [SERIES_ID]


def test_a_damaged_model_is_no_answer(settings: Settings, store: sa.Engine) -> None:
    version = a_version()
    damaged = dataclasses.replace(version, model=version.model | {"unit": "USD/L"})
    publish_model(store, damaged)
    with serving(app_at(settings, NOW)) as client:
        answer = client.post(PATH, text_of(months_body()))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:milk:problem:store-unusable")
    assert version.version_id not in answer.text


def test_a_model_that_needs_more_months_says_so(client: Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milk_serving.online.months_needed", lambda _version: 5)
    answer = client.post(PATH, text_of(months_body(FIRST)))
    assert answer.status_code == 422
    assert "The model needs 5 months, and there are 3" in answer.json()["detail"]
    desk: OnlineDesk = app.state.online
    assert desk.current_month == Month(2014, 12)


def test_the_month_is_that_of_chile(settings: Settings) -> None:
    new_year_in_utc = dt.datetime(2015, 1, 1, 2, 30, tzinfo=dt.UTC)
    assert app_at(settings, new_year_in_utc).state.online.current_month == Month(2014, 12)


@pytest.mark.parametrize("path", [PATH, PREDECESSOR, PATH.removeprefix("/v1")])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_these_addresses_take_a_post(client: Client, path: str, method: str) -> None:
    answer = client.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_the_predecessor_is_not_asked_with_get(client: Client) -> None:
    answer = client.get(PREDECESSOR)
    assert (answer.status_code, answer.headers["allow"], answer.json()["detail"]) == (405, "POST", "Ask with POST.")


def test_on_postgresql(postgres_app: FastAPI) -> None:
    with serving(postgres_app) as client:
        first = client.post(PATH, text_of(months_body()))
        assert first.json()["meta"]["is_kept"] is True
        assert client.post(PATH, text_of(months_body())).content == first.content
        assert client.get(first.headers["location"]).json()["request"] == months_body()


@pytest.fixture
def postgres_app(request: pytest.FixtureRequest, tmp_path: Path) -> FastAPI:
    address: str = request.getfixturevalue("postgres").new_database()
    engine = open_store(address)
    migrate(engine)
    publish_model(engine, a_version())
    engine.dispose()
    return app_at(Settings(home=tmp_path / "home", store_url=address), NOW)
