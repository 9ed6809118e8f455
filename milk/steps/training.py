"""Search and backtest: from the feature table to what a model version is made from."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as library_version
from typing import Any

import pandas as pd

from milk.evaluation.backtest import (
    Choice,
    TargetWindow,
    choose_recipe,
    evaluation_window,
    price_months,
    run_backtest,
    with_price_rule,
)
from milk.evaluation.gate import COLUMNS as GATE_COLUMNS
from milk.forecasting.blocks import declared_blocks
from milk.forecasting.features import PRICE, declared_features
from milk.forecasting.histories import Histories, build_histories
from milk.forecasting.interval_choice import FIGURES
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.recipe import Setting
from milk.forecasting.search import SCORES
from milk.home.layout import Home
from milk.home.tables import frame_hash, table_version
from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Availability, Month
from milk.series import series_register

SEARCH_VERSION = "3"
"""Raised when the search itself changes, so that no older result is taken for its own."""
LATE_MONTHS = 2
"""The official price of a month appears in the second month after it."""
READ_TABLES = ("raw_milk_price", "raw_precipitation", "raw_central_bank", "restored_central_bank", "features")
LIBRARIES = ("numpy", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Params:
    """What the search chose, with its whole table.

    Attributes:
        choice: setting and interval method, with the tables of both searches.
        window: target months kept for comparing versions; no origin of theirs was seen.
        key: hash of everything that the search rests on; the same key has the same result.
    """

    choice: Choice
    window: TargetWindow
    key: str

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "setting": self.choice.setting.parameters(),
            "method": asdict(self.choice.method),
            "settings": _records(self.choice.settings),
            "methods": _records(self.choice.methods),
            "blocks": {block: list(horizons) for block, horizons in self.choice.blocks.items()},
            "gate": _records(self.choice.gate),
            "window": {"first": str(self.window.first), "last": str(self.window.last)},
            "key": self.key,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Params":
        """From JSON."""
        window = TargetWindow(Month.parse(document["window"]["first"]), Month.parse(document["window"]["last"]))
        choice = Choice(
            Setting.of_parameters(document["setting"]),
            IntervalMethod(**document["method"]),
            _table(document["settings"], [*Setting.__dataclass_fields__, *SCORES]),
            _table(document["methods"], [*IntervalMethod.__dataclass_fields__, *FIGURES]),
            {block: tuple(horizons) for block, horizons in document["blocks"].items()},
            _table(document["gate"], GATE_COLUMNS),
        )
        return cls(choice, window, document["key"])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON holds them, which knows no NaN."""
    return [
        {str(name): None if value != value else value for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _table(records: list[dict[str, Any]], first: list[str]) -> pd.DataFrame:
    """The rows as a table again. Canonical JSON sorts the names; whoever reads the table wants the choice first."""
    table = pd.DataFrame(records)
    return table.reindex(columns=[*first, *(name for name in table.columns if name not in first)])


def used_features(features: pd.DataFrame, blocks: Iterable[str] = ()) -> pd.DataFrame:
    """The rows that a recipe uses, those of the price and of its blocks: no other makes another version of it."""
    declared = declared_blocks(series_register())
    names = {PRICE}.union(*(declared[block] for block in blocks))
    return features[features["feature"].isin(names)]


def choose_params(
    features: pd.DataFrame,
    *,
    price_rule: Availability,
    evaluation_months: int,
    former: Mapping[str, Any] | None = None,
) -> Params:
    """Search the hyperparameters, or take the former result where nothing that it rests on has changed.

    Args:
        features: the feature table.
        price_rule: when the price is known.
        evaluation_months: the newest months that no search may see.
        former: the document of the last search.

    Raises:
        NotEnoughHistory: too few months before the evaluation.
    """
    first, last = price_months(features)
    window = evaluation_window(first, last, months=evaluation_months)
    basis = [
        SEARCH_VERSION,
        # Of all features, not of those used: the gate looks at every block.
        frame_hash(features),
        str(window.first),
        str(window.last),
        repr(price_rule),
        *libraries().values(),
    ]
    key = sha256_hex(canonical_json(basis))
    if isinstance(former, dict) and former.get("key") == key:
        return Params.of_document(former)
    return Params(choose_recipe(features, window, price_rule=price_rule), window, key)


def backtest_params(features: pd.DataFrame, params: Params, *, price_rule: Availability) -> pd.DataFrame:
    """The rolling-origin backtest of the choice and of the baselines over the evaluation window.

    Twice, side by side: as if each price were known when its month ends, as in the original file, and as if it came
    `LATE_MONTHS` later, as the official one does. One of the two is the rule of the data itself.
    """
    choice = params.choice
    lags = sorted({0, LATE_MONTHS, price_rule.lag_months})
    parts = [
        run_backtest(
            features if rule == price_rule else with_price_rule(features, rule),
            params.window,
            price_rule=rule,
            method=choice.method,
            setting=choice.setting,
            blocks=choice.blocks,
        )
        for rule in (replace(price_rule, lag_months=lag) for lag in lags)
    ]
    return pd.concat(parts, ignore_index=True)


def own_backtest(backtest: pd.DataFrame, price_rule: Availability) -> pd.DataFrame:
    """The rows of the backtest by the rule of the data: those that a version is judged by."""
    return backtest[backtest["price_lag_months"] == price_rule.lag_months].reset_index(drop=True)


@dataclass(frozen=True)
class Training:
    """What a version is made from, and how the card describes it; `backtest` has the rows of `own_backtest`."""

    features: pd.DataFrame
    params: Params
    backtest: pd.DataFrame
    price_rule: Availability
    is_synthetic: bool
    created_at: dt.datetime


def standing_versions(home: Home) -> dict[str, int]:
    """The versions of the tables behind a training; each can be read again for as long as there is a home."""
    return {name: version for name in READ_TABLES if (version := table_version(home, name)) >= 0}


def blocks() -> dict[str, str]:
    """The block of each feature."""
    return {feature.name: feature.block for feature in declared_features(series_register())}


def newest_histories(features: pd.DataFrame, price_rule: Availability) -> Histories:
    """The histories of all origins up to the newest price."""
    return build_histories(features, price_rule=price_rule, last_origin=price_months(features)[1])


def libraries() -> dict[str, str]:
    """The versions of the libraries whose numbers a version rests on."""
    return {name: library_version(name) for name in LIBRARIES}
