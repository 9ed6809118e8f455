"""The groups of commands, such as `milk models list`; each loads what it needs when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from milk.cli.options import ByOption, DataOption, HomeOption, JsonOption, ReasonOption

data_app = typer.Typer(help="Look at input files.", no_args_is_help=True)
features_app = typer.Typer(help="Hand the features of a home on.", no_args_is_help=True)
models_app = typer.Typer(help="Model versions: what there is, what is in production.", no_args_is_help=True)
config_app = typer.Typer(help="The settings: what they are, whether they work.", no_args_is_help=True)
dask_app = typer.Typer(help="A Dask cluster for MILK_EXECUTOR=dask.", no_args_is_help=True)
GROUPS = {
    "data": data_app,
    "features": features_app,
    "models": models_app,
    "config": config_app,
    "dask": dask_app,
}


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
