"""The binomial band against exact fractions."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.evaluation.binomial import binomial_band


def tails(trials: int, probability: Fraction, low: int, high: int) -> tuple[Fraction, Fraction]:
    """Probability of fewer than `low`, and of more than `high`."""
    terms = [comb(trials, k) * probability**k * (1 - probability) ** (trials - k) for k in range(trials + 1)]
    return sum(terms[:low], Fraction(0)), sum(terms[high + 1 :], Fraction(0))


@given(
    st.integers(1, 150), st.sampled_from([Fraction(1, 2), Fraction(4, 5), Fraction(19, 20)]), st.sampled_from([50, 500])
)
@settings(max_examples=60, deadline=None)
def test_the_band_is_as_narrow_as_its_level_allows(trials: int, probability: Fraction, one_in: int) -> None:
    tail = Fraction(1, one_in) / 2
    low, high = binomial_band(trials, float(probability), level=1 - 1 / one_in)
    below, above = tails(trials, probability, low, high)
    assert below <= tail + Fraction(1, 10**9)
    assert above <= tail + Fraction(1, 10**9)
    narrower_below, _ = tails(trials, probability, low + 1, high)
    _, narrower_above = tails(trials, probability, low, high - 1)
    assert narrower_below > tail - Fraction(1, 10**9)
    assert narrower_above > tail - Fraction(1, 10**9)


def test_known_bands() -> None:
    assert binomial_band(120, 0.8, level=0.998) == (82, 109)
    assert binomial_band(120, 0.95, level=0.998) == (106, 120)
    assert binomial_band(600, 0.95, level=0.998)[0] < 570 < binomial_band(600, 0.95, level=0.998)[1]


@pytest.mark.parametrize(
    ("trials", "probability", "level"), [(-1, 0.8, 0.9), (5, 0.0, 0.9), (5, 1.0, 0.9), (5, 0.8, 1.0)]
)
def test_what_is_no_band_is_refused(trials: int, probability: float, level: float) -> None:
    with pytest.raises(ValueError, match="no band"):
        binomial_band(trials, probability, level=level)
