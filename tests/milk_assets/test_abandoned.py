"""Whose process is asked for: that of a run of this machine, and no other, where others see the same records."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from milk_assets.abandoned import MACHINE_TAG, end_abandoned_runs, this_machine


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def _run(instance: dg.DagsterInstance, pid: int, machine: str | None) -> str:
    tags = {} if machine is None else {MACHINE_TAG: machine}
    run = create_run_for_test(instance, tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process", run, EngineEventData({"pid": dg.MetadataValue.text(str(pid))}))
    return str(run.run_id)


def test_a_run_of_this_machine_whose_process_is_gone_is_ended(instance: dg.DagsterInstance, gone: int) -> None:
    run = _run(instance, gone, this_machine())
    assert end_abandoned_runs(instance, launched_here=False) == [run]
    ended = instance.get_run_by_id(run)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_another_machine_is_left_alone(instance: dg.DagsterInstance, gone: int) -> None:
    _run(instance, gone, "another machine")
    assert end_abandoned_runs(instance) == []


@pytest.mark.parametrize("launched_here", [True, False])
def test_a_run_that_the_code_location_started_is_judged_beside_it(
    instance: dg.DagsterInstance, gone: int, *, launched_here: bool
) -> None:
    run = _run(instance, gone, None)
    assert end_abandoned_runs(instance, launched_here=launched_here) == ([run] if launched_here else [])


def test_a_run_whose_process_lives_is_left_alone(instance: dg.DagsterInstance) -> None:
    _run(instance, os.getpid(), this_machine())
    assert end_abandoned_runs(instance) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process began")
def test_a_number_that_another_process_has_by_now_is_seen_through(instance: dg.DagsterInstance) -> None:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    named = dg.DagsterEvent(
        dg.DagsterEventType.ENGINE_EVENT.value,
        run.job_name,
        event_specific_data=EngineEventData.in_process(os.getpid()),
    )
    # This process began long after the run had named the number that is its own by now.
    long_ago = time.time() - 10 * 365 * 86_400
    entry = dg.EventLogEntry(  # type: ignore[no-untyped-call]  # because Dagster gives it no types
        error_info=None, level=20, user_message="", run_id=run.run_id, timestamp=long_ago, dagster_event=named
    )
    instance.event_log_storage.store_event(entry)
    assert end_abandoned_runs(instance) == [run.run_id]


def test_runs_that_another_launcher_starts_are_its_own_business(tmp_path: Path, gone: int) -> None:
    # Its package is not installed here, as it is not in the image of the pipeline.
    launcher = "run_launcher: {module: dagster_k8s, class: K8sRunLauncher, config: {}}"
    (tmp_path / "dagster.yaml").write_text(launcher, encoding="ascii")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        _run(instance, gone, None)
        assert end_abandoned_runs(instance) == []


def test_a_container_on_the_same_host_is_another_machine() -> None:
    host, *counted = this_machine().split()
    assert host == os.uname().nodename
    space = Path("/proc/self/ns/pid")
    assert counted == ([str(space.readlink())] if space.exists() else [])
