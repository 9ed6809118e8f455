"""What runs on a worker of the Dask cluster: one step of a run, in a process of its own.

A process for each step, so that its memory is given back, the code of the assets is as fresh as the step, and a step
that is no longer wanted can be ended. It is forked from one that has the libraries loaded.
"""

import multiprocessing
from contextlib import suppress
from multiprocessing.process import BaseProcess

from distributed import get_worker

PRELOADED = ["milk_assets.dask.preload"]
POLL_SECONDS = 1.0
STOP_SECONDS = 30


def run_step(arguments: str) -> None:
    """Run a step to its end.

    Args:
        arguments: what `dagster api execute_step` takes.

    Raises:
        ChildProcessError: its process was killed or broke down; how a step ends otherwise stands in Dagster's storage.
    """
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(PRELOADED)
    process = forks.Process(target=_execute, args=(arguments,))
    process.start()
    try:
        while process.is_alive() and _is_wanted():
            process.join(POLL_SECONDS)
    finally:
        _end(process)
    if process.exitcode:
        raise ChildProcessError(f"exit code {process.exitcode}")


def _execute(arguments: str) -> None:
    from dagster import DagsterExecutionInterruptedError
    from dagster._cli import cli

    # A step that was taken back before it began; later ones record their own end.
    with suppress(DagsterExecutionInterruptedError):
        cli(["api", "execute_step", "--compressed-input-json", arguments], standalone_mode=False)


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
