"""`milk run`: the whole graph in this process, then what it forecasts."""

import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from milk.cli.console import say_progress
from milk.cli.dagster_home import prepare_dagster_home
from milk.cli.report import print_report, write_json
from milk.errors import MilkError, UnreachableMonth
from milk.home.layout import Home
from milk.months import Month
from milk.settings import Settings, load_settings
from milk.sources.files import DataFolder
from milk.steps.receive import claim_for_folder

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def run_graph(*, data: Path | None, home: Path | None, issue: str | None, json_file: Path | None) -> None:
    """Run the graph and report.

    Raises:
        MilkError: whatever stops it, in words; earlier results stand.
    """
    settings = load_settings(data=data, home=home)
    wanted = Month.parse(issue) if issue else None
    place = Home(settings.home_path)
    say_progress(f"Data {settings.data}, home {place.path}")
    place.prepare()
    with place.locked():
        claim_for_folder(place, DataFolder(settings.data))
        months = _months(settings, wanted)
        say_progress(f"Issue months {months[0]} to {months[-1]}; loading Dagster ...")
        prepare_dagster_home(place)
        _execute(settings, place, months)
        print_report(settings, place, months[-1])
        if json_file is not None:
            write_json(settings, place, months[-1], json_file)


def _months(settings: Settings, wanted: Month | None) -> list[Month]:
    from milk_assets.defs.partitions import issue_months_of

    reachable = issue_months_of(settings)
    if reachable is None or reachable.last < reachable.first:
        raise UnreachableMonth(
            f"The prices in {settings.data} reach no issue month from {settings.first_issue} on: ten years of them are "
            "needed before the first. Give a longer price file, or set MILK_FIRST_ISSUE to an earlier month."
        )
    if wanted is None:
        return reachable.all()
    if wanted not in reachable:
        raise UnreachableMonth(
            f"The prices in {settings.data} cannot reach the issue month {wanted}: they reach {reachable.first} to "
            f"{reachable.last}. Choose one of these, or give newer data."
        )
    return [wanted]


def _execute(settings: Settings, home: Home, months: list[Month]) -> None:
    """One run over all assets and the given months.

    Raises:
        MilkError: a step failed; the message is the one that its asset gave.
    """
    import dagster as dg

    from milk_assets.definitions import build_definitions

    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        instance.add_event_listener(run_id, _progress(len(job.graph.node_dict)))
        logging.getLogger("alembic").setLevel(logging.ERROR)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags={RANGE_START: str(months[0]), RANGE_END: str(months[-1])},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        raise MilkError(_failure_message(result))


def _progress(steps: int) -> Callable[["dg.EventLogEntry"], None]:
    """Print each step as it ends."""
    done: list[str] = []

    def listen(entry: "dg.EventLogEntry") -> None:
        event = entry.dagster_event
        if event is not None and event.event_type_value == "STEP_SUCCESS":
            done.append(str(event.step_key))
            say_progress(f"  {len(done):>2}/{steps} {event.step_key}")

    return listen


def _failure_message(result: "dg.ExecuteInProcessResult") -> str:
    lines = []
    for event in result.all_events:
        if event.event_type_value != "STEP_FAILURE":
            continue
        data: Any = event.event_specific_data
        said = data.user_failure_data.description if data.user_failure_data else _innermost(data.error)
        lines.append(f"{event.step_key}: {said}")
    return "\n".join(lines) or "The run failed; see it in the Dagster UI: make up"


def _innermost(error: "SerializableErrorInfo | None") -> str:
    """The first cause of an unexpected failure, with where it happened: it is a bug and must be traceable."""
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{error.message.strip()}\n{''.join(error.stack[-3:])}" if error else "unknown"
