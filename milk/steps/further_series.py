"""Forecast the further series of a home: the recipe of the reference series, refitted to each on its own prices.

What a recipe uses beside the price (rain, macro series) is the same for all. The intervals and their measured shares
come from the errors that the recipe made on that very series, so each says for itself how far to trust it; that the
recipe was chosen on another series is what they pay for (docs/scale.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from milk.errors import BadSetting
from milk.forecasting.cohorts import Cohort, assemble
from milk.forecasting.fit import recipe_of
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.other_data import OtherData
from milk.home.layout import Home
from milk.models.canonical import sha256_hex
from milk.months import Availability, Month
from milk.steps.receive_series import known_prices_of_series, price_series

PARTS_FOR_PROCESSES = 8
"""Fewer parts than these are done before a second process has started."""


@dataclass(frozen=True)
class FurtherForecasts:
    """What came of the further series.

    Attributes:
        rows: as `milk.forecasting.issue.issue_forecasts` gives them.
        left_out: the series without a forecast of the newest month, each with the reason.
        units: the unit of each series.
        prices: a hash of the prices of each series.
    """

    rows: pd.DataFrame
    left_out: dict[str, str]
    units: dict[str, str]
    prices: dict[str, str]


@dataclass(frozen=True)
class Task:
    """What is the same for every part of a run; plain values, which travel to another process."""

    recipe: Mapping[str, Any]
    features: pd.DataFrame | None
    price_rule: Availability
    months: Sequence[Month]


def further_forecasts(
    home: Home,
    features: pd.DataFrame,
    recipe: Mapping[str, Any],
    months: list[Month],
    *,
    price_rule: Availability,
    workers: int = 1,
) -> FurtherForecasts:
    """Forecast the series that the folder listed last, those that can be; nothing is written.

    Args:
        home: the home.
        features: the feature table, for what the recipe uses beside the price.
        recipe: the recipe of the promoted version.
        months: the issue months.
        price_rule: when a price is known.
        workers: processes.

    Raises:
        BadSetting: one of several processes was ended from outside.
    """
    entries = price_series(home)
    if not entries or not months:
        return FurtherForecasts(pd.DataFrame(), {}, {}, {})
    prices = known_prices_of_series(home)
    prices = prices[prices["series_id"].isin([entry.series_id for entry in entries])]
    assembled = assemble(prices, price_rule=price_rule, issue_months=months)
    held = set(prices["series_id"].unique())
    left_out = {entry.series_id: "no price of it was ever received" for entry in entries if entry.series_id not in held}
    left_out |= assembled.left_out
    for entry in entries:
        if entry.refused and entry.series_id in left_out:
            left_out[entry.series_id] = f"its file was not taken. {entry.refused}"
    task = Task(recipe, features if recipe["blocks"] else None, price_rule, months)
    parts = [part for cohort in assembled.cohorts for part in cohort.parts()]
    frames = [*_forecast_parts(parts, task, workers)]
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return FurtherForecasts(rows, left_out, {entry.series_id: entry.unit for entry in entries}, _hashes(prices))


def forecast_part(part: Cohort, task: Task) -> pd.DataFrame:
    """The forecasts of the series of a part, of the months that their prices reach."""
    forecaster, method = recipe_of(dict(task.recipe))
    blocks = task.recipe["blocks"]
    other = None if task.features is None else OtherData(task.features, task.price_rule, blocks)
    # Products of matrices so small lose more to waiting threads than these bring.
    with threadpool_limits(1, user_api="blas"):
        return issue_forecasts(
            forecaster,
            part.histories(),
            part.issues_among(task.months, task.price_rule),
            price_rule=task.price_rule,
            method=method,
            other=other,
            series_ids=part.series_ids,
        )


def _forecast_parts(parts: list[Cohort], task: Task, workers: int) -> Iterator[pd.DataFrame]:
    if workers == 1 or len(parts) < PARTS_FOR_PROCESSES:
        yield from (forecast_part(part, task) for part in parts)
        return
    try:
        # Not by a fork: Dagster's threads would be copied in whatever they are doing.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(partial(forecast_part, task=task), parts, chunksize=max(1, len(parts) // (8 * workers)))
    except BrokenProcessPool as error:
        raise BadSetting(
            f"One of the {workers} processes that forecast further series was ended from outside, most likely because "
            "memory ran out. Set MILK_SERIES_WORKERS to fewer, or give the machine more memory, and run again."
        ) from error


def _hashes(prices: pd.DataFrame) -> dict[str, str]:
    """A hash of the prices of each series, whatever their order."""
    numbers, names = pd.factorize(prices["series_id"])
    content = pd.util.hash_pandas_object(prices.drop(columns="series_id"), index=False).to_numpy()
    order = np.lexsort((content, numbers))
    starts = np.searchsorted(numbers[order], np.arange(len(names) + 1))
    ordered = content[order]
    return {
        str(name): sha256_hex(ordered[starts[place] : starts[place + 1]].tobytes()) for place, name in enumerate(names)
    }
