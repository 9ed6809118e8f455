"""Restored observations: every macro value that was ever received, as a number with its status and margin.

Powers of ten are restored once, on the table that stands. A value that was revised since keeps its own digits; its
power of ten is the one that brings it closest to the value that took its place, because a change by a factor of three
is no revision. So each state of knowledge of the past can be rebuilt in numbers.

A text that is no number takes the place of none: the source lost a value there, and has not said another. Whether a
block is proved is judged on the table that stands. Where a later file unproves it, it is left out of every state: what
was issued from it stands, and an earlier version of the tables can still be read.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from milk.panel.cells import Floats, read_cells, scaled
from milk.panel.exponents import UNCERTAIN_BELOW
from milk.panel.observations import KEY, latest
from milk.panel.repairs import Repair
from milk.panel.restore import Restoration, restore
from milk.series import Series

SURE = ("literal", "restored")
"""Statuses of cells whose power of ten is not in doubt."""
ANY_SIZE = (0.0, np.inf)
_OF_OBSERVATION = ["known_since", "known_by", "received_at", "row", "snapshot"]
_COLUMNS = ["series", "month", "text", "value", "status", "margin", *_OF_OBSERVATION]


def restore_observations(
    observations: pd.DataFrame, series: Sequence[Series]
) -> tuple[pd.DataFrame, Restoration, Repair]:
    """Restore all observations of the macro file.

    Args:
        observations: rows of the table `observations`; may be empty.
        series: the series of the source.

    Returns:
        The table `restored`, what came of the table that stands, and how many stray cells were left out.
    """
    kept, stray = drop_before_first_valid_month(observations, series)
    is_text = read_cells(kept[["value"]], [ANY_SIZE]).is_unreadable[:, 0]
    ordered = kept[~is_text].sort_values([*KEY, "known_since"], ascending=[True, True, False], kind="stable")
    ordered = ordered.assign(age=ordered.groupby(KEY).cumcount())
    # Where a cell never held a number, its text stands, so that the report can name it.
    standing = wide_texts(latest(kept[~is_text]), series).combine_first(wide_texts(latest(kept), series))
    standing = standing[[s.name for s in series]]
    restoration = restore(standing, series)
    values: pd.DataFrame = restoration.values  # noqa: PD011 because it is no frame's attribute
    margins, statuses = restoration.margin, restoration.status
    parts = [_long(ordered[ordered["age"] == 0], values, margins, statuses)]
    for age in range(1, int(ordered["age"].max() if len(ordered) else 0) + 1):
        rows = ordered[ordered["age"] == age]
        values, margins, statuses = _replaced(rows, standing, values, series)
        parts.append(_long(rows, values, margins, statuses))
    parts.append(_unreadable(kept[is_text]))
    proved = set(restoration.blocks.loc[restoration.blocks["is_proved"], "block"])
    block = {s.name: s.block for s in series}
    table = pd.concat(parts, ignore_index=True)
    table.insert(6, "is_proved", table["series"].map(block).isin(proved).astype(bool))
    table.insert(7, "is_usable", table["is_proved"] & table["status"].isin(SURE) & _is_plausible(table, series))
    return table.sort_values([*KEY, "known_since"], ignore_index=True), restoration, stray


def _is_plausible(table: pd.DataFrame, series: Sequence[Series]) -> pd.Series:
    low, high = (table["series"].map({s.name: s.plausible[end] for s in series}).astype("float64") for end in (0, 1))
    return table["value"].between(low, high)


def _unreadable(rows: pd.DataFrame) -> pd.DataFrame:
    """Observations whose text is no number."""
    framed = rows[[*KEY, *_OF_OBSERVATION]].assign(text=rows["value"], value=np.nan, status="unreadable", margin=np.nan)
    return framed[_COLUMNS].astype({"status": "str"})


def drop_before_first_valid_month(observations: pd.DataFrame, series: Sequence[Series]) -> tuple[pd.DataFrame, Repair]:
    """Drop the stray cells that stand before a series begins (`first_valid_month` of the register)."""
    first = observations["series"].map({s.name: pd.Timestamp(s.first_valid_month.first_day) for s in series})
    is_stray = observations["month"] < first.astype("datetime64[us]")
    dropped = int((~observations[is_stray].duplicated(KEY)).sum())
    repair = Repair("stray cells", dropped, "cells before the first valid month of their series are left out")
    return observations[~is_stray].reset_index(drop=True), repair


def wide_texts(observations: pd.DataFrame, series: Sequence[Series]) -> pd.DataFrame:
    """One row a month, one column a series, in the order of the register; text as received, NaN where there is none."""
    wide = observations.pivot(index="month", columns="series", values="value")  # noqa: PD010 because a repeated key must raise
    wide = wide.reindex(columns=[s.name for s in series]).sort_index().rename_axis(columns=None)
    wide.index = pd.DatetimeIndex(wide.index)
    return wide.astype(object)


def _replaced(
    rows: pd.DataFrame, standing: pd.DataFrame, newer: pd.DataFrame, series: Sequence[Series]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Values, margins and statuses of replaced observations, beside the values that took their place."""
    texts = wide_texts(rows, series).reindex(standing.index)
    # Whether a number without a point is whole is a matter of its column, so the standing texts are read with it.
    cells = read_cells(texts.where(texts.notna(), standing), [s.plausible for s in series])
    off = _log_ratio(scaled(cells.digits, cells.decimals), newer.to_numpy())
    shift = np.where(cells.is_literal, 0.0, -np.round(np.nan_to_num(off)))
    margin = np.where(cells.is_literal, np.inf, 1 - 2 * np.abs(off + shift))
    value = scaled(cells.digits, cells.decimals - shift.astype(np.int64))
    has_value = cells.is_literal | np.isfinite(off)
    is_doubted = ~has_value | (margin < UNCERTAIN_BELOW)
    status = np.select([cells.is_literal, is_doubted], ["literal", "uncertain"], "restored")
    framed = (np.where(has_value, value, np.nan), np.where(has_value, margin, np.nan), status.astype(object))
    found = [pd.DataFrame(part, index=newer.index, columns=newer.columns) for part in framed]
    return found[0], found[1], found[2]


def _log_ratio(value: Floats, reference: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log10(np.abs(value) / np.abs(reference))
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _long(rows: pd.DataFrame, values: pd.DataFrame, margins: pd.DataFrame, statuses: pd.DataFrame) -> pd.DataFrame:
    """The cells of some observations, one row each."""
    place = (
        values.index.get_indexer(pd.DatetimeIndex(rows["month"])),
        values.columns.get_indexer(pd.Index(rows["series"])),
    )
    return rows[[*KEY, *_OF_OBSERVATION]].assign(
        text=rows["value"],
        value=values.to_numpy()[place].astype("float64"),
        status=pd.Series(statuses.to_numpy()[place], index=rows.index, dtype="str"),
        margin=margins.to_numpy()[place].astype("float64"),
    )[_COLUMNS]
