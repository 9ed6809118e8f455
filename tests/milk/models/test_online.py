"""Which prices an online forecast rests on: the caller's, and the published ones before them where both agree."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.models.apply import apply_version, months_needed, months_used
from milk.models.online import basis_of, features_not_given, month_faults, unused_columns
from milk.models.version import ModelVersion, version_id_of, version_of
from milk.months import Month, month_range
from tests.milk.models.versions import card_content, model_content

START = Month(2014, 1)
HISTORY = {START + k: 200.0 + k for k in range(36)}
SENT = START + 30
MANY = 24


def _sent(*factors: float) -> list[float]:
    return [HISTORY[SENT + k] * factor for k, factor in enumerate(factors)]


def test_the_published_prices_stand_before_those_that_agree() -> None:
    basis = basis_of(SENT, _sent(1.0, 1.005, 0.995), HISTORY, months_wanted=MANY)
    assert (basis.first_month, basis.last_month) == (SENT + (3 - MANY), SENT + 2)
    assert basis.prices[:-3] == tuple(HISTORY[month] for month in month_range(basis.first_month, SENT + (-1)))
    assert list(basis.prices[-3:]) == _sent(1.0, 1.005, 0.995)
    assert (basis.months_sent, basis.months_of_history) == (3, MANY - 3)
    assert "agree with the published prices within 1 %" in basis.reason


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("factor", [1.011, 0.989])
def test_one_month_that_does_not_agree_leaves_the_caller_alone(place: int, factor: float) -> None:
    factors = [1.0, 1.0, 1.0]
    factors[place] = factor
    basis = basis_of(SENT, _sent(*factors), HISTORY, months_wanted=MANY)
    assert (basis.months_of_history, basis.first_month) == (0, SENT)
    assert list(basis.prices) == _sent(*factors)
    assert f"yours of {SENT + place} is" in basis.reason
    assert "more than 1 % apart" in basis.reason


def test_exactly_one_percent_agrees() -> None:
    history = dict.fromkeys(month_range(START, SENT), 100.0)
    for price in (101.0, 99.0):
        assert basis_of(SENT, [price, 120.0, 125.0], history, months_wanted=MANY).months_of_history == MANY - 3
    assert basis_of(SENT, [101.01, 120.0, 125.0], history, months_wanted=MANY).months_of_history == 0


def test_without_a_shared_month_nothing_tells_that_it_is_the_same_price() -> None:
    history = {month: price for month, price in HISTORY.items() if month < SENT}
    basis = basis_of(SENT, _sent(1, 1, 1), history, months_wanted=MANY)
    assert (basis.months_of_history, basis.reason) == (0, "no month of yours is among the published ones")


def test_what_lies_before_a_gap_is_not_used() -> None:
    history = {month: price for month, price in HISTORY.items() if month != SENT + (-5)}
    basis = basis_of(SENT, _sent(1, 1, 1), history, months_wanted=MANY)
    assert basis.first_month == SENT + (-4)
    assert len(basis.prices) == 7


@pytest.mark.parametrize(
    ("wanted", "first", "reason"), [(3, SENT, "nothing older is needed"), (9, START, "nothing older is published")]
)
def test_nothing_older(wanted: int, first: Month, reason: str) -> None:
    prices = [HISTORY[first + k] for k in range(3)]
    basis = basis_of(first, prices, HISTORY, months_wanted=wanted)
    assert (basis.months_of_history, basis.reason) == (0, reason)


@given(
    factors=st.lists(st.floats(0.9, 1.1), min_size=3, max_size=6),
    published=st.sets(st.integers(0, 36)),
    wanted=st.integers(1, 40),
)
def test_the_basis_is_consecutive_and_ends_with_what_was_sent(
    factors: list[float], published: set[int], wanted: int
) -> None:
    history = {START + k: 200.0 + k for k in published}
    prices = [(230.0 + k) * factor for k, factor in enumerate(factors)]
    basis = basis_of(SENT, prices, history, months_wanted=wanted)
    assert list(basis.prices[-len(prices) :]) == prices
    assert len(basis.prices) == basis.last_month - basis.first_month + 1 <= max(wanted, len(prices))
    before = month_range(basis.first_month, SENT + (-1))
    assert list(basis.prices[: len(before)]) == [history[month] for month in before]
    apart = [k for k, price in enumerate(prices) if 30 + k in published and abs(price / (230.0 + k) - 1) > 0.0100001]
    if apart or not any(30 + k in published for k in range(len(prices))):
        assert not before


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ([0, 1, 2], []),
        ([0, 1, 3], [(2, "2014-04 does not follow 2014-02: the next month is 2014-03.")]),
        ([0, 1, 1], [(2, "2014-02 stands there more than once.")]),
        ([0, 1, 0], [(2, "2014-01 stands there more than once.")]),
        ([2, 1, 0], [(1, "2014-02 does not follow 2014-03: the next month is 2014-04."),
                     (2, "2014-01 does not follow 2014-02: the next month is 2014-03.")]),
        ([34, 35, 36], [(2, "2017-01 lies in the future: it is 2016-12.")]),
        ([], []),
    ],
)  # fmt: skip
def test_months_must_follow_each_other_and_have_begun(months: list[int], said: list[tuple[int, str]]) -> None:
    faults = month_faults([START + k for k in months], current=START + 35)
    assert [(fault.place, fault.detail) for fault in faults] == said


@given(months=st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_only_consecutive_months_are_without_fault(months: list[int]) -> None:
    is_sound = all(b == a + 1 for a, b in pairwise(months)) and max(months) <= 5
    faults = month_faults([START + k for k in months], current=START + 5)
    assert (not faults) == is_sound
    assert all(0 <= fault.place < len(months) for fault in faults)


def test_columns_that_the_recipe_does_not_use() -> None:
    assert unused_columns(["b", "a", "c"], {"a"}) == ["b", "c"]
    assert unused_columns([], {"a"}) == []


def test_a_version_from_its_content_alone_answers_as_from_a_folder() -> None:
    version = _version()
    prices = [HISTORY[START + k] for k in range(months_used(version))]
    basis = basis_of(START, prices, {}, months_wanted=months_used(version))
    forecasts = apply_version(version, basis.prices, last_month=basis.last_month)
    assert len(forecasts) == 12
    for forecast in forecasts:
        assert math.log(forecast.price) == pytest.approx(sum(forecast.contributions.values()), abs=1e-12)
    assert months_needed(version) <= 3, "a caller may send three months"
    assert features_not_given(version) == []


def test_features_of_blocks_are_named() -> None:
    model = model_content()
    block = {"columns": ["rain_maule_anomaly"], "means": [0.0], "deviations": [1.0], "largest": 4.0,
             "coefficients": [[0.5]]}  # fmt: skip
    model["fit"]["blocks"] = {"rain": block}
    assert features_not_given(_version(model)) == ["rain_maule_anomaly"]


def _version(model: dict[str, object] | None = None) -> ModelVersion:
    content = model or model_content()
    name = version_id_of(content)
    return version_of(name, "0" * 64, content, card_content() | {"version_id": name})
