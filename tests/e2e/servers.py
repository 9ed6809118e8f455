"""The real `milk up` on free ports, and how the tests talk to it."""

import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts import missing
from tests.ports import free_port

START_SECONDS = 240
STOP_SECONDS = 30
RUN_SECONDS = 180
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
LAUNCH_RUN = """
mutation ($run: ExecutionParams!) {
  launchRun(executionParams: $run) { ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
RUN_STATUS = """
query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }
"""
LAUNCH_BACKFILL = """
mutation ($backfill: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfill) {
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class DagsterServer:
    """A running Dagster UI with its daemon, and the reader beside it."""

    url: str
    reader: str
    process: subprocess.Popen[bytes]
    log: Path

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """The `data` of a GraphQL answer; an error in it fails the test."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = json.load(answer)
        assert "errors" not in content, content["errors"]
        return dict(content["data"])

    def launch_job(self, job: str) -> str:
        """Start a job without months; the run."""
        return self._launch({"jobName": job}, {})

    def launch_months(self, asset: str, first: str, last: str) -> str:
        """Materialise some months of an asset in one run; the run."""
        selector = {"jobName": "__ASSET_JOB", "assetSelection": [{"path": [asset]}]}
        return self._launch(selector, {RANGE_START: first, RANGE_END: last})

    def _launch(self, selector: dict[str, Any], tags: dict[str, str]) -> str:
        place = {"repositoryName": "__repository__", "repositoryLocationName": "milk_assets"}
        told = [{"key": key, "value": value} for key, value in tags.items()]
        run = {"selector": place | selector, "mode": "default", "executionMetadata": {"tags": told}}
        return str(self.query(LAUNCH_RUN, run=run)["launchRun"]["run"]["runId"])

    def end_of(self, run: str) -> str:
        """The status in which a run ended."""
        until(lambda: self.status_of(run) in ENDED, seconds=RUN_SECONDS, what=f"the run {run} did not end")
        return self.status_of(run)

    def status_of(self, run: str) -> str:
        return str(self.query(RUN_STATUS, run=run)["runOrError"]["status"])

    def launch_backfill(self, months: list[str], assets: list[str]) -> str:
        """Materialise assets over some months, as the UI does; the backfill."""
        selection = [{"path": [asset]} for asset in assets]
        wanted = {"partitionNames": months, "assetSelection": selection, "title": "months"}
        launched = self.query(LAUNCH_BACKFILL, backfill=wanted)
        return str(launched["launchPartitionBackfill"]["backfillId"])

    def status_of_backfill(self, backfill: str) -> str:
        return str(self.query(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"])

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer of the reader, a problem included."""
        try:
            with urllib.request.urlopen(f"{self.reader}{path}", timeout=60) as answer:
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, json.load(problem)


def until(happens: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for something; the test fails where it does not come."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def chromium() -> str:
    """The browser; the test that asks for it is skipped where a part is missing, and fails where it is required."""
    found = [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
    if not found:
        missing(f"no browser: none of {', '.join(CHROMIUM_NAMES)} is installed")
    if sys.platform == "linux" and ctypes.util.find_library("atomic") is None:
        missing("the driver of the browser does not start without libatomic (Debian: libatomic1)")
    return found[0]


QUICK_TICKS = """
import sys

if any("dagster-daemon" in word for word in sys.orig_argv):
    import dagster._daemon.controller

    dagster._daemon.controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 5
"""
LATER_CLOCK = """
import logging
import time
from datetime import timedelta

import dagster._time as clock


class Later:
    # The start of a run is the time of its first log record, and a run that began years ago would be ended.
    def __getattr__(self, name):
        return getattr(time, name)

    def time(self):
        return time.time() + {days} * 86400

    def time_ns(self):
        return time.time_ns() + {days} * 86400 * 10**9


logging.time = Later()
now, timestamp = clock._mockable_get_current_datetime, clock._mockable_get_current_timestamp
clock._mockable_get_current_datetime = lambda: now() + timedelta(days={days})
clock._mockable_get_current_timestamp = lambda: timestamp() + {days} * 86400
with open({believed!r}, "a") as file:
    file.write(str(clock.get_current_datetime().year) + "\\n")
"""


def believed_years(log: Path) -> set[int]:
    """The years that the processes with a later clock believed in."""
    return {int(year) for year in (_site(log) / "believed").read_text(encoding="utf-8").split()}


def _site(log: Path) -> Path:
    return log.with_suffix(".site")


def _customized(log: Path, days_later: int) -> dict[str, str]:
    """An environment in which the daemon looks at backfills more often, and every process of Dagster believes that it
    is later and writes down which year it is."""
    folder = _site(log)
    folder.mkdir()
    content = QUICK_TICKS
    if days_later:
        content += LATER_CLOCK.format(days=days_later, believed=str(folder / "believed"))
    (folder / "sitecustomize.py").write_text(content, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


@contextmanager
def milk_up(home: Path, log: Path, *, days_later: int = 0, **settings: str) -> Iterator[DagsterServer]:
    """`milk up` on a home; stopped as a service manager would, and nothing of it may be left."""
    port, reader_port = free_port(), free_port()
    ports = {"MILK_PORT": str(port), "MILK_READER_PORT": str(reader_port)}
    environment = os.environ | {"MILK_HOME": str(home)} | ports | settings | _customized(log, days_later)
    command = [str(Path(sys.executable).parent / "milk"), "up"]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        server = DagsterServer(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{reader_port}", process, log)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()


def _wait_until_ready(server: DagsterServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b"Ctrl-C stops" not in server.log.read_bytes():
        ended = server.process.poll() is not None
        assert not ended, server.log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, server.log.read_text(errors="replace")[-3000:]
        time.sleep(0.5)
