"""Drawings by months ahead."""

from collections.abc import Sequence

import pytest

from milk_serving.pages.drawing import Frame
from milk_serving.pages.horizons import NARROW, WIDE, HorizonChart, Line, Value, draw_horizons
from tests.milk_serving.pages.svg import read_svg


def _chart(lines: Sequence[Line], references: Sequence[float] = ()) -> HorizonChart:
    return HorizonChart(
        lines=lines,
        said="a chart",
        axis="months",
        written=lambda value, places: f"{value:.{1 if places is None else places}f}",
        told=lambda horizon: f"h={horizon}",
        references=references,
    )


def _line(name: str, base: float, *, has_interval: bool = False) -> Line:
    ends = (-0.1, 0.1) if has_interval else (None, None)
    values = [Value(h, base + h, *(None if end is None else base + h + end for end in ends)) for h in range(1, 13)]
    return Line(name, name, values)


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_lines_dots_and_what_they_tell(frame: Frame) -> None:
    tree = read_svg(draw_horizons(_chart([_line("a", 0), _line("b", 5)], references=[3.0]), frame))
    assert len(tree.findall("path[@class='line a']")) == len(tree.findall("path[@class='line b']")) == 1
    assert len(tree.findall("circle")) == 24
    assert len(tree.findall("path[@class='reference']")) == 1
    assert tree.findall("path[@class='whisker a']") == []
    told = [element.text for element in tree.findall("rect/title")]
    assert told[0] == "h=1\na: 1.0\nb: 6.0"
    for dot in tree.findall("circle"):
        assert frame.left <= float(dot.get("cx") or 0) <= frame.width - frame.right
        assert frame.top <= float(dot.get("cy") or 0) <= frame.height - frame.bottom


def test_intervals_are_drawn_side_by_side_and_told() -> None:
    both = [_line("a", 0, has_interval=True), _line("b", 0, has_interval=True)]
    tree = read_svg(draw_horizons(_chart(both), WIDE))
    starts = [[(p.get("d") or "").split(",")[0] for p in tree.findall(f"path[@class='whisker {k}']")] for k in "ab"]
    assert len(starts[0]) == len(starts[1]) == 12
    assert not set(starts[0]) & set(starts[1])
    assert (tree.findall("rect/title")[0].text or "").splitlines()[1] == "a: 1.0 (0.9\u20131.1)"


def test_a_horizon_that_one_line_has_not_is_left_out_of_it() -> None:
    short = Line("b", "b", [Value(1, 2.0)])
    told = [e.text for e in read_svg(draw_horizons(_chart([_line("a", 0), short]), WIDE)).findall("rect/title")]
    assert (told[0], told[1]) == ("h=1\na: 1.0\nb: 2.0", "h=2\na: 2.0")


def test_a_single_value_is_drawn() -> None:
    tree = read_svg(draw_horizons(_chart([Line("a", "a", [Value(1, 0.5)])]), WIDE))
    assert len(tree.findall("circle")) == 1
