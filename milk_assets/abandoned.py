"""Runs whose process is gone: killed, or lost with the machine, they would stay "started" for ever.

Dagster's default launcher does not look after its processes, and a queue of one run at a time would wait for the dead.
Each run records the number of its process, and whether that process lives can simply be asked where it ran: a run of
the command line says where by a tag, any other ran beside the code location. With records on a server other machines
and containers see them, too, where a number means another process or none. A number that another process has taken over
since is not noticed here; the longest run time in the settings of the instance ends such a run.
"""

import os
import platform
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher

SAID = (
    "The process of this run is gone: it was killed, or the machine went down. Nothing is half written; start it again."
)
MACHINE_TAG = "milk/machine"


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
    if instance.is_persistent and not isinstance(instance.run_launcher, DefaultRunLauncher):
        # Other launchers start runs elsewhere, where numbers of processes mean nothing here.
        return []
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    here = this_machine()
    for run in instance.get_runs(dg.RunsFilter(statuses=statuses)):
        if not (run.tags[MACHINE_TAG] == here if MACHINE_TAG in run.tags else launched_here):
            continue
        pid = _process_of(instance, run.run_id)
        if pid is None or _is_alive(pid):
            continue
        # A process that ended well since the question above was asked is gone, too, and its run is over.
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status in statuses:
            instance.report_run_failed(now, SAID)
            ended.append(run.run_id)
    return ended


def _process_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process that a run named last; `None` before it did."""
    pid = None
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        data = entry.dagster_event.event_specific_data if entry.dagster_event else None
        named = getattr(data, "metadata", {}).get("pid")
        if named is not None:
            pid = int(named.value)
    return pid


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
