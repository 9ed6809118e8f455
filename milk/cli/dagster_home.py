"""The folder that Dagster keeps its runs in, inside the home, with our settings for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from milk.cli.console import say_progress
from milk.environment import file_variable, unknown_variables, variable, variables
from milk.errors import BadSetting
from milk.files.local import write_atomically
from milk.home.layout import Home
from milk.settings import Settings, known_variables, load_settings, secret_settings

if TYPE_CHECKING:
    import dagster as dg

DAGSTER_YAML = b"""\
# Written by milk at each start; change the program, not this file.
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring: {enabled: true, start_timeout_seconds: 180, max_resume_run_attempts: 0, max_runtime_seconds: 3600}
run_retries: {enabled: true, max_retries: 0}
concurrency: {runs: {max_concurrent_runs: 1}}
# What the daemon's log holds of runs: warnings and worse. Every event of Dagster is in the UI, whatever this says.
python_logs: {python_log_level: WARNING}
retention: {schedule: {purge_after_days: 90}, sensor: {purge_after_days: {skipped: 7, failure: 30, success: -1}}}
"""
ON_A_SERVER = b"""\
# The records lie on the PostgreSQL server that MILK_DAGSTER_URL or MILK_DAGSTER_URL_FILE names.
storage: {custom: {module: milk_assets.storage, class: ServerStorage, config: {}}}
"""
IN_PROCESS = b"""\
# A run of the command line: its output goes to the terminal, and no helper process of Dagster's captures it.
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""
IN_PROCESS_FILE = "in-process.yaml"


def prepare_dagster_home(home: Home, settings: Settings) -> None:
    """Make the folder and write its settings, unless they stand there already.

    Raises:
        BadSetting: the address of Dagster's records cannot be used, or its packages are not installed.
    """
    shared = DAGSTER_YAML
    if settings.dagster_address is not None:
        refuse_without_packages()
        shared += ON_A_SERVER
    for name, content in (("dagster.yaml", shared), (IN_PROCESS_FILE, shared + IN_PROCESS)):
        file = home.dagster / name
        if not file.exists() or file.read_bytes() != content:
            write_atomically(file, content)


def refuse_without_dask() -> None:
    """Raise where Dask is not installed.

    Raises:
        BadSetting: it is not.
    """
    from importlib.util import find_spec

    if find_spec("distributed") is None:
        raise BadSetting(
            "MILK_EXECUTOR=dask and `milk dask` need the package 'distributed', which is not installed: install the "
            "extra cluster."
        )


def refuse_without_packages() -> None:
    """Raise where what Dagster needs for a server is not installed.

    Raises:
        BadSetting: it is not.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("dagster_postgres", "psycopg2") if find_spec(name) is None]:
        raise BadSetting(
            f"MILK_DAGSTER_URL needs the package '{missing[0]}', which is not installed: install the extra "
            "dagster-postgres, or unset it, and Dagster's records lie in the home."
        )


@contextmanager
def in_process_instance(home: Home) -> "Iterator[dg.DagsterInstance]":
    """Dagster's records of a prepared home, for a run in this process; made where they are not there yet.

    Raises:
        StoreUnavailable: they lie on a server, and it does not answer, or not for long enough.
        HomeRefused: the server does not let its user do that.
    """
    import dagster as dg

    address = load_settings().dagster_address
    with (
        nullcontext() if address is None else _explained(address),
        dg.DagsterInstance.from_config(str(home.dagster), config_filename=IN_PROCESS_FILE) as instance,
    ):
        yield instance


@contextmanager
def _explained(address: str) -> Iterator[None]:
    from milk_assets.storage import bounded, explained

    with explained(bounded(address)):
        yield


def create_dagster_storage(home: Home, *, launched_here: bool = True) -> None:
    """Make Dagster's databases before its processes start, and bring older ones to the schema of this Dagster.

    Webserver and daemon that meet an empty folder both create them at once, and may leave a version table with two
    heads, with which no process of Dagster starts any more. A run that an earlier start left behind is ended here, too:
    the queue would wait for it.

    Args:
        home: the home, prepared.
        launched_here: whether the code location is, or will be, on this machine.

    Raises:
        HomeRefused: a newer Dagster made them, or their server does not answer.
    """
    from milk_assets.abandoned import end_abandoned_runs
    from milk_assets.records import bring_up_to_date

    with in_process_instance(home) as instance:
        if bring_up_to_date(instance):
            say_progress("Dagster's records were brought to the schema of this version of Dagster.")
        end_abandoned_runs(instance, launched_here=launched_here)


def environment_of_parts(settings: Settings, home: Home) -> dict[str, str]:
    """The environment in which the processes of Dagster, and the reader, find home and data."""
    # All of them resolved here: the parts run in another folder.
    resolved = {
        "DAGSTER_HOME": str(home.dagster),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MILK_DATA": str(settings.data.expanduser().resolve()),
        "MILK_HOME": str(home.path),
    }
    if settings.files_address:
        resolved[variable("files_url")] = settings.files_address
    given = variables()
    files = {
        file_variable(name): str(Path(file).expanduser().resolve())
        for name in secret_settings()
        if (file := given.get(file_variable(name)))
    }
    if settings.store_address.startswith("sqlite"):
        files.pop(file_variable("store_url"), None)
    if file_variable("store_url") not in files:
        # What was given as a file stays one: it would be seen in the environment.
        resolved[variable("store_url")] = settings.store_address
    # What nothing reads was said by this process, and is not said again by each part.
    replaced = {*resolved, *map(file_variable, secret_settings()), *unknown_variables(known_variables())}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in replaced}
    return kept | files | resolved


def become_a_part(settings: Settings, home: Home) -> None:
    """Give this process the environment of a part: what it starts finds home and data."""
    environment = environment_of_parts(settings, home)
    os.environ.clear()
    os.environ.update(environment)
