"""What moved a forecast."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk_serving.pages.causes import BAR_WIDTH, CAUSES, bar, moved, shown_causes
from tests.milk_serving.pages.rows import LAST_PRICE, forecast
from tests.milk_serving.pages.svg import read_svg

share = st.floats(-0.5, 0.5)


@given(causes=st.fixed_dictionaries({f"contribution_{name}": share for name in CAUSES}))
def test_the_causes_add_up_in_pesos(causes: dict[str, float]) -> None:
    price = math.exp(math.log(LAST_PRICE) + sum(causes.values()))
    found = moved(dataclasses.replace(forecast(0), price=price, **causes))  # type: ignore[arg-type]  # because these fields are floats
    assert found.start == pytest.approx(LAST_PRICE)
    assert found.start + sum(found.causes.values()) == pytest.approx(found.price)
    for name in CAUSES:
        assert found.causes[name] * causes[f"contribution_{name}"] >= 0, "a cause changed its direction"


def test_causes_that_cancel_are_still_worth_something() -> None:
    found = moved(
        dataclasses.replace(
            forecast(0), price=LAST_PRICE, contribution_season=0.1, contribution_momentum=-0.1, contribution_drift=0.0
        )
    )
    assert found.causes["season"] == pytest.approx(0.1 * LAST_PRICE)


def test_a_cause_that_not_every_recipe_has_is_shown_where_it_moves_something() -> None:
    rows = [forecast(0), forecast(11)]
    assert shown_causes(rows) == ["season", "momentum", "drift"]
    rows[1] = dataclasses.replace(rows[1], contribution_cycle=-0.01)
    assert shown_causes(rows) == ["season", "momentum", "drift", "cycle"]


@pytest.mark.parametrize(
    ("value", "kind", "left", "width"),
    [(5.0, "raises", BAR_WIDTH / 2, 30.0), (-10.0, "lowers", 0.0, 60.0), (0.0, "raises", BAR_WIDTH / 2, 0.0)],
)
def test_a_bar_goes_to_its_side(value: float, kind: str, left: float, width: float) -> None:
    rect = read_svg(bar(value, 10.0)).find("rect")
    assert rect is not None
    assert (rect.get("class"), float(rect.get("x") or -1), float(rect.get("width") or -1)) == (kind, left, width)


def test_nothing_moved_draws_no_bar() -> None:
    assert 'width="0.0"' in bar(0.0, 0.0)
