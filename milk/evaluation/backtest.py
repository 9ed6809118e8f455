"""The rolling-origin backtest: the recipe and every baseline on the same rows.

All choices come from before: hyperparameters from a search that ends at the first origin, the fit and the intervals of
each origin from what was known there.
"""

from dataclasses import dataclass

import pandas as pd

from milk.errors import NotEnoughHistory
from milk.forecasting.baselines import BASELINES
from milk.forecasting.histories import CALIBRATION_MONTHS, FIT_MONTHS, Histories, build_histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.model import Forecaster
from milk.forecasting.recipe import Setting
from milk.forecasting.rolling import rolling_forecast
from milk.forecasting.search import best_setting, search_settings
from milk.months import Availability, Month, horizons
from milk.series import SERIES_ID

RECIPE = "milk"
COLUMNS = [
    "model", "forecast_origin", "target_month", "horizon_months", "prediction",
    "lower_80", "upper_80", "lower_95", "upper_95", "observed",
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


def run_backtest(
    features: pd.DataFrame,
    window: TargetWindow,
    *,
    price_rule: Availability,
    method: IntervalMethod,
    setting: Setting | None = None,
) -> tuple[pd.DataFrame, Setting]:
    """Forecast every month of a window from every horizon, with the recipe and the baselines.

    Args:
        features: the feature table, its price known by `price_rule`.
        window: target months.
        price_rule: when the price of a month is known; a late price means more horizons.
        method: how the intervals are made, the same for every model.
        setting: the recipe's setting; searched before the first origin where it is not given.

    Returns:
        The table with `COLUMNS` (see `milk.tables.BACKTEST`), and the setting used.

    Raises:
        NotEnoughHistory: the window begins too early or ends after the last price.
    """
    price = features[features["feature"] == "price"]
    first_price, last_price = Month.of(price["month"].min()), Month.of(price["month"].max())
    refuse_window(window, first_price, last_price)
    steps = horizons(price_rule)
    histories = build_histories(features, price_rule=price_rule, last_origin=last_price)
    if setting is None:
        setting = best_setting(search_settings(origins_for_search(histories, window, steps=steps)))
    models: dict[str, Forecaster] = {RECIPE: setting.forecaster()}
    models |= {name: make() for name, make in BASELINES.items()}
    parts = [
        _window_rows(name, forecaster, histories, window, steps=steps, method=method)
        for name, forecaster in models.items()
    ]
    table = pd.concat(parts, ignore_index=True).astype({"model": "str"})
    table["observed"] = table["target_month"].map(_newest_prices(price))
    table.insert(0, "series_id", pd.Series(SERIES_ID, index=table.index, dtype="str"))
    return table[["series_id", *COLUMNS]], setting


def _newest_prices(price: pd.DataFrame) -> pd.Series:
    """The price of each month as it stands now: what a forecast of it is compared with."""
    newest = price.sort_values("known_since").drop_duplicates("month", keep="last")
    return newest.set_index("month")["value"]


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


def _window_rows(
    name: str,
    forecaster: Forecaster,
    histories: Histories,
    window: TargetWindow,
    *,
    steps: int,
    method: IntervalMethod,
) -> pd.DataFrame:
    rolling = rolling_forecast(forecaster, histories, steps=steps, method=method)
    first = histories.row_of(window.first + (-steps))
    last = histories.row_of(window.last + (-1))
    frame = rolling.frame(list(range(first, last + 1))).rename(columns={"price": "prediction"})
    inside = frame["target_month"].between(pd.Timestamp(window.first.first_day), pd.Timestamp(window.last.first_day))
    frame = frame[inside].reset_index(drop=True)
    frame["model"] = name
    return frame
