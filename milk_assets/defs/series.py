"""What the pages say of the further series: how many there are, and the few that a person must look at."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from milk.series import SERIES_ID
from milk.steps.predictions import Issued
from milk.steps.publish_series import FurtherPublished
from milk.steps.receive_series import ReceivedSeries
from milk.steps.series_scorecard import ScoredSeries
from milk_assets.defs.shown import table_of_rows

WORST_SHOWN = 10


def reception_of_series(further: ReceivedSeries | None) -> dict[str, Any]:
    """What the further price files brought; nothing where there are none."""
    if further is None:
        return {}
    return {
        "further_series": further.series,
        "further_files_changed": further.changed,
        "further_observations": further.observations,
        "further_observations_added": further.added,
        "further_refused": len(further.refused),
        **_reasons("further_refused_list", further.refused),
    }


def series_metadata(issued: Issued) -> dict[str, Any]:
    """How many series have an issue, which have none and why, and which are surest and least sure of themselves."""
    newest = issued.rows[issued.rows["issue_month"] == issued.rows["issue_month"].max()]
    further = newest[newest["series_id"] != SERIES_ID]
    if further.empty and not issued.left_out:
        return {}
    return {
        "series": int(newest["series_id"].nunique()),
        "series_left_out": len(issued.left_out),
        **_reasons("series_left_out_list", issued.left_out),
        **table_of_rows("widest_series", _widest(further), most=WORST_SHOWN),
        **table_of_rows("least_covered_series", _least_covered(further), most=WORST_SHOWN),
    }


def scorecard_of_series(further: ScoredSeries) -> dict[str, Any]:
    """How many further series are judged, and which of them did worst; nothing where none is."""
    if not further.series and not further.refused:
        return {}
    worst = further.statistics.sort_values("ratio_last_value", ascending=False)
    shown = ["series_id", "months_judged", "bias", "ratio_last_value", "coverage_80", "coverage_95", "finding"]
    flagged = further.statistics[["is_biased", "is_outside_80", "is_outside_95", "is_worse_than_last_value"]]
    return {
        "further_series_judged": further.series,
        "further_judgements_added": further.judgements,
        "further_series_flagged": int(flagged.any(axis=1).sum()),
        **_reasons("further_series_not_judged", further.refused),
        **table_of_rows("worst_further_series", worst[shown].head(WORST_SHOWN)),
    }


def publication_of_series(further: FurtherPublished) -> dict[str, Any]:
    """What the store did of the further series; nothing where there are none."""
    if not further.series and not further.refused:
        return {}
    counts = {f"further_{name}": value for name, value in asdict(further).items() if name != "refused"}
    return counts | {"further_refused": len(further.refused)} | _reasons("further_refused_list", further.refused)


def _reasons(name: str, reasons: Mapping[str, str]) -> dict[str, Any]:
    return table_of_rows(name, [{"series": series, "reason": reason} for series, reason in sorted(reasons.items())])


def _widest(further: pd.DataFrame) -> pd.DataFrame:
    """The series with the widest 80 % intervals a year ahead, in parts of their forecast."""
    last = further.sort_values("target_month").drop_duplicates("series_id", keep="last")
    width = (last["upper_80"] - last["lower_80"]) / last["price"]
    shown = last[["series_id", "price", "unit"]].assign(width_80_of_price=width)
    return shown.sort_values("width_80_of_price", ascending=False).head(WORST_SHOWN)


def _least_covered(further: pd.DataFrame) -> pd.DataFrame:
    """The series whose earlier 80 % intervals held least of what came, over all horizons."""
    share = further.groupby("series_id", as_index=False)[["measured_80", "measured_95"]].mean()
    return share.sort_values("measured_80").head(WORST_SHOWN)
