"""The folder that Dagster keeps its runs in, inside the home, with our settings for it."""

import os

from milk.home.layout import Home, write_atomically
from milk.settings import Settings

DAGSTER_YAML = b"""\
# Written by milk at each start; change the program, not this file.
telemetry: {enabled: false}
nux: {enabled: false}
run_monitoring: {enabled: true, start_timeout_seconds: 180, max_resume_run_attempts: 0}
run_retries: {enabled: true, max_retries: 0}
concurrency: {runs: {max_concurrent_runs: 1}}
retention: {schedule: {purge_after_days: 90}, sensor: {purge_after_days: {skipped: 7, failure: 30, success: -1}}}
"""


def prepare_dagster_home(home: Home) -> None:
    """Make the folder and write its settings, unless they stand there already."""
    file = home.dagster / "dagster.yaml"
    if not file.exists() or file.read_bytes() != DAGSTER_YAML:
        write_atomically(file, DAGSTER_YAML)


def create_dagster_storage(home: Home) -> None:
    """Make Dagster's databases before its processes start.

    Webserver and daemon that meet an empty folder both create them at once, and may leave a version table with two
    heads, with which no process of Dagster starts any more.
    """
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home.dagster)):
        pass


def dagster_environment(settings: Settings, home: Home) -> dict[str, str]:
    """The environment in which the processes of Dagster find home and data."""
    return os.environ | {
        "DAGSTER_HOME": str(home.dagster),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MILK_DATA": str(settings.data.expanduser().resolve()),
        "MILK_HOME": str(home.path),
    }
