"""Damage a table of true numbers exactly as the file is damaged, restore it, and mark every cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pandas as pd

from milk.panel.restore import Restoration, restore
from milk.series import Series, series_register
from milk.sources._damage import damaged

Truth = Mapping[str, Sequence[Decimal | None]]
ANYTHING = (1e-9, 1e12)


def of_range(low: float, high: float, name: str = "made") -> Series:
    """A series that is in no identity and has no base year: its plausible range is all that is known of it."""
    return replace(series_register()["kerosene_usd_m3"], name=name, plausible=(low, high))


def table_of(columns: Mapping[str, Sequence[str | None]], first: str = "2013-01") -> pd.DataFrame:
    """A table of texts as the restoration takes it."""
    longest = max((len(texts) for texts in columns.values()), default=0)
    months = pd.date_range(first, periods=longest, freq="MS")
    return pd.DataFrame({name: list(texts) for name, texts in columns.items()}, index=months, dtype="str")


def damaged_table(truth: Truth, first: str = "2013-01") -> pd.DataFrame:
    """The texts that are left of true numbers."""
    return table_of(
        {name: [None if value is None else damaged(value) for value in values] for name, values in truth.items()}, first
    )


def numbers_of(restored: Restoration) -> pd.DataFrame:
    """The restored numbers, months x series."""
    return restored.values  # noqa: PD011 because a restoration is no frame


@dataclass(frozen=True)
class Marked:
    """A restoration against the truth.

    Attributes:
        restored: the restoration.
        cells: true values there are.
        wrong: months x series, cells with a value that is not the true one.
        silent: wrong cells that nothing warns of.
        flagged: cells called uncertain, right or wrong.
        left_out: cells without a value, because their block is unproved.
    """

    restored: Restoration
    cells: int
    wrong: pd.DataFrame
    silent: pd.DataFrame
    flagged: int
    left_out: int

    def __str__(self) -> str:
        wrong, silent = (int(flags.to_numpy().sum()) for flags in (self.wrong, self.silent))
        return (
            f"of {self.cells} cells {wrong} wrong, {silent} of them silently, "
            f"{self.flagged} flagged, {self.left_out} left out"
        )


def marked(texts: pd.DataFrame, series: Sequence[Series], truth: pd.DataFrame) -> Marked:
    """Restore texts and compare with the truth; the digits survive, so right means equal to the last bit."""
    restored = restore(texts, series)
    values = numbers_of(restored)
    truth = truth[values.columns]
    is_known = truth.notna()
    wrong = is_known & values.notna() & (values != truth)
    return Marked(
        restored,
        int(is_known.to_numpy().sum()),
        wrong,
        wrong & (restored.status != "uncertain"),
        int((is_known & (restored.status == "uncertain")).to_numpy().sum()),
        int((is_known & values.isna()).to_numpy().sum()),
    )


def damaged_and_marked(truth: Truth, series: Sequence[Series], first: str = "2013-01") -> Marked:
    """Damage true numbers, restore them, mark them."""
    texts = damaged_table(truth, first)
    numbers = {n: [np.nan if value is None else float(value) for value in values] for n, values in truth.items()}
    return marked(texts, series, pd.DataFrame(numbers, index=texts.index))
