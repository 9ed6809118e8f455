"""The small tables that page, terminal and documentation share, so that all three say the same."""

from decimal import Decimal

import numpy as np
import pandas as pd

from milk.panel.identities import SUMS
from milk.panel.relations import RELATIONS
from milk.panel.restore import STATUSES, Restoration

NAMES_SHOWN = 3
"""Series named with a reason that they share; the rest is counted."""


def number_text(value: float) -> str:
    """A number with the digits of its source, without an exponent; nothing where there is none."""
    if not np.isfinite(value):
        return ""
    text = format(Decimal(repr(float(value))), "f").removesuffix(".0")
    return "0" if text == "-0" else text


def naive_values(texts: pd.DataFrame) -> pd.DataFrame:
    """What a reader takes the texts for who holds every point for a sign of thousands: whole numbers."""
    columns = {
        name: pd.to_numeric(texts[name].astype("str").str.replace(".", "", regex=False), errors="coerce")
        for name in texts.columns
    }
    return pd.DataFrame(columns, index=texts.index, dtype="float64")


def misplaced_by_naive(texts: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """How many cells the naive reading leaves off by a power of ten *within* their own column.

    A column that is off as a whole could still be scaled back. What counts here is a cell whose power of ten is not the
    one that most cells of its column have.

    Returns:
        A row a series: `series, cells, misplaced`.
    """
    rows = []
    with np.errstate(divide="ignore", invalid="ignore"):
        shifts = np.round(np.log10(np.abs(naive_values(texts).to_numpy() / values.to_numpy())))
    for name, column in zip(texts.columns, shifts.T, strict=True):
        _shifts, counts = np.unique(column[np.isfinite(column)], return_counts=True)
        rows.append((name, int(counts.sum()), int(counts.sum() - counts.max(initial=0))))
    return pd.DataFrame(rows, columns=["series", "cells", "misplaced"])


def status_counts(restoration: Restoration) -> dict[str, int]:
    """How many cells of each status there are."""
    return {status: int(restoration.columns[status].sum()) for status in STATUSES}


def block_table(restoration: Restoration) -> pd.DataFrame:
    """A row a block: `block, series`, a count of each status, `is_proved, verdict`."""
    columns = restoration.columns
    counted = columns.groupby("block", sort=False)[list(STATUSES)].sum()
    counted.insert(0, "series", columns.groupby("block", sort=False).size())
    judged = restoration.blocks[["block", "is_proved"]].assign(verdict=list(restoration.verdicts.values()))
    return counted.reset_index().merge(judged, on="block", validate="1:1")


def unproved_reasons(restoration: Restoration) -> dict[str, list[str]]:
    """Each unproved block with its reasons, each reason once, with the series that it concerns."""
    columns = restoration.columns
    failed = columns[columns["proof"].str.startswith("unproved: ")]
    reasons: dict[str, list[str]] = {}
    for _key, rows in failed.groupby(["block", "proof"], sort=False):
        block, proof = str(rows["block"].iloc[0]), str(rows["proof"].iloc[0])
        reasons.setdefault(block, []).append(f"{_named(rows['series'].tolist())}: {proof.removeprefix('unproved: ')}")
    return reasons


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def identity_table(restoration: Restoration) -> pd.DataFrame:
    """A row an exact identity, untested ones included.

    Returns:
        `identity` (its total), `parts`, `months` tested, `first, last` of them, `exact` ones, `worst_error` and
        `worst_month`; NaN and empty texts where no month could be tested.
    """
    tested = restoration.identities
    rows = []
    for one in SUMS:
        found = tested[tested["identity"] == one.total]
        rows.append((one.total, len(one.parts) + len(one.small), *_worst(found), int(found["is_exact"].sum())))
    columns = ["identity", "parts", "months", "first", "last", "worst_error", "worst_month", "exact"]
    return pd.DataFrame(rows, columns=columns)


def relation_table(errors: pd.DataFrame) -> pd.DataFrame:
    """A row an approximate relation, untested ones included.

    Args:
        errors: see `milk.panel.relations.relation_errors`.

    Returns:
        `relation, months, first, last, worst_error, worst_month, held, tolerance`.
    """
    rows = []
    for relation in RELATIONS:
        found = errors[errors["relation"] == relation.name]
        rows.append((relation.name, *_worst(found), int(found["holds"].sum()), relation.tolerance))
    columns = ["relation", "months", "first", "last", "worst_error", "worst_month", "held", "tolerance"]
    return pd.DataFrame(rows, columns=columns)


def _worst(found: pd.DataFrame) -> tuple[int, str, str, float, str]:
    """Months, first, last, worst error and its month."""
    if found.empty:
        return 0, "", "", np.nan, ""
    worst = int(found["relative_error"].to_numpy().argmax())
    months = found["month"]
    return (
        len(found),
        f"{months.min():%Y-%m}",
        f"{months.max():%Y-%m}",
        float(found["relative_error"].iloc[worst]),
        f"{months.iloc[worst]:%Y-%m}",
    )
