"""What a client wants and holds, read from its headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk_serving.negotiation import wishes


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV", "csv"),
        ("text/*", "csv"),
        ("application/*", "json"),
        ("text/csv, application/json", "json"),
        ("text/csv, application/json;q=0.9", "csv"),
        ("text/csv;q=0.5, */*;q=0.8", "json"),
        ("application/json;q=0, */*", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("text/html", ""),
        ("application/json;q=0", ""),
        ("text/csv;q=much", ""),
        ("text/csv;header=present;q=0.7", "csv"),
    ],
)
def test_the_format_is_the_one_preferred(accept: str, expected: str) -> None:
    assert wishes([(b"accept", accept.encode())]).format == expected


@pytest.mark.parametrize(
    ("accept", "is_taken"),
    [
        ("", True), ("text/csv, application/json;q=0.5", True), ("text/csv, */*;q=0.1", True), ("text/csv", False),
        ("text/*", False), ("application/json;q=0, */*", False), ("text/html", False),
    ],
)  # fmt: skip
def test_whether_json_is_taken_besides(accept: str, is_taken: bool) -> None:
    assert wishes([(b"accept", accept.encode())]).is_json_taken is is_taken


def test_a_header_sent_twice_is_one_list() -> None:
    assert wishes([(b"accept", b"text/html"), (b"accept", b"text/csv")]).format == "csv"


@pytest.mark.parametrize(
    ("coding", "is_gzip"),
    [
        ("", False), ("gzip", True), ("gzip, deflate, br", True), ("br", False), ("gzip;q=0", False), ("*", True),
        ("*;q=0", False), ("identity", False), ("deflate, gzip;q=0.1", True), ("gzip;q=x", False),
    ],
)  # fmt: skip
def test_whether_it_may_be_packed(coding: str, is_gzip: bool) -> None:
    assert wishes([(b"accept-encoding", coding.encode())]).is_gzip is is_gzip


@pytest.mark.parametrize(
    ("held", "has"),
    [
        ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ('"b",W/"a"', True), ('"b"', False), ("", False),
        ("a", False), ('"A"', False), ("*", False),
    ],
)  # fmt: skip
def test_what_it_holds(held: str, has: bool) -> None:
    found = wishes([(b"if-none-match", held.encode())])
    assert found.has(b'"a"') is has
    assert found.has_any is (held == "*")


@given(st.lists(st.tuples(st.sampled_from([b"accept", b"accept-encoding", b"if-none-match"]), st.binary(max_size=60))))
def test_no_header_is_too_odd(headers: list[tuple[bytes, bytes]]) -> None:
    found = wishes(headers)
    assert found.format in ("json", "csv", "")
    assert not found.has(b'"a tag that nobody sent, longer than any"' + b"x" * 60)
