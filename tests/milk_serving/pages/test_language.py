"""Which language a reader gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk_serving.pages.language import LANGUAGES, MOST_RANGES, chosen_language


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        (None, "", "es"),
        (None, "en", "en"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "es-CL,es;q=0.9,en;q=0.8", "es"),
        (None, "de,en;q=0.5", "en"),
        (None, "de", "es"),
        (None, "*", "es"),
        (None, "de, *;q=0.5, en;q=0.4", "es"),
        (None, "en;q=0.4, es;q=0.6", "es"),
        (None, "en;q=0", "es"),
        (None, "en;q=0, *;q=0", "es"),
        (None, "en;q=nan", "es"),
        (None, "en;q=7", "es"),
        (None, "EN ; Q=0.3", "en"),
        ("en", "es", "en"),
        ("es", "en", "es"),
        ("ES-cl", "en", "es"),
        ("fr", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_the_language_asked_for_then_the_preferred_then_spanish(
    asked: str | None, accepted: str, expected: str
) -> None:
    assert chosen_language(asked, accepted) == expected


def test_a_header_without_end_is_read_no_further() -> None:
    assert chosen_language(None, "de," * MOST_RANGES + "en") == "es"


@given(asked=st.none() | st.text(), accepted=st.text())
def test_whatever_is_sent_a_language_comes_out(asked: str | None, accepted: str) -> None:
    assert chosen_language(asked, accepted) in LANGUAGES
