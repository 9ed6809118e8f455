"""The Dask executor on a small graph, with the scheduler and the workers of the command line as processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from milk.cli.dagster_home import prepare_dagster_home
from milk.home.layout import Home
from milk.settings import PROJECT, load_settings
from tests.milk_assets import dask_graph
from tests.milk_assets.dask_graph import quick_job, slow_job, stray_job, told
from tests.ports import free_port

pytestmark = pytest.mark.slow(seconds=40)


@dataclass
class Cluster:
    """A scheduler and its workers, all of them processes."""

    port: int
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        milk = Path(sys.executable).parent / "milk"
        return subprocess.Popen(
            [milk, "dask", *arguments], env=self.environment, cwd=PROJECT, stderr=subprocess.DEVNULL
        )

    def add_worker(self) -> None:
        self.workers.append(self.start("worker"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = Home(tmp_path_factory.mktemp("dask"))
    prepare_dagster_home(home, load_settings(home=home.path))
    port = free_port()
    told_by = {
        "DAGSTER_HOME": str(home.dagster),
        "MILK_HOME": str(home.path),
        "MILK_DASK_ADDRESS": f"tcp://127.0.0.1:{port}",
        dask_graph.ADDRESS: f"tcp://127.0.0.1:{port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told_by.items():
            patch.setenv(name, value)
        made = Cluster(port, {**os.environ, "PYTHONPATH": str(PROJECT)})
        scheduler = made.start("scheduler", "--port", str(port))
        try:
            made.add_worker()
            yield made
        finally:
            for process in [*made.workers, scheduler]:
                process.terminate()
                process.wait(30)


@pytest.fixture
def instance(cluster: Cluster) -> Iterator[dg.DagsterInstance]:
    assert cluster.workers
    for name in ("fail", "red", "skip", "slow.pid"):
        told(name).unlink(missing_ok=True)
    told("value").write_text("1")
    with dg.DagsterInstance.get() as made:
        yield made


def run(job: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Run a job to its end, as the launcher of Dagster does."""
    result = dg.execute_job(dg.reconstructable(job), instance=instance)
    recorded = instance.get_run_by_id(result.run_id)
    assert recorded is not None
    return recorded


def ends(run: dg.DagsterRun, instance: dg.DagsterInstance) -> dict[str, str]:
    kinds = {"STEP_SUCCESS": "made", "STEP_FAILURE": "failed", "STEP_SKIPPED": "skipped"}
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
    return {str(e.step_key): kinds[e.event_type_value] for e in events if e and e.event_type_value in kinds}


def said(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """What the failures of a run say."""
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id)]
    errors = [getattr(e.event_specific_data, "error", None) for e in events if e]
    return "\n".join(error.to_string() for error in errors if error is not None)


def test_steps_run_on_the_workers(instance: dg.DagsterInstance) -> None:
    done = run(quick_job, instance)
    assert set(ends(done, instance).values()) == {"made"}
    assert told("result.txt").read_text() == "result of 1"
    events = [entry.dagster_event for entry in instance.all_logs(done.run_id)]
    started = [e.event_specific_data for e in events if e and e.event_type_value == "STEP_WORKER_STARTED"]
    pids = [data.metadata["pid"].value for data in started if isinstance(data, EngineEventData)]
    assert len(set(pids)) == 5
    assert str(os.getpid()) not in pids


def test_nothing_below_a_failed_step_runs_on_what_an_earlier_run_left(instance: dg.DagsterInstance) -> None:
    assert run(quick_job, instance).is_success
    told("value").write_text("2")
    told("fail").touch()
    failed = run(quick_job, instance)
    assert failed.is_failure
    # Steps below a failed one are not even begun.
    assert ends(failed, instance) == {"source": "failed", "perhaps": "made", "below": "made"}
    assert "the source is away" in said(failed, instance)
    assert told("result.txt").read_text() == "result of 1"


def test_red_checks_and_months_not_made_stop_what_is_below(instance: dg.DagsterInstance) -> None:
    told("red").touch()
    told("skip").touch()
    red = run(quick_job, instance)
    assert red.is_failure
    assert ends(red, instance) == {"source": "made", "checked": "failed", "perhaps": "made", "below": "skipped"}


def _while_slow(instance: dg.DagsterInstance, act: Callable[[str, int], None]) -> dg.DagsterRun:
    """Run the slow job; once its step has begun, do something to it."""
    done: list[dg.DagsterRun] = []
    thread = threading.Thread(target=lambda: done.append(run(slow_job, instance)))
    thread.start()
    deadline = time.monotonic() + 60
    while not (told("slow.pid").exists() and told("slow.pid").read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    (started,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    act(started.run_id, int(told("slow.pid").read_text()))
    thread.join(90)
    return done[0]


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_a_step_whose_process_is_killed_fails_in_words(instance: dg.DagsterInstance) -> None:
    failed = _while_slow(instance, lambda _run, pid: os.kill(pid, signal.SIGKILL))
    assert failed.is_failure
    assert "its process or its worker was lost (exit code -9)" in said(failed, instance)


def test_a_step_whose_worker_is_killed_fails_in_words_and_another_worker_goes_on(
    instance: dg.DagsterInstance, cluster: Cluster
) -> None:
    lost = cluster.workers.pop()

    orphans: list[int] = []

    def kill(_run: str, pid: int) -> None:
        orphans.append(pid)
        lost.kill()
        lost.wait()

    failed = _while_slow(instance, kill)
    assert failed.is_failure
    assert "its process or its worker was lost" in said(failed, instance)
    # It would go on writing beside the run that is started again.
    assert not is_alive(orphans[0])
    cluster.add_worker()
    assert run(quick_job, instance).is_success


def test_without_a_scheduler_the_run_says_what_to_start(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milk_assets.dask.executor.CONNECT_SECONDS", 1)
    failed = run(stray_job, instance)
    assert failed.is_failure
    assert "does not answer. Start it (milk dask scheduler), or set MILK_DASK_ADDRESS" in said(failed, instance)
