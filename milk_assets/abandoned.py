"""Runs whose process is gone: killed, or lost with the machine, they would stay "started" for ever.

Dagster's default launcher does not look after its processes, and a queue of one run at a time would wait for the dead.
Each run records the number of its process, and the name of the machine where that number means something; whether the
process lives can be asked there. Each container is a machine of its own: who asks from another leaves the run alone.
A container that starts again gives the same small numbers to other processes, which are told apart by their age.
"""

import json
import os
import socket
import time
from pathlib import Path

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

MACHINE_TAG = "milk/machine"
"""Names the machine of a run that no code server started."""
_CLOCK_SECONDS = 2.0
"""By how much two clocks of a machine may seem to differ."""
SAID = (
    "The process of this run is gone: it was killed, or the machine went down. Nothing is half written; start it again."
)


def end_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Record the failure of the runs in progress whose process is gone.

    Returns:
        Their identifiers.
    """
    launcher = instance.get_ref().run_launcher_data if instance.is_persistent else None
    if launcher is not None and launcher.class_name != DefaultRunLauncher.__name__:
        # Others start runs elsewhere, where numbers of processes mean nothing here; by name, as their packages are not
        # installed wherever the records are opened.
        return []
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses)):
        if not _is_of_this_machine(run):
            continue
        process = _process_of(instance, run.run_id)
        if process is None or _is_alive(*process):
            continue
        # A process that ended well since the question above was asked is gone, too, and its run is over.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status in statuses:
            instance.report_run_failed(now, SAID)
            ended.append(run.run_id)
    return ended


def _is_of_this_machine(run: dg.DagsterRun) -> bool:
    """Whether the number of its process is one of ours: a code server starts runs beside itself."""
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}")).get("host")
    return run.tags.get(MACHINE_TAG, server) in (None, "localhost", "127.0.0.1", socket.gethostname())


def _process_of(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The process that a run named last, and when, in seconds of the epoch; `None` before it did."""
    process = None
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        data = entry.dagster_event.event_specific_data if entry.dagster_event else None
        named = getattr(data, "metadata", {}).get("pid")
        if named is not None:
            process = int(named.value), entry.timestamp
    return process


def _is_alive(pid: int, named_at: float) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    began = _began(pid)
    return began is None or began < named_at + _CLOCK_SECONDS


def _began(pid: int) -> float | None:
    """When a process began, in seconds of the epoch; `None` where the system does not tell."""
    try:
        # The name of the program, which may hold anything, ends with the last bracket.
        ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        since_start = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return time.time() - since_start + ticks / os.sysconf("SC_CLK_TCK")
