"""The commands and their options; each loads what it needs when it is called, so that `milk --help` is fast."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from milk.cli.console import say_error
from milk.errors import MilkError

INTERRUPTED = 130

app = typer.Typer(
    name="milk",
    help="Forecasts Chile's farm-gate milk price: from raw files to published forecasts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look at input files.", no_args_is_help=True)
app.add_typer(data_app, name="data")
features_app = typer.Typer(help="Hand the features of a home on.", no_args_is_help=True)
app.add_typer(features_app, name="features")
models_app = typer.Typer(help="Model versions: what there is, what is in production.", no_args_is_help=True)
app.add_typer(models_app, name="models")
config_app = typer.Typer(help="The settings: what they are, whether they work.", no_args_is_help=True)
app.add_typer(config_app, name="config")

dask_app = typer.Typer(help="A Dask cluster for MILK_EXECUTOR=dask.", no_args_is_help=True)
app.add_typer(dask_app, name="dask")

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of input files. [default: the sample]")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of everything written. [default: storage/]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for whoever reads the ledger later.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides. [default: the user of this machine]")]


@app.command()
def run(
    data: DataOption = None,
    home: HomeOption = None,
    issue: Annotated[str | None, typer.Option("--issue", help="Only this issue month, YYYY-MM.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write forecasts and provenance here.")] = None,
    unless_published: Annotated[
        bool, typer.Option("--unless-published", help="Do nothing where a forecast is published already.")
    ] = False,
) -> None:
    """Run the whole graph: from raw files to the forecasts of every issue month."""
    from milk.cli.run import run_graph

    run_graph(data=data, home=home, issue=issue, json_file=json_file, unless_published=unless_published)


@app.command()
def up(
    data: DataOption = None,
    home: HomeOption = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the Dagster UI. [default: 3000]")] = None,
    reader_port: Annotated[
        int | None, typer.Option("--reader-port", help="Port of the reader. [default: 8000]")
    ] = None,
) -> None:
    """Start the Dagster UI, its daemon and the reader on a home; Ctrl-C stops them."""
    from milk.cli.up import run_servers

    run_servers(data=data, home=home, port=port, reader_port=reader_port)


@app.command()
def serve(
    data: DataOption = None,
    home: HomeOption = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the reader. [default: 8000]")] = None,
) -> None:
    """Start the reader alone, on what a home has published."""
    from milk.cli.serve import serve_reader

    serve_reader(data=data, home=home, port=port)


@app.command()
def backtest(
    data: Annotated[Path, typer.Option("--data", help="Folder of input files; the price file is enough.")],
    first: Annotated[str, typer.Option("--from", help="First target month, YYYY-MM.")],
    last: Annotated[str, typer.Option("--to", help="Last target month, YYYY-MM.")],
    output: Annotated[Path, typer.Option("--output", help="CSV file to write.")],
    price_lag: Annotated[
        int, typer.Option("--price-lag", min=0, max=12, help="Months by which the price is late.")
    ] = 0,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write a page on the accuracy, markdown.")
    ] = None,
    language: Annotated[str, typer.Option("--language", help="Of that page: en or es.")] = "en",
) -> None:
    """Forecast past months from what was known then, with the recipe and every baseline."""
    from milk.cli.backtest import backtest_folder

    backtest_folder(data, first=first, last=last, output=output, price_lag=price_lag, report=report, language=language)


@app.command()
def status(
    data: DataOption = None,
    home: HomeOption = None,
    series: Annotated[str | None, typer.Option("--series", help="Only the newest forecast of this series.")] = None,
) -> None:
    """What a home holds: dataset, newest forecast, model in production, freshness."""
    from milk.cli.status import show_status

    show_status(data=data, home=home, series=series)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, or with --verify to read.")],
    data: DataOption = None,
    home: HomeOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read that backup and compare every hash.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write everything that a home keeps into one file, while it runs."""
    from milk.cli import backup as commands

    if verify:
        commands.verify(file, as_json=as_json)
    else:
        commands.back_up(file, data=data, home=home, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `milk backup` wrote.")],
    home: Annotated[Path, typer.Option("--home", help="A new folder to restore into.")],
    store_url: Annotated[
        str | None, typer.Option("--store-url", help="A new database for the store. [default: a file in the home]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new home of a backup, all of it or nothing."""
    from milk.cli.backup import restore as restore_home

    restore_home(file, home=home, store_url=store_url, as_json=as_json)


@app.command()
def gc(
    is_dry: Annotated[bool, typer.Option("--dry-run/--delete", help="Only list, or delete what is listed.")] = True,
    older_than: Annotated[int, typer.Option("--older-than", min=1, help="Days: nothing younger is looked at.")] = 30,
    data: DataOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What of a home nothing refers to; no published forecast ever loses what it rests on."""
    from milk.cli.gc import collect

    collect(data=data, home=home, older_than_days=older_than, is_dry=is_dry, as_json=as_json)


@app.command()
def alerts(
    data: DataOption = None,
    home: HomeOption = None,
    send: Annotated[bool, typer.Option("--send", help="Tell the webhook MILK_ALERT_URL what is new.")] = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send it a message to try it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What somebody should be told of: stale data, a month without an issue, coverage out of its band."""
    from milk.cli.alerts import show_alerts

    show_alerts(data=data, home=home, is_sent=send, is_test=send_test, as_json=as_json)


@app.command()
def prepare(data: DataOption = None, home: HomeOption = None) -> None:
    """Make a home, and bring its store and Dagster's records to this version; for servers, before they start."""
    from milk.cli.prepare import prepare_servers

    prepare_servers(data=data, home=home)


@config_app.command("show")
def config_show(data: DataOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every setting, its value and where that comes from; no password is shown."""
    from milk.cli.config import show_settings

    show_settings(data=data, home=home, as_json=as_json)


@config_app.command("check")
def config_check(data: DataOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Try everything that the settings name, change nothing, and say what is wrong; exit code 1 if something is."""
    from milk.cli.check import check_settings

    check_settings(data=data, home=home, as_json=as_json)


@data_app.command("check")
def data_check(folder: Annotated[Path, typer.Argument(help="Folder of input files.")]) -> None:
    """Name every fault of the input files; exit code 1 if they cannot be used."""
    from milk.cli.data import check

    check(folder)


@data_app.command("sample")
def data_sample(folder: Annotated[Path, typer.Argument(help="Folder to write to.")]) -> None:
    """Write the synthetic sample data, the same bytes each time."""
    from milk.cli.data import sample

    sample(folder)


@data_app.command("restore")
def data_restore(
    data: Annotated[Path, typer.Option("--data", help="Folder of input files; the macro file is enough.")],
    output: Annotated[Path, typer.Option("--output", help="CSV file to write.")],
    report: Annotated[Path | None, typer.Option("--report", help="Also write a page on what proves it, HTML.")] = None,
) -> None:
    """Put the decimal points of the macro file back and say what proves each; an unproved block is left empty."""
    from milk.cli.data import restore

    restore(data, output=output, report=report)


@data_app.command("panel")
def data_panel(
    as_of: Annotated[str, typer.Option("--as-of", help="Day, YYYY-MM-DD: only what was known when it began.")],
    output: Annotated[Path, typer.Option("--output", help="CSV file to write.")],
    data: DataOption = None,
    home: HomeOption = None,
) -> None:
    """Write the merged table of a home as it was known on a day, each value in the vintage that stood then."""
    from milk.cli.panel import write_panel

    write_panel(data=data, home=home, as_of=as_of, output=output)


@features_app.command("export")
def features_export(
    parquet: Annotated[Path, typer.Option("--parquet", help="Parquet file to write.")],
    data: DataOption = None,
    home: HomeOption = None,
) -> None:
    """Write the features with the instant from which each is known, as a feature store joins them by time."""
    from milk.cli.features import export

    export(data=data, home=home, parquet=parquet)


@models_app.command("list")
def models_list(data: DataOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every version in the home and in the ledger, and when it was in production; damaged ones are named."""
    from milk.cli.models import list_models

    list_models(data=data, home=home, as_json=as_json)


@models_app.command("show")
def models_show(
    version: Annotated[str | None, typer.Argument(help="The version. [default: the one in production]")] = None,
    data: DataOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The card of a version, and what the ledger says of it."""
    from milk.cli.models import show_model

    show_model(version, data=data, home=home, as_json=as_json)


@models_app.command("compare")
def models_compare(
    first: Annotated[str, typer.Argument(help="A version, as the challenger.")],
    second: Annotated[str, typer.Argument(help="Another one, as the champion.")],
    data: DataOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two recipes refitted on the same months, which neither search saw, and what the gate would say."""
    from milk.cli.models import compare_models

    compare_models(first, second, data=data, home=home, as_json=as_json)


@models_app.command("remake")
def models_remake(
    version: Annotated[str | None, typer.Argument(help="The version. [default: the one in production]")] = None,
    data: DataOption = None,
    home: HomeOption = None,
) -> None:
    """Make a version once more from its card, and say whether it forecasts the same; nothing is written."""
    from milk.cli.models import remake_model

    remake_model(version, data=data, home=home)


@models_app.command("promote")
def models_promote(
    version: Annotated[str, typer.Argument(help="The version to put into production.")],
    reason: ReasonOption,
    data: DataOption = None,
    home: HomeOption = None,
    by: ByOption = None,
) -> None:
    """Put a version into production without asking the gate; it acts from the next issue on."""
    from milk.cli.models import promote_model

    promote_model(version, reason=reason, by=by, data=data, home=home)


@models_app.command("rollback")
def models_rollback(
    reason: ReasonOption,
    to: Annotated[str | None, typer.Option("--to", help="A version. [default: the one before the present one]")] = None,
    data: DataOption = None,
    home: HomeOption = None,
    by: ByOption = None,
) -> None:
    """Put the version into production again that was there before; it acts from the next issue on."""
    from milk.cli.models import roll_back_model

    roll_back_model(to=to, reason=reason, by=by, data=data, home=home)


@dask_app.command("scheduler")
def dask_scheduler(
    host: Annotated[str, typer.Option("--host", help="Address to listen at; trust whoever reaches it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8786,
) -> None:
    """Run the scheduler, to which workers come and runs hand their steps."""
    from milk.cli.dask import run_scheduler

    run_scheduler(host=host, port=port)


@dask_app.command("worker")
def dask_worker(
    address: Annotated[
        str | None, typer.Option("--address", help="Of the scheduler. [default: MILK_DASK_ADDRESS]")
    ] = None,
) -> None:
    """Run a worker: one step at a time, each in a process of its own."""
    from milk.cli.dask import run_worker

    run_worker(address=address)


def main() -> None:
    """Run the command line; an expected failure is a message and an exit code, never a traceback."""
    try:
        app()
    except MilkError as error:
        say_error(str(error))
        sys.exit(error.exit_code)
    except SystemExit as ended:
        # Typer turns Ctrl-C into this code, and says nothing.
        if ended.code == INTERRUPTED:
            say_error("Interrupted. What was finished stands, nothing is half written; the same command goes on.")
        raise
