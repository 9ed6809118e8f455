"""The commands and their options; each loads what it needs when it is called, so that `milk --help` is fast."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from milk.cli.console import say_error
from milk.cli.groups import GROUPS
from milk.cli.options import DataOption, HomeOption, JsonOption
from milk.errors import MilkError

INTERRUPTED = 130

app = typer.Typer(
    name="milk",
    help="Forecasts Chile's farm-gate milk price: from raw files to published forecasts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


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
