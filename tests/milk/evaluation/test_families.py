"""The recipe on prices of other kinds than that of milk; twenty seeds of each are in `benchmarks/families.py`."""

from functools import cache

import numpy as np
import pytest

from milk.evaluation.backtest import TRAINING_MONTHS
from milk.forecasting.histories import Floats
from tests.milk.evaluation.families import FAMILIES, prices_of, ratios_of

SEEDS = range(3)
LARGEST_LOSS = 1.05
"""Mean of the RMSE ratios to the last value that no family may exceed."""


@cache
def ratios_of_seed(family: str, seed: int) -> Floats:
    return ratios_of(prices_of(family, seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_recipe_hardly_loses_to_the_last_value_on_any_family(family: str) -> None:
    ratios = np.array([ratios_of_seed(family, seed) for seed in SEEDS])
    assert ratios.shape == (len(SEEDS), 12)
    assert ratios.mean() <= LARGEST_LOSS
    assert ratios[:, 0].mean() <= LARGEST_LOSS


@pytest.mark.parametrize("family", ["strong season", "changing season", "short"])
def test_a_season_is_found(family: str) -> None:
    assert np.mean([ratios_of_seed(family, seed)[0] for seed in SEEDS]) <= 0.9


@pytest.mark.parametrize("factor", [1e-4, 1e5])
def test_the_unit_of_the_price_does_not_matter(factor: float) -> None:
    prices = prices_of("strong season", 0)
    np.testing.assert_allclose(ratios_of(factor * prices), ratios_of_seed("strong season", 0), rtol=0, atol=1e-9)


def test_a_hundred_months_are_enough() -> None:
    assert len(prices_of("short", 0)) == TRAINING_MONTHS == 100
    assert np.isfinite(ratios_of_seed("short", 0)).all()
