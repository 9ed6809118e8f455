"""One page of HTML on a restoration: no script, nothing from elsewhere, the same bytes each time.

Every text of a file or the register passes through `escape`: a cell may hold anything.
"""

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from milk.panel.exponents import UNCERTAIN_BELOW
from milk.panel.identities import EXACT
from milk.panel.relations import relation_errors
from milk.panel.restore import STATUSES, Restoration
from milk.restoration_report.columns import block_sections, block_title
from milk.restoration_report.drawing import STYLE_FILE, identity_errors, margins
from milk.restoration_report.markup import error_text, escape, table
from milk.restoration_report.tables import (
    block_table,
    identity_table,
    misplaced_by_naive,
    relation_table,
    status_counts,
    unproved_reasons,
)
from milk.sources.faults import Fault, printable

PAGE_STYLE_FILE: Final = Path(__file__).with_name("page.css")
SYNTHETIC: Final = "SYNTHETIC DATA: invented numbers, for trying the program. No use for any decision."

STATUS_MEANING: Final = {
    "literal": "the text itself says where the point is",
    "restored": "the point was put back, by continuity or by a proof",
    "missing": "the file holds no text",
    "unreadable": "the text is no number; left empty",
    "uncertain": (
        f"put back, but another power of ten fits nearly as well (margin below {UNCERTAIN_BELOW:g}), "
        "or a sum that could prove it does not hold"
    ),
}

INTRODUCTION: Final = """
<p>The macro file of this folder holds monthly series in text. On its way here it was opened by a program in which the
<em>point</em> separates thousands. Numbers with three or more decimals lost their decimal point and got points after
every third digit instead: <code>104.317562</code> became <code>104.317.562</code>, and <code>91.2604873</code> became
<code>912.604.873</code>. One now looks like a hundred million, the other like nine hundred million, though they may be
neighbours, and nothing in the cell says which power of ten is the right one.</p>
<p>But <strong>no digit was lost</strong>. All that is unknown of a cell is a power of ten, and it can be found
again:</p>
<ol>
<li><strong>Continuity.</strong> A monthly series seldom triples within a month. Of all ways to set the points of a
column the one with the smallest sum of steps is taken. The <em>margin</em> of a cell says by how much the best other
way is worse, in powers of ten: a margin of 0.9 means that any other point adds jumps by a factor of about eight.</li>
<li><strong>Level.</strong> Continuity leaves one power of ten a column. It comes from cells whose point survived, from
sums that must hold (the sectors make up the product, the branches make up employment), from base years in which an
index is 100 on average, or from the range that is possible at all.</li>
<li><strong>Proof.</strong> Where a sum holds to a hundred-millionth in a month, no cell of it can be off by a power of
ten. A block in which a proof fails is left empty instead of guessed.</li>
</ol>
"""


def restoration_page(
    texts: pd.DataFrame, restoration: Restoration, *, faults: Sequence[Fault], is_synthetic: bool
) -> bytes:
    """The page.

    Args:
        texts: months x series, the text received, as it was restored.
        restoration: what came of it.
        faults: everything left out or unreadable at reading.
        is_synthetic: whether the data are invented.
    """
    blocks = restoration.blocks["block"].tolist()
    parts = [
        _header(texts, restoration, is_synthetic=is_synthetic),
        _navigation(blocks),
        "<main>",
        f'<h2 id="damage">The damage and the way back</h2>{INTRODUCTION}',
        _naive_line(texts, restoration),
        _summary(restoration, is_synthetic=is_synthetic),
        _left_out(faults),
        *block_sections(texts, restoration, is_synthetic=is_synthetic),
        "</main>",
        "<footer>Made by <code>milk data restore</code>. The page needs no network and no script.</footer>",
    ]
    return f"{_head(is_synthetic=is_synthetic)}<body>{''.join(parts)}</body></html>\n".encode()


def _head(*, is_synthetic: bool) -> str:
    style = STYLE_FILE.read_text(encoding="utf-8") + PAGE_STYLE_FILE.read_text(encoding="utf-8")
    title = "Restored macro series" + (" (synthetic data)" if is_synthetic else "")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><style>{style}</style></head>'
    )


def _header(texts: pd.DataFrame, restoration: Restoration, *, is_synthetic: bool) -> str:
    months = pd.DatetimeIndex(texts.index)
    counts = status_counts(restoration)
    numbers = sum(counts[s] for s in ("literal", "restored", "uncertain"))
    said = (
        f"{len(texts.columns)} series, {len(months)} months from {months[0]:%Y-%m} to {months[-1]:%Y-%m}, "
        f"{numbers} numbers; {counts['uncertain']} of them uncertain, {counts['unreadable']} further cells unreadable."
    )
    banner = f'<p class="banner">{SYNTHETIC}</p>' if is_synthetic else ""
    empty = [block for block, said in restoration.verdicts.items() if said == "no number"]
    verdict = f"Every block with a number is proved; without one: {escape(', '.join(empty))}."
    if not empty:
        verdict = "Every block is proved."
    if restoration.unproved:
        named = escape(", ".join(restoration.unproved))
        verdict = f'<span class="warn">Unproved, and left empty: {named}.</span>'
    return (
        f"<header>{banner}<h1>The macro series, with their decimal points put back</h1><p>{said} {verdict}</p></header>"
    )


def _navigation(blocks: Iterable[str]) -> str:
    links = [("damage", "The damage"), ("summary", "Summary"), ("left-out", "Left out")]
    links += [(f"block-{block}", block_title(block)) for block in blocks]
    said = "".join(f'<a href="#{escape(place)}">{escape(name)}</a>' for place, name in links)
    return f'<nav aria-label="Parts of the page"><div>{said}</div></nav>'


def _naive_line(texts: pd.DataFrame, restoration: Restoration) -> str:
    misplaced = misplaced_by_naive(texts, restoration.values)
    wrong, cells = int(misplaced["misplaced"].sum()), int(misplaced["cells"].sum())
    return (
        f"<p>A reader who drops the points gets {wrong} of {cells} numbers wrong by a power of ten against their own "
        "column, so that no scaling of a column mends it. The first picture of each column shows that reading, the "
        "second one the column restored, with a ring around each uncertain cell.</p>"
    )


def _summary(restoration: Restoration, *, is_synthetic: bool) -> str:
    errors = identity_errors(
        restoration.identities, title="Relative error of the exact sums", is_synthetic=is_synthetic
    )
    spread = margins(
        restoration.margin, title="Margins of the cells that continuity decides", is_synthetic=is_synthetic
    )
    return "".join(
        [
            '<h2 id="summary">Summary</h2>',
            "<h4>What became of the cells</h4>",
            _statuses(restoration),
            "<h4>Blocks</h4>",
            _blocks(restoration),
            "<h4>Sums that are exact</h4>",
            f'<p class="soft">A sum counts as exact up to a relative error of {EXACT:g}: the rounding of nine digits.'
            "</p>",
            _identities(restoration),
            "<h4>Relations that hold nearly</h4>",
            '<p class="soft">They prove no single cell, but a wrong power of ten in a large one would break them.</p>',
            _relations(restoration),
            f'<div class="pair">{errors}{spread}</div>',
        ]
    )


def _statuses(restoration: Restoration) -> str:
    counts = status_counts(restoration)
    return table(["status", "#cells", "meaning"], [[s, str(counts[s]), STATUS_MEANING[s]] for s in STATUSES])


def _blocks(restoration: Restoration) -> str:
    rows = [
        [
            row["block"],
            str(row["series"]),
            *(str(row[s]) for s in STATUSES),
            "UNPROVED" if row["verdict"] == "unproved" else row["verdict"],
        ]
        for row in block_table(restoration).to_dict("records")
    ]
    said = table(["block", "#series", *(f"#{s}" for s in STATUSES), "verdict"], rows)
    for block, reasons in unproved_reasons(restoration).items():
        items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
        said += f'<p class="warn">{escape(block)} is unproved and left empty:</p><ul>{items}</ul>'
    return said


def _identities(restoration: Restoration) -> str:
    rows = [
        [f"{r['identity']} = its {r['parts']} parts", _span(r), str(r["months"]), str(r["exact"]),
         error_text(r["worst_error"]), r["worst_month"]]
        for r in identity_table(restoration).to_dict("records")
    ]  # fmt: skip
    return table(["sum", "tested in", "#months", "#exact", "#worst relative error", "in"], rows)


def _relations(restoration: Restoration) -> str:
    rows = [
        [r["relation"], _span(r), str(r["months"]), str(r["held"]), error_text(r["worst_error"]), r["worst_month"],
         f"{r['tolerance']:g}"]
        for r in relation_table(relation_errors(restoration.values)).to_dict("records")
    ]  # fmt: skip
    heads = ["relation", "tested in", "#months", "#held", "#worst relative error", "in", "#tolerance"]
    return table(heads, rows)


def _span(row: dict[Hashable, Any]) -> str:
    return f"{row['first']} to {row['last']}" if row["months"] else "not tested"


def _left_out(faults: Sequence[Fault]) -> str:
    """Every cell or row with a fault, once, with all that was found wrong with it."""
    found: dict[tuple[int, str, str], list[str]] = {}
    for fault in faults:
        said = " ".join(filter(None, (f"{fault.problem}.", fault.remedy)))
        found.setdefault((fault.row, fault.column, fault.value), []).append(said[:1].upper() + said[1:])
    rows = [
        [str(row), printable(column), printable(value), printable(" ".join(problems))]
        for (row, column, value), problems in found.items()
    ]
    told = table(["#row", "column", "value", "+problem"], rows) if rows else "<p>Nothing.</p>"
    return (
        f'<h2 id="left-out">Left out at reading</h2><p>{len(rows)} places of the file; rows are lines of it.</p>{told}'
    )
