"""Search, backtest, version: from the feature table to a staged model version."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as library_version
from typing import Any

import pandas as pd

from milk.evaluation.backtest import (
    RECIPE,
    Choice,
    TargetWindow,
    choose_recipe,
    evaluation_window,
    price_months,
    run_backtest,
    with_price_rule,
)
from milk.evaluation.distribution import WINDOW_MONTHS, training_distribution
from milk.evaluation.gate import COLUMNS as GATE_COLUMNS
from milk.evaluation.scores import REFERENCE, scores_by_horizon, summary
from milk.forecasting.blocks import declared_blocks
from milk.forecasting.features import PRICE, changes_of, declared_features
from milk.forecasting.fit import fitted_model
from milk.forecasting.histories import Histories, build_histories
from milk.forecasting.interval_choice import FIGURES
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.other_data import OtherData
from milk.forecasting.recipe import Setting
from milk.forecasting.search import SCORES
from milk.home.layout import Home
from milk.home.tables import frame_hash, table_version
from milk.models.canonical import canonical_json, sha256_hex
from milk.models.version import ModelVersion, write_version
from milk.months import Availability, Month, data_cutoff, horizons, issue_month_of
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
        *_libraries().values(),
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


def stage_version(home: Home, training: Training) -> ModelVersion:
    """Fit the chosen recipe at the newest origin and keep it as a version; the same data give the same version."""
    return write_recipe(home, training, training.params.choice.setting)


def write_recipe(home: Home, training: Training, setting: Setting | None) -> ModelVersion:
    """Fit a recipe at the newest origin and keep it as a version; no setting means the last value."""
    histories = newest_histories(training.features, training.price_rule)
    blocks_used = {} if setting is None else training.params.choice.blocks
    data_version = frame_hash(used_features(training.features, blocks_used))
    model = fitted_model(
        histories,
        setting,
        steps=horizons(training.price_rule),
        method=training.params.choice.method,
        other=OtherData(training.features, training.price_rule, blocks_used),
        unit=series_register().price.unit,
        # The window belongs to the content: judged over other months, a version is another one with a card of its own.
        data={"features": data_version, "evaluation": f"{training.params.window.first}..{training.params.window.last}"},
        distribution=training_distribution(
            changes_of(training.features),
            until=described_until(histories.origin_month(len(histories) - 1), training.price_rule),
            groups=blocks(),
        ),
    )
    card = _card(training, histories, setting, data_version)
    card["data"]["table_versions"] = standing_versions(home)
    return write_version(home.models, model, card)


def standing_versions(home: Home) -> dict[str, int]:
    """The versions of the tables behind a training; each can be read again for as long as there is a home."""
    return {name: version for name in READ_TABLES if (version := table_version(home, name)) >= 0}


def blocks() -> dict[str, str]:
    """The block of each feature."""
    return {feature.name: feature.block for feature in declared_features(series_register())}


def newest_histories(features: pd.DataFrame, price_rule: Availability) -> Histories:
    """The histories of all origins up to the newest price."""
    return build_histories(features, price_rule=price_rule, last_origin=price_months(features)[1])


def _card(training: Training, histories: Histories, setting: Setting | None, data_version: str) -> dict[str, Any]:
    scores = scores_by_horizon(training.backtest)
    origin = histories.origin_month(len(histories) - 1)
    window, params = training.params.window, training.params
    recipe = RECIPE if setting is not None else REFERENCE
    by_horizon = {
        str(model): rows.drop(columns="model").to_dict(orient="records")
        for model, rows in scores.groupby("model", sort=False)
    }
    return {
        "created_at": training.created_at.isoformat(),
        "is_synthetic": training.is_synthetic,
        "data": {
            "features": data_version,
            "first_month": str(histories.first),
            "forecast_origin": str(origin),
            "data_cutoff": _chosen_with(training, origin).isoformat(),
        },
        "windows": {
            "evaluation_first": str(window.first),
            "evaluation_last": str(window.last),
            "search_last_origin": str(window.first + (-horizons(training.price_rule))),
        },
        "search": {"settings": len(params.choice.settings), "key": params.key, "best": _best(params)},
        "scores": {
            "recipe": summary(scores, recipe),
            "by_horizon": by_horizon,
            **{name: summary(scores, name) for name in scores["model"].unique() if name != RECIPE},
        },
        "software": _libraries(),
        "notes": _notes(training),
    }


def described_until(origin: Month, price_rule: Availability) -> dt.datetime:
    """Until when the inputs count as training for the comparison with later ones.

    The newest months are the window by which the next issue is judged. Were they part of what it is judged by, a wrong
    unit in the newest price would widen the very limits that should tell it.
    """
    return data_cutoff(issue_month_of(origin + (-WINDOW_MONTHS), price_rule))


def _chosen_with(training: Training, origin: Month) -> dt.datetime:
    """The newest knowledge that took part in the choice: the cutoff of the origin, or a revision received after it."""
    cutoff = data_cutoff(issue_month_of(origin, training.price_rule))
    newest: dt.datetime = (
        used_features(training.features, training.params.choice.blocks)["known_since"].max().to_pydatetime()
    )
    return max(cutoff, newest)


def _best(params: Params) -> dict[str, Any]:
    """The best row of the search, or why there is none."""
    if params.choice.settings.empty:
        return {"none": "too few months before the evaluation to search in: the setting is the usual one"}
    return {str(name): value for name, value in params.choice.settings.head(1).to_dict(orient="records")[0].items()}


def _notes(training: Training) -> list[str]:
    notes = ["Scores come from rolling origins over the evaluation window; the search saw no origin of it."]
    if training.is_synthetic:
        notes.append("The data are synthetic: the scores say nothing about the real price.")
    return notes


def _libraries() -> dict[str, str]:
    return {name: library_version(name) for name in LIBRARIES}
