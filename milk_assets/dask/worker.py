"""What runs on a worker of the Dask cluster: one step of a run, in a process of its own.

A process for each step, so that its memory is given back, the code of the assets is as fresh as the step, and a step
that is no longer wanted can be ended. It is forked from one that has the libraries loaded.
"""

import logging
import multiprocessing
import os
import threading
import time
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from distributed import get_worker

LOG = logging.getLogger(__name__)
PRELOADED = ["milk_assets.dask.preload"]
POLL_SECONDS = 1.0
STOP_SECONDS = 30


def run_step(step: str, arguments: str) -> None:
    """Run a step to its end.

    Args:
        step: its name, for the log of the worker.
        arguments: what `dagster api execute_step` takes.

    Raises:
        ChildProcessError: its process was killed or broke down; how a step ends otherwise stands in Dagster's storage.
    """
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(PRELOADED)
    hears, tells = forks.Pipe(duplex=False)
    process = forks.Process(target=_execute, args=(arguments, tells))
    begun = time.monotonic()
    process.start()
    tells.close()
    try:
        while process.is_alive() and _is_wanted():
            process.join(POLL_SECONDS)
    finally:
        _end(process)
    LOG.info("%s: exit code %s after %.1f s", step, process.exitcode, time.monotonic() - begun)
    if process.exitcode:
        raise ChildProcessError(f"exit code {process.exitcode}{_last_words(hears)}")


def _execute(arguments: str, tells: Connection) -> None:
    from dagster._cli import cli

    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    try:
        cli(["api", "execute_step", "--compressed-input-json", arguments], standalone_mode=False)
    except BaseException as error:
        # It ends with code 1 by itself; what it was would stand in the log of this machine alone.
        tells.send(f"{type(error).__name__}: {error}")
        raise


def _end_with_the_worker() -> None:
    """A step whose worker was killed is called lost: it must not go on writing beside the run that is started again."""
    worker = multiprocessing.parent_process()
    if worker is not None:
        wait([worker.sentinel])
        os._exit(1)


def _last_words(hears: Connection) -> str:
    try:
        return f", {hears.recv()}" if hears.poll() else ""
    except EOFError:
        return ""


def _is_wanted() -> bool:
    """Whether the cluster still waits for this step: not once it was taken back, or who asked for it is gone."""
    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return task is not None and task.state == "executing"


def _end(process: BaseProcess) -> None:
    if process.is_alive():
        process.terminate()
        process.join(STOP_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
