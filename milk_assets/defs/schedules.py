"""The monthly schedule."""

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import UnresolvedPartitionedAssetScheduleDefinition
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

DAY, HOUR, MINUTE = 2, 6, 30
"""Of the month, in Santiago: late enough for the files of the month before, early enough to be of use."""


def monthly_schedule(job: UnresolvedAssetJobDefinition) -> UnresolvedPartitionedAssetScheduleDefinition:
    """Issue the newest reachable month on the second day of each month; on by default.

    The daemon loads these definitions anew every minute, so a price file that has grown brings its month with it.
    Where it has not grown, the newest month is forecast again, and what was issued for it stands.
    """
    return dg.build_schedule_from_partitioned_job(
        job,
        name="monthly_forecast_schedule",
        description="Issues the forecasts of the month that has just begun.",
        day_of_month=DAY,
        hour_of_day=HOUR,
        minute_of_hour=MINUTE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )  # type: ignore[return-value]  # because the job is always a partitioned one here
