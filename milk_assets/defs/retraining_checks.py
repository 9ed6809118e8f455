"""What a careful reviewer would ask of the decisions to retrain; each check reads what is kept."""

from itertools import takewhile

import dagster as dg
import pandas as pd

from milk.errors import MilkError
from milk.evaluation.backtest import price_months
from milk.home.tables import has_table, read_table
from milk.publication.ledger import current_champion
from milk.series import SERIES_ID
from milk.steps.predictions import schema_problem
from milk.steps.retraining import TABLE, RetrainDecision, decisions, problem_of
from milk.tables import RETRAIN_DECISIONS
from milk_assets.defs.assets.retraining import NAME
from milk_assets.defs.resources import Workplace

WARN = dg.AssetCheckSeverity.WARN
PATIENCE_MONTHS = 3
"""Months for which a decision to retrain may stand before somebody should have acted on it."""


@dg.asset_check(
    asset=NAME,
    description="Every decision is as it was made: its row keeps the contract of the table, the decisions are numbered "
    "without a gap, and each has the hash of its own content.",
)
def decisions_are_whole(workplace: Workplace) -> dg.AssetCheckResult:
    """The kept decisions against their contract and their own hashes."""
    if not has_table(workplace.home, TABLE):
        return dg.AssetCheckResult(passed=False, description="Nothing was ever decided: materialise retrain_decision.")
    try:
        table = read_table(workplace.home, TABLE)
        problem = schema_problem(RETRAIN_DECISIONS, table) or problem_of(table)
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    said = problem or "Every decision is as it was made."
    return dg.AssetCheckResult(passed=not problem, description=said, metadata={"decisions": len(table)})


@dg.asset_check(
    asset=NAME,
    additional_ins={"features": dg.AssetIn("features")},
    description="The newest decision is about the newest price and about the version that is in production now. A "
    "warning: the next publication decides anew.",
)
def decision_is_of_today(workplace: Workplace, features: pd.DataFrame) -> dg.AssetCheckResult:
    """The newest decision against the newest price and the ledger."""
    newest_price = price_months(features)[1]
    try:
        row = _newest(workplace)
        with workplace.store() as store:
            champion = current_champion(store, SERIES_ID)
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, severity=WARN, description=str(error))
    behind = []
    if row.as_of != newest_price:
        behind.append(f"it is as of {row.as_of}, and the newest price is that of {newest_price}")
    if champion is None or row.model_version != champion.champion_version_id:
        said = "nothing" if champion is None else champion.champion_version_id
        behind.append(f"it is about {row.model_version}, and {said} is in production")
    said = f"Decision {row.number} is out of date: {'; '.join(behind)}. Materialise {NAME}." if behind else row.sentence
    return dg.AssetCheckResult(passed=not behind, severity=WARN, description=said)


@dg.asset_check(
    asset=NAME,
    description="Nothing has to be looked into by a person: the newest decision does not say investigate. A warning; "
    "docs/operations/models.md has what to do.",
)
def nothing_to_investigate(workplace: Workplace) -> dg.AssetCheckResult:
    """Whether the newest decision asks for a person."""
    try:
        row = _newest(workplace)
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, severity=WARN, description=str(error))
    return dg.AssetCheckResult(
        passed=row.decision != "investigate", severity=WARN, description=row.sentence, metadata={"rule": row.rule}
    )


@dg.asset_check(
    asset=NAME,
    description=f"No decision to retrain has stood for more than {PATIENCE_MONTHS} months without a training after it. "
    "A warning: with MILK_RETRAINING=report somebody has to start the job `training`.",
)
def decision_is_acted_upon(workplace: Workplace) -> dg.AssetCheckResult:
    """For how long the decision to retrain has stood."""
    try:
        months = _months_standing(decisions(workplace.home))
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, severity=WARN, description=str(error))
    passed = months <= PATIENCE_MONTHS
    said = f"To retrain was decided {months} months ago, and nothing was trained since: start the job `training`."
    return dg.AssetCheckResult(
        passed=passed, severity=WARN, description="Nothing waits." if passed else said, metadata={"months": months}
    )


def _months_standing(rows: list[RetrainDecision]) -> int:
    """Months between the newest decision and the first of those that led up to it without another between."""
    run = [*takewhile(lambda row: row.decision == "retrain" and row.trained == rows[-1].trained, reversed(rows))]
    return run[0].as_of - run[-1].as_of if run else 0


def _newest(workplace: Workplace) -> RetrainDecision:
    rows = decisions(workplace.home)
    if not rows:
        raise MilkError(f"Nothing was ever decided in this home: materialise {NAME}.")
    return rows[-1]


RETRAINING_CHECKS = (decisions_are_whole, decision_is_of_today, nothing_to_investigate, decision_is_acted_upon)
