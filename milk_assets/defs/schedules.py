"""The monthly schedule."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from milk_assets.defs.jobs import FORECAST_MONTH
from milk_assets.defs.partitions import TIMEZONE
from milk_assets.defs.sensors import EVERY_ASSET, SOURCE, under_way

DAY, HOUR, MINUTE = 2, 6, 30
"""Of the month, in Santiago: late enough for the files of the month before, early enough to be of use."""


def monthly_schedule(
    job: UnresolvedAssetJobDefinition, partitions: dg.MonthlyPartitionsDefinition
) -> dg.ScheduleDefinition:
    """Issue the newest reachable month on the second day of each month, or on the day after its price came.

    On by default. The daemon loads these definitions anew every minute, so a price file that has grown brings its month
    with it. Where it has not grown by the second, the newest month is forecast again, and what was issued for it
    stands; from then on each day looks whether there is a month that nobody has forecast.

    Args:
        job: makes the forecasts of a month.
        partitions: the issue months that the data reach.
    """

    @dg.schedule(
        name="monthly_forecast_schedule",
        job=job,
        cron_schedule=f"{MINUTE} {HOUR} {DAY}-31 * *",
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Issues the forecasts of the month that has just begun: on the second, or on the day after its "
        "price came, or after a run of it failed.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        newest, day = str(partitions.get_last_partition_key()), context.scheduled_execution_time
        if day.day > DAY and (why := why_to_wait(context.instance, newest)):
            yield dg.SkipReason(why)
        else:
            yield dg.RunRequest(run_key=f"{newest} on {day:%Y-%m-%d}", partition_key=newest)

    return schedule


def why_to_wait(instance: dg.DagsterInstance, newest: str) -> str:
    """Why the newest month is not to be forecast on a day after the second; empty where it is.

    Args:
        instance: Dagster's records.
        newest: the newest issue month that the data reach.
    """
    made = instance.get_materialized_partitions(SOURCE)
    if newest in made:
        return f"{newest} is forecast, and the prices reach no later month. The next price brings the next one."
    if not made:
        return "Nothing was forecast yet: materialise all assets once, or call `milk run`."
    return under_way(instance, SOURCE, jobs=(FORECAST_MONTH, EVERY_ASSET), said="A forecast")
