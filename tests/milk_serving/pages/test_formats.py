"""Numbers, months and days in two languages."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.months import Month
from milk_serving.pages.formats import Formats, capital, places_of
from milk_serving.pages.language import Language

ES, EN = Formats("es"), Formats("en")


@pytest.mark.parametrize(
    ("value", "places", "spanish", "english"),
    [
        (329.84, 1, "329,8", "329.8"),
        (1234567.5, 0, "1.234.568", "1,234,568"),
        (-10.94, 1, "\u221210,9", "\u221210.9"),
        (-0.04, 1, "0,0", "0.0"),
        (0.0, 0, "0", "0"),
    ],
)
def test_numbers_have_the_marks_of_the_language(value: float, places: int, spanish: str, english: str) -> None:
    assert (ES.number(value, places), EN.number(value, places)) == (spanish, english)


def test_a_sign_is_written_where_it_is_wanted() -> None:
    assert [EN.number(value, 1, is_signed=True) for value in (3.0, -3.0, 0.01)] == ["+3.0", "\u22123.0", "0.0"]


def test_what_is_missing_is_a_dash() -> None:
    assert [ES.number(None), ES.percent(None), ES.span(None, 2.0), ES.span(1.0, None)] == ["—"] * 4


def test_months_days_and_shares() -> None:
    month, instant = Month(2026, 9), dt.datetime(2026, 9, 1, 3, 30, tzinfo=dt.UTC)
    assert (ES.month(month), EN.month(month)) == ("septiembre de 2026", "September 2026")
    assert (ES.short_month(month), EN.short_month(month)) == ("sep\xa02026", "Sep\xa02026")
    # Half past three at Greenwich is the evening before in Chile's winter.
    assert (ES.minute(instant), EN.minute(instant)) == ("31 de agosto de 2026, 23:30", "31 August 2026, 23:30")
    assert (ES.percent(0.775, 1), EN.percent(0.775, 1)) == ("77,5\xa0%", "77.5%")
    assert (ES.span(316.6, 343.2), EN.span(1.0, 2.0, 1)) == ("317\u2013343", "1.0\u20132.0")
    assert capital("noviembre de 2026") == "Noviembre de 2026"


@pytest.mark.parametrize(("price", "places"), [(3300.0, 0), (330.0, 0), (99.9, 1), (4.5, 2), (0.45, 3), (0.0, 0)])
def test_a_price_has_three_figures(price: float, places: int) -> None:
    assert places_of(price) == places


@given(value=st.floats(-1e9, 1e9), places=st.integers(0, 4), language=st.sampled_from(["es", "en"]))
def test_a_number_can_be_read_back(value: float, places: int, language: Language) -> None:
    text = Formats(language).number(value, places).replace("\u2212", "-")
    plain = text.replace(".", "").replace(",", ".") if language == "es" else text.replace(",", "")
    assert float(plain) == round(value, places)
    assert not plain.startswith("-") or float(plain) < 0
