"""The blocks of other data that a recipe uses beside the price, and what they add to its forecasts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from milk.forecasting.blocks import block_design, corrections, declared_blocks, fitted_block
from milk.forecasting.histories import Floats, Histories
from milk.forecasting.model import Forecast
from milk.months import Availability
from milk.series import series_register

STEPS_OF: Final = {1: (1,), 3: (2, 3, 4), 6: (5, 6, 7, 8), 12: (9, 10, 11, 12, 13, 14)}
"""For each judged horizon the steps that a block admitted there corrects: those that are nearest to it."""


_Part: TypeAlias = tuple[str, tuple[str, ...], tuple[int, ...], Floats]
"""A block, its features, its steps, and what its features said at each origin."""


@dataclass(frozen=True)
class OtherData:
    """The blocks that a recipe uses beside the price.

    Attributes:
        features: the feature table.
        price_rule: when the price of a month is known.
        blocks: for each block the judged horizons at which it was admitted (keys of `STEPS_OF`); a later block corrects
            what the earlier ones left.
    """

    features: pd.DataFrame
    price_rule: Availability
    blocks: Mapping[str, Sequence[int]]

    def added_to(self, forecast: Forecast, histories: Histories) -> Forecast:
        """The price-only forecast with what the blocks add to it, as its cause `other`.

        Series that lie in the rows one after the other share what was known of the blocks, for they share their months;
        each learns from its own errors.
        """
        parts = [*self._parts(histories.alone(0))]
        prices = histories.by_series(forecast.log_price)
        total = np.concatenate([self._added(parts, own, histories.alone(k)) for k, own in enumerate(prices)])
        return Forecast(forecast.base, {**forecast.contributions, "other": forecast.contributions["other"] + total})

    def _added(self, parts: list[_Part], log_price: Floats, histories: Histories) -> Floats:
        """What the blocks add to the forecasts of one series."""
        total = np.zeros_like(log_price)
        for _block, _names, steps, design in parts:
            total += corrections(design, log_price + total, histories, steps=_up_to(steps, total)).log_points
        return total

    def fitted(self, forecast: Forecast, histories: Histories) -> dict[str, dict[str, Any]]:
        """For each block what was learnt at the last origin (see `fitted_block`), 0 at steps that it does not claim."""
        total = np.zeros_like(forecast.log_price)
        fits = {}
        for block, names, steps, design in self._parts(histories):
            base = forecast.log_price + total
            fit = fitted_block(names, design, base, histories)
            unclaimed = [step for step in range(1, total.shape[1] + 1) if step not in steps]
            for step in unclaimed:
                fit["coefficients"][step - 1] = [0.0] * design.shape[1]
            fits[block] = fit
            total += corrections(design, base, histories, steps=_up_to(steps, total)).log_points
        return fits

    def _parts(self, histories: Histories) -> Iterator[_Part]:
        declared = declared_blocks(series_register())
        for block, horizons in self.blocks.items():
            steps = tuple(step for horizon in horizons for step in STEPS_OF[horizon])
            yield (
                block,
                declared[block],
                steps,
                block_design(self.features, histories, self.price_rule, declared[block]),
            )


def _up_to(steps: Sequence[int], log_points: Floats) -> list[int]:
    """The steps that a forecast reaches."""
    return [step for step in steps if step <= log_points.shape[1]]
