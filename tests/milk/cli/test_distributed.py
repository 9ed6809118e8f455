"""The real graph on a Dask cluster of two workers that share no disk: the same forecasts as embedded.

The store and Dagster's records lie on PostgreSQL, files in a bucket; the input files are on one of the machines alone,
and neither the machine that starts the run nor the other worker has them.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from milk.cli.run import RANGE_END, RANGE_START
from milk.months import Month
from milk.publication.engine import open_store
from milk.publication.schema import FORECASTS
from milk_assets.defs.sensors import EVERY_ASSET
from tests.milk.cli.commands import SAMPLE, command, environment, milk
from tests.milk.cli.conftest import Ran
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.s3 import S3Server

pytestmark = pytest.mark.slow(seconds=110)

MONTHS = ("2026-10", "2026-11")
RUN_SECONDS = 600


@dataclass(frozen=True)
class Machines:
    """What the machines were told and what the run left on each."""

    folder: Path
    settings: dict[str, str]

    def settings_of(self, machine: str) -> dict[str, str]:
        home = self.folder / machine
        mine = {"MILK_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "MILK_DATA": str(home / "data")}
        return self.settings | mine


@contextmanager
def started(machine: str, machines: Machines, *words: str) -> Iterator[None]:
    with (machines.folder / f"{machine}.log").open("wb") as log:
        settings = environment(**machines.settings_of(machine))
        process = subprocess.Popen(command("dask", *words), env=settings, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def steps_in(log: Path) -> set[str]:
    """The steps that a worker says it has run."""
    return set(re.findall(r" (\w+): exit code 0 after", log.read_text(encoding="utf-8")))


def run_everything(settings: dict[str, str]) -> None:
    """A run of all assets as the daemon starts it: this process decides what may run, and works none of it."""
    months = {RANGE_START: MONTHS[0], RANGE_END: MONTHS[1]}
    words = ["job", "execute", "-m", "milk_assets.definitions", "-j", EVERY_ASSET, "--tags", json.dumps(months)]
    done = subprocess.run(
        [Path(sys.executable).parent / "dagster", *words],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def machines(postgres: PostgresServer, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """One run of everything, started by a machine that works none of it."""
    folder, port = tmp_path_factory.mktemp("machines"), free_port()
    settings = {
        "MILK_STORE_URL": postgres.new_database(),
        "MILK_DAGSTER_URL": postgres.new_database("psycopg2"),
        "MILK_FILES_URL": f"s3://{s3.new_bucket()}/milk",
        "MILK_EXECUTOR": "dask",
        "MILK_DASK_ADDRESS": f"tcp://127.0.0.1:{port}",
        **s3.environment(),
    }
    made = Machines(folder, settings)
    shutil.copytree(SAMPLE, folder / "first" / "data")
    # The code location of the machine that starts the run has no input files either: it asks the record in the bucket.
    for machine in ("first", "starter"):
        told = milk("prepare", **made.settings_of(machine) | {"MILK_DATA": str(folder / "first" / "data")})
        assert told.code == 0, told.err
    with (
        started("scheduler", made, "scheduler", "--port", str(port)),
        started("first", made, "worker"),
        started("second", made, "worker"),
    ):
        run_everything(made.settings_of("starter"))
    return made


def test_the_forecasts_are_those_of_an_embedded_run(machines: Machines, ran: Ran) -> None:
    numbers = ["price", "lower_80", "upper_80", "lower_95", "upper_95"]
    newest = (
        sa.select(FORECASTS).where(FORECASTS.c.issue_month == Month.parse(MONTHS[1])).order_by(FORECASTS.c.target_month)
    )
    store = open_store(machines.settings["MILK_STORE_URL"])
    with store.connect() as connection:
        published = [dict(row) for row in connection.execute(newest).mappings()]
    store.dispose()
    embedded = ran.document["forecasts"]
    assert [str(row["target_month"]) for row in published] == [row["target_month"] for row in embedded]
    for here, there in zip(published, embedded, strict=True):
        assert [here[name] for name in numbers] == pytest.approx([there[name] for name in numbers], rel=1e-12)
        assert here["revision"] == 1


def test_both_workers_had_their_share_and_the_starter_none(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(**machines.settings_of("starter")).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.SUCCESS
        succeeded = {
            str(entry.step_key) for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        }
    first, second = (steps_in(machines.folder / f"{machine}.log") for machine in ("first", "second"))
    assert first | second == succeeded
    assert len(first) > 5
    assert len(second) > 5


def test_what_needs_the_input_files_went_where_they_are(machines: Machines) -> None:
    received = {"raw_milk_price", "raw_precipitation", "raw_central_bank"}
    assert received <= steps_in(machines.folder / "first.log")
    assert not received & steps_in(machines.folder / "second.log")


def test_no_machine_kept_anything_that_counts(machines: Machines) -> None:
    for machine in ("first", "second", "starter"):
        kept = {file.name for file in (machines.folder / machine).iterdir()}
        assert kept
        assert kept <= {"dagster", "logs", "run.lock", "up.lock", "data"}, (machine, kept)
