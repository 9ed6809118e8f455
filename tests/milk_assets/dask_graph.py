"""A small code location for the tests of the Dask executor; files beside the Dagster folder say what goes wrong."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from milk_assets.dask.executor import dask_executor
from tests.ports import free_port

ADDRESS = "TEST_DASK_ADDRESS"


def told(what: str) -> Path:
    return Path(os.environ["DAGSTER_HOME"]).parent / what


class TextFiles(dg.IOManager):
    """Values outlive their run, as the tables of a home do."""

    def handle_output(self, context: dg.OutputContext, obj: str) -> None:
        told(f"{context.asset_key.path[-1]}.txt").write_text(obj)

    def load_input(self, context: dg.InputContext) -> str:
        return told(f"{context.asset_key.path[-1]}.txt").read_text()


@dg.asset
def source() -> str:
    if told("fail").exists():
        raise dg.Failure("the source is away", allow_retries=False)
    return told("value").read_text()


@dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="checked", blocking=True)])
def checked(source: str) -> Iterator[dg.Output[str] | dg.AssetCheckResult]:
    yield dg.Output(source)
    yield dg.AssetCheckResult(passed=not told("red").exists())


@dg.asset
def result(checked: str) -> str:
    return f"result of {checked}"


@dg.asset(output_required=False)
def perhaps() -> Iterator[dg.Output[str]]:
    if not told("skip").exists():
        yield dg.Output("made")


@dg.asset
def below(perhaps: str) -> str:
    return perhaps


@dg.asset
def slow() -> str:
    told("slow.pid").write_text(str(os.getpid()))
    time.sleep(300)
    return "never"


def _job(name: str, selection: dg.AssetSelection, address: str | None = None) -> dg.JobDefinition:
    executor = dask_executor.configured({"address": address or os.environ[ADDRESS]}, name="dask")
    assets = [source, checked, result, perhaps, below, slow]
    definitions = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job(name, selection)],
        executor=executor,
        resources={"io_manager": TextFiles()},
    )
    return definitions.resolve_job_def(name)


def quick_job() -> dg.JobDefinition:
    return _job("quick", dg.AssetSelection.all() - dg.AssetSelection.assets(slow))


def slow_job() -> dg.JobDefinition:
    return _job("slow", dg.AssetSelection.assets(slow))


def stray_job() -> dg.JobDefinition:
    """One whose scheduler is not there."""
    return _job("stray", dg.AssetSelection.assets(source), f"tcp://127.0.0.1:{free_port()}")
