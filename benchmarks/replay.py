"""Years of operation, replayed: months arrive one by one through the real graph, under a clock that is told the time.

Each month, on the second day after the newest price, at half past six in Santiago: the files grow by a month, the job
`monthly_forecast` issues, the serving sensor publishes, which judges what was published before and decides whether to
retrain; where it says retrain, the sensor starts `training`. Nothing is replaced for it but the clock. Beside it a
graph of the same shape whose steps do nothing is run as often.

Prints accuracy by year and by horizon, coverage, promotions and trainings, the time of a month, the live ratios beside
those of the backtest on the same rows. After each month everything published before is read again: a chain of hashes
must not have changed.

Usage: .venv/bin/python benchmarks/replay.py [DIR] [--from 2005-01] [--to YYYY-MM] [--price-only] [--keep HOME]
"""

import argparse
import csv
import datetime as dt
import logging
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np
import pandas as pd

from benchmarks.pipeline import empty_graph
from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.evaluation.backtest import RECIPE, TargetWindow, choose_recipe, price_months, run_backtest
from milk.home.layout import Home
from milk.home.tables import read_table
from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Month
from milk.publication.engine import open_store
from milk.publication.ledger import promotions
from milk.publication.read import broken_issues, issue_records
from milk.series import SERIES_ID, series_register
from milk.settings import SAMPLE, Settings, load_settings
from milk.sources.milk_price import SPANISH_MONTHS
from milk_assets.definitions import build_definitions
from milk_assets.defs.resources import Clock
from milk_assets.defs.schedules import DAY, HOUR, MINUTE

FIRST_ISSUE = Month(2005, 1)
SANTIAGO = ZoneInfo("America/Santiago")
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
REFERENCE = "last_value"


@dataclass
class Log:
    """What happened.

    Attributes:
        seconds: of each issue month, its training apart.
        training_seconds: of each issue month in which one ran.
        empty_seconds: of each issue month, in the graph that does nothing.
        chain: the hash of everything published, after each month.
        published: the content of each issue month and revision.
    """

    seconds: dict[Month, float] = field(default_factory=dict)
    training_seconds: dict[Month, float] = field(default_factory=dict)
    empty_seconds: dict[Month, float] = field(default_factory=dict)
    chain: list[str] = field(default_factory=list)
    published: dict[tuple[str, int], str] = field(default_factory=dict)


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
    start = time.perf_counter()
    definitions = operation.at(issued_on(issue))
    operation.run(definitions, "monthly_forecast", {"dagster/schedule_name": "monthly"}, key=str(issue))
    if operation.answer(definitions, "serving_sensor", "publish") != 1:
        raise SystemExit(f"{issue}: the serving sensor published nothing")
    log.seconds[issue] = time.perf_counter() - start
    start = time.perf_counter()
    if operation.answer(definitions, "retraining_sensor", "training"):
        log.training_seconds[issue] = time.perf_counter() - start


def empty_month(shape: dg.Definitions, real: dg.Definitions, instance: dg.DagsterInstance, issue: Month) -> float:
    """The same runs of a graph whose steps do nothing."""
    whole = shape.resolve_implicit_global_asset_job_def()
    start = time.perf_counter()
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
    return time.perf_counter() - start


def check_chain(operation: Operation, log: Log) -> None:
    """Nothing published changes: every revision is still there, with the rows that it had.

    Raises:
        SystemExit: something published before is another thing now.
    """
    store = open_store(operation.settings.store_address)
    try:
        standing = {(str(r.issue_month), r.revision): r.content_sha256 for r in issue_records(store, SERIES_ID)}
        changed = [key for key, content in log.published.items() if standing.get(key) != content]
        if changed or (broken := broken_issues(store)):
            raise SystemExit(f"What was published has changed: {changed or broken}")
    finally:
        store.dispose()
    new = {f"{month} {number}": content for (month, number), content in standing.items()}
    log.chain.append(sha256_hex(canonical_json([log.chain[-1] if log.chain else "", new])))
    log.published = standing


def replay(arriving: Arriving, settings: Settings, months: list[Month], folder: Path) -> Log:
    """All months, oldest first."""
    log = Log()
    home, empty = Home(settings.home_path), Home(folder / "empty")
    for place in (home, empty):
        place.prepare()
        prepare_dagster_home(place)
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
            log.empty_seconds[issue] = empty_month(empty_graph(real), real, records, issue)
            if issue.month == months[0].month:
                print(f"  {issue}: {log.seconds[issue]:.1f} s", file=sys.stderr, flush=True)
    return log


def _ratio(rows: pd.DataFrame) -> float:
    reference = np.sqrt(((rows["observed"] - rows[REFERENCE]) ** 2).mean())
    return float(np.sqrt((rows["error"] ** 2).mean()) / reference) if reference > 0 else float("nan")


def _line(name: object, rows: pd.DataFrame) -> str:
    rmse = float(np.sqrt((rows["error"] ** 2).mean()))
    return (
        f"| {name} | {len(rows)} | {rmse:.2f} | {_ratio(rows):.3f} | {rows['log_error'].mean():+.4f} | "
        f"{rows['is_inside_80'].mean():.2f} | {rows['is_inside_95'].mean():.2f} |"
    )


def report_scores(card: pd.DataFrame) -> None:
    """Accuracy of what was published, by year of the target and by horizon."""
    head = "| judged | RMSE | ratio to the last value | bias, log | in 80 % | in 95 % |"
    for title, keys in (("year of the target, next month", None), ("horizon", "horizon_months")):
        print(f"\n| {title} {head}\n|{'---|' * 7}")
        rows = card[card["horizon_months"] == 1] if keys is None else card
        by = rows["target_month"].dt.year if keys is None else rows[keys]
        for name, group in rows.groupby(by):
            print(_line(name, group))
        print(_line("all", rows))


def report_backtest(card: pd.DataFrame, settings: Settings) -> None:
    """The live ratios beside those of one backtest on the very same rows; its search ends before the first of them."""
    features = read_table(Home(settings.home_path), "features")
    rule = series_register().price.availability
    window = TargetWindow(Month.of(card["target_month"].min()), price_months(features)[1])
    choice = choose_recipe(features, window, price_rule=rule)
    table = run_backtest(
        features, window, price_rule=rule, method=choice.method, setting=choice.setting, blocks=choice.blocks
    )
    keys = ["forecast_origin", "target_month", "horizon_months"]
    own = table[table["model"] == RECIPE][[*keys, "prediction"]]
    both = card.merge(own, on=keys, how="inner", validate="1:1")
    both = both.assign(backtest_error=both["observed"] - both["prediction"])
    print(f"\nLive and backtest on the same {len(both)} rows, RMSE ratio to the last value:\n")
    print("| horizon | live | backtest | difference |\n|---|---|---|---|")
    pairs = []
    for horizon, rows in both.groupby("horizon_months"):
        pairs.append((_ratio(rows), _ratio(rows.assign(error=rows["backtest_error"]))))
        print(f"| {horizon} | {pairs[-1][0]:.3f} | {pairs[-1][1]:.3f} | {pairs[-1][0] - pairs[-1][1]:+.3f} |")
    live, tested = (float(np.mean(side)) for side in zip(*pairs, strict=True))
    print(f"| mean | {live:.3f} | {tested:.3f} | {live - tested:+.3f} |")


def report_time(log: Log) -> None:
    """The time of a month by year, beside the empty graph."""
    print("\n| year | s a month, median | empty graph | ratio | trainings | s each |\n|---|---|---|---|---|---|")
    years = sorted({month.year for month in log.seconds})
    for year in years:
        own, empty = ([s for m, s in of.items() if m.year == year] for of in (log.seconds, log.empty_seconds))
        trained = [s for m, s in log.training_seconds.items() if m.year == year]
        each = f"{statistics.median(trained):.1f}" if trained else "-"
        median, base = statistics.median(own), statistics.median(empty)
        print(f"| {year} | {median:.2f} | {base:.2f} | {median / base:.2f} | {len(trained)} | {each} |")
    total, base = sum(log.seconds.values()), sum(log.empty_seconds.values())
    first, last = (statistics.median(s for m, s in log.seconds.items() if m.year == y) for y in (years[0], years[-1]))
    print(f"\nAll months: {total:.0f} s, the empty graph {base:.0f} s, ratio {total / base:.2f}.")
    print(f"Last year against first: {last / first:.2f}. Trainings: {sum(log.training_seconds.values()):.0f} s.")


def report_history(settings: Settings, log: Log) -> None:
    """Promotions and decisions."""
    store = open_store(settings.store_address)
    ledger = promotions(store, SERIES_ID)
    store.dispose()
    print("\n| decided | decision | version | by | why |\n|---|---|---|---|---|")
    for row in ledger:
        print(f"| {row.decided_at:%Y-%m} | {row.decision} | {row.version_id} | {row.actor_kind} | {row.reason} |")
    decisions = read_table(Home(settings.home_path), "retrain_decisions")
    print(f"\nDecisions: {dict(Counter(decisions['decision'].tolist()))}; rules: {dict(Counter(decisions['rule']))}.")
    print(
        f"{len(log.published)} revisions published; the chain of {len(log.chain)} months ends in {log.chain[-1][:16]}."
    )
    print("Nothing that was published changed.")


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
