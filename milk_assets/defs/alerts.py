"""The sensor that tells a webhook what somebody should know of.

It looks at the state of things and not at events: at the newest run of each job, at the data, at the store. A sensor of
failed runs would see each once, and one whose message was not taken would be told never; this one sends it at the next
look. What was told stands in the home, so nothing is told twice.
"""

import datetime as dt

import dagster as dg

from milk.errors import MilkError
from milk.evaluation.alerts import Condition, Kind
from milk.settings import Settings
from milk.steps.alerts import OF_THE_HOME, home_conditions, tell
from milk.steps.webhook import Receiver
from milk_assets.defs.jobs import FORECAST_MONTH, PUBLISH, TRAIN
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.sensors import EVERY_ASSET

INTERVAL_SECONDS = 60
JOBS = (TRAIN, FORECAST_MONTH, PUBLISH, EVERY_ASSET)
OF_RUNS: Kind = "run_failed"
MOST_TEXT = 500
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
"""A run that a person stopped says nothing of its job."""


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor; where no receiver is set it says so at each look, and looks no further."""

    @dg.sensor(
        name="alert_sensor",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the webhook MILK_ALERT_URL when a run fails, data are stale, a month has no issue or the "
        "coverage leaves its band: once when it begins, once when it is over. What was not taken is sent again.",
    )
    def sensor(context: dg.SensorEvaluationContext, workplace: Workplace, clock: Clock) -> dg.SkipReason:
        if settings.alert_url is None:
            return dg.SkipReason("MILK_ALERT_URL is not set: nobody is told.")
        try:
            receiver = Receiver(settings.alert_url, settings.alert_secret or "")
            return dg.SkipReason(look(context.instance, workplace, receiver, now=clock.now()))
        except MilkError as error:
            return dg.SkipReason(str(error))

    return sensor


def look(instance: dg.DagsterInstance, workplace: Workplace, receiver: Receiver, *, now: dt.datetime) -> str:
    """Look, tell what has changed, and say what was told.

    Raises:
        HomeRefused: the home is damaged.
    """
    found, looked_for, problem = failed_runs(instance), [OF_RUNS], ""
    try:
        with workplace.store() as store:
            found += home_conditions(workplace.home, store, price_rule=workplace.price_rule, now=now)
        looked_for += OF_THE_HOME
    except MilkError as error:
        # Of a store that does not answer nothing is known; a failed run is told all the same.
        problem = str(error)
    told = tell(workplace.home, receiver, found, looked_for=looked_for, now=now)
    said = [f"Told: {change.event} {change.episode.condition.key}." for change in told.changes]
    if told.untold:
        said.append(f"{told.problem} {told.untold} messages wait for the next look.")
    return " ".join([*said, problem]).strip() or "Nothing new to tell."


def failed_runs(instance: dg.DagsterInstance) -> list[Condition]:
    """The jobs whose newest run failed, until one of them succeeds."""
    found = []
    for job in JOBS:
        newest = instance.get_runs(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
        if newest and newest[0].status == dg.DagsterRunStatus.FAILURE:
            run_id = newest[0].run_id
            name = "materialize" if job == EVERY_ASSET else job
            text = f"The newest run of {name} failed ({run_id}): {_why(instance, run_id)}"
            found.append(Condition(OF_RUNS, name, text[:MOST_TEXT], {"run_id": run_id}))
    return found


def _why(instance: dg.DagsterInstance, run_id: str) -> str:
    """What the first failed step said, as it stands in the UI."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        failure = entry.get_dagster_event().step_failure_data.user_failure_data
        return (failure.description if failure else None) or "an unexpected error; see the run in the Dagster UI."
    return "no step failed; see the run in the Dagster UI."
