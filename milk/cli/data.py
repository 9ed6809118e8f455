"""`milk data check` and `milk data sample`."""

from pathlib import Path

import typer

from milk.cli.console import command, say
from milk.errors import HomeRefused
from milk.evaluation.backtest import refuse_short
from milk.series import SourceName
from milk.sources.faults import Fault, count_by_kind, errors_of
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.sources.sample import write_sample
from milk.steps.receive import check_folder, dataset_of


def check(folder: Path) -> None:
    """Print every fault of every file.

    Raises:
        BadInput: the folder or the price file is missing.
        NotEnoughHistory: the files are sound, but the prices too few.
        typer.Exit: with code 1 where a file cannot be used.
    """
    found = check_folder(DataFolder(folder))
    for source, faults in found.items():
        _print_faults(source, faults)
    if any(errors_of(faults) for faults in found.values()):
        say("These files cannot be used. Mend what is marked 'error' and check again.")
        raise typer.Exit(1)
    dataset = dataset_of(DataFolder(folder))
    refuse_short(dataset.first_month, dataset.last_month)
    say(f"These files can be used: {command()} run --data {folder}")


def sample(folder: Path) -> None:
    """Write the sample files.

    Raises:
        HomeRefused: the folder cannot be written, or holds price data of its own.
    """
    try:
        _refuse_other_prices(folder)
        write_sample(folder)
    except OSError as error:
        raise HomeRefused(f"{folder} cannot be written: {error.strerror}. Choose another folder.") from error
    say(f"Synthetic sample data written to {folder}.")


def _refuse_other_prices(folder: Path) -> None:
    """Somebody's own files bear the same names; they must not be lost to invented ones."""
    data = DataFolder(folder)
    own = [f.file_name for f in SOURCE_FILES.values() if (folder / f.file_name).exists()]
    if own and not data.is_synthetic:
        raise HomeRefused(f"{folder} holds {' and '.join(own)}, not labelled as synthetic. Choose another folder.")


def _print_faults(source: SourceName, faults: list[Fault]) -> None:
    counts = ", ".join(f"{kind}: {count}" for kind, count in count_by_kind(faults).items())
    say(f"{SOURCE_FILES[source].file_name}: {counts or 'no faults'}")
    for fault in faults:
        say(f"  {fault.severity}: {fault}")
