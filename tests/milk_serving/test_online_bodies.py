"""Each kind of nonsense in a body is refused by its place; nothing of it is a fault of the program."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.publication.engine import migrate, open_store
from milk.settings import Settings
from milk_serving.app import create_app
from milk_serving.bodies import MOST_BODY_BYTES
from tests.milk_serving.client import Client, serving
from tests.milk_serving.online import (
    AUGUST,
    NOW,
    PATH,
    PREDECESSOR,
    a_version,
    columns_body,
    months_body,
    publish_model,
    text_of,
)

NAN, INFINITE = float("nan"), float("inf")
PIECE = b"x" * 65_536


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One reader for all tests of the file: none of them changes what it holds but for the requests kept."""
    place = Settings(home=tmp_path_factory.mktemp("bodies"))
    store = open_store(place.store_address)
    migrate(store)
    publish_model(store, a_version())
    store.dispose()
    app = create_app(place)
    app.state.online.now = lambda: NOW
    with serving(app) as client:
        yield client


def _row(month: object = "2014-09", price: object = 235.0, **more: object) -> dict[str, object]:
    return {"month": month, "price": price, **more}


def _with(row: dict[str, object]) -> dict[str, Any]:
    body = months_body()
    body["prices"][1] = row
    return body


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ([], "body", "It must be an object"),
        (None, "body", "It must be an object"),
        ({}, "prices", "Field required"),
        ({"prices": {}}, "prices", "valid list"),
        ({"prices": []}, "prices", "at least 3 items"),
        (months_body(AUGUST, 231.0, 235.0), "prices", "at least 3 items"),
        (months_body(AUGUST, *[200.0] * 601), "prices", "at most 600 items"),
        (months_body() | {"unit": "CLP/L"}, "unit", "There is no such name here."),
        (months_body() | {"series_id": 7}, "series_id", "valid string"),
        (months_body() | {"series_id": ""}, "series_id", "It is empty"),
        (months_body() | {"series_id": None}, "series_id", "valid string"),
        (months_body() | {"series_id": "a\x00"}, "series_id", "NUL"),
        (_with(_row(price="235.0")), "prices[1].price", "valid number"),
        (_with(_row(price=None)), "prices[1].price", "valid number"),
        (_with(_row(price=True)), "prices[1].price", "valid number"),
        (_with(_row(price=[235.0])), "prices[1].price", "valid number"),
        (_with(_row(price=NAN)), "prices[1].price", "finite"),
        (_with(_row(price=INFINITE)), "prices[1].price", "finite"),
        (_with(_row(price=-235.0)), "prices[1].price", "greater than or equal to 0.1"),
        (_with(_row(price=0)), "prices[1].price", "greater than or equal to 0.1"),
        (_with(_row(price=1e6)), "prices[1].price", "less than or equal to 5000"),
        (_with(_row(price=10**400)), "prices[1].price", "number"),
        (_with(_row(month="2014-9")), "prices[1].month", "write it as YYYY-MM"),
        (_with(_row(month=" 2014-09")), "prices[1].month", "blanks"),
        (_with(_row(month="2014-13")), "prices[1].month", "write it as YYYY-MM"),
        (_with(_row(month=201409)), "prices[1].month", "valid string"),
        (_with(_row(month="September")), "prices[1].month", "write it as YYYY-MM"),
        (_with(_row(note="x")), "prices[1].note", "There is no such name here."),
        (_with({"month": "2014-09"}), "prices[1].price", "Field required"),
        (_with(_row(month="2014-08")), "prices[1].month", "2014-08 stands there more than once."),
        (_with(_row(month="2014-07")), "prices[1].month", "2014-07 does not follow 2014-08"),
        (months_body(AUGUST + 3), "prices[2].month", "2015-01 lies in the future: it is 2014-12."),
    ],
)
def test_nonsense_in_months_is_named(asked: Client, body: object, place: str, said: str) -> None:
    _refused(asked, PATH, body, place, said)


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ([], "body", "It must be an object"),
        ({}, "data", "Field required"),
        ({"data": []}, "data", "valid dictionary"),
        ({"data": {}}, "data.anio", "Field required"),
        ({"data": {"anio": "x"}}, "data.anio", "valid list"),
        (columns_body() | {"more": 1}, "more", "There is no such name here."),
        (columns_body(mes=...), "data.mes", "Field required"),
        (columns_body(Precio_leche=...), "data.Precio_leche", "Field required"),
        (columns_body(Precio_Leche=[1, 2, 3]), "data.Precio_Leche", "There is no such column"),
        (columns_body(anio=[2014, 2014]), "data.anio", "There are 2 months: send 3 to 600."),
        (columns_body(anio=[]), "data.anio", "There are 0 months"),
        (columns_body(PIB=["1", "2"]), "data.PIB", "It has 2 values, and anio has 3."),
        (columns_body(Coquimbo=[1, 2, 3, 4]), "data.Coquimbo", "It has 4 values, and anio has 3."),
        (columns_body(anio=[2014.5, 2014, 2014]), "data.anio[0]", "It is not a year"),
        (columns_body(anio=["2014", 2014, 2014]), "data.anio[0]", "It is not a year"),
        (columns_body(anio=[2014, 99, 2014]), "data.anio[1]", "It is not a year"),
        (columns_body(anio=[2014, NAN, 2014]), "data.anio[1]", "It is not a year"),
        (columns_body(mes=[8, 9, 13]), "data.mes[2]", "It is not a month of the year"),
        (columns_body(mes=[8, 9, True]), "data.mes[2]", "It is not a month of the year"),
        (columns_body(mes=[8, 9, None]), "data.mes[2]", "It is not a month of the year"),
        (columns_body(mes=[8, 8, 9]), "data.mes[1]", "2014-08 stands there more than once."),
        (columns_body(mes=[7, 9, 10]), "data.mes[1]", "2014-09 does not follow 2014-07"),
        (columns_body(anio=[2015] * 3), "data.mes[0]", "2015-08 lies in the future"),
        (columns_body(Precio_leche=[231.0, -1, 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Precio_leche=[231.0, NAN, 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Precio_leche=[231.0, INFINITE, 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Precio_leche=[231.0, None, 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Precio_leche=[231.0, "235", 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Precio_leche=[231.0, 10**400, 239.0]), "data.Precio_leche[1]", "It is not a price"),
        (columns_body(Maule=[1, "2", 3]), "data.Maule[1]", "It is not a rain"),
        (columns_body(Maule=[1, -2, 3]), "data.Maule[1]", "It is not a rain"),
        (columns_body(PIB=["a", "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=["1,5", "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=["", "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=["1" * 41, "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=[NAN, "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=[-INFINITE, "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=[10**400, "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=[False, "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=[["1"], "1", "1"]), "data.PIB[0]", "It is not a number"),
        (columns_body(PIB=["١٢", "1", "1"]), "data.PIB[0]", "It is not a number"),
    ],
)
def test_nonsense_in_columns_is_named(asked: Client, body: object, place: str, said: str) -> None:
    _refused(asked, PREDECESSOR, body, place, said)


def _refused(client: Client, path: str, body: object, place: str, said: str) -> None:
    answer = client.post(path, text_of(body))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:milk:problem:invalid-parameters"), answer.text
    faults = {fault["parameter"]: fault["detail"] for fault in answer.json()["errors"]}
    assert place in faults
    assert said in faults[place]


def test_every_fault_is_named_and_what_was_given(asked: Client) -> None:
    body = columns_body(anio=[2014, "x", 2014], Precio_leche=[231.0, NAN, -3], PIB=["1", "2", "three"])
    answer = asked.post(PREDECESSOR, text_of(body)).json()
    given_values = {fault["parameter"]: fault["value"] for fault in answer["errors"]}
    assert given_values == {
        "data.anio[1]": "x", "data.Precio_leche[1]": "NaN", "data.Precio_leche[2]": "-3", "data.PIB[2]": "three"
    }  # fmt: skip


def test_of_thousands_of_faults_the_first_are_named(asked: Client) -> None:
    many: dict[str, object] = {"data": {f"c{k}": [] for k in range(10_000)}}
    answer = asked.post(PREDECESSOR, text_of(many))
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)


@pytest.mark.parametrize("path", [PATH, PREDECESSOR])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"month=2014-08", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b'{"a":1}{"b":2}', "not JSON"),
        (b'{"prices":"\\ud800"}', "escapes"),
        (b'{"\\uDFFF":1}', "escapes"),
        (b'{"a":"\\ud83d\\ud83d\\ude00"}', "escapes"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 40_000, "nested too deep"),
        (b"9" * 5000, "thousands of digits"),
        (b'\x1f\x8b{"prices":[]}', "not UTF-8"),
    ],
)
def test_what_is_no_json(asked: Client, path: str, body: bytes, said: str) -> None:
    answer = asked.post(path, body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:milk:problem:not-json")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("text", [rb"\ud83d\ude00", rb"\\ud800", rb"\u00e9", "\U0001f600".encode()])
def test_a_whole_character_may_be_escaped(asked: Client, text: bytes) -> None:
    answer = asked.post(PATH, b'{"series_id":"%s","prices":[{"month":"2014-08","price":1}]}' % text)
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_a_nest_that_can_be_read_is_nonsense_like_another(asked: Client, depth: int) -> None:
    nest = b"[" * depth + b"]" * depth
    for path, body in ((PATH, b'{"prices":%s}' % nest), (PREDECESSOR, b'{"data":{"PIB":%s}}' % nest)):
        assert asked.post(path, body).status_code in (400, 422)


def test_a_name_that_stands_twice_is_refused(asked: Client) -> None:
    answer = asked.post(PATH, b'{"series_id":"a","series_id":"cl_farmgate_milk","prices":[]}')
    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "parameter": "series_id", "detail": "It stands there more than once.", "value": None
    }  # fmt: skip


def test_a_body_that_says_how_long_it_is_is_refused_unread(app: FastAPI) -> None:
    for declared in (b"10485760", b"9" * 5000):
        status, pieces = _send(app, [(b"content-length", declared)])
        assert (status, pieces) == (413, 0)


def test_a_body_without_end_is_cut_off_while_it_is_read(app: FastAPI) -> None:
    status, pieces = _send(app, [])
    assert (status, pieces) == (413, MOST_BODY_BYTES // len(PIECE) + 1)


@pytest.fixture
def app(settings: Settings, store: sa.Engine) -> FastAPI:
    publish_model(store, a_version())
    return create_app(settings)


def _send(app: FastAPI, headers: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The status, and how many pieces of an endless body were read for it."""
    pieces, answered = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": PIECE, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
             "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("reader", 80)}  # fmt: skip
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # because these are the types of ASGI, said loosely
    return answered[0]["status"], pieces


def test_a_client_that_leaves_in_the_middle_is_no_bug(app: FastAPI) -> None:
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
             "headers": [], "http_version": "1.1", "scheme": "http", "server": ("reader", 80)}  # fmt: skip
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # because these are the types of ASGI, said loosely
    assert answered[0]["status"] == 400


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2014-08", "2014-09", "102.796.218", 1e308, -0.0])
)
_JSON = st.recursive(
    _SCALARS, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part, max_size=4)
)
_NAMES = st.sampled_from(["anio", "mes", "Precio_leche", "PIB", "Coquimbo", "Imacec_minero"]) | st.text(max_size=3)
_BODIES = (
    _JSON
    | st.fixed_dictionaries({"prices": st.lists(st.fixed_dictionaries({"month": _JSON, "price": _JSON}), max_size=5)})
    | st.fixed_dictionaries({"data": st.dictionaries(_NAMES, st.lists(_SCALARS, max_size=4), max_size=6)})
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES, path=st.sampled_from([PATH, PREDECESSOR]))
def test_no_body_is_a_fault_of_the_program(asked: Client, body: object, path: str) -> None:
    answer = asked.post(path, json.dumps(body).encode())
    assert answer.status_code in (400, 404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), path=st.sampled_from([PATH, PREDECESSOR]))
def test_no_bytes_are_a_fault_of_the_program(asked: Client, body: bytes, path: str) -> None:
    assert asked.post(path, body).status_code in (400, 422)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prices=st.lists(st.floats(0.1, 5000), min_size=3, max_size=30), first=st.integers(-400, 0))
def test_sound_prices_have_a_sound_answer(asked: Client, prices: list[float], first: int) -> None:
    body = months_body(AUGUST + first + (-len(prices)), *prices)
    answer = asked.post(PATH, text_of(body))
    assert answer.status_code == 200
    for row in answer.json()["data"]:
        assert 0 <= row["lower_95"] <= row["lower_80"] <= row["price"] <= row["upper_80"] <= row["upper_95"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.none()
        | st.floats(-1e15, 1e15)
        | st.integers(-(10**15), 10**15)
        | st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{3}){0,8}", fullmatch=True, alphabet=st.characters(codec="ascii")),
        min_size=3,
        max_size=3,
    )
)
def test_every_way_to_write_a_macro_cell_is_taken(asked: Client, cells: list[object]) -> None:
    answer = asked.post(PREDECESSOR, text_of(columns_body(PIB=cells)))
    assert answer.status_code == 200
    assert asked.get(answer.headers["location"]).json()["request"]["data"]["PIB"] == cells
