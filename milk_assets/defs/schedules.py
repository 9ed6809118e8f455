"""The monthly schedule."""

from collections.abc import Iterator, Set

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from milk.months import Month
from milk.settings import Settings
from milk_assets.defs.jobs import FORECAST_MONTH
from milk_assets.defs.partitions import TIMEZONE, is_price_file_refused, issue_months_of
from milk_assets.defs.resources import Workplace
from milk_assets.defs.sensors import EVERY_ASSET, SOURCE, months_held, under_way

DAY, HOUR, MINUTE = 2, 6, 30
"""Of the month, in Santiago: late enough for the files of the month before, early enough to be of use."""
TAG = "milk/scheduled_in"
"""Names, on each run of the schedule, the month of the calendar in which it was started."""


def monthly_schedule(
    job: UnresolvedAssetJobDefinition, partitions: dg.MonthlyPartitionsDefinition, settings: Settings
) -> dg.ScheduleDefinition:
    """Issue the newest reachable month once a month, from the second on; and again each day while that has failed.

    On by default. The daemon loads these definitions anew every minute, so a price file that has grown brings its month
    with it. Where it has not grown by the second, the newest month is forecast again, and what was issued for it
    stands; from then on each day looks whether the month of the calendar can be forecast (decision 0039).

    Args:
        job: makes the forecasts of a month.
        partitions: the issue months that the data reach.
        settings: where data come from and go to.
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
    def schedule(
        context: dg.ScheduleEvaluationContext, workplace: Workplace
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        newest, day = partitions.get_last_partition_key(), context.scheduled_execution_time
        this = Month.of(day.date())
        held, problem = months_held(workplace)
        why = problem if held is None else why_to_wait(context.instance, settings, held, this)
        if newest is None:
            yield dg.SkipReason("There is no issue month: see MILK_FIRST_ISSUE and the price file.")
        elif why:
            yield dg.SkipReason(why)
        else:
            yield dg.RunRequest(run_key=f"{newest} on {day:%Y-%m-%d}", partition_key=newest, tags={TAG: str(this)})

    return schedule


def why_to_wait(instance: dg.DagsterInstance, settings: Settings, held: Set[Month], this: Month) -> str:
    """Why nothing is to be forecast today; empty where something is.

    Args:
        instance: Dagster's records.
        settings: where data come from and go to.
        held: the issue months that are published.
        this: the month of the calendar.
    """
    if not held:
        # Each day would bring a failed run: there is no version in production.
        return "Nothing was forecast yet: materialise all assets once, or call `milk run`."
    if why := under_way(instance, SOURCE, jobs=(FORECAST_MONTH, EVERY_ASSET), said="A forecast"):
        return why
    if instance.get_runs_count(dg.RunsFilter(tags={TAG: str(this)})) == 0:
        # Whatever is published: files other than the price may be new.
        return ""
    if max(held) >= this:
        return f"{max(held)} is forecast."
    if is_price_file_refused(settings):
        # The run says it in its own words, and whoever is told of failed runs hears of it.
        return ""
    reached = issue_months_of(settings)
    if reached is None or reached.last < reached.first:
        return "The data reach no issue month: see MILK_FIRST_ISSUE and the price file."
    if reached.last in held:
        return f"{reached.last} is forecast, and the prices reach no later month. The next price brings the next one."
    return ""
