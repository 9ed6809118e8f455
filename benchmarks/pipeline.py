"""How much of a run is Dagster, and how much is ours.

Three runs in this process, each repeated in turn with a graph of the same shape whose steps do nothing:

    job      every asset and check, all months of the sample
    month    `batch_predictions` of one month, beside one empty step
    months   `batch_predictions` of 300 months in one run, beside one empty step over as many

and the computation of the job alone, without Dagster; where PostgreSQL is installed, also the job with store and
Dagster's records there. Usage: .venv/bin/python benchmarks/pipeline.py [repeats]
"""

import datetime as dt
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetNode

from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.cli.run import RANGE_END, RANGE_START
from milk.evaluation.scores import scores_by_horizon
from milk.forecasting.features import build_features
from milk.home.documents import write_document
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.months import Month
from milk.panel.merge import merge_sources
from milk.panel.restored import restore_observations
from milk.pictures import errors_by_horizon, forecast_fan, price_history, search_results
from milk.publication.engine import migrate, open_store
from milk.series import series_register
from milk.settings import Settings, load_settings
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.steps.predictions import Issuing, issue_months
from milk.steps.promotion import Actor, promote_staged
from milk.steps.publication import publish_months
from milk.steps.receive import observations_of, receive
from milk.steps.staging import stage_version
from milk.steps.training import Training, backtest_params, choose_params, own_backtest
from milk_assets.definitions import build_definitions
from tests.postgres import PostgresServer, binaries, postgres_server

FIRST_OF_JOB = Month(2010, 1)
MANY = 300
SYNTHETIC = True


def empty_graph(definitions: dg.Definitions) -> dg.Definitions:
    """The same keys, edges, partitions and checks; every body does nothing."""
    graph = definitions.resolve_asset_graph()
    assets = [_empty_asset(graph.get(key)) for key in graph.toposorted_asset_keys]
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    checks = [_empty_check(spec) for spec in specs]
    return dg.Definitions(assets=assets, asset_checks=checks, executor=dg.in_process_executor)


def _empty_asset(node: AssetNode) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.asset(
            key=node.key,
            deps=list(node.parent_keys),
            partitions_def=node.partitions_def,
            backfill_policy=dg.BackfillPolicy.single_run() if node.partitions_def else None,
        )
        def nothing() -> None:
            return

        return nothing


def _empty_check(spec: dg.AssetCheckSpec) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=spec.asset_key, name=spec.name, blocking=spec.blocking)
    def passes() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return passes


def run(definitions: dg.Definitions, home: Home, months: list[Month], *, only: str | None = None) -> None:
    """One run in this process; a failure ends the benchmark."""
    job = definitions.resolve_implicit_global_asset_job_def()
    with in_process_instance(home) as instance:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(only)] if only else None,
            tags={RANGE_START: str(months[0]), RANGE_END: str(months[-1])},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        raise SystemExit("a run of the benchmark failed")


def compute(settings: Settings, home: Home, months: list[Month]) -> None:
    """The computation of the job alone: the steps, the tables and the pictures, without Dagster."""
    now = dt.datetime.now(dt.UTC)
    register = series_register()
    rule = register.price.availability
    raw = {}
    for source in SOURCE_FILES:
        receive(home, DataFolder(settings.data), source, received_at=now)
        raw[source] = observations_of(home, source)
    restored, _restoration, _stray = restore_observations(raw["central_bank"], register.of_source("central_bank"))
    write_table(home, "restored_central_bank", restored)
    merged, _repairs = merge_sources(raw["milk_price"], raw["precipitation"], restored, register)
    write_table(home, "merged_table", merged)
    features = build_features(merged, raw["milk_price"], raw["precipitation"], restored)
    write_table(home, "features", features)
    params = choose_params(features, price_rule=rule, evaluation_months=settings.evaluation_months)
    write_document(home, "params", params.document())
    backtest = backtest_params(features, params, price_rule=rule)
    write_table(home, "backtest", backtest)
    training = Training(features, params, own_backtest(backtest, rule), rule, SYNTHETIC, now)
    version = stage_version(home, training)
    store = open_store(home.store_url)
    migrate(store)
    promote_staged(home, store, version, training, actor=Actor("run", "benchmark", None), decided_at=now)
    issued = issue_months(home, Issuing(features, version, rule, SYNTHETIC, now), months)
    publish_months(home, store, months, published_at=now, run_id=None)
    store.dispose()
    price_history(merged, is_synthetic=SYNTHETIC)
    search_results(params.choice.settings, is_synthetic=SYNTHETIC)
    errors_by_horizon(scores_by_horizon(own_backtest(backtest, rule)), is_synthetic=SYNTHETIC)
    newest = issued.rows[issued.rows["issue_month"] == issued.rows["issue_month"].max()]
    forecast_fan(merged[["month", "price"]], newest, is_synthetic=SYNTHETIC)


def timed(action: Callable[[], None]) -> float:
    """Seconds of wall time."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def fresh(folder: Path, name: str) -> Home:
    """An empty home with Dagster's settings."""
    home = Home(folder / name)
    shutil.rmtree(home.path, ignore_errors=True)
    home.prepare()
    prepare_dagster_home(home, load_settings())
    return home


def run_on_server(server: PostgresServer, folder: Path, months: list[Month]) -> float:
    """Seconds of the job with store and records on a server, in databases and a home of its own."""
    # The records are opened by the environment, as every process of Dagster opens them.
    os.environ["MILK_DAGSTER_URL"] = server.new_database(driver="psycopg2")
    try:
        home = fresh(folder, "server")
        settings = load_settings(home=home.path, store_url=server.new_database(), first_issue=str(Month(1979, 1)))
        return timed(partial(run, build_definitions(settings), home, months))
    finally:
        del os.environ["MILK_DAGSTER_URL"]


def measure(folder: Path, repeats: int, server: PostgresServer | None) -> dict[str, list[float]]:
    """Seconds of each run, all of them in turn in each round, so that a slow moment of the machine hits all alike."""
    seconds: dict[str, list[float]] = {}

    def note(name: str, action: Callable[[], None]) -> None:
        seconds.setdefault(name, []).append(timed(action))

    for round_number in range(repeats + 1):
        ours, theirs, alone = (fresh(folder, name) for name in ("ours", "empty", "alone"))
        settings = load_settings(home=ours.path, first_issue=str(Month(1979, 1)))
        definitions = build_definitions(settings)
        shape = empty_graph(definitions)
        last = issuable_last(definitions)
        months = [FIRST_OF_JOB + k for k in range(last - FIRST_OF_JOB + 1)]
        many = [last + (k - MANY + 1) for k in range(MANY)]
        note("job", partial(run, definitions, ours, months))
        note("job, empty", partial(run, shape, theirs, months))
        note("job, computation alone", partial(compute, settings, alone, months))
        if server is not None:
            seconds.setdefault("job, PostgreSQL", []).append(run_on_server(server, folder, months))
        note("month", partial(run, definitions, ours, [last], only="batch_predictions"))
        note("month, empty", partial(run, shape, theirs, [last], only="batch_predictions"))
        note("months", partial(run, definitions, ours, many, only="batch_predictions"))
        note("months, empty", partial(run, shape, theirs, many, only="batch_predictions"))
        if round_number == 0:
            seconds.clear()  # the first round pays for imports
    return seconds


def issuable_last(definitions: dg.Definitions) -> Month:
    """The newest issue month of the partitions."""
    partitions = definitions.resolve_asset_graph().get(dg.AssetKey("batch_predictions")).partitions_def
    if partitions is None:
        raise SystemExit("batch_predictions has no months")
    return Month.parse(partitions.get_partition_keys()[-1])


def report(seconds: dict[str, list[float]]) -> None:
    """Print the table."""
    median = {name: statistics.median(values) for name, values in seconds.items()}
    reference = {
        "job": median["job, empty"] + median["job, computation alone"],
        "month": median["month, empty"],
        "months": median["months, empty"],
        "job, PostgreSQL": median["job"],
    }
    print("| run | median s | min | max | reference s | ratio |")
    print("|---|---|---|---|---|---|")
    for name, values in seconds.items():
        against = reference.get(name)
        ratio = f"{against:.2f} | {median[name] / against:.2f}" if against else "- | -"
        print(f"| {name} | {median[name]:.2f} | {min(values):.2f} | {max(values):.2f} | {ratio} |")
    print(
        "\nReference of `job`: its empty shape plus the computation alone; of `month` and `months`: their empty shape; "
        "of `job, PostgreSQL`: the job embedded."
    )


def main() -> None:
    """Measure and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    servers = nullcontext() if binaries() is None else postgres_server(is_durable=True)
    with tempfile.TemporaryDirectory() as folder, servers as server:
        report(measure(Path(folder), repeats, server))


if __name__ == "__main__":
    main()
