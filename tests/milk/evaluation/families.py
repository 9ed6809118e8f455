"""Monthly prices of several kinds, simulated: what the recipe has to cope with where the price is not that of milk."""

from collections.abc import Callable

import numpy as np

from milk.evaluation.backtest import RECIPE, choose_recipe, evaluation_window, run_backtest
from milk.evaluation.scores import scores_by_horizon
from milk.forecasting.histories import Floats
from milk.forecasting.intervals import IntervalMethod
from milk.months import Month
from tests.builders import RULE, price_features

MONTHS = 240
SHORT_MONTHS = 100
"""As few months as can be evaluated at all."""
EVALUATION_MONTHS = 120
SIGMA = 0.02
"""Standard deviation of the monthly surprise."""
FIRST = Month(1990, 1)

Rng = np.random.Generator


def random_walk(rng: Rng) -> Floats:
    """Log prices with independent returns: nothing beats the last value."""
    return np.cumsum(rng.normal(0, SIGMA, MONTHS))


def strong_season(rng: Rng, months: int = MONTHS) -> Floats:
    """Log prices with twelve month effects of twice the surprise, and a momentum of .3."""
    effects = rng.normal(0, 2 * SIGMA, 12)
    season = np.resize(effects - effects.mean(), months)
    return np.cumsum(season + autoregression(rng.normal(0, SIGMA, months), 0.3))


def changing_season(rng: Rng) -> Floats:
    """Log prices whose month effects are drawn anew bit by bit: after five years half of a season is another."""
    kept = 0.5 ** (1 / 5)
    effects, years = rng.normal(0, 2 * SIGMA, 12), []
    for _ in range(MONTHS // 12):
        effects = kept * effects + np.sqrt(1 - kept**2) * rng.normal(0, 2 * SIGMA, 12)
        years.append(effects - effects.mean())
    return np.cumsum(np.concatenate(years) + rng.normal(0, SIGMA, MONTHS))


def trend(rng: Rng) -> Floats:
    """Log prices that rise by a third of the surprise each month."""
    return np.cumsum(rng.normal(SIGMA / 3, SIGMA, MONTHS))


def breaks(rng: Rng) -> Floats:
    """Log prices whose level jumps by a tenth to a third, up or down, every three years on average."""
    size = rng.uniform(0.1, 0.3, MONTHS) * rng.choice([-1.0, 1.0], MONTHS)
    jumps = np.where(rng.random(MONTHS) < 1 / 36, size, 0.0)
    return np.cumsum(jumps + rng.normal(0, SIGMA, MONTHS))


def short(rng: Rng) -> Floats:
    """The first hundred months of log prices with a strong season."""
    return strong_season(rng, SHORT_MONTHS)


def noisy(rng: Rng) -> Floats:
    """Log prices that return to their mean, half of a gap within seven months, each measured with an error."""
    return 3 * SIGMA * autoregression(rng.normal(0, np.sqrt(1 - 0.9**2), MONTHS), 0.9) + rng.normal(0, SIGMA, MONTHS)


FAMILIES: dict[str, Callable[[Rng], Floats]] = {
    "random walk": random_walk,
    "strong season": strong_season,
    "changing season": changing_season,
    "trend": trend,
    "breaks": breaks,
    "short": short,
    "noisy": noisy,
}


def autoregression(noise: Floats, memory: float) -> Floats:
    """An AR(1) that noise drives."""
    values = noise.copy()
    for month in range(1, len(values)):
        values[month] += memory * values[month - 1]
    return values


def prices_of(family: str, seed: int) -> Floats:
    """The prices of one seed of a family."""
    rng = np.random.default_rng([20261126, [*FAMILIES].index(family), seed])
    return np.asarray(200 * np.exp(FAMILIES[family](rng)))


def ratios_of(prices: Floats) -> Floats:
    """RMSE of the recipe over that of the last value at each horizon, as `milk backtest` measures it.

    The newest ten years are forecast, or what a shorter price leaves; the setting is searched before them.
    """
    features = price_features(prices, first=str(FIRST))
    window = evaluation_window(FIRST, FIRST + (len(prices) - 1), months=EVALUATION_MONTHS)
    setting = choose_recipe(features, window, price_rule=RULE).setting
    table = run_backtest(features, window, price_rule=RULE, method=IntervalMethod(), setting=setting)
    scores = scores_by_horizon(table)
    own = scores[scores["model"] == RECIPE]
    return own.sort_values("horizon_months")["ratio"].to_numpy(dtype=np.float64)
