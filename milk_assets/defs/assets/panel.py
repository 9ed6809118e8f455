"""From observations to the panel and the features."""

import dagster as dg
import pandas as pd

from milk.forecasting.features import TRANSFORMATIONS, build_features, declared_features
from milk.home.tables import frame_hash
from milk.panel.merge import merge_sources
from milk.panel.quality_panel import block_features, block_table, feature_table, implausible_values
from milk.pictures import features_over_time, price_history, sparkline
from milk.series import series_register
from milk.steps.provenance import is_synthetic
from milk.tables import FEATURES, MERGED_TABLE
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture, table_metadata
from milk_assets.defs.resources import Workplace

GROUP = "panel"


@dg.asset(
    group_name=GROUP,
    kinds={"pandas", "deltalake"},
    owners=OWNERS,
    code_version="1",
    metadata=table_metadata(MERGED_TABLE),
)
def merged_table(
    workplace: Workplace,
    raw_milk_price: pd.DataFrame,
    raw_precipitation: pd.DataFrame,
    restored_central_bank: pd.DataFrame,
) -> dg.MaterializeResult[pd.DataFrame]:
    """One row a month from the first to the newest known price, all series, as of now.

    Price in CLP per litre, rain in mm, 84 macro series in their units, their decimal points restored; a block whose
    accounts do not add up is empty. Months repeated or impossible in a file were dropped and reported at its reception;
    what was left out here is counted in the metadata.
    """
    with explained():
        merged, repairs = merge_sources(raw_milk_price, raw_precipitation, restored_central_bank, series_register())
    odd = implausible_values(raw_precipitation, restored_central_bank, series_register())
    blocks = block_table(merged, restored_central_bank, odd, series_register())
    rows = [{"repair": r.name, "cells": r.cells, "reason": r.reason} for r in repairs]
    synthetic = is_synthetic(workplace.home)
    return dg.MaterializeResult(
        value=merged,
        metadata={
            "dagster/row_count": len(merged),
            "is_synthetic": synthetic,
            "first_month": f"{merged['month'].iloc[0]:%Y-%m}",
            "last_month": f"{merged['month'].iloc[-1]:%Y-%m}",
            "price": picture(sparkline(merged["price"]), "price"),
            "price_history": picture(price_history(merged, is_synthetic=synthetic), "Farm-gate milk price"),
            "blocks": markdown_table(blocks.to_dict(orient="records")),
            "repairs": markdown_table(rows),
        },
        data_version=dg.DataVersion(frame_hash(merged)),
    )


@dg.asset(
    group_name=GROUP,
    kinds={"pandas", "deltalake"},
    owners=OWNERS,
    code_version="1",
    metadata=table_metadata(FEATURES),
)
def features(
    workplace: Workplace,
    merged_table: pd.DataFrame,
    raw_milk_price: pd.DataFrame,
    raw_precipitation: pd.DataFrame,
    restored_central_bank: pd.DataFrame,
) -> dg.MaterializeResult[pd.DataFrame]:
    """What a recipe may use: one row for each feature, month and state of knowledge.

    `known_since` says from when a value is known, so the panel of every origin can be rebuilt; a revised price is a
    further row. The price is in CLP per litre; the rain of each region is an anomaly against the same calendar month of
    the years before; each macro series is its log change from month to month. A recipe uses the price; of
    the others only a block that passed the gate, whose verdicts stand in `params`.
    """
    with explained():
        table = build_features(merged_table, raw_milk_price, raw_precipitation, restored_central_bank)
    declared = declared_features(series_register())
    by_feature = feature_table(table, declared)
    drawn = features_over_time(block_features(table, declared), is_synthetic=is_synthetic(workplace.home))
    return dg.MaterializeResult(
        value=table,
        metadata={
            "dagster/row_count": len(table),
            "features": int((by_feature["rows"] > 0).sum()),
            "revisions": int(by_feature["revisions"].sum()),
            "transformations": dg.MetadataValue.md("\n".join(f"- *{n}*: {w}" for n, w in TRANSFORMATIONS.items())),
            "blocks": markdown_table(_blocks(by_feature)),
            "known_over_time": picture(drawn, "Features with a value, by month"),
            **_by_block(by_feature),
        },
        data_version=dg.DataVersion(frame_hash(table)),
    )


def _by_block(by_feature: pd.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    """A table for each block, narrow enough for the page: one of all features would be too long to read."""
    shown = ["series", "rows", "revisions", "first", "last", "missing"]
    return {
        f"block_{name}": markdown_table(part[shown].to_dict(orient="records"))
        for name, part in by_feature.groupby("block", sort=False)
    }


def _blocks(by_feature: pd.DataFrame) -> list[dict[str, object]]:
    """What a block is made of its series by, and when its values are known."""
    return [
        {
            "block": name,
            "features": len(part),
            "transformation": ", ".join(part["transformation"].unique()),
            "known": ", ".join(part["known"].unique()),
        }
        for name, part in by_feature.groupby("block", sort=False)
    ]
