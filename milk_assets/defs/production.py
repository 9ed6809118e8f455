"""What the UI tells of production: the same of what the gate decided in a run and of what a person did by command."""

import datetime as dt
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_IS_USER_PROVIDED_TAG, DATA_VERSION_TAG
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SENSOR_NAME_TAG

from milk.models.version import ModelVersion
from milk.publication.ledger import PromotionRow
from milk.steps.promotion import Actor

ASSET = dg.AssetKey("prod_model")


def actor_of(run: dg.DagsterRun) -> Actor:
    """Who started a run, by the tags that Dagster gives it: a schedule, a sensor, or else its job, run by hand."""
    if schedule := run.tags.get(SCHEDULE_NAME_TAG):
        return Actor("schedule", schedule, run.run_id)
    if sensor := run.tags.get(SENSOR_NAME_TAG):
        return Actor("sensor", sensor, run.run_id)
    return Actor("run", run.job_name, run.run_id)


def production_metadata(
    row: PromotionRow, champion: ModelVersion, promoted: PromotionRow | None, *, outcome: str
) -> dict[str, Any]:
    """What the page of `prod_model` shows.

    Args:
        row: the newest row of the ledger.
        champion: the version that it puts into production.
        promoted: the row that brought it there.
        outcome: what was decided just now.
    """
    return {
        "in_production": row.champion_version_id,
        "recipe": champion.recipe_name,
        "considered": row.version_id,
        "outcome": outcome,
        "rule": str(row.numbers.get("rule", "")),
        "reason": row.reason,
        "judged_at": row.decided_at.isoformat(),
        "judged_by": f"{row.actor_kind} {row.actor}",
        "in_production_since": promoted.decided_at.isoformat() if promoted else "never promoted",
        "promoted_by": f"{promoted.actor_kind} {promoted.actor}" if promoted else "nobody",
        "previous": row.previous_version_id or "none",
        "numbers": dg.MetadataValue.json(dict(row.numbers)),
    }


def production_event(row: PromotionRow, champion: ModelVersion) -> dg.AssetMaterialization:
    """A materialisation of `prod_model` that belongs to no run: what a person put into production."""
    return dg.AssetMaterialization(
        ASSET,
        description=row.reason,
        metadata=production_metadata(row, champion, row, outcome=str(row.numbers.get("rule", row.decision))),
        tags={DATA_VERSION_TAG: row.champion_version_id, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"},
    )


def shown_version(instance: dg.DagsterInstance) -> tuple[str, dt.datetime] | None:
    """The version that the newest materialisation of `prod_model` names, and when; `None` where there is none."""
    event = instance.get_latest_materialization_event(ASSET)
    made = event.asset_materialization if event else None
    if event is None or made is None or made.tags is None or DATA_VERSION_TAG not in made.tags:
        return None
    return made.tags[DATA_VERSION_TAG], dt.datetime.fromtimestamp(event.timestamp, dt.UTC)
