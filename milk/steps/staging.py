"""From a training to a model version with its card; and the same version once more, from what its card says."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from deltalake.exceptions import DeltaError

from milk.errors import VersionRefused
from milk.evaluation.backtest import RECIPE, TargetWindow
from milk.evaluation.distribution import WINDOW_MONTHS, training_distribution
from milk.evaluation.gate import verdicts
from milk.evaluation.score_table import SEASONAL_REFERENCE, comparisons
from milk.evaluation.scores import REFERENCE, scores_by_horizon, summary
from milk.forecasting.features import changes_of
from milk.forecasting.fit import fitted_model, recipe_content, recipe_of
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.other_data import OtherData
from milk.forecasting.recipe import Recipe, Setting
from milk.home.layout import Home
from milk.home.tables import frame_hash, read_table
from milk.models.version import ModelVersion, version_id_of, write_version
from milk.months import Availability, Month, data_cutoff, horizons, issue_month_of
from milk.revision import source_revision
from milk.series import series_register
from milk.steps.training import Training, blocks, libraries, newest_histories, standing_versions, used_features

SAME = 1e-12
"""By how much the numbers of a version that is made again may differ on the same machine, of their size."""


@dataclass(frozen=True)
class Basis:
    """What the content of a version follows from.

    Attributes:
        features: the feature table.
        price_rule: when the price is known.
        window: the target months of its evaluation; judged over others, a version is another one.
        setting: of the recipe; `None` for the last value.
        method: of the intervals.
        blocks: the blocks of other data that the recipe uses, each with its horizons.
    """

    features: pd.DataFrame
    price_rule: Availability
    window: TargetWindow
    setting: Setting | None
    method: IntervalMethod
    blocks: Mapping[str, Sequence[int]]

    @property
    def data_version(self) -> str:
        """Hash of the rows of the features that the recipe uses."""
        return frame_hash(used_features(self.features, self.blocks))


def stage_version(home: Home, training: Training) -> ModelVersion:
    """Fit the chosen recipe at the newest origin and keep it as a version; the same data give the same version."""
    return write_recipe(home, training, training.params.choice.setting)


def write_recipe(home: Home, training: Training, setting: Setting | None) -> ModelVersion:
    """Fit a recipe at the newest origin and keep it as a version; no setting means the last value."""
    choice = training.params.choice
    basis = Basis(
        training.features,
        training.price_rule,
        training.params.window,
        setting,
        choice.method,
        {} if setting is None else choice.blocks,
    )
    card = _card(training, basis)
    card["data"]["table_versions"] = standing_versions(home)
    return write_version(home.models, model_of(basis), card)


def model_of(basis: Basis) -> dict[str, Any]:
    """The content of `model.json`: the recipe fitted at the newest origin."""
    histories = newest_histories(basis.features, basis.price_rule)
    return fitted_model(
        histories,
        basis.setting,
        steps=horizons(basis.price_rule),
        method=basis.method,
        other=OtherData(basis.features, basis.price_rule, basis.blocks),
        unit=series_register().price.unit,
        # The window belongs to the content: judged over other months, a version is another one with a card of its own.
        data={"features": basis.data_version, "evaluation": f"{basis.window.first}..{basis.window.last}"},
        distribution=training_distribution(
            changes_of(basis.features),
            until=described_until(histories.origin_month(len(histories) - 1), basis.price_rule),
            groups=blocks(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Remade:
    """A version made once more.

    Attributes:
        version_id: the name of what was made; that of the version where not one digit differs.
        largest_difference: of the numbers that forecast, as a share of their size.
    """

    version_id: str
    largest_difference: float

    @property
    def is_same(self) -> bool:
        """Whether it forecasts the same."""
        return self.largest_difference <= SAME


def remake_version(home: Home, version: ModelVersion) -> Remade:
    """Make a version once more from what its card says: the table of features that it names, recipe and window.

    Raises:
        VersionRefused: its card says too little, or the home does not hold those features any more.
    """
    again = model_of(_basis_of(home, version))
    pairs = zip(_numbers(version.model), _numbers(again), strict=False)
    largest = max((abs(old - new) / max(abs(old), abs(new), 1e-9) for old, new in pairs), default=0.0)
    if len([*_numbers(version.model)]) != len([*_numbers(again)]):
        largest = float("inf")
    return Remade(version_id_of(again), largest)


def _basis_of(home: Home, version: ModelVersion) -> Basis:
    card, name = version.card, version.version_id
    try:
        data, recipe, table_version = card["data"], card["recipe"], card["data"]["table_versions"]["features"]
        rule = replace(series_register().price.availability, lag_months=int(data["price_lag_months"]))
        window = TargetWindow(*(Month.parse(card["windows"][f"evaluation_{end}"]) for end in ("first", "last")))
    except (KeyError, TypeError) as error:
        raise VersionRefused(
            f"The card of {name} does not say what it was made from ({error}): an earlier program wrote it. "
            "It forecasts as before; only to make it once more takes a newer version."
        ) from error
    try:
        features = read_table(home, "features", version=table_version)
    except DeltaError as error:
        raise VersionRefused(
            f"{name} was made from version {table_version} of the table features, which {home.tables} does not hold. "
            "Use the home that it was trained in, or restore the table from a backup."
        ) from error
    forecaster, method = recipe_of(recipe)
    setting = forecaster.setting if isinstance(forecaster, Recipe) else None
    basis = Basis(features, rule, window, setting, method, recipe["blocks"])
    if basis.data_version != data["features"]:
        raise VersionRefused(
            f"Version {table_version} of the table features in {home.tables} holds other rows than those that {name} "
            "was made from. Use the home that it was trained in, or restore the table from a backup."
        )
    return basis


def _numbers(model: Mapping[str, Any]) -> Iterator[float]:
    """The numbers that forecast, in one order."""
    yield from _flat([model["fit"], model["intervals"]])


def _flat(content: object) -> Iterator[float]:
    if isinstance(content, dict):
        content = [content[name] for name in sorted(content)]
    if isinstance(content, list):
        for part in content:
            yield from _flat(part)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield float(content)


def _card(training: Training, basis: Basis) -> dict[str, Any]:
    scores = scores_by_horizon(training.backtest)
    histories = newest_histories(basis.features, basis.price_rule)
    origin = histories.origin_month(len(histories) - 1)
    window, params = training.params.window, training.params
    recipe = RECIPE if basis.setting is not None else REFERENCE
    by_horizon = {
        str(model): rows.drop(columns="model").to_dict(orient="records")
        for model, rows in scores.groupby("model", sort=False)
    }
    return {
        "created_at": training.created_at.isoformat(),
        "is_synthetic": training.is_synthetic,
        "recipe": recipe_content(basis.setting, basis.method, basis.blocks),
        "data": {
            "features": basis.data_version,
            "price_lag_months": basis.price_rule.lag_months,
            "first_month": str(histories.first),
            "forecast_origin": str(origin),
            "data_cutoff": _chosen_with(training, origin).isoformat(),
        },
        "windows": {
            "evaluation_first": str(window.first),
            "evaluation_last": str(window.last),
            "search_last_origin": str(window.first + (-horizons(training.price_rule))),
        },
        "search": {
            "settings": len(params.choice.settings),
            "key": params.key,
            "best": _best(training),
            "blocks": verdicts(params.choice.gate),
        },
        "scores": {
            "recipe": summary(scores, recipe),
            "by_horizon": by_horizon,
            "against": _against(training, recipe),
            **{name: summary(scores, name) for name in scores["model"].unique() if name != RECIPE},
        },
        "software": {**libraries(), "source": source_revision()},
        "notes": _notes(training),
    }


def _against(training: Training, recipe: str) -> dict[str, list[dict[str, Any]]]:
    """The RMSE ratio to the simple baselines with its interval, and the test of equal errors, by horizon."""
    compared = comparisons(training.backtest, model=recipe)
    named = compared[compared["baseline"].isin([REFERENCE, SEASONAL_REFERENCE])]
    return {
        str(baseline): [
            {str(name): None if value != value else value for name, value in row.items()}
            for row in rows.drop(columns="baseline").to_dict(orient="records")
        ]
        for baseline, rows in named.groupby("baseline", sort=False)
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


def _best(training: Training) -> dict[str, Any]:
    """The best row of the search, or why there is none."""
    settings = training.params.choice.settings
    if settings.empty:
        return {"none": "too few months before the evaluation to search in: the setting is the usual one"}
    return {str(name): value for name, value in settings.head(1).to_dict(orient="records")[0].items()}


def _notes(training: Training) -> list[str]:
    notes = ["Scores come from rolling origins over the evaluation window; the search saw no origin of it."]
    if training.is_synthetic:
        notes.append("The data are synthetic: the scores say nothing about the real price.")
    return notes
