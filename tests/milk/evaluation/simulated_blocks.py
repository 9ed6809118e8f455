"""Prices with a season, an autoregression and noise, and blocks that lead them or have nothing to do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from milk.evaluation.gate import judge_blocks
from milk.forecasting.baselines import SeasonalDrift
from milk.forecasting.histories import FIT_MONTHS, Floats
from milk.months import Month, available_from
from milk.series import SERIES_ID
from tests.builders import RULE, histories_of, price_features

FIRST = Month(1980, 1)
ORIGINS = 240
MONTHS = FIT_MONTHS + ORIGINS
LEAD = 3
"""Months by which a planted feature leads the price."""
SIGMA = 0.04
"""Standard deviation of the monthly log return."""


@dataclass(frozen=True)
class Block:
    """A block to simulate.

    Attributes:
        name: of the block.
        size: how many features; half of their variance is common to all.
        memory: autoregression of each feature.
        share: of the variance of the monthly returns that its first feature explains.
    """

    name: str
    size: int = 1
    memory: float = 0.0
    share: float = 0.0


def autoregression(noise: Floats, memory: float) -> Floats:
    """An AR(1) of unit variance, months along the last axis."""
    values = noise.copy()
    for month in range(1, values.shape[-1]):
        values[..., month] = memory * values[..., month - 1] + np.sqrt(1 - memory**2) * noise[..., month]
    return values


def simulated(seed: int, blocks: Sequence[Block]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The feature table of one seed, and the features of each block."""
    rng = np.random.default_rng([20261126, seed])
    season = np.sqrt(2) * np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    own = np.sqrt(0.5) * season + np.sqrt(0.5) * autoregression(rng.normal(size=MONTHS), 0.35)
    returns = np.sqrt(1 - sum(block.share for block in blocks)) * own
    parts, names = [], {}
    for block in blocks:
        noise = np.sqrt(0.5) * rng.normal(size=(block.size, MONTHS + LEAD)) + np.sqrt(0.5) * rng.normal(
            size=MONTHS + LEAD
        )
        values = autoregression(noise, block.memory)
        returns = returns + np.sqrt(block.share) * values[0, :-LEAD]
        names[block.name] = [f"{block.name}_{number}" for number in range(block.size)]
        parts += [feature_rows(name, column[LEAD:]) for name, column in zip(names[block.name], values, strict=True)]
    price = price_features(200 * np.exp(np.cumsum(SIGMA * returns)), first=str(FIRST))
    return pd.concat([price, *parts], ignore_index=True), names


def feature_rows(name: str, values: Floats) -> pd.DataFrame:
    """The rows of a feature, its months known as those of the price are."""
    months, known_since = _months()
    columns = {"month": months, "value": values, "known_since": known_since, "is_repeated": False}
    frame = pd.DataFrame({"series_id": SERIES_ID, "feature": name, **columns})
    return frame.astype({"series_id": "str", "feature": "str"})


@cache
def _months() -> tuple[pd.Series, pd.Series]:
    months = [FIRST + k for k in range(MONTHS)]
    return (
        pd.Series([pd.Timestamp(m.first_day) for m in months], dtype="datetime64[us]"),
        pd.Series([available_from(RULE, m) for m in months], dtype="datetime64[us, UTC]"),
    )


def judged(seed: int, blocks: Sequence[Block]) -> pd.DataFrame:
    """The table of the gate for one seed, against a seasonal forecast that knows no autoregression."""
    features, names = simulated(seed, blocks)
    histories = histories_of(features)
    base = SeasonalDrift().fit(histories).forecast(12)
    return judge_blocks(features, histories, base, RULE, names)
