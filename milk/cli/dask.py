"""`milk dask`: scheduler and workers of a Dask cluster, on which `MILK_EXECUTOR=dask` runs the steps."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any

from milk.cli.console import say_progress
from milk.cli.dagster_home import become_a_part, prepare_dagster_home, refuse_without_dask
from milk.cli.parts import HOST
from milk.errors import BadSetting, MilkError
from milk.settings import load_settings
from milk.steps.place import home_of

CONNECT_SECONDS = 30


def run_scheduler(*, host: str, port: int) -> None:
    """Run a scheduler until it is stopped.

    Raises:
        BadSetting: the port cannot be had.
    """
    _prepare()
    from distributed import Scheduler

    async def serve() -> None:
        try:
            # Nothing that is lost is begun a second time by Dask: Dagster decides that.
            scheduler = Scheduler(
                host=host, port=port, dashboard=False, dashboard_address=f"{HOST}:0", allowed_failures=0
            )
            await scheduler
        except RuntimeError as error:
            raise BadSetting(
                f"The scheduler cannot listen at {host}:{port}: {error.__cause__ or error}. Choose another --host or "
                "--port."
            ) from error
        say_progress(f"Dask scheduler: {scheduler.address}")
        await _until_stopped(scheduler.finished())
        await scheduler.close()

    asyncio.run(serve())


def run_worker(*, address: str | None) -> None:
    """Run a worker, one step at a time, until it is stopped.

    Raises:
        MilkError: the scheduler does not answer.
    """
    settings = load_settings(dask_address=address)
    _prepare()
    home = home_of(settings)
    home.prepare()
    prepare_dagster_home(home, settings)
    become_a_part(settings, home)
    from distributed import Worker

    from milk_assets.dask.needs import DATA_FOLDER

    # One step at a time, so any number says no more than that the folder is here.
    resources = {DATA_FOLDER: 1.0} if settings.data.is_dir() else {}

    async def serve() -> None:
        try:
            worker = await asyncio.wait_for(
                Worker(settings.dask_address, nthreads=1, dashboard=False, resources=resources), CONNECT_SECONDS
            )
        except (OSError, TimeoutError) as error:
            raise MilkError(
                f"The Dask scheduler at {settings.dask_address} does not answer. Start it (milk dask scheduler), or "
                "set MILK_DASK_ADDRESS to where it is."
            ) from error
        say_progress(f"Dask worker {worker.address}, of the scheduler at {settings.dask_address}")
        is_stopped = await _until_stopped(worker.finished())
        await worker.close(timeout=5)
        if not is_stopped:
            raise MilkError(f"The Dask scheduler at {settings.dask_address} is gone. Start it, then this worker again.")

    asyncio.run(serve())


async def _until_stopped(finished: Coroutine[Any, Any, None]) -> bool:
    """Wait until a signal (true) or the end by itself (false)."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for end in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(end, stopped.set)
    waits = [asyncio.ensure_future(finished), asyncio.ensure_future(stopped.wait())]
    _done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    return stopped.is_set()


def _prepare() -> None:
    """Set the logs.

    Raises:
        BadSetting: Dask is not installed.
    """
    refuse_without_dask()
    import dask

    dask.config.set({"logging": {"distributed": "warning"}})
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("milk_assets.dask").setLevel(logging.INFO)
