"""What a careful reviewer would look at in the staged version and in the one in production; warnings, all of them.

A version that must not reach production is refused by the gate. These tell a person what stands there now, on the
newest data: a champion was judged once, and prices go on.
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from milk.errors import MilkError
from milk.evaluation.backtest import RECIPE, price_months
from milk.evaluation.evidence import Evidence, coverage_problem, evidence_of, evidence_scores
from milk.evaluation.promotion import beats_last_value
from milk.evaluation.scores import REFERENCE
from milk.home.tables import frame_hash
from milk.models.version import ModelVersion
from milk.publication.ledger import current_champion
from milk.series import SERIES_ID
from milk.steps.evidence import last_searched, version_evidence
from milk.steps.promotion import load_champion
from milk.steps.provenance import is_synthetic
from milk.steps.training import Params, Training, own_backtest, used_features
from milk_assets.defs.production import shown_version
from milk_assets.defs.resources import Clock, Workplace

WARN = dg.AssetCheckSeverity.WARN


def _warning(*, passed: bool, said: str, **numbers: float | str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=passed, severity=WARN, description=said, metadata=numbers)


@dg.asset_check(
    asset="staging_model",
    additional_ins={"features": dg.AssetIn("features")},
    description="The staged version is fitted to the newest price and to the very features that stand in the table. A "
    "warning: an older one is honest, but somebody should train again.",
)
def is_of_newest_data(staging_model: ModelVersion, features: pd.DataFrame) -> dg.AssetCheckResult:
    """The data of the card against the table of features."""
    data, newest = staging_model.card["data"], str(price_months(features)[1])
    if data["forecast_origin"] != newest:
        said = f"It ends with the price of {data['forecast_origin']}, and the newest is that of {newest}: train again."
        return _warning(passed=False, said=said)
    same = frame_hash(used_features(features, staging_model.model["recipe"]["blocks"])) == data["features"]
    said = f"It is fitted to the prices up to {newest}."
    if not same:
        said = f"It ends with {newest}, but what the recipe uses was revised since: train again."
    return _warning(passed=same, said=said)


@dg.asset_check(
    asset="staging_model",
    additional_ins={"backtest": dg.AssetIn("backtest")},
    description="The intervals of the recipe hold what they say on the months that its search did not see: next month "
    "within the exact binomial band, the year within a wider one. A warning: the gate refuses what leaves them.",
)
def coverage_in_band(workplace: Workplace, staging_model: ModelVersion, backtest: pd.DataFrame) -> dg.AssetCheckResult:
    """The coverage of the chosen recipe."""
    own = own_backtest(backtest, workplace.price_rule)
    evidence = evidence_of(own, RECIPE, search_last_origins=[last_searched(staging_model)])
    if not evidence.months:
        return _warning(passed=False, said="The backtest holds no month that its search did not see: run it again.")
    problem, scores = coverage_problem(evidence), evidence_scores(evidence)
    said = f"Outside: {problem} ({evidence.said})." if problem else f"Every interval is in its band ({evidence.said})."
    return _warning(passed=not problem, said=said, **_coverage(scores))


@dg.asset_check(
    asset="prod_model",
    additional_ins={name: dg.AssetIn(name) for name in ("features", "params", "backtest")},
    description="The recipe in production, refitted at every origin of the newest evaluation, beats the last value and "
    "its intervals hold what they say. A warning: roll back, or train a better one.",
)
def champion_still_wins(
    workplace: Workplace, clock: Clock, features: pd.DataFrame, params: Params, backtest: pd.DataFrame
) -> dg.AssetCheckResult:
    """The champion on the rows of the newest backtest."""
    rule = workplace.price_rule
    own, synthetic = own_backtest(backtest, rule), is_synthetic(workplace.home)
    training = Training(features, params, own, rule, synthetic, clock.now())
    try:
        with workplace.store() as store:
            champion = load_champion(workplace.home, store)
        if champion is None:
            return _warning(passed=False, said="Nothing is in production.")
        evidence = version_evidence(champion, training, [last_searched(champion)])
    except MilkError as error:
        return _warning(passed=False, said=str(error))
    if not evidence.months:
        return _warning(passed=False, said="The search of the champion saw every month of the backtest.")
    return _on_newest_rows(champion, evidence)


def _on_newest_rows(champion: ModelVersion, evidence: Evidence) -> dg.AssetCheckResult:
    scores, problem = evidence_scores(evidence), coverage_problem(evidence)
    is_last_value = champion.recipe_name == REFERENCE
    ratios = f"{scores['ratio_next_month']:.3f} next month, {scores['ratio_year']:.3f} over the year"
    said = f"RMSE ratio {ratios}" if not is_last_value else "It repeats the last value: no recipe was fit to replace it"
    outside = f" Outside its band: {problem}." if problem else ""
    return _warning(
        passed=(is_last_value or beats_last_value(scores)) and not problem,
        said=f"{champion.version_id}: {said} ({evidence.said}).{outside}",
        ratio_next_month=scores["ratio_next_month"],
        ratio_year=scores["ratio_year"],
        **_coverage(scores),
    )


@dg.asset_check(
    asset="prod_model",
    description="The newest materialisation that the UI shows names the version that the ledger has in production. A "
    "warning: the ledger counts; materialise prod_model, and the UI tells the same.",
)
def shown_as_in_ledger(context: dg.AssetCheckExecutionContext, workplace: Workplace) -> dg.AssetCheckResult:
    """The UI against the ledger."""
    try:
        with workplace.store() as store:
            standing = current_champion(store, SERIES_ID)
    except MilkError as error:
        return _warning(passed=False, said=str(error))
    shown = shown_version(context.instance)
    if standing is None:
        return _warning(passed=False, said="The ledger is empty.")
    if shown is None:
        return _warning(passed=True, said="The UI shows no materialisation yet that could say otherwise.")
    if shown[0] == standing.champion_version_id:
        return _warning(passed=True, said=f"Both name {standing.champion_version_id}.")
    said = (
        f"In production is {standing.champion_version_id} ({standing.actor_kind} {standing.actor}, "
        f"{standing.decided_at:%Y-%m-%d %H:%M} UTC: {standing.reason}); the UI still shows {shown[0]}. "
        "Materialise prod_model."
    )
    return _warning(passed=False, said=said)


def _coverage(scores: dict[str, float]) -> dict[str, float]:
    return {name: scores[name] for name in scores if name.startswith("coverage")}


def model_checks() -> Iterator[dg.AssetChecksDefinition]:
    """The checks of this module."""
    yield from (is_of_newest_data, coverage_in_band, champion_still_wins, shown_as_in_ledger)
