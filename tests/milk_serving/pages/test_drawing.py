"""Scales, ticks, paths."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk_serving.pages.drawing import Frame, Scale, around, label, path, svg, tick_places, ticks
from tests.milk_serving.pages.svg import read_svg

finite = st.floats(-1e6, 1e6)


@given(low=finite, width=st.floats(1e-3, 1e6), most=st.integers(2, 10))
def test_ticks_are_round_inside_and_not_too_many(low: float, width: float, most: int) -> None:
    values = ticks(low, low + width, most)
    assert len(values) <= most
    assert all(low - 1e-6 * width <= value <= low + width * (1 + 1e-6) for value in values)
    steps = {round(b - a, 9) for a, b in pairwise(values)}
    assert len({f"{step:.3g}" for step in steps}) <= 1
    for step in steps:
        leading = step / 10 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(leading - one) for one in (1, 2, 5, 10)) < 1e-3


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(172.0, 532.0, [200, 300, 400, 500]), (0.0, 47.0, [0, 10, 20, 30, 40]), (0.48, 1.2, [0.6, 0.8, 1.0, 1.2])],
)
def test_ticks_as_a_person_would_choose_them(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_no_ticks_where_there_is_no_length(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="There are no ticks from"):
        ticks(low, high)


def test_ticks_get_the_decimals_that_they_need() -> None:
    assert [tick_places(values) for values in ([200.0, 300.0], [0.5, 1.0], [0.25, 0.5])] == [0, 1, 2]


@given(low=finite, width=st.floats(1e-3, 1e6), share=st.floats(0, 1))
def test_a_scale_is_straight(low: float, width: float, share: float) -> None:
    scale = Scale(low, low + width, 10.0, 110.0)
    assert scale.place(low + share * width) == pytest.approx(10 + 100 * share, abs=1e-3)


def test_a_scale_without_length_stays_inside() -> None:
    assert Scale(3.0, 3.0, 10.0, 110.0).place(3.0) == 60.0


@given(values=st.lists(finite, min_size=1))
def test_there_is_room_around_the_values(values: list[float]) -> None:
    low, high = around(values)
    assert low < min(values)
    assert high > max(values)


def test_a_path_opens_and_closes() -> None:
    assert path([(1, 2), (3.04, 4)]) == "M1.0,2.0L3.0,4.0"
    assert path([(1, 2), (3, 4)], is_closed=True) == "M1.0,2.0L3.0,4.0Z"
    assert path([]) == ""


def test_what_is_written_in_a_drawing_cannot_leave_it() -> None:
    hostile = '"><script>alert(1)</script>'
    drawn = svg(Frame("wide", 10, 10), hostile, [label(1, 2, hostile, kind=hostile)])
    tree = read_svg(drawn)
    assert {element.tag for element in tree.iter()} == {"svg", "text"}
    assert (tree.get("aria-label"), tree[0].text, tree[0].get("class")) == (hostile, hostile, hostile)
