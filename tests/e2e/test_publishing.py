"""From a month made in the UI to the published answer without a hand; servers that are stopped and started again.

One `milk up` whose store and whose records of Dagster lie on PostgreSQL, each on a server that belongs to this module
alone and with its address in a file; the tests tell one story, in their order.
"""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.e2e.servers import ENDED, RUN_SECONDS, DagsterServer, milk_up, until
from tests.parts import missing
from tests.postgres import PostgresServer, binaries, postgres_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=200)]

SENSOR_SECONDS = 120
SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "milk_assets",
    "sensorName": "serving_sensor",
}
TICKS = """
query ($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor {
    id sensorState { id selectorId status ticks(limit: 1) { status skipReason } } } }
}
"""
START_SENSOR = """
mutation ($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) { __typename } }
"""
STOP_SENSOR = """
mutation ($id: String!) { stopSensor(id: $id) { __typename } }
"""
LOGS = """
query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events { ... on MessageEvent { message } } } } }
"""
RUNS = """
{ runsOrError { ... on Runs { results { jobName status } } } }
"""


@dataclass(frozen=True)
class Place:
    """Everything that runs."""

    server: DagsterServer
    postgres: PostgresServer
    records: PostgresServer

    def publish_runs(self) -> list[str]:
        runs = self.server.query(RUNS)["runsOrError"]["results"]
        return [run["status"] for run in runs if run["jobName"] == "publish"]

    def is_at_peace(self) -> bool:
        """Nothing is left to publish, and the run that published last has ended: its last steps come after that."""
        return "Everything that was made" in _newest_skip(self.server) and set(self.publish_runs()) <= {*ENDED}

    def make(self, first: int, last: int) -> None:
        """Materialise `batch_predictions` alone for some months of 2026."""
        run = self.server.launch_months("batch_predictions", f"2026-{first:02d}", f"2026-{last:02d}")
        assert self.server.end_of(run) == "SUCCESS"

    def issues(self) -> list[tuple[str, int]]:
        status, answer = self.server.ask("/issues")
        return [(issue["issue_month"], issue["revision"]) for issue in answer["data"]] if status == 200 else []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if binaries() is None:
        missing("PostgreSQL is not installed (Debian: postgresql)")
    folder = tmp_path_factory.mktemp("publishing")
    with postgres_server() as postgres, postgres_server() as records:
        (folder / "store").write_text(postgres.new_database() + "\n", encoding="utf-8")
        (folder / "records").write_text(records.new_database(driver="psycopg2") + "\n", encoding="utf-8")
        quick = milk_up(
            folder / "home",
            folder / "up.log",
            MILK_STORE_URL_FILE=str(folder / "store"),
            MILK_DAGSTER_URL_FILE=str(folder / "records"),
            MILK_FIRST_ISSUE="2026-06",
            MILK_EVALUATION_MONTHS="24",
        )
        with quick as server:
            yield Place(server, postgres, records)


def test_nothing_is_published_at_first(place: Place) -> None:
    status, problem = place.server.ask("/predictions/latest")
    assert (status, problem["type"]) == (503, "urn:milk:problem:nothing-published")


def test_a_run_whose_process_is_killed_does_not_block_the_queue(place: Place) -> None:
    run = place.server.launch_job("training")
    until(lambda: _process_of(place.server, run) is not None, seconds=RUN_SECONDS, what="the run did not start")
    process = _process_of(place.server, run)
    assert process is not None
    os.kill(process, signal.SIGKILL)
    until(lambda: place.server.status_of(run) == "FAILURE", seconds=SENSOR_SECONDS, what="the run is still under way")


def _process_of(server: DagsterServer, run: str) -> int | None:
    events = server.query(LOGS, run=run)["logsForRun"]["events"]
    found = [re.search(r"Started process for run \(pid: (\d+)\)", event.get("message", "")) for event in events]
    return next((int(match[1]) for match in found if match), None)


def test_a_month_made_in_the_ui_is_served_without_a_hand(place: Place) -> None:
    assert place.server.end_of(place.server.launch_job("training")) == "SUCCESS"
    assert place.issues() == []
    place.make(11, 11)
    until(lambda: place.issues() == [("2026-11", 1)], seconds=SENSOR_SECONDS, what="the month was not published")
    status, answer = place.server.ask("/predictions/latest")
    assert status == 200
    assert (answer["meta"]["issue_month"], answer["meta"]["is_synthetic"]) == ("2026-11", True)
    assert [row["target_month"] for row in answer["data"]][0::11] == ["2026-11", "2027-10"]


def test_what_was_made_while_the_store_was_stopped_is_published_when_it_is_back(place: Place) -> None:
    server = place.server
    state = server.query(TICKS, sensor=SENSOR)["sensorOrError"]
    # The sensor must not be quicker than the stop of the store.
    server.query(STOP_SENSOR, id=state["sensorState"]["id"])
    place.make(8, 10)
    place.postgres.stop()
    server.query(START_SENSOR, sensor=SENSOR)
    until(lambda: "does not answer" in _newest_skip(server), seconds=SENSOR_SECONDS, what="the sensor did not wait")
    assert place.postgres.password not in _newest_skip(server)
    status, problem = server.ask("/predictions/latest")
    assert (status, problem["type"]) == (503, "urn:milk:problem:store-unavailable")
    assert server.ask("/livez")[0] == 200
    place.postgres.start()
    expected = [("2026-11", 1), ("2026-10", 1), ("2026-09", 1), ("2026-08", 1)]
    until(lambda: place.issues() == expected, seconds=SENSOR_SECONDS, what="the months were not published")
    # One run a range; its record ends a little later than its transaction.
    until(lambda: place.publish_runs() == ["SUCCESS", "SUCCESS"], seconds=SENSOR_SECONDS, what="another run")


def _newest_skip(server: DagsterServer) -> str:
    ticks = server.query(TICKS, sensor=SENSOR)["sensorOrError"]["sensorState"]["ticks"]
    return str(ticks[0]["skipReason"]) if ticks else ""


def test_servers_that_restart_in_the_middle_of_a_run_lose_and_double_nothing(place: Place) -> None:
    run = place.server.launch_months("batch_predictions", "2026-06", "2026-07")
    until(lambda: place.server.status_of(run) == "STARTED", seconds=RUN_SECONDS, what="the run did not start")
    for server in (place.records, place.postgres):
        server.stop()
        server.start()
    # It goes on, or its failure is recorded; it is not left in progress.
    until(lambda: place.server.status_of(run) in ENDED, seconds=SENSOR_SECONDS, what="the run is still under way")
    place.make(6, 7)
    expected = [(f"2026-{month:02d}", 1) for month in range(11, 5, -1)]
    until(lambda: place.issues() == expected, seconds=SENSOR_SECONDS, what="the months were not published")


def test_no_secret_is_written_down(place: Place) -> None:
    for server in (place.postgres, place.records):
        secret = server.password.encode()
        files = [file for file in place.server.log.parent.joinpath("home").rglob("*") if file.is_file()]
        assert [file for file in files if secret in file.read_bytes()] == []
        environments = [psutil.Process(place.server.process.pid).children(recursive=True)]
        assert [p.cmdline() for family in environments for p in family if server.password in str(p.environ())] == []


def test_materialize_all_adds_no_revision(place: Place) -> None:
    assets = [
        node["assetKey"]["path"][0] for node in place.server.query("{ assetNodes { assetKey { path } } }")["assetNodes"]
    ]
    until(place.is_at_peace, seconds=SENSOR_SECONDS, what="no peace")
    runs = place.publish_runs()
    backfill = place.server.launch_backfill([f"2026-{month:02d}" for month in range(6, 12)], assets)
    until(lambda: place.server.status_of_backfill(backfill) != "REQUESTED", seconds=RUN_SECONDS, what="it did not end")
    assert place.server.status_of_backfill(backfill) == "COMPLETED_SUCCESS"
    assert place.issues() == [(f"2026-{month:02d}", 1) for month in range(11, 5, -1)]
    until(place.is_at_peace, seconds=SENSOR_SECONDS, what="no peace")
    assert place.publish_runs() == runs, "the backfill published by itself"


def test_a_part_that_dies_is_named_and_the_others_are_stopped(place: Place) -> None:
    family = psutil.Process(place.server.process.pid).children()
    (reader,) = [part for part in family if "milk_serving.main:app" in part.cmdline()]
    reader.kill()
    assert place.server.process.wait(60) == 1
    said = place.server.log.read_text(encoding="utf-8")
    assert "The reader ended by itself (killed by SIGKILL), so everything was stopped." in " ".join(said.split())
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
