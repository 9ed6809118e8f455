"""Runs whose process is gone: killed, or lost with the machine, they would stay "started" for ever.

Dagster's default launcher does not look after its processes, and a queue of one run at a time would wait for the dead.
Each run records the number of its process, and whether that process lives can simply be asked where it ran: a run of
the command line says where by a tag, any other ran beside the code location. With records on a server other machines
and containers see them, too, where a number means another process or none. A container that starts again gives the same
small numbers to other processes; they are told apart by their age.
"""

import os
import platform
import time
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher

SAID = (
    "The process of this run is gone: it was killed, or the machine went down. Nothing is half written; start it again."
)
MACHINE_TAG = "milk/machine"
_CLOCK_SECONDS = 2.0
"""By how much two clocks of a machine may seem to differ."""


def this_machine() -> str:
    """What numbers of processes mean the same on: the machine, and of a container its own count of processes."""
    counted = ""
    with suppress(OSError):
        counted = str(Path("/proc/self/ns/pid").readlink())
    return f"{platform.node()} {counted}".strip()


def end_abandoned_runs(instance: dg.DagsterInstance, *, launched_here: bool = True) -> list[str]:
    """Record the failure of the runs in progress whose process is gone.

    Args:
        instance: Dagster's records.
        launched_here: whether the code location, which starts the runs of the daemon and of the UI, is on this machine.

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
    here = this_machine()
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses)):
        if not (run.tags[MACHINE_TAG] == here if MACHINE_TAG in run.tags else launched_here):
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
