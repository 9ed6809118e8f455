"""Answers as they go out: tags, packing, CSV."""

import csv
import datetime as dt
import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk_serving.negotiation import Wishes
from milk_serving.rendering import SHORT, Kept, csv_of, entity_tag, render
from milk_serving.store import Edition

MADE = dt.datetime(2026, 11, 5, 12, 0, 0, 500_000, dt.UTC)
EDITION = Edition(1, 7, "made", 3, MADE, MADE)
KEY = ("/v1/predictions", b"limit=3", "json")
META = {"is_nominal": True, "is_synthetic": False, "source": "milk_price", "licence": None, "publication": 7}
NOW = MADE.timestamp() + 60


def _kept(body: bytes = b"x" * 1000, *, headers: dict[str, str] | None = None) -> Kept:
    return render(body, headers or {}, edition=EDITION, key=KEY, route="/v1/predictions", columns=None)


def _dict(headers: tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    assert len(dict(headers)) == len(headers)
    return dict(headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"edition": EDITION._replace(publication=8)},
        {"edition": EDITION._replace(made="anew")},
        {"edition": EDITION._replace(promotion=4)},
        {"path": "/predictions"},
        {"query": b"limit=4"},
        {"form": "csv"},
        {"is_gzip": True},
    ],
)
def test_a_tag_names_all_that_an_answer_is_made_of(changed: dict[str, Any]) -> None:
    def tag(edition: Edition = EDITION, path: str = KEY[0], query: bytes = KEY[1], form: str = "json",
            is_gzip: bool = False) -> bytes:  # fmt: skip
        return entity_tag(edition, path, query, form, is_gzip=is_gzip)

    assert tag(**changed) != tag() == tag()
    assert tag().startswith(b'"')


def test_two_workers_give_the_same_tag() -> None:
    # Each counts the openings of its store for itself.
    other = EDITION._replace(opening=9)
    assert entity_tag(EDITION, *KEY, is_gzip=False) == entity_tag(other, *KEY, is_gzip=False)


def test_what_is_packed_is_the_same_answer() -> None:
    kept = _kept()
    assert gzip.decompress(kept.packed.body) == kept.plain.body
    plain, packed = _dict(kept.plain.headers), _dict(kept.packed.headers)
    assert packed[b"content-encoding"] == b"gzip"
    assert b"content-encoding" not in plain
    assert plain[b"etag"] != packed[b"etag"]
    assert plain[b"vary"] == packed[b"vary"] == b"Accept, Accept-Encoding"
    assert packed[b"content-length"] == str(len(kept.packed.body)).encode()
    assert kept.size == len(kept.plain.body) + len(kept.packed.body)
    # The same bytes, whenever they were packed.
    assert kept.packed.body == _kept().packed.body


def test_a_small_answer_is_not_packed() -> None:
    kept = _kept(b"small")
    assert kept.packed is kept.plain
    assert kept.size == 5


@pytest.mark.parametrize("is_gzip", [True, False])
def test_who_holds_it_is_told_so(is_gzip: bool) -> None:
    kept = _kept(headers={"Cache-Control": "immutable"})
    rendering = kept.packed if is_gzip else kept.plain
    status, headers, body = kept.fitting(Wishes(is_gzip=is_gzip, held=rendering.tag), NOW)
    assert (status, body) == (304, b"")
    assert _dict(headers) == {
        b"cache-control": b"immutable",
        b"etag": rendering.tag,
        b"last-modified": b"Thu, 05 Nov 2026 12:00:00 GMT",
        b"vary": b"Accept, Accept-Encoding",
    }
    other = kept.plain if is_gzip else kept.packed
    assert kept.fitting(Wishes(is_gzip=is_gzip, held=other.tag), NOW)[0] == 200
    assert kept.fitting(Wishes(held=b"*"), NOW)[0] == 304


def test_a_date_counts_where_no_tag_is_given_and_the_second_is_over() -> None:
    kept = _kept()
    since = b"Thu, 05 Nov 2026 12:00:00 GMT"
    assert kept.fitting(Wishes(held_since=since), NOW)[0] == 304
    assert kept.fitting(Wishes(held_since=since), MADE.timestamp() + 1)[0] == 200
    assert kept.fitting(Wishes(held_since=since, held=b'"other"'), NOW)[0] == 200
    assert kept.fitting(Wishes(held_since=b"Thu, 05 Nov 2026 11:59:59 GMT"), NOW)[0] == 200


def test_without_a_word_of_the_route_an_answer_is_short_lived() -> None:
    assert _dict(_kept().plain.headers)[b"cache-control"] == SHORT.encode()


def test_rows_as_csv() -> None:
    rows = [
        {
            "month": "2014-10",
            "price": 212.3456,
            "observed": None,
            "is_live": True,
            "versions": {"a": [1]},
            "why": "=1+1",
        },
        {"month": "2014-11", "price": -1.5, "observed": 3.0, "is_live": False, "versions": {}, "why": 'a "b", c'},
    ]
    content = {"data": rows, "meta": META}
    text = csv_of(content, tuple(rows[0]))
    assert text.count(b"\r\n") == 3
    read = list(csv.DictReader(io.StringIO(text.decode("ascii"), newline="")))
    assert read[0] == {
        "month": "2014-10", "price": "212.3456", "observed": "", "is_live": "true", "versions": '{"a":[1]}',
        "why": "'=1+1", "is_nominal": "true", "is_synthetic": "false", "source": "milk_price", "licence": "",
        "publication": "7",
    }  # fmt: skip
    # A negative number stays one: only texts are kept from being computed.
    assert (read[1]["price"], read[1]["why"]) == ("-1.5", 'a "b", c')


def test_no_rows_are_a_line_of_names() -> None:
    assert csv_of({"data": [], "meta": META}, ("month", "price")).startswith(b"month,price,is_nominal,")


def test_only_what_is_not_ascii_begins_with_a_mark() -> None:
    content = {"data": [{"meaning": "Región"}], "meta": {}}
    assert csv_of(content, ("meaning",)).startswith(b"\xef\xbb\xbfmeaning")
    assert csv_of({"data": [{"meaning": "Region"}], "meta": {}}, ("meaning",)).startswith(b"meaning")


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False)), max_size=5))
def test_a_csv_says_what_the_json_says(rows: list[tuple[str, float]]) -> None:
    content = json.loads(json.dumps({"data": [{"a": a, "b": b} for a, b in rows], "meta": {}}))
    read = list(csv.DictReader(io.StringIO(csv_of(content, ("a", "b")).decode("utf-8-sig"), newline="")))
    assert [float(row["b"]) for row in read] == [b for _a, b in rows]
    assert [row["a"].removeprefix("'") for row in read] == [a.removeprefix("'") for a, _b in rows]


def test_a_kept_answer_is_rendered_in_the_format_asked_for() -> None:
    body = json.dumps({"data": [{"a": 1}], "meta": {}}).encode()
    kept = render(body, {}, edition=EDITION, key=(*KEY[:2], "csv"), route="/v1/x", columns=("a",))
    assert kept.rows == 1
    headers = _dict(kept.plain.headers)
    assert headers[b"content-type"] == b"text/csv; charset=utf-8; header=present"
    assert headers[b"content-disposition"] == b'attachment; filename="predictions.csv"'
