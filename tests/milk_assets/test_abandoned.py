"""Runs whose process is gone: only the machine on which it ran can say so."""

import json
import os
import socket
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.test_utils import create_run_for_test

from milk_assets.abandoned import MACHINE_TAG, end_abandoned_runs

NOBODY = 2**22 + 1
"""More than a number of a process can be."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _run(instance: dg.DagsterInstance, pid: int, tags: dict[str, str], *, seconds_ago: float = 0) -> str:
    """A run in progress that named its process, with its tags."""
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)
    event = dg.DagsterEvent(
        dg.DagsterEventType.ENGINE_EVENT.value, run.job_name, event_specific_data=EngineEventData.in_process(pid)
    )
    entry = dg.EventLogEntry(
        error_info=None, level=20, user_message="", run_id=run.run_id, timestamp=time.time() - seconds_ago,
        dagster_event=event,
    )  # fmt: skip
    instance.event_log_storage.store_event(entry)
    return run.run_id


def _started_by(host: str) -> dict[str, str]:
    return {GRPC_INFO_TAG: json.dumps({"host": host, "port": 4000})}


@pytest.mark.parametrize("tags", [{}, _started_by("localhost"), _started_by(socket.gethostname()),
                                  {MACHINE_TAG: socket.gethostname()}])  # fmt: skip
def test_a_run_of_this_machine_is_ended_where_its_process_is_gone(
    instance: dg.DagsterInstance, tags: dict[str, str]
) -> None:
    run_id = _run(instance, NOBODY, tags)
    assert end_abandoned_runs(instance) == [run_id]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("tags", [_started_by("code-location"), {MACHINE_TAG: "first-forecast"}])
def test_a_run_of_another_container_is_left_alone(instance: dg.DagsterInstance, tags: dict[str, str]) -> None:
    _run(instance, NOBODY, tags)
    assert end_abandoned_runs(instance) == []


def test_a_run_whose_process_lives_is_left_alone(instance: dg.DagsterInstance) -> None:
    _run(instance, os.getpid(), {})
    assert end_abandoned_runs(instance) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells when a process began")  # noqa: PTH110
def test_a_number_that_another_process_has_by_now_is_seen_through(instance: dg.DagsterInstance) -> None:
    # This process began after the run named the number that is now its own.
    run_id = _run(instance, os.getpid(), {}, seconds_ago=10 * 365 * 86_400)
    assert end_abandoned_runs(instance) == [run_id]
