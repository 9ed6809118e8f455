"""`milk data check`, `milk data sample` and `milk data restore`."""

import tempfile
from pathlib import Path

import typer

from milk.cli.console import OUT, banner, command, say
from milk.errors import BadSetting, HomeRefused
from milk.evaluation.backtest import refuse_short
from milk.home.layout import write_atomically
from milk.restoration_report.markup import error_text
from milk.restoration_report.page import restoration_page
from milk.restoration_report.tables import block_table, identity_table, status_counts, unproved_reasons
from milk.series import SourceName
from milk.sources.faults import Fault, count_by_kind, errors_of
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.sources.sample import write_sample
from milk.steps.receive import check_folder, dataset_of
from milk.steps.restoration import RestoredFile, restore_folder, restored_csv


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


def restore(data: Path, *, output: Path, report: Path | None) -> None:
    """Restore the macro file of a folder, write it as CSV and, if asked to, the page on what proves it.

    Raises:
        BadInput: the folder or the macro file is missing or cannot be used.
        BadSetting: both outputs are one file.
        HomeRefused: an output cannot be written, or is one of the input files.
    """
    folder = DataFolder(data)
    restored = restore_folder(folder)
    contents = {output: ("--output", restored_csv(restored.restoration.values))}
    if report is not None:
        if report.resolve() == output.resolve():
            raise BadSetting(f"--output and --report are the same file, {output}. Name two.")
        page = restoration_page(
            restored.texts, restored.restoration, faults=restored.faults, is_synthetic=restored.is_synthetic
        )
        contents[report] = ("--report", page)
    # All of them judged before the first is written: one that is refused leaves nothing of the others.
    for file, (option, _content) in contents.items():
        _refuse_input_file(file, data, option)
    _write_all(contents)
    _print_restoration(restored)
    said = f" The report: {report}" if report is not None else ""
    say(f"Restored series written to {output}.{said}")


def _refuse_input_file(file: Path, data: Path, option: str) -> None:
    inputs = [data / source.file_name for source in SOURCE_FILES.values()]
    if any(file.resolve() == received.resolve() for received in inputs):
        raise HomeRefused(f"{file} is one of the files received and is never overwritten. Choose another {option}.")
    if file.exists() and not file.is_file():
        raise HomeRefused(f"{file} cannot be written: it is there and is no file. Choose another {option}.")


def _write_all(contents: dict[Path, tuple[str, bytes]]) -> None:
    for is_rehearsal in (True, False):
        for file, (option, content) in contents.items():
            try:
                if is_rehearsal:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with tempfile.TemporaryFile(dir=file.parent):
                        pass
                else:
                    write_atomically(file, content)
            except OSError as error:
                raise HomeRefused(f"{file} cannot be written: {error.strerror}. Choose another {option}.") from error


def _print_restoration(restored: RestoredFile) -> None:
    OUT.print(banner(is_synthetic=restored.is_synthetic), soft_wrap=True)
    faults = ", ".join(f"{kind}: {count}" for kind, count in count_by_kind(restored.faults).items())
    say(f"{SOURCE_FILES['central_bank'].file_name}: {restored.rows_read} rows; {faults or 'no faults'}")
    counts = ", ".join(f"{count} {status}" for status, count in status_counts(restored.restoration).items())
    say(f"{len(restored.texts)} months, {len(restored.texts.columns)} series; cells: {counts}")
    say(f"{'block':<16}{'series':>8}{'literal':>9}{'restored':>10}{'uncertain':>11}{'unreadable':>12}  verdict")
    for row in block_table(restored.restoration).to_dict("records"):
        verdict = "proved" if row["is_proved"] else "UNPROVED, left empty"
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
