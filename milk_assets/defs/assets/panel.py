"""From observations to the panel and the features."""

import dagster as dg
import pandas as pd

from milk.forecasting.features import build_features
from milk.home.tables import frame_hash
from milk.panel.merge import merge_sources
from milk.pictures import price_history, sparkline
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
    merged_table: pd.DataFrame,
    raw_milk_price: pd.DataFrame,
    raw_precipitation: pd.DataFrame,
    restored_central_bank: pd.DataFrame,
) -> dg.MaterializeResult[pd.DataFrame]:
    """What a recipe may use: one row for each feature, month and state of knowledge.

    `known_since` says from when a value is known, so the panel of every origin can be rebuilt; a revised price is a
    further row. The price is in CLP per litre; the rain of each region is an anomaly against the same calendar month of
    the years before; each macro series is its log change from month to month. The recipe of today uses the price alone;
    the others stay here, audited, until they win their place.
    """
    with explained():
        table = build_features(merged_table, raw_milk_price, raw_precipitation, restored_central_bank)
    by_feature = table.groupby("feature")["month"].agg(["size", "min", "max"]).reset_index()
    rows = _feature_rows(by_feature)
    return dg.MaterializeResult(
        value=table,
        metadata={"dagster/row_count": len(table), "by_feature": markdown_table(rows)},
        data_version=dg.DataVersion(frame_hash(table)),
    )


def _feature_rows(by_feature: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {"feature": name, "rows": int(size), "first": f"{first:%Y-%m}", "last": f"{last:%Y-%m}"}
        for name, size, first, last in by_feature.itertuples(index=False)
    ]
