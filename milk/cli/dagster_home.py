"""The folder that Dagster keeps its runs in, inside the home, with our settings for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from milk.files.local import write_atomically
from milk.home.layout import Home
from milk.settings import Settings

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
IN_PROCESS_YAML = (
    DAGSTER_YAML
    + b"""\
# A run of the command line: its output goes to the terminal, and no helper process of Dagster's captures it.
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""
)
IN_PROCESS_FILE = "in-process.yaml"


def prepare_dagster_home(home: Home) -> None:
    """Make the folder and write its settings, unless they stand there already."""
    for name, content in (("dagster.yaml", DAGSTER_YAML), (IN_PROCESS_FILE, IN_PROCESS_YAML)):
        file = home.dagster / name
        if not file.exists() or file.read_bytes() != content:
            write_atomically(file, content)


@contextmanager
def in_process_instance(home: Home) -> "Iterator[dg.DagsterInstance]":
    """Dagster's records of a prepared home, for a run in this process; made where they are not there yet."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home.dagster), config_filename=IN_PROCESS_FILE) as instance:
        yield instance


def create_dagster_storage(home: Home) -> None:
    """Make Dagster's databases before its processes start.

    Webserver and daemon that meet an empty folder both create them at once, and may leave a version table with two
    heads, with which no process of Dagster starts any more. A run that an earlier start left behind is ended here, too:
    the queue would wait for it.
    """
    from milk_assets.abandoned import end_abandoned_runs

    with in_process_instance(home) as instance:
        end_abandoned_runs(instance)


def environment_of_parts(settings: Settings, home: Home) -> dict[str, str]:
    """The environment in which the processes of Dagster, and the reader, find home and data."""
    # All of them resolved here: the parts run in another folder.
    shared = {"MILK_FILES_URL": settings.files_address} if settings.files_address else {}
    return (
        os.environ
        | shared
        | {
            "DAGSTER_HOME": str(home.dagster),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "MILK_DATA": str(settings.data.expanduser().resolve()),
            "MILK_HOME": str(home.path),
            "MILK_STORE_URL": settings.store_address,
        }
    )
