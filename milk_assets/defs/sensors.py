"""The serving sensor: publishes what the graph made, by itself.

It keeps no cursor. Each tick compares, month by month, the newest `batch_predictions` with the newest
`published_predictions`, and both with the months in the store, so that it heals by itself after a lost tick, a stopped
store, a publication by hand, a month made again, a store that is a new one. An asset sensor would see only the last
month of a backfill, and automation conditions pass over old months.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, RUN_KEY_TAG

from milk.errors import FilesUnavailable, HomeBusy, MilkError, StoreUnavailable
from milk.months import Month, contiguous_ranges
from milk.publication.read import issue_months
from milk.series import SERIES_ID
from milk_assets.abandoned import end_abandoned_runs
from milk_assets.defs.jobs import PUBLISH
from milk_assets.defs.resources import Workplace

SOURCE, TARGET = dg.AssetKey("batch_predictions"), dg.AssetKey("published_predictions")
TAG = "milk/publication"
"""Names, on each run of the sensor, the content that it publishes: its months and the newest of their events."""
MOST_TRIES = 5
INTERVAL_SECONDS = 15
EVERY_ASSET = "__ASSET_JOB"
_OF_THE_STORE = {StoreUnavailable.__name__, FilesUnavailable.__name__, HomeBusy.__name__}
_BACKFILLS_UNDER_WAY = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]


@dataclass(frozen=True)
class Behind:
    """Consecutive months that were made and not published since.

    Attributes:
        first: the first of them.
        last: the last.
        newest: the newest event of them, by which their content is known again.
    """

    first: Month
    last: Month
    newest: int

    @property
    def content(self) -> str:
        """What is to be published, as a text."""
        return f"{self.first}..{self.last}@{self.newest}"


def serving_sensor(
    job: UnresolvedAssetJobDefinition, partitions: dg.MonthlyPartitionsDefinition
) -> dg.SensorDefinition:
    """The sensor over the given months."""

    @dg.sensor(
        name="serving_sensor",
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes each month that was made and not published since, a range in one run. It waits while a "
        "publication is under way or the store does not answer, and gives up on the same content after five failures.",
    )
    def sensor(context: dg.SensorEvaluationContext, workplace: Workplace) -> Iterator[dg.RunRequest | dg.SkipReason]:
        instance = context.instance
        for run_id in end_abandoned_runs(instance):
            context.log.warning("The process of run %s is gone; it is recorded as failed.", run_id)
        keys = partitions.get_partition_keys()
        held, problem = months_held(workplace)
        # Of a store that does not answer nothing is known but what the records say.
        behind = months_behind(instance, keys, held)
        if not behind:
            yield dg.SkipReason(problem or "Everything that was made is published.")
        elif why := under_way(instance, TARGET, jobs=(PUBLISH, EVERY_ASSET), said="A publication") or problem:
            yield dg.SkipReason(why)
        else:
            requests, given_up = publication_requests(instance, behind)
            if given_up and requests:
                # A tick either asks for runs or says why it does not.
                context.log.warning(given_up)
            yield from requests
            if not requests:
                yield dg.SkipReason(given_up)

    return sensor


def months_behind(instance: dg.DagsterInstance, keys: Sequence[str], held: Set[Month] | None) -> list[Behind]:
    """What was made and not published since, in ranges; months that are no partition any more are left alone.

    Args:
        instance: Dagster's records.
        keys: the partitions.
        held: the months that the store holds, whatever the records say: it may be a new one. `None` where it does not
            answer.
    """
    event = dg.DagsterEventType.ASSET_MATERIALIZATION
    # Not marked public; the public way reads every event since a cursor, and the sensor keeps none.
    made = instance.get_latest_storage_id_by_partition(SOURCE, event)
    done = instance.get_latest_storage_id_by_partition(TARGET, event)
    absent = set() if held is None else made.keys() - {str(month) for month in held}
    newer = {Month.parse(key): made[key] for key in keys if key in absent or made.get(key, -1) > done.get(key, -1)}
    return [
        Behind(first, last, max(number for month, number in newer.items() if first <= month <= last))
        for first, last in contiguous_ranges(newer)
    ]


def publication_requests(instance: dg.DagsterInstance, behind: Sequence[Behind]) -> tuple[list[dg.RunRequest], str]:
    """The runs that publish what is behind, and in words what was given up."""
    requests, given_up = [], []
    for part in behind:
        runs = instance.get_runs(dg.RunsFilter(tags={TAG: part.content}))
        failures = [said for run in runs if (said := _counted_failure(instance, run)) is not None]
        if len(failures) >= MOST_TRIES:
            given_up.append(f"{part.first} to {part.last} (last failure: {failures[0]})")
            continue
        # The key of a run that was launched once is never launched again, whatever became of it: not the number of the
        # runs, since somebody may have deleted some.
        tried = max((_try_of(run) for run in runs), default=-1) + 1
        tags = {
            ASSET_PARTITION_RANGE_START_TAG: str(part.first),
            ASSET_PARTITION_RANGE_END_TAG: str(part.last),
            TAG: part.content,
        }
        requests.append(dg.RunRequest(run_key=f"{part.content}#{tried}", tags=tags))
    said = (
        f"Given up after {MOST_TRIES} failures: {'; '.join(given_up)}. Mend what the run says, then materialise "
        f"{TARGET.path[-1]} for these months, or {SOURCE.path[-1]} again."
    )
    return requests, said if given_up else ""


def _try_of(run: dg.DagsterRun) -> int:
    """Which try a run was; -1 for one that somebody started again by hand."""
    number = run.tags.get(RUN_KEY_TAG, "").rpartition("#")[2]
    return int(number) if number.isdecimal() else -1


def under_way(instance: dg.DagsterInstance, target: dg.AssetKey, *, jobs: Sequence[str], said: str) -> str:
    """What is under way to make an asset, whoever started it; empty where nothing is.

    Args:
        instance: Dagster's records.
        target: the asset.
        jobs: those that make it where they run as a whole.
        said: what it is, for the reason.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)):
        # Of a run within a process (`milk run`) the selection is empty, of others there is none.
        whole_job = not run.asset_selection and run.job_name in jobs
        if whole_job or target in (run.asset_selection or ()):
            return f"{said} is under way: run {run.run_id}."
    for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=_BACKFILLS_UNDER_WAY)):
        if target in (backfill.asset_selection or ()):
            return f"{said} is under way: backfill {backfill.backfill_id}."
    return ""


def months_held(workplace: Workplace) -> tuple[set[Month] | None, str]:
    """The issue months in the store, or why it does not answer."""
    try:
        with workplace.store() as store:
            return issue_months(store, SERIES_ID), ""
    except MilkError as error:
        return None, str(error)


def _counted_failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """What stopped a run; `None` where it did not fail, or failed for want of the store alone."""
    if run.status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        return None
    said = "it was stopped"
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        failure = entry.get_dagster_event().step_failure_data.user_failure_data
        kind = failure.metadata.get("kind") if failure else None
        if kind is not None and kind.value in _OF_THE_STORE:
            return None
        said = (failure.description if failure else None) or "an unexpected error"
    return said
