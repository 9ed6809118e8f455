"""What a version is judged by: its recipe refitted at every origin of the months that no search saw."""

from collections.abc import Sequence

import pandas as pd

from milk.errors import BadSetting, VersionRefused
from milk.evaluation.backtest import RECIPE, TargetWindow, run_backtest
from milk.evaluation.evidence import Evidence, evidence_of
from milk.evaluation.scores import REFERENCE
from milk.forecasting.fit import recipe_of
from milk.forecasting.recipe import Recipe, Setting
from milk.models.version import ModelVersion
from milk.months import Availability, Month
from milk.steps.training import Training


def last_searched(version: ModelVersion) -> Month:
    """The newest origin that the search of a version saw.

    Raises:
        VersionRefused: its card does not say.
    """
    try:
        return Month.parse(version.card["windows"]["search_last_origin"])
    except (KeyError, TypeError, AttributeError, BadSetting) as error:
        raise VersionRefused(
            f"The card of {version.version_id} does not say which months its search saw (windows.search_last_origin), "
            "so it cannot be compared. Train a new version: the job `training`."
        ) from error


def refitted(
    version: ModelVersion, features: pd.DataFrame, window: TargetWindow, *, price_rule: Availability
) -> tuple[pd.DataFrame, str]:
    """The backtest of a version's recipe over a window, and the name under which its rows stand there.

    Raises:
        VersionRefused: the recipe cannot be built.
        NotEnoughHistory: the window cannot be evaluated.
    """
    forecaster, method = recipe_of(version.model["recipe"])
    is_recipe = isinstance(forecaster, Recipe)
    table = run_backtest(
        features,
        window,
        price_rule=price_rule,
        method=method,
        # Beside the last value any recipe will do: its rows are not looked at.
        setting=forecaster.setting if isinstance(forecaster, Recipe) else Setting(),
        blocks=_blocks(version) if is_recipe else None,
    )
    return table, RECIPE if is_recipe else REFERENCE


def version_evidence(version: ModelVersion, training: Training, searches: Sequence[Month]) -> Evidence:
    """The forecasts of a version's recipe on the rows of a training.

    Args:
        version: the version.
        training: features, window, and the backtest of the recipe that was chosen: it is not made again for a version
            of the same recipe.
        searches: the newest origin of each search that must not have seen a row.
    """
    forecaster, method = recipe_of(version.model["recipe"])
    choice = training.params.choice
    if isinstance(forecaster, Recipe) and (forecaster.setting, method, _blocks(version)) == (
        choice.setting,
        choice.method,
        dict(choice.blocks),
    ):
        return evidence_of(training.backtest, RECIPE, search_last_origins=searches)
    table, model = refitted(version, training.features, training.params.window, price_rule=training.price_rule)
    return evidence_of(table, model, search_last_origins=searches)


def _blocks(version: ModelVersion) -> dict[str, tuple[int, ...]]:
    return {block: tuple(horizons) for block, horizons in version.model["recipe"]["blocks"].items()}
