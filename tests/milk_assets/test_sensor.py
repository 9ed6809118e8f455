"""The serving sensor by its tick: what it asks for, when it waits, when it gives up."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd
import pytest
from dagster._core.events import EngineEventData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from milk.home.tables import write_table
from milk.months import Month, month_range
from milk.settings import SAMPLE, Settings
from milk.steps.predictions import TABLE
from milk_assets.abandoned import end_abandoned_runs
from milk_assets.definitions import build_definitions
from milk_assets.defs.sensors import MOST_TRIES
from tests.milk_assets.places import Place
from tests.ports import free_port

PUBLISHED = "published_predictions"
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Desk:
    """A place, Dagster's records of it, and the sensor over both."""

    place: Place
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def tick(self) -> list[dg.RunRequest] | str:
        """The requests of a tick, or the reason why there are none."""
        resources = dict(self.definitions.resources or {})
        sensor = self.definitions.get_repository_def().get_sensor_def("serving_sensor")
        with dg.build_sensor_context(
            instance=self.instance, resources={"workplace": resources["workplace"]}
        ) as context:
            data = sensor.evaluate_tick(context)
        return list(data.run_requests or []) or str(data.skip_message)

    def requests(self) -> list[dg.RunRequest]:
        asked = self.tick()
        assert isinstance(asked, list), asked
        return asked

    def skipped(self) -> str:
        said = self.tick()
        assert isinstance(said, str), said
        return said

    def ranges(self) -> list[tuple[str, str]]:
        return [(request.tags[START], request.tags[END]) for request in self.requests()]

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Run what a tick asked for, as the daemon would."""
        job = self.definitions.resolve_job_def("publish")
        tags = {**request.tags, "dagster/run_key": str(request.run_key)}
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def made(self, months: Sequence[Month], asset: str = TABLE) -> None:
        """Record months as made, as a run of that asset does."""
        for month in months:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=str(month)))


@pytest.fixture
def desk(copied: Place) -> Iterator[Desk]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(copied, instance, copied.definitions())


def _months(first: str, last: str) -> list[Month]:
    return month_range(Month.parse(first), Month.parse(last))


def test_nothing_made_is_nothing_to_publish(desk: Desk) -> None:
    assert desk.skipped() == "Everything that was made is published."


def test_a_month_is_published_in_one_run_and_then_there_is_peace(desk: Desk) -> None:
    assert desk.place.run(
        dg.AssetSelection.assets(TABLE), months=("2026-05", "2026-05"), instance=desk.instance
    ).success
    (request,) = desk.requests()
    assert (request.tags[START], request.tags[END]) == ("2026-05", "2026-05")
    assert desk.launch(request).success
    assert desk.skipped() == "Everything that was made is published."


def test_a_range_is_one_run(desk: Desk) -> None:
    assert desk.place.run(dg.AssetSelection.assets(TABLE), instance=desk.instance).success
    (request,) = desk.requests()
    assert (request.tags[START], request.tags[END]) == ("2026-01", "2026-11")
    result = desk.launch(request)
    events = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(PUBLISHED)]
    assert [e.partition for e in events] == [str(m) for m in _months("2026-01", "2026-11")]
    # Scorecard and decision come after the months, once for all of them.
    once = [e.asset_key and e.asset_key.path[-1] for e in result.get_asset_materialization_events() if not e.partition]
    assert once == ["scorecard", "retrain_decision"]
    assert desk.skipped() == "Everything that was made is published."


def test_two_hundred_months_are_one_run(desk: Desk) -> None:
    settings = Settings(data=SAMPLE, home=desk.place.home.path, first_issue=Month(2010, 1))
    desk.definitions = build_definitions(settings)
    desk.made(_months("2010-01", "2026-08"))
    assert desk.ranges() == [("2010-01", "2026-08")]


def test_gaps_make_ranges(desk: Desk) -> None:
    desk.made([*_months("2026-01", "2026-03"), *_months("2026-05", "2026-05"), *_months("2026-08", "2026-11")])
    assert desk.ranges() == [("2026-01", "2026-03"), ("2026-05", "2026-05"), ("2026-08", "2026-11")]


def test_a_lost_tick_or_cursor_loses_nothing(desk: Desk) -> None:
    """There is no cursor: whatever became of earlier ticks, the next asks for the same again under the same key."""
    desk.made(_months("2026-01", "2026-02"))
    first = desk.requests()
    desk.made(_months("2026-06", "2026-06"))
    second = desk.requests()
    assert [r.run_key for r in second[:1]] == [r.run_key for r in first]
    assert len({r.run_key for r in second}) == 2


def test_a_month_made_again_is_published_again(desk: Desk) -> None:
    desk.made(_months("2026-01", "2026-11"))
    desk.made(_months("2026-01", "2026-11"), asset=PUBLISHED)
    assert desk.skipped() == "Everything that was made is published."
    desk.made(_months("2026-03", "2026-03"))
    assert desk.ranges() == [("2026-03", "2026-03")]


def test_a_publication_by_hand_counts(desk: Desk) -> None:
    desk.made(_months("2026-01", "2026-03"))
    desk.made(_months("2026-02", "2026-02"), asset=PUBLISHED)
    assert desk.ranges() == [("2026-01", "2026-01"), ("2026-03", "2026-03")]


def test_records_that_were_wiped_are_made_up_for(desk: Desk) -> None:
    assert desk.place.run(
        dg.AssetSelection.assets(TABLE), months=("2026-05", "2026-05"), instance=desk.instance
    ).success
    (request,) = desk.requests()
    assert desk.launch(request).success
    desk.instance.wipe_assets([dg.AssetKey(PUBLISHED)])
    (again,) = desk.requests()
    assert again.run_key != request.run_key, "a key that was launched once is never launched again"
    assert desk.launch(again).success
    assert desk.skipped() == "Everything that was made is published."


def test_a_month_that_is_no_partition_any_more_is_left_alone(desk: Desk) -> None:
    desk.made([Month(2009, 1), Month(2026, 5)])
    assert desk.ranges() == [("2026-05", "2026-05")]


def _run(desk: Desk, job: str, *, selection: Sequence[str] | None = None, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    keys = None if selection is None else frozenset(map(dg.AssetKey, selection))
    definition = desk.definitions.resolve_job_def(job)
    subset = definition.get_subset(asset_selection=keys) if keys else definition
    return desk.instance.create_run_for_job(subset, status=status, asset_selection=keys)


@pytest.mark.parametrize(
    ("job", "selection"),
    # A run within a process selects nothing, and means all.
    [("publish", None), ("__ASSET_JOB", None), ("__ASSET_JOB", ()), ("__ASSET_JOB", (TABLE, PUBLISHED))],
    ids=["the sensor's own", "every asset", "milk run", "a backfill's"],
)
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED], ids=str)
def test_it_waits_for_a_publication_under_way(
    desk: Desk, job: str, selection: Sequence[str] | None, status: dg.DagsterRunStatus
) -> None:
    desk.made(_months("2026-05", "2026-05"))
    run = _run(desk, job, selection=selection, status=status)
    assert desk.skipped() == f"A publication is under way: run {run.run_id}."
    desk.instance.report_run_canceled(run)
    assert desk.ranges() == [("2026-05", "2026-05")]


def test_other_runs_do_not_keep_it_waiting(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    _run(desk, "training", status=dg.DagsterRunStatus.STARTED)
    _run(desk, "__ASSET_JOB", selection=[TABLE], status=dg.DagsterRunStatus.STARTED)
    assert desk.ranges() == [("2026-05", "2026-05")]


def test_it_waits_for_a_backfill_that_has_no_run_yet(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    backfill = PartitionBackfill(
        backfill_id="all",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=0.0,
        asset_selection=[dg.AssetKey(TABLE), dg.AssetKey(PUBLISHED)],
    )
    desk.instance.add_backfill(backfill)
    assert desk.skipped() == "A publication is under way: backfill all."
    desk.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_SUCCESS))
    assert desk.ranges() == [("2026-05", "2026-05")]


def _with_store(desk: Desk, address: str) -> None:
    settings = desk.place.settings.model_copy(update={"store_url": address})
    desk.definitions = build_definitions(settings)


def test_it_waits_while_the_store_does_not_answer_and_publishes_when_it_does(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    sound = desk.definitions
    _with_store(desk, f"postgresql+psycopg://ana:secret@127.0.0.1:{free_port()}/store")
    said = desk.skipped()
    assert "does not answer" in said
    assert "secret" not in said
    desk.definitions = sound
    (request,) = desk.requests()
    assert desk.launch(request).success


def test_tries_that_failed_for_want_of_the_store_do_not_count(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    sound = desk.definitions
    keys = []
    for _try in range(MOST_TRIES + 2):
        # The store goes away between the tick and the run.
        (request,) = desk.requests()
        keys.append(request.run_key)
        _with_store(desk, f"postgresql+psycopg://ana@127.0.0.1:{free_port()}/store")
        assert not desk.launch(request).success
        desk.definitions = sound
    assert len(set(keys)) == MOST_TRIES + 2
    (request,) = desk.requests()
    assert desk.launch(request).success


def test_a_run_that_somebody_deletes_does_not_stop_it(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    table = desk.place.table()
    write_table(desk.place.home, TABLE, table[table["issue_month"] != pd.Timestamp("2026-05-01")])
    tried = []
    for _try in range(3):
        (request,) = desk.requests()
        tried.append(request.run_key)
        assert not desk.launch(request).success
    first = desk.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": str(tried[0])}))
    desk.instance.delete_run(first[0].run_id)
    (request,) = desk.requests()
    assert request.run_key not in tried, "a key that was launched once is never launched again"


def test_it_gives_up_on_the_same_content_and_says_so(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-06"))
    table = desk.place.table()
    write_table(desk.place.home, TABLE, table[table["issue_month"] != pd.Timestamp("2026-05-01")])
    (both,) = desk.requests()
    assert not desk.launch(both).success
    # The sound month of the range was published; the other one alone is tried again.
    for _try in range(MOST_TRIES):
        (request,) = desk.requests()
        assert (request.tags[START], request.tags[END]) == ("2026-05", "2026-05")
        assert not desk.launch(request).success
    said = desk.skipped()
    assert said.startswith(
        "Given up after 5 failures: 2026-05 to 2026-05 (last failure: These months were not published"
    )
    assert "materialise published_predictions for these months, or batch_predictions again" in said
    # Others go on, and the month itself when it is made again.
    desk.made(_months("2026-08", "2026-08"))
    assert desk.ranges() == [("2026-08", "2026-08")]
    write_table(desk.place.home, TABLE, table)
    desk.made(_months("2026-05", "2026-05"))
    assert desk.ranges() == [("2026-05", "2026-05"), ("2026-08", "2026-08")]


def _process(desk: Desk, run: dg.DagsterRun, pid: int) -> None:
    desk.instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))


def test_a_run_whose_process_is_gone_is_ended_and_no_longer_waited_for(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-05"))
    run = _run(desk, "publish", status=dg.DagsterRunStatus.STARTED)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as sleeper:
        try:
            _process(desk, run, sleeper.pid)
            assert desk.skipped() == f"A publication is under way: run {run.run_id}."
        finally:
            sleeper.kill()
    assert desk.ranges() == [("2026-05", "2026-05")]
    ended = desk.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
    assert end_abandoned_runs(desk.instance) == []


def test_a_run_that_ends_well_while_it_is_looked_at_is_left_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run(desk, "training", status=dg.DagsterRunStatus.STARTED)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    _process(desk, run, gone.pid)
    seen = desk.instance.get_runs()
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "training")
    desk.instance.report_dagster_event(event, run.run_id)
    # The list of runs is of the moment before.
    monkeypatch.setattr(desk.instance, "get_runs", lambda _filters: seen)
    assert end_abandoned_runs(desk.instance) == []
    ended = desk.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.SUCCESS


def test_a_run_that_has_not_told_its_process_is_left_alone(desk: Desk) -> None:
    _run(desk, "training", status=dg.DagsterRunStatus.STARTED)
    assert end_abandoned_runs(desk.instance) == []


def test_it_is_on_without_a_click(desk: Desk) -> None:
    sensor = desk.definitions.get_repository_def().get_sensor_def("serving_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.job_name == "publish"


def test_a_store_that_is_a_new_one_is_filled(desk: Desk) -> None:
    desk.made(_months("2026-05", "2026-06"))
    (request,) = desk.requests()
    assert desk.launch(request).success
    assert desk.skipped() == "Everything that was made is published."
    _with_store(desk, f"sqlite:///{desk.place.home.path}/moved.db")
    (again,) = desk.requests()
    assert (again.tags[START], again.tags[END]) == ("2026-05", "2026-06")
    assert desk.launch(again).success
    assert desk.skipped() == "Everything that was made is published."
