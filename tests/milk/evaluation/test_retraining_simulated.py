"""A small dose of `benchmarks/retraining.py`: breaks are noticed, calm years are calm, nothing looks ahead."""

import numpy as np
import pytest

from benchmarks.retraining import BEFORE, BREAKS, CALM, FIRST, SHOCKS, Regime, outcome_of, replay, simulated_prices
from tests.builders import price_features

SEEDS = range(3)
"""Few: the benchmark has the shares. There, 2 of 100 breaks go unnoticed, and a fifth of the shocks alarm."""


@pytest.mark.parametrize("regime", BREAKS, ids=lambda regime: regime.name)
def test_a_broken_regime_is_noticed_within_a_year(regime: Regime) -> None:
    assert sum(outcome_of(regime, seed).is_noticed() for seed in SEEDS) >= len(SEEDS) - 1


@pytest.mark.parametrize("regime", SHOCKS, ids=lambda regime: regime.name)
def test_a_shock_of_one_month_is_seldom_one(regime: Regime) -> None:
    assert sum(outcome_of(regime, seed).is_noticed() for seed in SEEDS) <= 1


def test_ten_calm_years_have_a_training_a_year_and_no_alarm() -> None:
    outcome = outcome_of(CALM, 3)
    assert (outcome.alarms, outcome.due) == ([], 10)


def test_a_decision_knows_nothing_of_later_prices() -> None:
    prices = simulated_prices(BREAKS[1], 1, start=BEFORE, months=BEFORE + 10)
    first, until = FIRST + (BEFORE - 6), FIRST + (BEFORE + 4)
    short = dict(replay(price_features(prices[: BEFORE + 5], first=str(FIRST)), first, until))
    other = np.concatenate([prices[: BEFORE + 5], prices[BEFORE + 5 :] * 3])
    whole = dict(replay(price_features(other, first=str(FIRST)), first, FIRST + (BEFORE + 9)))
    assert len(short) == 10
    assert all(whole[month] == verdict for month, verdict in short.items())
    assert len({verdict.sentence for verdict in whole.values()}) == len(whole)
