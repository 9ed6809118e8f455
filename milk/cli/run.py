"""`milk run`: the whole graph in this process, then what it forecasts."""

import logging
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from milk.cli.console import say_progress
from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.cli.output import Output, refuse_protected
from milk.cli.report import print_report, write_json
from milk.errors import MilkError, UnreachableMonth
from milk.evaluation.backtest import refuse_short
from milk.home.dataset import Dataset, judged_dataset
from milk.home.layout import Home
from milk.months import Month
from milk.publication.read import issue_months
from milk.series import SERIES_ID
from milk.settings import Settings, load_settings
from milk.sources.faults import refuse_unusable
from milk.sources.files import DataFolder
from milk.steps.place import home_of
from milk.steps.receive import check_folder, claim_for_folder, dataset_of
from milk.steps.store import home_store

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def run_graph(
    *, data: Path | None, home: Path | None, issue: str | None, json_file: Path | None, unless_published: bool = False
) -> None:
    """Run the graph and report.

    Args:
        data: folder of the input files.
        home: folder of everything that is written.
        issue: the only issue month wanted.
        json_file: where to write forecasts and provenance, too.
        unless_published: whether there is nothing to do where the store holds a forecast already.

    Raises:
        MilkError: whatever stops it, in words; earlier results stand.
    """
    settings = load_settings(data=data, home=home)
    if unless_published and _is_published(settings):
        say_progress("A forecast is published already: nothing to do.")
        return
    wanted = Month.parse(issue) if issue else None
    place, folder = home_of(settings), DataFolder(settings.data)
    if json_file is not None:
        # Said now, and not after the whole run.
        refuse_protected(Output(json_file, b"", "--json"), settings.data, place.path)
    say_progress(f"Data {settings.data}, home {place.address}")
    # Before anything is written: data that the home refuses or that reach no month wanted leave nothing behind.
    _months(settings, judged_dataset(place, dataset_of(folder)), wanted)
    for faults in check_folder(folder).values():
        refuse_unusable(faults)
    place.prepare()
    with place.locked():
        months = _months(settings, claim_for_folder(place, folder), wanted)
        # A store that cannot be used is said now, and not after the search and the backtest.
        with home_store(place, settings.store_address):
            pass
        say_progress(f"Issue months {months[0]} to {months[-1]}; loading Dagster ...")
        prepare_dagster_home(place, settings)
        _execute(settings, place, months)
        print_report(settings, place, months[-1])
        if json_file is not None:
            write_json(settings, place, months[-1], json_file)


def _is_published(settings: Settings) -> bool:
    with home_store(home_of(settings), settings.store_address) as store:
        return bool(issue_months(store, SERIES_ID))


def _months(settings: Settings, dataset: Dataset, wanted: Month | None) -> list[Month]:
    from milk.forecasting.histories import HISTORY_MONTHS
    from milk_assets.defs.partitions import reachable_by

    refuse_short(dataset.first_month, dataset.last_month)
    reachable = reachable_by(dataset, settings)
    if reachable.last < reachable.first:
        raise UnreachableMonth(
            f"The prices in {settings.data} reach no issue month from {settings.first_issue} on: the first one needs "
            f"{HISTORY_MONTHS} months of them before it. Give a longer price file, or set MILK_FIRST_ISSUE to an "
            "earlier month."
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
        KeyboardInterrupt: the run was interrupted.
    """
    from milk_assets.abandoned import MACHINE_TAG, end_abandoned_runs, this_machine
    from milk_assets.definitions import build_definitions

    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    progress = _Progress(len(job.graph.node_dict))
    with in_process_instance(home) as instance:
        end_abandoned_runs(instance, launched_here=settings.dagster_url is None)
        instance.add_event_listener(run_id, lambda entry: progress.say(entry.dagster_event))
        logging.getLogger("alembic").setLevel(logging.ERROR)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags={RANGE_START: str(months[0]), RANGE_END: str(months[-1]), MACHINE_TAG: this_machine()},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    for event in result.all_events:
        progress.say(event)
    if _is_interrupted(result):
        raise KeyboardInterrupt
    if not result.success:
        raise MilkError(failure_message(result))


class _Progress:
    """Prints each step once, as it ends.

    Dagster tells of events from a thread of its own that the end of the run may overtake; so all of them are said
    again at the end, and what was said before is not repeated.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done: set[str] = set()
        self._one_at_a_time = threading.Lock()

    def say(self, event: "dg.DagsterEvent | None") -> None:
        """Print the step that an event ends."""
        if event is None or event.event_type_value != "STEP_SUCCESS":
            return
        with self._one_at_a_time:
            if event.step_key not in self._done:
                self._done.add(str(event.step_key))
                say_progress(f"  {len(self._done):>2}/{self._steps} {event.step_key}")


def _is_interrupted(result: "dg.ExecuteInProcessResult") -> bool:
    """Whether Ctrl-C ended the run: Dagster makes the failure of a step of it."""
    failures: list[Any] = [e.event_specific_data for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    return any(f.error is not None and f.error.cls_name == "DagsterExecutionInterruptedError" for f in failures)


def failure_message(result: "dg.ExecuteInProcessResult") -> str:
    """What stopped a run, in the words of the asset or the check that did; a bug with its first cause."""
    lines = [
        f"{check.asset_key.to_user_string()}, check {check.check_name}: {check.description}"
        for check in result.get_asset_check_evaluations()
        if check.blocking and not check.passed and check.severity.value == "ERROR"
    ]
    for event in result.all_events:
        data: Any = event.event_specific_data
        if event.event_type_value == "STEP_FAILURE" and not _is_failed_check(data.error):
            said = data.user_failure_data.description if data.user_failure_data else _innermost(data.error)
            lines.append(f"{event.step_key}: {said}")
    return "\n".join(lines) or "The run failed; see it in the Dagster UI: make up"


def _is_failed_check(error: "SerializableErrorInfo | None") -> bool:
    """Whether a step failed only because its check did, which is told in the words of the check."""
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _innermost(error: "SerializableErrorInfo | None") -> str:
    """The first cause of an unexpected failure, with where it happened: it is a bug and must be traceable."""
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{error.message.strip()}\n{''.join(error.stack[-3:])}" if error else "unknown"
