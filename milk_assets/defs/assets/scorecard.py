"""What the published forecasts were worth."""

from typing import Any

import dagster as dg
import pandas as pd

from milk.evaluation.scorecard_summary import ALL, FEWEST_MONTHS
from milk.home.tables import frame_hash
from milk.scorecard_picture import scorecard_picture
from milk.scorecard_tables import SCORECARD
from milk.steps.provenance import is_synthetic
from milk.steps.scorecard import TABLE, Scored
from milk.steps.series_scorecard import judge_all
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture, table_metadata
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.series import scorecard_of_series

GROUP = "publication"


@dg.asset(
    name=TABLE,
    deps=["published_predictions", "raw_milk_price"],
    group_name=GROUP,
    kinds={"pandas", "deltalake", "sql"},
    owners=OWNERS,
    code_version="1",
    metadata=table_metadata(SCORECARD),
)
def scorecard(context: dg.AssetExecutionContext, workplace: Workplace, clock: Clock) -> dg.MaterializeResult[None]:
    """How the forecasts that were really published did: one row for each live issue month and target month.

    Made when the price of a target month is there, by the revision that stood when it became known; hindcasts never
    take part. Errors in CLP per litre and log points, inside 80 and 95 % or not, against the price as it was first
    known and against its newest revision, beside what the baselines would have said on the same day. The running
    statistics stand below with their bands. Each run of `publish` brings it up to date; where a price came and nothing
    was issued, materialise it by hand. Further series are judged alike; what is said of them is in the store.
    """
    with explained(), workplace.store() as store:
        scored, further = judge_all(workplace.home, store, published_at=clock.now(), run_id=context.run.run_id)
    shown = _metadata(scored, is_synthetic=is_synthetic(workplace.home))
    return dg.MaterializeResult(
        metadata=shown | scorecard_of_series(further),
        data_version=dg.DataVersion(frame_hash(scored.rows)),
    )


def _metadata(scored: Scored, *, is_synthetic: bool) -> dict[str, Any]:
    published, months = scored.published, int(scored.rows["target_month"].nunique())
    shown: dict[str, Any] = {
        "dagster/row_count": len(scored.rows),
        "table_version": scored.table_version,
        "is_synthetic": is_synthetic,
        "live_issues": scored.live_issues,
        "months_judged": months,
        "state": _state(scored, months),
        "publication": published.publication_id if published.publication_id is not None else "nothing new",
        "judgements_added": published.judged,
        "observed_prices_added": published.observed,
    }
    if not months:
        return shown
    drawn = scorecard_picture(scored.rows, scored.summary, is_synthetic=is_synthetic)
    first, latest = (scored.summary[scored.summary["observed_as"] == said] for said in ("first", "latest"))
    return shown | {
        "scorecard": picture(drawn, "Scorecard"),
        "running_statistics": markdown_table(_rows(first)),
        "against_revised_prices": markdown_table(_rows(latest)),
    }


def _state(scored: Scored, months: int) -> str:
    """How much can be said yet."""
    if not scored.live_issues:
        return "Nothing live is published yet; hindcasts are not judged."
    if not months:
        waits = "issue waits for its prices" if scored.live_issues == 1 else "issues wait for their prices"
        return f"Nothing live is judged yet: {scored.live_issues} live {waits}."
    said = f"{months} {'month is' if months == 1 else 'months are'} judged"
    if not scored.summary["is_judged"].any():
        return f"{said}; bands and flags begin with {FEWEST_MONTHS}."
    found = scored.summary[scored.summary["is_judged"] & scored.summary["finding"].ne("")]
    return f"{said}; {len(found)} of the statistics lie outside their bands."


def _rows(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The statistics narrow enough for the page."""
    return [
        {
            "months ahead": "all" if row.horizon_months == ALL else row.horizon_months,
            "months": row.months_judged,
            "bias": _bias(row),
            "RMSE": f"{row.rmse:.1f}",
            "to last value": _with_ends(row, "ratio_last_value", "{:.2f}"),
            "to seasonal drift": _with_ends(row, "ratio_seasonal_drift", "{:.2f}"),
            "inside 80 %": _with_ends(row, "coverage_80", "{:.0%}"),
            "inside 95 %": _with_ends(row, "coverage_95", "{:.0%}"),
            "finding": row.finding,
        }
        for row in summary.itertuples()
    ]


def _bias(row: Any) -> str:  # noqa: ANN401 because pandas makes the type of a row as it goes
    said = f"{row.bias:+.3f}"
    # What is not there is NaN, which alone differs from itself.
    return f"{said} (±{row.bias_band:.3f})" if row.bias_band == row.bias_band else said


def _with_ends(row: Any, name: str, form: str) -> str:  # noqa: ANN401 because pandas makes the type of a row as it goes
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    said = form.format(value)
    return f"{said} ({form.format(low)}\u00a0to\u00a0{form.format(high)})" if low == low else said
