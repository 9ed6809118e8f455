"""Whether to train anew."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from milk.pictures import monitors_of_errors
from milk.steps.promotion import load_champion
from milk.steps.provenance import is_synthetic
from milk.steps.retraining import Decided, Deciding, decide_retraining, decisions, last_training, publish_decided
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture
from milk_assets.defs.resources import Clock, Workplace

NAME = "retrain_decision"
GROUP = "training"
DECISIONS_SHOWN = 12


@dg.asset(
    name=NAME,
    group_name=GROUP,
    # Read through the ledger, so that a store without a model in production is a word here and no failure.
    deps=["batch_predictions", "prod_model", "scorecard"],
    kinds={"pandas"},
    owners=OWNERS,
    code_version="1",
    output_required=False,
)
def retrain_decision(
    context: dg.AssetExecutionContext, workplace: Workplace, clock: Clock, features: pd.DataFrame
) -> Iterator[dg.MaterializeResult[None]]:
    """Hold, retrain or investigate: the decision as of the newest price, with the rule that fired and its numbers.

    It looks at the one-step errors of the recipe in production since its training (mean, size, season), at what was
    published, at the inputs that the recipe uses (`input_drift`), and at the months since the last training. Each
    decision that says something new is a row of the append-only table `retrain_decisions`, and published. *Retrain*
    means search, backtest and gate: the sensor `retraining_sensor` starts the job `training` where MILK_RETRAINING is
    `act`. Where it says *investigate*, docs/operations/models.md has what to do.
    """
    with explained():
        deciding = _deciding(workplace, features, clock.now())
        if deciding is None:
            context.log.info("Nothing is in production, so there is nothing to decide.")
            return
        decided = decide_retraining(workplace.home, deciding)
        with workplace.store() as store:
            publish_decided(workplace.home, store, published_at=clock.now(), run_id=context.run.run_id)
    yield dg.MaterializeResult(
        metadata=_metadata(workplace, decided), data_version=dg.DataVersion(decided.row.content_sha256)
    )


def _deciding(workplace: Workplace, features: pd.DataFrame, now: dt.datetime) -> Deciding | None:
    """What is decided about; none where nothing is in production."""
    with workplace.store() as store:
        champion = load_champion(workplace.home, store)
        if champion is None:
            return None
        trained = last_training(workplace.home, store, price_rule=workplace.price_rule)
    return Deciding(features, champion, workplace.price_rule, trained, decided_at=now)


def _metadata(workplace: Workplace, decided: Decided) -> dict[str, Any]:
    row = decided.row
    drawn = monitors_of_errors(
        decided.record,
        decided.verdict.errors,
        trained=pd.Timestamp(row.trained.first_day),
        said=f"As of {row.as_of}: {row.decision} ({row.rule})",
        is_synthetic=is_synthetic(workplace.home),
    )
    newest = decisions(workplace.home)[: -DECISIONS_SHOWN - 1 : -1]
    return {
        "decision": row.decision,
        "rule": row.rule,
        "sentence": row.sentence,
        "as_of": str(row.as_of),
        "trained": str(row.trained),
        "in_production": row.model_version,
        "number": row.number,
        "is_new": decided.is_new,
        "numbers": markdown_table([{"figure": name, "value": value} for name, value in row.numbers.items()]),
        "monitors": picture(drawn, "Errors and monitors"),
        "newest_decisions": markdown_table(
            [{"number": r.number, "as of": r.as_of, "decision": r.decision, "rule": r.rule} for r in newest]
        ),
    }
