"""Whatever a series is like, a value that is restored wrongly is called uncertain, or its block unproved.

This holds for series whose true value never changes by more than a factor of 4.4 from one number to the next: for a
step of factor f the wrong path is shorter by `2 log10 f - 1`, less than the margin below which a cell is uncertain.
Larger steps are beyond what continuity can see: the wrong path is then clearly the shorter one. The last tests show
that limit, and what lifts it: a cell on either side whose point survived, or an identity.
"""

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from milk.panel.identities import SYSTEMS
from milk.series import series_register
from tests.milk.panel.damage import Marked, damaged_and_marked, of_range
from tests.milk.panel.series_made import Column, Shape, economy, is_promised, made, significant, with_decimals

MONTHS = 96
PROMISED = 4.4
BEYOND = 6.0
ECONOMY = [s for s in series_register().of_source("central_bank") if s.block in ("gdp", "employment")]

fast = settings(max_examples=60, derandomize=True, deadline=None)
shapes = st.builds(
    Shape,
    level=st.floats(-3, 6).map(lambda power: 10.0**power),
    swing=st.floats(1, 2),
    growth=st.floats(-0.1, 0.2),
    noise=st.floats(0, 0.1),
    seed=st.integers(0, 10**6),
)
factors = st.one_of(st.floats(1, PROMISED), st.floats(1, PROMISED).map(lambda factor: 1 / factor))
steps = st.dictionaries(st.integers(1, MONTHS - 1), factors, max_size=3)
gaps = st.sets(st.integers(0, MONTHS - 1), max_size=40)


def range_of(column: Column, slack: float) -> tuple[float, float]:
    known = [float(value) for value in column if value is not None]
    return min(known) / slack, max(known) * slack


def without(column: Column, gap: set[int]) -> Column:
    return [None if month in gap else value for month, value in enumerate(column)]


def restored(column: Column, slack: float = 1.5) -> Marked:
    return damaged_and_marked({"made": column}, [of_range(*range_of(column, slack))])


@fast
@given(shapes, steps, gaps, st.floats(1, 30), st.integers(5, 9))
def test_columns_without_a_literal_cell(
    shape: Shape, happened: dict[int, float], gap: set[int], slack: float, digits: int
) -> None:
    column = without(significant(made(shape, MONTHS, happened), digits), gap)
    assume(is_promised(column))
    result = restored(column, slack)
    assert not result.silent.to_numpy().any(), str(result)


@fast
@given(shapes, steps, gaps, st.integers(1, 5), st.floats(0, 1))
def test_columns_with_literal_cells(
    shape: Shape, happened: dict[int, float], gap: set[int], places: int, share: float
) -> None:
    values, rng = made(shape, MONTHS, happened), random.Random(shape.seed)
    short, long = with_decimals(values, places), significant(values)
    column = without([s if s and rng.random() < share else v for s, v in zip(short, long, strict=True)], gap)
    assume(is_promised(column))
    result = restored(column)
    assert not result.silent.to_numpy().any(), str(result)


@fast
@given(shapes, steps, st.integers(2007, 2014))
def test_an_index_with_its_base_year(shape: Shape, happened: dict[int, float], begins: int) -> None:
    values = made(shape, MONTHS, happened)
    january = (2014 - begins) * 12
    scale = 100 * 12 / sum(values[january : january + 12])
    column = significant([value * scale for value in values])
    assume(is_promised(column))
    name = "retail_sales_index"
    result = damaged_and_marked({name: column}, [series_register()[name]], f"{begins}-01")
    assert not result.silent.to_numpy().any(), str(result)


parts = st.sampled_from(sorted({name for system in SYSTEMS for one in system for name in one.parts}))


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.dictionaries(parts, steps, max_size=2))
def test_columns_that_add_up(seed: int, happened: dict[str, dict[int, float]]) -> None:
    truth = economy(48, seed, {name: {m: f for m, f in one.items() if m < 48} for name, one in happened.items()})
    small = {name for system in SYSTEMS for one in system for name in one.small}
    assume(all(is_promised(column) for name, column in truth.items() if name not in small))
    result = damaged_and_marked(truth, ECONOMY)
    assert not result.silent.to_numpy().any(), str(result)


def test_the_promise_is_not_kept_by_leaving_all_out() -> None:
    calm = [
        Shape(10.0**power, swing, 0.03, 0.05, seed) for power in range(-3, 7) for swing in (1, 2) for seed in (1, 2)
    ]
    results = [restored(significant(made(shape, MONTHS))) for shape in calm]
    assert sum(result.cells for result in results) == len(calm) * MONTHS
    for result in results:
        assert (result.wrong.to_numpy().sum(), result.flagged, result.left_out) == (0, 0, 0), str(result)
    adding_up = damaged_and_marked(economy(60, 7), ECONOMY)
    assert not adding_up.wrong.to_numpy().any(), str(adding_up)
    assert (adding_up.flagged, adding_up.restored.unproved) == (0, [])


def stepped(factor: float, back: bool = False) -> list[float]:
    """A calm series with a step in the middle, for good or for half a year."""
    happened = {48: factor, 54: 1 / factor} if back else {48: factor}
    return made(Shape(30, growth=0.02, noise=0.01), MONTHS, happened)


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize(
    ("factor", "is_right", "is_told"),
    [(2.0, True, False), (2.5, True, True), (4.0, False, True), (BEYOND, False, False)],
)
def test_what_a_step_of_a_factor_does(factor: float, *, is_right: bool, is_told: bool, back: bool) -> None:
    """The documented limits: believed up to 2.2, doubted to 4.4, and beyond that set wrong without a word."""
    truth = {"made": significant(stepped(factor, back))}
    low, high = range_of(truth["made"], 1.0)
    # The range is wide enough for the wrong values, and leaves the level of the sure ones no choice.
    result = damaged_and_marked(truth, [of_range(low / 2.2, high)])
    assert result.restored.unproved == []
    assert result.wrong.to_numpy().any() != is_right
    assert (result.flagged > 0) == is_told
    assert result.silent.to_numpy().any() == (factor == BEYOND)


def literal(values: list[float]) -> Column:
    """A cell before the step and one after it have two decimals."""
    short = with_decimals(values, 2)
    return [short[month] if month in (40, 60) else value for month, value in enumerate(significant(values))]


def test_literal_cells_on_both_sides_lift_the_limit() -> None:
    result = restored(literal(stepped(BEYOND)))
    assert not result.wrong.to_numpy().any(), str(result)


@pytest.mark.parametrize(
    ("name", "month", "is_silent"),
    [("employed_mining_thousand", 30, False), ("gdp_textiles_clp_bn", 12, False), ("gdp_textiles_clp_bn", 30, True)],
)
def test_an_identity_speaks_up_where_it_holds(name: str, month: int, *, is_silent: bool) -> None:
    """Where columns add up a step beyond the limit is noticed; after the exact years of the accounts it is not."""
    result = damaged_and_marked(economy(48, 7, {name: {month: BEYOND}}), ECONOMY)
    assert result.silent.to_numpy().any() == is_silent, str(result)
