"""Restore the macro file of a folder: read it, leave out what stands before its series begins, restore."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from milk.errors import BadInput
from milk.panel.restore import Restoration, restore
from milk.panel.restored import drop_before_first_valid_month, wide_texts
from milk.restoration_report.tables import number_text
from milk.series import Series, series_register
from milk.sources.faults import Fault, refuse_unusable
from milk.sources.files import SOURCE_FILES, DataFolder

STRAY = "stray cell"
"""Kind of the fault of a cell that stands before its series begins."""


@dataclass(frozen=True)
class RestoredFile:
    """A macro file put right.

    Attributes:
        texts: months x series, the text received, without what was left out.
        restoration: the numbers and what proves them.
        faults: everything left out or unreadable, in the order of the rows.
        rows_read: rows of the file.
        is_synthetic: whether the folder says that its data are invented.
    """

    texts: pd.DataFrame
    restoration: Restoration
    faults: list[Fault]
    rows_read: int
    is_synthetic: bool


def restore_folder(folder: DataFolder) -> RestoredFile:
    """Restore the macro file of a folder.

    Raises:
        BadInput: the folder or the macro file is missing, cannot be used, holds no value, or is mostly unreadable.
    """
    source, series = SOURCE_FILES["central_bank"], series_register().of_source("central_bank")
    if not folder.path.is_dir():
        raise BadInput(f"There is no folder {folder.path}. Give a folder that holds {source.file_name}.")
    content = folder.fetch("central_bank")
    if content is None:
        raise BadInput(f"There is no {source.file_name} in {folder.path}: it is the file to restore.")
    parsed = source.parse(content)
    refuse_unusable(parsed.faults)
    kept, _repair = drop_before_first_valid_month(parsed.observations, series)
    if kept.empty:
        raise BadInput(f"{folder.path / source.file_name} holds no value of any series: there is nothing to restore.")
    # A month stays a row, even where all that the file says of it is left out.
    texts = wide_texts(kept, series).reindex(pd.DatetimeIndex(sorted(parsed.observations["month"].unique())))
    stray = _stray_cells(parsed.observations, texts, series, source.file_name)
    restoration = restore(texts, series)
    _refuse_unreadable(restoration, texts, folder.path / source.file_name)
    return RestoredFile(
        texts=texts,
        restoration=restoration,
        faults=sorted([*parsed.faults, *stray], key=lambda fault: fault.row),
        rows_read=parsed.rows_read,
        is_synthetic=folder.is_synthetic,
    )


def _refuse_unreadable(restoration: Restoration, texts: pd.DataFrame, file: Path) -> None:
    """A file of which most is no number is written in another way, with decimal commas perhaps; its rest says nothing.

    Raises:
        BadInput: more than half of the cells that hold a text are unreadable.
    """
    is_unreadable = (restoration.status == "unreadable").to_numpy()
    unreadable, cells = int(is_unreadable.sum()), int(texts.notna().to_numpy().sum())
    if 2 * unreadable <= cells:
        return
    example = str(texts.to_numpy(dtype=object)[is_unreadable][0])[:40]
    raise BadInput(
        f"{file} cannot be restored: {unreadable} of its {cells} cells are no numbers, {example!r} for one. A number "
        "is written with digits and points only."
    )


def _stray_cells(observations: pd.DataFrame, kept: pd.DataFrame, series: tuple[Series, ...], file: str) -> list[Fault]:
    """A fault for each cell that was left out because its series begins later."""
    register = {s.name: s for s in series}
    rows = kept.index.get_indexer(pd.Index(observations["month"]))
    columns = kept.columns.get_indexer(pd.Index(observations["series"]))
    stray = observations[kept.isna().to_numpy()[rows, columns]]
    faults = []
    for name, text, row in zip(stray["series"], stray["value"], stray["row"], strict=True):
        problem = f"its series begins only in {register[name].first_valid_month}"
        column, left_out = register[name].column, "The cell is left out."
        faults.append(Fault("warning", STRAY, file, int(row), column, str(text), problem, left_out))
    return faults


def restored_csv(values: pd.DataFrame) -> bytes:
    """The numbers as CSV: `month` and the columns of the file as received; empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [s.column for s in series_register().of_source("central_bank")]
    writer.writerow(["month", *columns])
    for month, numbers in zip(pd.DatetimeIndex(values.index), values.to_numpy(dtype="float64"), strict=True):
        writer.writerow([f"{month:%Y-%m}", *map(number_text, numbers)])
    return text.getvalue().encode("utf-8")
