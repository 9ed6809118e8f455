"""Steps of a run on the workers of a Dask cluster, on other machines if one likes.

The published executor of dagster-dask hands all steps to Dask at once and lets Dask order them, which knows nothing of
failures: a step below a failed one runs all the same, on what an earlier run left. Here Dagster itself decides what may
run, as it does on Kubernetes, and Dask is only the way to a machine: `StepDelegatingExecutor` hands over one step at a
time, reads what became of it from Dagster's storage, and asks this module whether it may still end by itself
(decision 0038).
"""

import time
import uuid
from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandler,
    StepHandlerContext,
)
from dagster_shared.record import replace
from distributed import Client, Future

from milk_assets.dask.needs import NEEDS
from milk_assets.dask.worker import run_step

CONNECT_SECONDS = 20
WORKERLESS_SECONDS = 60
"""How long a run waits where no worker listens: without a limit it would wait for ever."""
POLL_SECONDS = 0.2
HEALTH_SECONDS = 5


class DaskStepHandler(StepHandler):
    """Hands steps to a Dask cluster and asks after them.

    Args:
        address: of the scheduler, such as `tcp://scheduler:8786`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Client | None = None
        self._futures: dict[str, Future[None]] = {}
        self._outcomes: dict[str, str] = {}
        self._asked_after_end: set[str] = set()
        self._fit_worker_seen: dict[str, float] = {}

    @property
    def name(self) -> str:
        """How the log of a run calls this way of running steps."""
        return "DaskStepHandler"

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[dg.DagsterEvent]:
        """Hand one step to the cluster.

        Raises:
            Failure: the scheduler does not answer.
        """
        key = _step_of(step_handler_context)
        # Each worker has a folder of Dagster of its own, with the same storage behind it.
        step = replace(step_handler_context.execute_step_args, instance_ref=None)
        name = f"{step.run_id} {key} {uuid.uuid4()}"
        needs = _needs_of(step_handler_context)
        arguments = list(step.get_command_args())[-1]
        future = self._connected().submit(
            run_step, key, arguments, key=name, pure=False, resources=dict.fromkeys(needs, 1)
        )
        self._futures[key] = future
        self._fit_worker_seen[key] = time.monotonic()
        self._outcomes.pop(key, None)
        self._asked_after_end.discard(key)
        future.add_done_callback(lambda ended: self._note_end(key, ended))
        yield dg.DagsterEvent.step_worker_starting(
            step_handler_context.get_step_context(key),
            message=f'Step "{key}" goes to a worker of the Dask cluster at {self._address}.',
            metadata={},
        )

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Whether a step may still end by itself: Dagster asks this of steps whose end it has not read yet."""
        problem = self._problem(_step_of(step_handler_context), _needs_of(step_handler_context))
        return CheckStepHealthResult.unhealthy(problem) if problem else CheckStepHealthResult.healthy()

    def _note_end(self, key: str, future: Future[None]) -> None:
        """Keep the outcome and let the future go: Dask would compute anew what a lost worker had computed."""
        if self._futures.get(key) is not future:
            # Of an earlier try, or taken back.
            return
        said = str(future.exception()) if future.status == "error" else ""
        self._outcomes[key] = "finished" if future.status == "finished" else said or str(future.status)
        self._futures.pop(key, None)

    def _problem(self, key: str, needs: list[str]) -> str:
        outcome = self._outcomes.get(key)
        if outcome == "finished":
            # What it wrote at its end may be on its way still; by the next question it must have been read.
            if key in self._asked_after_end:
                return "its process ended without a word. Nothing is half written; start the run again"
            self._asked_after_end.add(key)
            return ""
        if outcome is not None:
            return f"its process or its worker was lost ({outcome}). Nothing is half written; start the run again"
        if key not in self._futures:
            return "the process that started it is gone. Nothing is half written; start the run again"
        workers = self._connected().scheduler_info(n_workers=-1)["workers"].values()
        if any(worker["resources"].get(need) for worker in workers for need in needs) or (workers and not needs):
            self._fit_worker_seen[key] = time.monotonic()
        elif time.monotonic() - self._fit_worker_seen[key] > WORKERLESS_SECONDS:
            where = f" on a machine that has what it needs ({', '.join(needs)})" if needs else ""
            return f"no worker listens to the Dask scheduler at {self._address}. Start one{where}: milk dask worker"
        return ""

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[dg.DagsterEvent]:
        """Take a step back; a worker that has begun it ends its process."""
        future = self._futures.pop(_step_of(step_handler_context), None)
        if future is not None:
            future.cancel()
        yield from ()

    def _connected(self) -> Client:
        if self._client is None:
            try:
                self._client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
            except OSError as error:
                raise dg.Failure(
                    f"The Dask scheduler at {self._address} does not answer. Start it (milk dask scheduler), or set "
                    "MILK_DASK_ADDRESS to where it is.",
                    allow_retries=False,
                ) from error
        return self._client


def _step_of(context: StepHandlerContext) -> str:
    (key,) = context.execute_step_args.step_keys_to_execute or ()
    return str(key)


def _needs_of(context: StepHandlerContext) -> list[str]:
    need = context.step_tags[_step_of(context)].get(NEEDS)
    return [need] if need else []


@dg.executor(
    name="dask",
    config_schema={"address": dg.Field(str, description="Of the Dask scheduler.")},
    requirements=dg.multiple_process_executor_requirements(),
)
def dask_executor(init_context: dg.InitExecutorContext) -> StepDelegatingExecutor:
    """Each step in a process of its own on a worker of the cluster."""
    return StepDelegatingExecutor(
        DaskStepHandler(str(init_context.executor_config["address"])),
        retries=RetryMode.ENABLED,
        sleep_seconds=POLL_SECONDS,
        check_step_health_interval_seconds=HEALTH_SECONDS,
        # Dask begins a task anew whose worker was lost; a step that was begun is not run a second time in a run.
        should_verify_step=True,
    )
