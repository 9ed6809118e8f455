"""`milk data check`, `milk data sample` and `milk data restore`."""

from pathlib import Path

import typer

from milk.cli.console import OUT, banner, command, say
from milk.cli.output import Output, write_outputs
from milk.cli.series import print_checked_series
from milk.errors import BadSetting, HomeRefused
from milk.evaluation.backtest import refuse_short
from milk.restoration_report.markup import error_text
from milk.restoration_report.page import restoration_page
from milk.restoration_report.tables import block_table, identity_table, status_counts, unproved_reasons
from milk.series import SourceName
from milk.sources.faults import Fault, count_by_kind, errors_of
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.sources.sample import write_sample
from milk.steps.receive import check_folder, dataset_of
from milk.steps.restoration import STRAY, RestoredFile, restore_folder, restored_csv

VERDICTS = {"unproved": "UNPROVED, left empty"}
"""Verdicts that the terminal says more loudly."""


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
    print_checked_series(DataFolder(folder))
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


def restore(data: Path, *, output: Path, report: Path | None) -> None:
    """Restore the macro file of a folder, write it as CSV and, if asked to, the page on what proves it.

    Raises:
        BadInput: the folder or the macro file is missing or cannot be used.
        BadSetting: both outputs are one file.
        HomeRefused: an output cannot be written, or is one of the input files.
    """
    folder = DataFolder(data)
    restored = restore_folder(folder)
    outputs = [Output(output, restored_csv(restored.restoration.values), "--output")]
    if report is not None:
        if report.resolve() == output.resolve():
            raise BadSetting(f"--output and --report are the same file, {output}. Name two.")
        page = restoration_page(
            restored.texts, restored.restoration, faults=restored.faults, is_synthetic=restored.is_synthetic
        )
        outputs.append(Output(report, page, "--report"))
    write_outputs(outputs, data=data)
    _print_restoration(restored)
    said = f" The report: {report}" if report is not None else ""
    say(f"Restored series written to {output}.{said}")


def _places(faults: list[Fault]) -> list[Fault]:
    """The faults, but a stray cell that is named as unreadable already: it is one cell."""
    named = {(fault.row, fault.column) for fault in faults if fault.kind != STRAY}
    return [fault for fault in faults if fault.kind != STRAY or (fault.row, fault.column) not in named]


def _print_restoration(restored: RestoredFile) -> None:
    OUT.print(banner(is_synthetic=restored.is_synthetic), soft_wrap=True)
    faults = ", ".join(f"{kind}: {count}" for kind, count in count_by_kind(_places(restored.faults)).items())
    say(f"{SOURCE_FILES['central_bank'].file_name}: {restored.rows_read} rows; {faults or 'no faults'}")
    counts = ", ".join(f"{count} {status}" for status, count in status_counts(restored.restoration).items())
    say(f"{len(restored.texts)} months, {len(restored.texts.columns)} series; cells: {counts}")
    say(f"{'block':<16}{'series':>8}{'literal':>9}{'restored':>10}{'uncertain':>11}{'unreadable':>12}  verdict")
    for row in block_table(restored.restoration).to_dict("records"):
        verdict = VERDICTS.get(row["verdict"], row["verdict"])
        numbers = f"{row['literal']:>9}{row['restored']:>10}{row['uncertain']:>11}{row['unreadable']:>12}"
        say(f"{row['block']:<16}{row['series']:>8}{numbers}  {verdict}")
    for row in identity_table(restored.restoration).to_dict("records"):
        worst = f"worst relative error {error_text(row['worst_error'])} in {row['worst_month']}"
        tested = f"exact in {row['exact']} of {row['months']} months, {worst}" if row["months"] else "not tested"
        say(f"{row['identity']} = its {row['parts']} parts: {tested}")
    for block, reasons in unproved_reasons(restored.restoration).items():
        OUT.print(f"[bold red]UNPROVED: every value of the block {block} is left empty.[/]", soft_wrap=True)
        for reason in reasons:
            say(f"  {reason}")
