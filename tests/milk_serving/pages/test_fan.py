"""The drawing of the year ahead."""

from xml.etree import ElementTree as ET

import pytest

from milk_serving.pages.drawing import Frame
from milk_serving.pages.fan import HISTORY_MONTHS, NARROW, WIDE, Fan, draw_fan
from milk_serving.pages.formats import Formats
from milk_serving.pages.words import words
from tests.milk_serving.pages.rows import ISSUE, LAST_PRICE, forecast, prices
from tests.milk_serving.pages.svg import read_svg


def _fan(*, is_known: bool = True) -> Fan:
    known = {row.month: row.price for row in prices()} if is_known else {}
    forecasts = [forecast(ahead) for ahead in range(12)]
    return Fan(observed=known, forecasts=forecasts, origin=ISSUE + (-1), unit="CLP/L")


def _drawn(fan: Fan, frame: Frame = WIDE) -> ET.Element:
    return read_svg(draw_fan(fan, frame, words("en"), Formats("en")))


def _points(tree: ET.Element, kind: str) -> list[tuple[float, float]]:
    element = tree.find(f"path[@class='{kind}']")
    assert element is not None
    text = (element.get("d") or "").strip("MZ")
    return [(float(x), float(y)) for x, y in (point.split(",") for point in text.split("L"))]


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_all_of_it_lies_inside_and_the_bands_nest(frame: Frame) -> None:
    tree = _drawn(_fan(), frame)
    observed, middle = _points(tree, "observed"), _points(tree, "forecast")
    assert (len(observed), len(middle)) == (HISTORY_MONTHS[frame.name], 13)
    assert observed[-1] == middle[0], "the forecast does not start at the last known price"
    wide, narrow = _points(tree, "band-95"), _points(tree, "band-80")
    assert len(wide) == len(narrow) == 25
    for k in range(1, 13):
        # Upwards is towards zero; the lower edges come back from the end.
        assert wide[k][1] < narrow[k][1] < middle[k][1] < narrow[-k][1] < wide[-k][1]
        assert wide[k][0] == middle[k][0] == narrow[-k][0]
    for x, y in [*observed, *middle, *wide]:
        assert frame.left <= x <= frame.width - frame.right
        assert frame.top <= y <= frame.height - frame.bottom


def test_a_higher_price_stands_higher() -> None:
    middle = _points(_drawn(_fan()), "forecast")
    prices_of = [LAST_PRICE, *(row.price for row in _fan().forecasts)]
    by_price = sorted(range(13), key=lambda k: prices_of[k])
    assert sorted(range(13), key=lambda k: -middle[k][1]) == by_price


def test_each_month_tells_what_is_drawn_in_it() -> None:
    told = [element.text for element in _drawn(_fan()).findall("rect/title")]
    assert len(told) == HISTORY_MONTHS["wide"] + 12
    assert told[-13] == "October 2026\nprice 341.4 CLP/L"
    assert (told[-12] or "").splitlines()[:2] == ["November 2026", "forecast 331.3 CLP/L"]
    assert (told[-12] or "").splitlines()[2] == "80%: 319\u2013344"


def test_a_price_that_came_later_is_told_beside_its_forecast() -> None:
    fan = _fan()
    later = Fan(observed={**fan.observed, ISSUE: 350.0}, forecasts=fan.forecasts, origin=fan.origin, unit=fan.unit)
    told = [element.text or "" for element in _drawn(later).findall("rect/title")]
    assert told[-12].splitlines()[-1] == "price 350.0 CLP/L"


def test_without_known_prices_the_fan_stands_alone() -> None:
    tree = _drawn(_fan(is_known=False))
    assert len(_points(tree, "forecast")) == 12
    assert len(tree.findall("rect/title")) == 12


def test_it_says_what_it_shows() -> None:
    said = _drawn(_fan()).get("aria-label") or ""
    assert said.startswith("Chart of the price and its forecast, in CLP/L. November 2026: 331.3.")
