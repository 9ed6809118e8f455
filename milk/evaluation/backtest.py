"""The rolling-origin backtest: the recipe and every baseline on the same rows.

All choices come from before: hyperparameters from a search that ends at the first origin, the fit and the intervals of
each origin from what was known there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from milk.errors import NotEnoughHistory
from milk.evaluation.gate import admitted_blocks, judge_blocks
from milk.forecasting.baselines import BASELINES
from milk.forecasting.blocks import declared_blocks
from milk.forecasting.features import PRICE
from milk.forecasting.histories import CALIBRATION_MONTHS, FIT_MONTHS, Histories, build_histories
from milk.forecasting.interval_choice import choose_method, compare_methods
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.model import Forecaster
from milk.forecasting.other_data import OtherData
from milk.forecasting.recipe import Setting
from milk.forecasting.rolling import RollingForecast, rolling_forecast
from milk.forecasting.search import best_setting, search_settings
from milk.months import Availability, Month, available_from, horizons, issue_step
from milk.series import SERIES_ID, series_register

RECIPE = "milk"
COLUMNS = [
    "model", "forecast_origin", "target_month", "horizon_months", "prediction",
    "lower_80", "upper_80", "lower_95", "upper_95", "observed",
]  # fmt: skip
MEAN_COLUMNS = [
    "mean_prediction", "mean_lower_80", "mean_upper_80", "mean_lower_95", "mean_upper_95", "mean_observed",
]  # fmt: skip

EARLIEST_TARGET = FIT_MONTHS + CALIBRATION_MONTHS + 14
"""Months of prices before the first target of an evaluation: fit, errors for intervals, the longest horizon."""
SMALLEST_EVALUATION = 22
"""Months below which a comparison is chance: no version is judged on fewer."""
TRAINING_MONTHS = EARLIEST_TARGET + SMALLEST_EVALUATION
"""Months of prices without which no setting can be judged: a hundred."""


@dataclass(frozen=True, slots=True)
class TargetWindow:
    """The target months of an evaluation, both ends included."""

    first: Month
    last: Month


def evaluation_window(first_price: Month, last_price: Month, *, months: int) -> TargetWindow:
    """The newest `months` months of the price, or fewer where the search before them would be left too short.

    Raises:
        NotEnoughHistory: fewer than `TRAINING_MONTHS` prices.
    """
    refuse_short(first_price, last_price)
    return TargetWindow(max(last_price + (1 - months), first_price + EARLIEST_TARGET), last_price)


def refuse_short(first_price: Month, last_price: Month) -> None:
    """Raise where the prices are too few to fit the recipe and to judge it.

    Raises:
        NotEnoughHistory: they are.
    """
    if last_price - first_price + 1 < TRAINING_MONTHS:
        raise NotEnoughHistory(
            f"The prices run from {first_price} to {last_price}, {last_price - first_price + 1} months: to fit the "
            f"recipe and to judge it takes {TRAINING_MONTHS}. Give a longer price file."
        )


def origins_for_search(histories: Histories, window: TargetWindow, *, steps: int) -> Histories:
    """The origins that may choose hyperparameters: up to the first origin that the window compares."""
    first_compared = window.first + (-steps)
    stop = histories.row_of(first_compared) + 1
    if stop < 1:
        raise NotEnoughHistory(_too_early(window, histories.first))
    return histories.rows(0, stop)


@dataclass(frozen=True)
class Choice:
    """What a search chose, with its whole tables.

    Attributes:
        setting: of the recipe.
        method: of the intervals.
        settings: every setting compared (see `search_settings`).
        methods: every interval method compared, with that setting (see `compare_methods`).
        blocks: the blocks of other data that were admitted, each with its horizons.
        gate: every block judged at every horizon (see `milk.evaluation.gate`).
    """

    setting: Setting
    method: IntervalMethod
    settings: pd.DataFrame
    methods: pd.DataFrame
    blocks: Mapping[str, tuple[int, ...]]
    gate: pd.DataFrame


def choose_recipe(features: pd.DataFrame, window: TargetWindow, *, price_rule: Availability) -> Choice:
    """Search setting, blocks and interval method on the origins before a window; none that it compares is seen.

    The blocks are judged with the setting that the price alone chose, and the interval method with the blocks admitted.

    Raises:
        NotEnoughHistory: the window begins too early or ends after the last price.
    """
    first_price, last_price = price_months(features)
    refuse_window(window, first_price, last_price)
    histories = build_histories(features, price_rule=price_rule, last_origin=last_price)
    seen = origins_for_search(histories, window, steps=horizons(price_rule))
    settings = search_settings(seen)
    setting = best_setting(settings)
    forecast = setting.forecaster().fit(seen).forecast(horizons(price_rule))
    gate = judge_blocks(features, seen, forecast, price_rule, declared_blocks(series_register()))
    blocks = admitted_blocks(gate)
    methods = compare_methods(OtherData(features, price_rule, blocks).added_to(forecast, seen), seen)
    return Choice(setting, choose_method(methods), settings, methods, blocks, gate)


def run_backtest(
    features: pd.DataFrame,
    window: TargetWindow,
    *,
    price_rule: Availability,
    method: IntervalMethod,
    setting: Setting,
    blocks: Mapping[str, Sequence[int]] | None = None,
) -> pd.DataFrame:
    """Forecast every month of a window from every horizon, with the recipe and the baselines.

    Args:
        features: the feature table, its price known by `price_rule`.
        window: target months.
        price_rule: when the price of a month is known; a late price means more horizons.
        method: how the intervals are made, the same for every model.
        setting: the recipe's setting.
        blocks: the blocks of other data that the recipe uses, each with its horizons.

    Returns:
        The table with `COLUMNS` and `MEAN_COLUMNS` (see `milk.tables.BACKTEST`).

    Raises:
        NotEnoughHistory: the window begins too early or ends after the last price.
    """
    first_price, last_price = price_months(features)
    refuse_window(window, first_price, last_price)
    steps = horizons(price_rule)
    histories = build_histories(features, price_rule=price_rule, last_origin=last_price)
    models: dict[str, Forecaster] = {RECIPE: setting.forecaster()}
    models |= {name: make() for name, make in BASELINES.items()}
    other = {RECIPE: OtherData(features, price_rule, blocks)} if blocks else {}
    rolled = {
        name: rolling_forecast(
            forecaster,
            histories,
            steps=steps,
            method=method,
            first_step=issue_step(price_rule),
            other=other.get(name),
        )
        for name, forecaster in models.items()
    }
    parts = [_window_rows(name, rolling, window, steps=steps) for name, rolling in rolled.items()]
    table = pd.concat(parts, ignore_index=True).astype({"model": "str"})
    prices = _newest_prices(features)
    table["observed"] = table["target_month"].map(prices)
    table["mean_observed"] = _mean_observed(table, prices, first_step=issue_step(price_rule))
    table.insert(0, "series_id", pd.Series(SERIES_ID, index=table.index, dtype="str"))
    table.insert(1, "price_lag_months", price_rule.lag_months)
    return table[["series_id", "price_lag_months", *COLUMNS, *MEAN_COLUMNS]]


def with_price_rule(features: pd.DataFrame, price_rule: Availability) -> pd.DataFrame:
    """The features as they would have been known, had the price come by another rule; revisions come no earlier.

    Args:
        features: the feature table.
        price_rule: the other rule.
    """
    price = features[features["feature"] == PRICE].sort_values(["month", "known_since"])
    by_rule = pd.Series([available_from(price_rule, Month.of(month)) for month in price["month"]], index=price.index)
    by_rule = by_rule.astype(price["known_since"].dtype)
    is_first = price.groupby("month").cumcount() == 0
    late = price["known_since"].where(price["known_since"] >= by_rule, by_rule)
    moved = price.assign(known_since=by_rule.where(is_first, late))
    # A revision that would have come before the first value is all that anybody would have seen.
    moved = moved.drop_duplicates(["month", "known_since"], keep="last")
    return pd.concat([moved, features[features["feature"] != PRICE]], ignore_index=True)


def price_months(features: pd.DataFrame) -> tuple[Month, Month]:
    """The first and the last month of the price."""
    months = features.loc[features["feature"] == PRICE, "month"]
    return Month.of(months.min()), Month.of(months.max())


def _mean_observed(table: pd.DataFrame, prices: pd.Series, *, first_step: int) -> pd.Series:
    """The mean of the prices from `first_step` months after the origin to the target; NaN before."""
    total = pd.Series(np.concatenate([[0.0], prices.to_numpy().cumsum()]))
    place = pd.Series(np.arange(len(prices)), index=prices.index)
    last = table["target_month"].map(place) + 1
    months = table["horizon_months"] - first_step + 1
    mean = (last.map(total) - (last - months).map(total)) / months
    return mean.where(months > 0)


def _newest_prices(features: pd.DataFrame) -> pd.Series:
    """The price of each month as it stands now, in order: what a forecast of it is compared with."""
    price = features[features["feature"] == PRICE]
    newest = price.sort_values("known_since").drop_duplicates("month", keep="last")
    return newest.set_index("month")["value"].sort_index()


def refuse_window(window: TargetWindow, first_price: Month, last_price: Month) -> None:
    """Raise where a window cannot be evaluated.

    Raises:
        NotEnoughHistory: it is empty, begins too early, or ends after the last price.
    """
    if window.last < window.first:
        raise NotEnoughHistory(f"There is no month from {window.first} to {window.last}.")
    if window.first < first_price + EARLIEST_TARGET:
        raise NotEnoughHistory(_too_early(window, first_price))
    if window.last > last_price:
        raise NotEnoughHistory(f"The last price is that of {last_price}: {window.last} cannot be compared with it.")


def _too_early(window: TargetWindow, first_price: Month) -> str:
    return (
        f"The prices begin in {first_price}, so the first month that can be evaluated is "
        f"{first_price + EARLIEST_TARGET}: {window.first} is too early."
    )


def _window_rows(name: str, rolling: RollingForecast, window: TargetWindow, *, steps: int) -> pd.DataFrame:
    histories = rolling.histories
    first = histories.row_of(window.first + (-steps))
    last = histories.row_of(window.last + (-1))
    frame = rolling.frame(list(range(first, last + 1)))
    frame = frame.rename(columns={"price": "prediction", "mean_price": "mean_prediction"})
    inside = frame["target_month"].between(pd.Timestamp(window.first.first_day), pd.Timestamp(window.last.first_day))
    frame = frame[inside].reset_index(drop=True)
    frame["model"] = name
    return frame
