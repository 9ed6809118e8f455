"""What the reader tells of the quality of the data behind the newest issue: made of the tables of a home.

Said as of the cutoff of the newest issue month and not as of now: the same home says the same twice, so publishing it
again adds nothing. A part whose table is missing or damaged is left out: forecasts do not wait for it, and the checks
of that table say what is wrong.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args

import pandas as pd

from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.months import Month, data_cutoff
from milk.panel.quality import EMPTY_MEANS_NONE, freshness
from milk.panel.quality_panel import block_table, implausible_values
from milk.panel.restored import drop_before_first_valid_month
from milk.publication.quality_schema import QualityPart
from milk.publication.rows import QualityDocument
from milk.series import SERIES_ID, SourceName, series_register
from milk.steps.drift import FLAGS
from milk.steps.drift import TABLE as DRIFT_TABLE
from milk.steps.panel import RESTORED_TABLE
from milk.steps.predictions import TABLE
from milk.steps.receive import observations_of
from milk.tables import RESTORED, empty_table

MERGED_TABLE = "merged_table"
_SHOWN = ["feature", "block", "is_input", "statistic", "threshold", "finding"]


def quality_documents(home: Home) -> list[QualityDocument]:
    """What is known, part by part."""
    parts: dict[QualityPart, Callable[[Home], dict[str, Any] | None]] = {
        "received": _received,
        "freshness": _freshness,
        "repairs": _repairs,
        "drift": _drift,
    }
    documents = []
    for part, say in parts.items():
        with suppress(HomeRefused):
            if (content := say(home)) is not None:
                documents.append(QualityDocument(series_id=SERIES_ID, part=part, content=content))
    return documents


def _received(home: Home) -> dict[str, Any]:
    """What each source brought, and which months it lacks."""
    rows = []
    for source, observations in _sources(home):
        counts = observations.groupby(["series", "month"]).size()
        rows.append(
            {
                "source": source,
                "series": int(observations["series"].nunique()),
                "observations": len(observations),
                "revised": int((counts > 1).sum()),
                "first_month": f"{observations['month'].min():%Y-%m}",
                "last_month": f"{observations['month'].max():%Y-%m}",
                "received_at": observations["received_at"].max().isoformat(),
                "snapshots": int(observations["snapshot"].nunique()),
                "absent_months": _absent(observations, source),
            }
        )
    return {"rows": rows}


def _absent(observations: pd.DataFrame, source: SourceName) -> int:
    """How many months the series of a source lack between their first and their newest, together."""
    kept, _stray = drop_before_first_valid_month(observations, series_register().of_source(source))
    # Counted and not listed as `absent_months` does: each publication waits for it.
    month = kept["month"].dt
    numbers = kept.assign(number=month.year * 12 + month.month)[~kept["series"].isin(EMPTY_MEANS_NONE)]
    spans = numbers.groupby("series")["number"].agg(["min", "max", "nunique"])
    return int((spans["max"] - spans["min"] + 1 - spans["nunique"]).sum())


def _freshness(home: Home) -> dict[str, Any] | None:
    """How far behind its rule of availability each source was when the newest issue month began."""
    if not has_table(home, TABLE):
        return None
    newest = Month.of(read_table(home, TABLE, columns=["issue_month"])["issue_month"].max())
    rows = []
    for source, observations in _sources(home):
        found = freshness(observations, series_register().of_source(source), data_cutoff(newest))
        rows += [{"source": source, **_plain(row)} for row in found.to_dict(orient="records")]
    return {"as_of": data_cutoff(newest).isoformat(), "issue_month": str(newest), "rows": rows}


def _repairs(home: Home) -> dict[str, Any] | None:
    """What was restored, what is empty and what was left out, by block."""
    if not has_table(home, MERGED_TABLE):
        return None
    restored = read_table(home, RESTORED_TABLE) if has_table(home, RESTORED_TABLE) else empty_table(RESTORED)
    odd = implausible_values(observations_of(home, "precipitation"), restored, series_register())
    blocks = block_table(read_table(home, MERGED_TABLE), restored, odd, series_register())
    block_of = {series.name: series.block for series in series_register().series}
    cells: dict[str, dict[str, int]] = {}
    for block, statuses in restored["status"].groupby(restored["series"].map(block_of)):
        cells[str(block)] = {str(status): int(count) for status, count in statuses.value_counts().items()}
    rows = [_plain(row) | {"cells": cells.get(str(row["block"]), {})} for row in blocks.to_dict(orient="records")]
    return {"rows": rows}


def _drift(home: Home) -> dict[str, Any] | None:
    """What was found of the inputs of the newest issue month that was judged."""
    if not has_table(home, DRIFT_TABLE) or (table := read_table(home, DRIFT_TABLE)).empty:
        return None
    newest = table[table["issue_month"] == table["issue_month"].max()]
    found = newest[newest[FLAGS].any(axis=1)].sort_values(["is_input", "feature"], ascending=[False, True])
    return {
        "issue_month": f"{newest['issue_month'].iloc[0]:%Y-%m}",
        "model_version": str(newest["model_version"].iloc[0]),
        "features_judged": len(newest),
        "inputs_of_the_recipe": int(newest["is_input"].sum()),
        "rows": [_plain(row) for row in found[_SHOWN].to_dict(orient="records")],
    }


def _sources(home: Home) -> Iterator[tuple[SourceName, pd.DataFrame]]:
    """The observations of each source of which there are any."""
    names: tuple[SourceName, ...] = get_args(SourceName)
    for source in names:
        observations = observations_of(home, source)
        if not observations.empty:
            yield source, observations


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON holds it: what is not there is null."""
    return {str(name): None if value != value else value for name, value in row.items()}
