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

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of input files. [default: the sample]")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of everything written. [default: storage/]")]


@app.command()
def run(
    data: DataOption = None,
    home: HomeOption = None,
    issue: Annotated[str | None, typer.Option("--issue", help="Only this issue month, YYYY-MM.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write forecasts and provenance here.")] = None,
) -> None:
    """Run the whole graph: from raw files to the forecasts of every issue month."""
    from milk.cli.run import run_graph

    run_graph(data=data, home=home, issue=issue, json_file=json_file)


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
def status(data: DataOption = None, home: HomeOption = None) -> None:
    """What a home holds: dataset, newest forecast, model in production, freshness."""
    from milk.cli.status import show_status

    show_status(data=data, home=home)


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
