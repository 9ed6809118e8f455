"""Writes the pictures of docs/data.md and its figures on the sample, from the sample itself.

Usage: .venv/bin/python docs/data_pictures.py
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from milk.restoration_report.drawing import before_and_after, beside, identity_errors, margins, standalone
from milk.restoration_report.markup import error_text
from milk.restoration_report.tables import (
    block_table,
    identity_table,
    misplaced_by_naive,
    naive_values,
    status_counts,
)
from milk.sources.files import DataFolder
from milk.sources.sample import generate
from milk.steps.restoration import RestoredFile, restore_folder

DOCS = Path(__file__).parent
PAGE = DOCS / "data.md"
SAMPLE = DOCS.parent / "data" / "sample"
BEGIN = "<!-- made by docs/data_pictures.py: begin -->\n"
END = "<!-- made by docs/data_pictures.py: end -->\n"
SHOWN = "gdp_fishing_clp_bn"
"""The column whose damage is shown: a small part of the product, with a strong season."""


def main() -> None:
    """Write everything."""
    restored = restore_folder(DataFolder(SAMPLE))
    for name, content in pictures(restored).items():
        (DOCS / "images" / name).write_bytes(content)
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), restored), encoding="utf-8", newline="\n")
    sys.stdout.write(f"Pictures and figures of {PAGE.name} written.\n")


def pictures(restored: RestoredFile) -> dict[str, bytes]:
    """Name of a file -> its bytes."""
    restoration = restored.restoration
    before, after = _shown(naive_values(restored.texts)), _shown(restoration.values)
    column = before_and_after(before, after, _shown(restoration.status) == "uncertain", name=SHOWN, is_synthetic=True)
    errors = identity_errors(restoration.identities, title="Relative error of the exact sums", is_synthetic=True)
    spread = margins(restoration.margin, title="Margins of the cells that continuity decides", is_synthetic=True)
    return {
        "data-before-after.svg": standalone(beside(column), width=880),
        "data-identities.svg": standalone(errors, width=640),
        "data-margins.svg": standalone(spread, width=640),
    }


def _shown(table: pd.DataFrame) -> pd.Series:
    return table[SHOWN]


def with_figures(page: str, restored: RestoredFile) -> str:
    """The page with its figures on the sample between their marks."""
    head, rest = page.split(BEGIN)
    _old, tail = rest.split(END)
    return f"{head}{BEGIN}{figures(restored)}{END}{tail}"


def figures(restored: RestoredFile) -> str:
    """What the restoration of the sample came to, and how it compares with the truth underneath."""
    restoration = restored.restoration
    counts = status_counts(restoration)
    misplaced = misplaced_by_naive(restored.texts, restoration.values)
    compared, wrong, undoubted = against_truth(restored)
    lines = [
        f"- {len(restored.texts)} months, {len(restored.texts.columns)} series: "
        + ", ".join(f"{count} cells {status}" for status, count in counts.items()),
        f"- of {compared} numbers whose true value is known, {compared - wrong} are right and {wrong} wrong; of the "
        f"wrong ones {undoubted} are not marked `uncertain`",
        f"- dropping the points instead puts {misplaced['misplaced'].sum()} of {misplaced['cells'].sum()} numbers off "
        "by a power of ten against their own column",
        "",
        "| block | series | literal | restored | uncertain | unreadable | proved |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in block_table(restoration).to_dict("records"):
        numbers = [row[name] for name in ("series", "literal", "restored", "uncertain", "unreadable")]
        lines.append(f"| {row['block']} | {' | '.join(map(str, numbers))} | {'yes' if row['is_proved'] else 'no'} |")
    lines += ["", "| sum | months tested | exact | worst relative error |", "|---|--:|--:|--:|"]
    for row in identity_table(restoration).to_dict("records"):
        lines.append(f"| `{row['identity']}` | {row['months']} | {row['exact']} | {error_text(row['worst_error'])} |")
    return "\n".join(lines) + "\n"


def against_truth(restored: RestoredFile) -> tuple[int, int, int]:
    """Numbers compared with the truth of the sample, wrong ones, and those of them that bear no doubt."""
    truth = generate().truth
    columns = {
        name: pd.Series({pd.Timestamp(month.first_day): float(value) for month, value in truth[name].items()})
        for name in restored.texts.columns
    }
    true = pd.DataFrame(columns).reindex(restored.texts.index).to_numpy()
    found = np.asarray(restored.restoration.values, dtype="float64")
    is_compared = np.isfinite(true) & np.isfinite(found)
    is_wrong = is_compared & ~np.isclose(true, found, rtol=1e-12, atol=0)
    is_doubted = (restored.restoration.status == "uncertain").to_numpy()
    return int(is_compared.sum()), int(is_wrong.sum()), int((is_wrong & ~is_doubted).sum())


if __name__ == "__main__":
    main()
