"""Put the staged version to the gate and write the outcome into the ledger."""

import datetime as dt
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from milk.errors import VersionOutdated
from milk.evaluation.backtest import RECIPE, run_backtest
from milk.evaluation.promotion import Decision, decide_promotion
from milk.evaluation.scores import scores_by_horizon, summary
from milk.forecasting.fit import recipe_of
from milk.forecasting.recipe import Recipe
from milk.home.layout import Home
from milk.models.version import ModelVersion, read_version
from milk.publication.ledger import PromotionRow, append_promotion, current_champion
from milk.publication.schema import ActorKind
from milk.series import SERIES_ID
from milk.steps.staging import write_recipe
from milk.steps.training import Training

CHALLENGER = "challenger_version_id"
"""Names, among the numbers of a row, the version that was put to the gate."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a promotion."""

    kind: ActorKind
    name: str
    run_id: str | None


@dataclass(frozen=True)
class Promotion:
    """What stands after the gate."""

    champion: PromotionRow
    decision: Decision | None
    """What the gate said; `None` where the version was judged before and nothing has changed."""


def promote_staged(
    home: Home, store: sa.Engine, staged: ModelVersion, training: Training, *, actor: Actor, decided_at: dt.datetime
) -> Promotion:
    """Judge the staged version against the champion on the same rows; write one row unless nothing is new.

    Raises:
        VersionRefused: the version in production is damaged.
        PromotionRefused: another promotion came in between.
    """
    standing = current_champion(store, SERIES_ID)
    if standing is not None and staged.version_id in _judged(standing):
        return Promotion(standing, None)
    challenger = summary(scores_by_horizon(training.backtest), RECIPE)
    version = None if standing is None else _readable(home, standing)
    champion = None if version is None else _champion_scores(version, training)
    window = training.params.window
    decision = decide_promotion(challenger, champion, months=f"{window.first} to {window.last}")
    winner = _winner(home, staged, version, decision, training)
    considered = staged if decision.outcome != "fallback" else winner
    row = PromotionRow(
        series_id=SERIES_ID,
        version_id=considered.version_id,
        sha256=considered.sha256,
        decided_at=decided_at,
        actor_kind=actor.kind,
        actor=actor.name,
        decision="kept" if decision.outcome == "kept" else "promoted",
        reason=decision.reason,
        numbers={**decision.numbers, CHALLENGER: staged.version_id},
        champion_version_id=winner.version_id,
        champion_sha256=winner.sha256,
        previous_version_id=None if standing is None else standing.champion_version_id,
        data_cutoff=dt.datetime.fromisoformat(winner.card["data"]["data_cutoff"]),
        run_id=actor.run_id,
    )
    append_promotion(store, row, expected_previous=row.previous_version_id)
    written = current_champion(store, SERIES_ID)
    return Promotion(written or row, decision)


def load_champion(home: Home, store: sa.Engine) -> ModelVersion | None:
    """The verified version in production; `None` where nothing was ever promoted.

    Raises:
        VersionRefused: it is missing or damaged.
    """
    standing = current_champion(store, SERIES_ID)
    if standing is None:
        return None
    return read_version(home.models, standing.champion_version_id, expected_sha256=standing.champion_sha256)


def _judged(standing: PromotionRow) -> set[object]:
    """The versions of which the newest row speaks; in a fallback the one refused stands in its numbers only."""
    return {standing.version_id, standing.champion_version_id, standing.numbers.get(CHALLENGER)}


def _winner(
    home: Home, staged: ModelVersion, champion: ModelVersion | None, decision: Decision, training: Training
) -> ModelVersion:
    if decision.outcome == "promoted":
        return staged
    return write_recipe(home, training, None) if champion is None else champion


def _readable(home: Home, standing: PromotionRow) -> ModelVersion | None:
    """The version in production; none where an earlier program wrote it, whose recipe nobody can refit any more."""
    try:
        return read_version(home.models, standing.champion_version_id, expected_sha256=standing.champion_sha256)
    except VersionOutdated:
        return None


def _champion_scores(version: ModelVersion, training: Training) -> dict[str, float]:
    """The recipe of the champion, refitted at every origin of the very rows of the challenger."""
    forecaster, method = recipe_of(version.model["recipe"])
    if not isinstance(forecaster, Recipe):
        return summary(scores_by_horizon(training.backtest), "last_value")
    setting, choice = forecaster.setting, training.params.choice
    blocks = {block: tuple(horizons) for block, horizons in version.model["recipe"]["blocks"].items()}
    table: pd.DataFrame = training.backtest
    if (setting, method, blocks) != (choice.setting, choice.method, choice.blocks):
        table = run_backtest(
            training.features,
            training.params.window,
            price_rule=training.price_rule,
            method=method,
            setting=setting,
            blocks=blocks,
        )
    return summary(scores_by_horizon(table), RECIPE)
