"""The sensor that starts a training where the newest decision says retrain.

Like the serving sensor it keeps no cursor: each tick looks at the newest decision, at the ledger and at the runs. One
decision starts one training, whatever becomes of it; a training that failed is started again by a person, who sees why.
"""

from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from milk.errors import MilkError
from milk.steps.retraining import RetrainDecision, decisions, trained_since
from milk_assets.defs.jobs import TRAIN
from milk_assets.defs.resources import Workplace
from milk_assets.defs.sensors import EVERY_ASSET, under_way

TARGET = dg.AssetKey("prod_model")
TAG = "milk/retrain_decision"
"""Names, on the run of the sensor, the decision that it answers: its number and the beginning of its hash."""
INTERVAL_SECONDS = 60
"""Decisions come by the month; a minute is soon enough, and a tick asks the store."""


def retraining_sensor(job: UnresolvedAssetJobDefinition, *, is_acting: bool) -> dg.SensorDefinition:
    """The sensor over a job.

    Args:
        job: the training.
        is_acting: whether it starts the job, or says only what it would have done.
    """

    @dg.sensor(
        name="retraining_sensor",
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the job training where the newest decision says retrain and MILK_RETRAINING is act; with "
        "report, the default, it says what it would have started. It waits while a training is under way.",
    )
    def sensor(context: dg.SensorEvaluationContext, workplace: Workplace) -> Iterator[dg.RunRequest | dg.SkipReason]:
        try:
            yield training_request(context.instance, workplace, is_acting=is_acting)
        except MilkError as error:
            yield dg.SkipReason(str(error))

    return sensor


def training_request(
    instance: dg.DagsterInstance, workplace: Workplace, *, is_acting: bool
) -> dg.RunRequest | dg.SkipReason:
    """The training that the newest decision asks for, or why there is none.

    Raises:
        MilkError: home or store cannot be read.
    """
    standing = decisions(workplace.home)
    if not standing:
        return dg.SkipReason("Nothing was decided yet: materialise retrain_decision, or wait for a publication.")
    newest = standing[-1]
    why = _why_not(instance, workplace, newest)
    if why:
        return dg.SkipReason(why)
    name = name_of(newest)
    if not is_acting:
        return dg.SkipReason(
            f"MILK_RETRAINING is report: with act, the job {TRAIN} would start for decision {newest.number}, as of "
            f"{newest.as_of}. {newest.sentence}"
        )
    return dg.RunRequest(run_key=name, tags={TAG: name})


def name_of(decision: RetrainDecision) -> str:
    """A decision as a run names it: another home, or a table made anew, has another."""
    return f"{decision.number}-{decision.content_sha256[:12]}"


def _why_not(instance: dg.DagsterInstance, workplace: Workplace, newest: RetrainDecision) -> str:
    """Why the newest decision starts no training, whatever the setting; empty where it may."""
    if newest.decision != "retrain":
        return f"The newest decision, as of {newest.as_of}, starts nothing. {newest.sentence}"
    if why := under_way(instance, TARGET, jobs=(TRAIN, EVERY_ASSET), said="A training"):
        return why
    runs = instance.get_runs(dg.RunsFilter(tags={TAG: name_of(newest)}), limit=1)
    if runs:
        return _answered(newest, runs[0])
    with workplace.store() as store:
        if trained_since(store, newest.decided_at):
            return f"There was a training after decision {newest.number}; the next decision knows of it."
    return ""


def _answered(newest: RetrainDecision, run: dg.DagsterRun) -> str:
    """What became of the training that a decision started."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return f"Decision {newest.number} was answered by run {run.run_id}; the next decision knows of it."
    return (
        f"The training for decision {newest.number} did not succeed: run {run.run_id} ended as {run.status.value}. "
        f"Mend what the run says, then start the job {TRAIN} by hand."
    )
