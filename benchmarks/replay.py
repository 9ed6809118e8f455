"""Years of operation, replayed: months arrive one by one through the real graph, under a clock that is told the time.

Each month, on the second day after the newest price, at half past six in Santiago: the files grow by a month, the job
`monthly_forecast` issues, the serving sensor publishes, which judges what was published before and decides whether to
retrain; where it says retrain, the sensor starts `training`. Nothing is replaced for it but the clock. Beside it a
graph of the same shape whose steps do nothing is run as often.

Prints accuracy by year and by horizon, coverage, promotions and trainings, the time of a month (on the clock, and of
the processor, which other work on the machine disturbs less), the live ratios beside those of the backtest on the same
rows. After each month everything published before is read again: a chain of hashes must not have changed.

Usage: .venv/bin/python benchmarks/replay.py [DIR] [--from 2005-01] [--to YYYY-MM] [--price-only] [--keep HOME]
"""

import argparse
import csv
import datetime as dt
import logging
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import sqlalchemy as sa

from benchmarks.pipeline import empty_graph
from benchmarks.replay_report import Log, Spent, report_backtest, report_history, report_scores, report_time
from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.home.layout import Home
from milk.home.tables import read_table
from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Month
from milk.publication.engine import open_store, reading
from milk.publication.judged_schema import RETRAIN_DECISIONS, SCORECARD
from milk.publication.ledger import promotions
from milk.publication.read import broken_issues, issue_records
from milk.series import SERIES_ID
from milk.settings import SAMPLE, Settings, load_settings
from milk.sources.milk_price import SPANISH_MONTHS
from milk_assets.definitions import build_definitions
from milk_assets.defs.resources import Clock
from milk_assets.defs.schedules import DAY, HOUR, MINUTE

FIRST_ISSUE = Month(2005, 1)
SANTIAGO = ZoneInfo("America/Santiago")
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Arriving:
    """The files of a folder, as far as they reach in a month."""

    def __init__(self, source: Path, target: Path, *, price_only: bool) -> None:
        self.target = target
        self.rows: dict[str, tuple[str, list[tuple[Month, str]]]] = {}
        for file in sorted(source.glob("*.csv")):
            if file.name == "precio_leche.csv" or not price_only:
                self.rows[file.name] = _dated_rows(file)

    def up_to(self, last: Month) -> None:
        """Write the files with what belongs to months up to `last`."""
        self.target.mkdir(parents=True, exist_ok=True)
        for name, (head, rows) in self.rows.items():
            text = head + "".join(row for month, row in rows if month <= last)
            (self.target / name).write_text(text, encoding="utf-8")


def _dated_rows(file: Path) -> tuple[str, list[tuple[Month, str]]]:
    """The head of a file, and its rows with their months; a row of no month comes with the row before it."""
    lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    rows: list[tuple[Month, str]] = []
    month = Month(1900, 1)
    for line in lines[1:]:
        cells = next(csv.reader([line]), [])
        month = _month_of(cells) or month
        rows.append((month, line))
    return lines[0], rows


def _month_of(cells: Sequence[str]) -> Month | None:
    try:
        if len(cells) > 1 and cells[1] in SPANISH_MONTHS:
            return Month(int(cells[0]), SPANISH_MONTHS.index(cells[1]) + 1)
        return Month(*(int(part) for part in cells[0].split("-")[:2]))
    except (ValueError, TypeError, IndexError):
        return None


def issued_on(issue: Month) -> dt.datetime:
    """When the schedule issues a month."""
    return dt.datetime(issue.year, issue.month, DAY, HOUR, MINUTE, tzinfo=SANTIAGO).astimezone(dt.UTC)


class Operation:
    """One home, its records, and the jobs and sensors over them at a told time."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance = settings, instance
        self.home = Home(settings.home_path)

    def at(self, instant: dt.datetime) -> dg.Definitions:
        """The code location, loaded anew as the daemon does, at a time."""
        return build_definitions(self.settings, resources={"clock": Clock(fixed=instant.isoformat())})

    def run(self, definitions: dg.Definitions, job: str, tags: dict[str, str], *, key: str | None = None) -> None:
        """One run; a failure ends the replay."""
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=key, tags=tags, run_config=QUIET, raise_on_error=False
        )
        if not result.success:
            said = [e.event_specific_data for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
            raise SystemExit(f"{job} failed: {said[:1]}")

    def tick(self, definitions: dg.Definitions, sensor: str) -> Sequence[dg.RunRequest]:
        """What a sensor asks for."""
        definition = definitions.get_repository_def().get_sensor_def(sensor)
        workplace = dict(definitions.resources or {})["workplace"]
        with dg.build_sensor_context(instance=self.instance, resources={"workplace": workplace}) as context:
            return definition.evaluate_tick(context).run_requests or []

    def answer(self, definitions: dg.Definitions, sensor: str, job: str) -> int:
        """Run what a sensor asks for, as the daemon would; how many runs that were."""
        requests = self.tick(definitions, sensor)
        for request in requests:
            tags = {**request.tags, "dagster/run_key": str(request.run_key), "dagster/sensor_name": sensor}
            self.run(definitions, job, tags)
        return len(requests)


def live_month(operation: Operation, issue: Month, log: Log) -> None:
    """What happens in a month."""
    start = Spent.so_far()
    definitions = operation.at(issued_on(issue))
    operation.run(definitions, "monthly_forecast", {"dagster/schedule_name": "monthly"}, key=str(issue))
    if operation.answer(definitions, "serving_sensor", "publish") != 1:
        raise SystemExit(f"{issue}: the serving sensor published nothing")
    log.months[issue] = start.since()
    begin = time.perf_counter()
    if operation.answer(definitions, "retraining_sensor", "training"):
        log.training_seconds[issue] = time.perf_counter() - begin


def empty_month(shape: dg.Definitions, real: dg.Definitions, instance: dg.DagsterInstance, issue: Month) -> Spent:
    """The same runs of a graph whose steps do nothing."""
    whole = shape.resolve_implicit_global_asset_job_def()
    start = Spent.so_far()
    for job in ("monthly_forecast", "publish"):
        keys = real.resolve_job_def(job).asset_layer.executable_asset_keys
        result = whole.execute_in_process(
            instance=instance,
            asset_selection=sorted(keys),
            tags=dict.fromkeys(RANGE_TAGS, str(issue)),
            run_config=QUIET,
        )
        if not result.success:
            raise SystemExit("the empty graph failed")
    return start.since()


def contents(store: sa.Engine) -> dict[str, str]:
    """The hash of every row that is published or decided, by its name: issues, judgements, decisions, promotions."""
    with reading(store) as connection:
        judged = connection.execute(
            sa.select(*(SCORECARD.c[name] for name in ("issue_month", "target_month", "judgement", "content_sha256")))
        ).all()
        decided = connection.execute(sa.select(RETRAIN_DECISIONS.c.number, RETRAIN_DECISIONS.c.content_sha256)).all()
    issues = {f"issue {r.issue_month} {r.revision}": r.content_sha256 for r in issue_records(store, SERIES_ID)}
    rows = {f"promotion {row.id}": sha256_hex(repr(row).encode()) for row in promotions(store, SERIES_ID)}
    judgements = {f"judgement {issue} {target} {number}": content for issue, target, number, content in judged}
    return {**issues, **judgements, **{f"decision {number}": content for number, content in decided}, **rows}


def check_chain(operation: Operation, log: Log) -> None:
    """Nothing published changes: the chain of hashes, made anew from what the store holds now, is the one there was.

    Each link is the hash of the link before and of what a month added.

    Raises:
        SystemExit: something of before is another thing now, or the rows of an issue are not what its hash says.
    """
    store = open_store(operation.settings.store_address)
    try:
        held, broken = contents(store), broken_issues(store)
    finally:
        store.dispose()
    known = {name for names in log.added for name in names}
    log.added.append(sorted(held.keys() - known))
    chain = chain_of(held, log.added)
    if broken or chain[:-1] != log.chain:
        raise SystemExit(f"What was published has changed: {broken or 'the chain of hashes is another one'}")
    log.chain = chain


def chain_of(held: Mapping[str, str], added: Sequence[Sequence[str]]) -> list[str]:
    """The links, oldest first."""
    links: list[str] = []
    for names in added:
        before = links[-1] if links else ""
        links.append(sha256_hex(canonical_json([before, {name: held.get(name, "gone") for name in names}])))
    return links


def replay(arriving: Arriving, settings: Settings, months: list[Month], folder: Path) -> Log:
    """All months, oldest first."""
    log = Log()
    home, empty = Home(settings.home_path), Home(folder / "empty")
    for place in (home, empty):
        place.prepare()
        prepare_dagster_home(place, settings)
    with in_process_instance(home) as instance, in_process_instance(empty) as records:
        operation = Operation(settings, instance)
        arriving.up_to(months[0] + (-1))
        start = time.perf_counter()
        operation.run(operation.at(issued_on(months[0])), "training", {})
        log.training_seconds[months[0]] = time.perf_counter() - start
        for issue in months:
            arriving.up_to(issue + (-1))
            live_month(operation, issue, log)
            check_chain(operation, log)
            real = operation.at(issued_on(issue))
            log.empty_months[issue] = empty_month(empty_graph(real), real, records, issue)
            if issue.month == months[0].month:
                print(f"  {issue}: {log.months[issue].wall:.1f} s", file=sys.stderr, flush=True)
    return log


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description="Years of operation, replayed.")
    parser.add_argument("source", type=Path, nargs="?", default=SAMPLE, metavar="DIR", help="a folder of input files")
    parser.add_argument("--from", dest="first", default=str(FIRST_ISSUE), metavar="YYYY-MM", help="first issue month")
    parser.add_argument("--to", dest="last", metavar="YYYY-MM", help="last issue month; the newest where not given")
    parser.add_argument("--price-only", action="store_true", help="only the price file arrives")
    parser.add_argument("--keep", type=Path, metavar="HOME", help="where the home is left to be looked at")
    given = parser.parse_args()
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arriving = Arriving(given.source, folder / "data", price_only=given.price_only)
        newest = arriving.rows["precio_leche.csv"][1][-1][0] + 1
        first, last = Month.parse(given.first), Month.parse(given.last) if given.last else newest
        home = given.keep or folder / "home"
        if given.keep:
            shutil.rmtree(home, ignore_errors=True)
        settings = load_settings(data=folder / "data", home=home, first_issue=given.first, retraining="act")
        months = [first + k for k in range(last - first + 1)]
        log = replay(arriving, settings, months, folder)
        card = read_table(Home(home), "scorecard")
        print(f"{len(months)} months, {first} to {last}; {len(card)} forecasts judged.")
        report_scores(card)
        report_backtest(card, settings)
        report_history(settings, log)
        report_time(log)


if __name__ == "__main__":
    main()
