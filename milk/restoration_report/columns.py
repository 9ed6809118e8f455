"""The part of the page that goes through the columns, block by block."""

import math
from typing import Any

import pandas as pd

from milk.panel.restore import STATUSES, Restoration
from milk.restoration_report.drawing import before_and_after
from milk.restoration_report.markup import escape, table
from milk.restoration_report.tables import naive_values, number_text
from milk.series import Series, series_register
from milk.sources.faults import printable

_TITLES = {"gdp": "GDP"}
OPEN_CELLS = 12
"""So many doubtful cells are shown at once; a longer list is folded."""


def block_sections(texts: pd.DataFrame, restoration: Restoration, *, is_synthetic: bool) -> list[str]:
    """A section a block, with an article a column."""
    register, naive = series_register(), naive_values(texts)
    sections = []
    for block, rows in restoration.columns.groupby("block", sort=False):
        names = rows["series"].tolist()
        links = "".join(f'<li><a href="#{escape(n)}">{escape(register[n].meaning)}</a></li>' for n in names)
        verdict = (
            '<p class="warn">Unproved: every value of this block is left empty.</p>'
            if block in restoration.unproved
            else ""
        )
        title = escape(block_title(str(block)))
        sections.append(
            f'<section><h2 id="block-{escape(str(block))}">{title}</h2>{verdict}<ul class="columns">{links}</ul>'
        )
        for facts in rows.to_dict("records"):
            series = register[str(facts["series"])]
            doubtful = _doubtful(texts[series.name], restoration.values, restoration.status[series.name])
            is_doubted = restoration.status[series.name] == "uncertain"
            pair = _pictures(naive, restoration.values, is_doubted, is_synthetic=is_synthetic)
            sections.append(f'<article id="{escape(series.name)}">{_facts(series, facts)}{doubtful}{pair}</article>')
        sections.append("</section>")
    return sections


def _pictures(naive: pd.DataFrame, restored: pd.DataFrame, is_doubted: pd.Series, *, is_synthetic: bool) -> str:
    name = str(is_doubted.name)
    pair = before_and_after(naive[name], restored[name], is_doubted, name=name, is_synthetic=is_synthetic)
    return f'<div class="pair">{"".join(pair)}</div>'


def block_title(block: str) -> str:
    """The name of a block as a heading says it."""
    return _TITLES.get(block, block.replace("_", " ").capitalize())


def _facts(series: Series, facts: dict[Any, Any]) -> str:
    counts = ", ".join(f"{facts[status]} {status}" for status in STATUSES if facts[status])
    told = {"cells": counts, "proof": str(facts["proof"]), "worst margin": _margin(facts)}
    items = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in told.items())
    return (
        f"<h3>{escape(series.meaning)}</h3>"
        f'<div class="mono soft">{escape(series.column)} → {escape(series.name)}, in {escape(series.unit)}</div>'
        f"<dl>{items}</dl>"
    )


def _margin(facts: dict[Any, Any]) -> str:
    if math.isinf(facts["worst_margin"]):
        return "none: no power of ten was left to continuity"
    return f"{facts['worst_margin']:.2f} in {facts['worst_month']}"


def _doubtful(texts: pd.Series, restored: pd.DataFrame, status: pd.Series) -> str:
    """The cells that are uncertain or unreadable: month, text, value."""
    months = status.index[status.isin(["uncertain", "unreadable"])]
    if not len(months):
        return ""
    values = restored[status.name]
    rows = [
        [f"{month:%Y-%m}", status[month], printable(str(texts[month])), number_text(values[month]) or "left empty"]
        for month in pd.DatetimeIndex(months)
    ]
    told = table(["month", "status", "text", "#value"], rows)
    if len(rows) <= OPEN_CELLS:
        return told
    return f"<details><summary>{len(rows)} uncertain or unreadable cells</summary>{told}</details>"
