"""The monthly forecasts."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from milk.home.tables import table_version
from milk.models.version import ModelVersion
from milk.months import Month
from milk.pictures import forecast_fan, sparkline
from milk.steps.changes import what_changed
from milk.steps.drift import Assessed, assess_inputs
from milk.steps.predictions import TABLE, Issued, Issuing, issue_months, known_prices, schema_problem
from milk.steps.provenance import is_synthetic
from milk.tables import BATCH_PREDICTIONS
from milk_assets.defs.assets.drift import ERROR_CHECK, INPUT_CHECK, drift_results
from milk_assets.defs.failures import explained
from milk_assets.defs.metadata import OWNERS, markdown_table, picture, table_metadata
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.series import series_metadata

GROUP = "forecasts"
SCHEMA_CHECK = "schema"


def batch_predictions_asset(partitions: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `batch_predictions` over the given months."""
    with warnings.catch_warnings():
        # `backfill_policy` is marked beta; it is what makes a long backfill one run, and a test holds it to that.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _asset(partitions)


def _asset(partitions: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        name=TABLE,
        partitions_def=partitions,
        # A backfill of forty years is one run and one call, not five hundred processes.
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=GROUP,
        kinds={"pandas", "deltalake"},
        owners=OWNERS,
        code_version="1",
        metadata=table_metadata(BATCH_PREDICTIONS),
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                SCHEMA_CHECK,
                asset=TABLE,
                description="The rows just written keep the contract of the table: types, ranges, nested intervals, "
                "horizons, no row twice. Rows that break it are refused before they are written.",
            ),
            dg.AssetCheckSpec(
                INPUT_CHECK,
                asset=TABLE,
                description="What the newest of these months is forecast from still looks like the training of its "
                "version: size of changes, range, missing, frozen, unit jumps. A warning: it never stops a forecast. "
                "Red only for inputs that the recipe uses; the table names what stands out among the others, too.",
            ),
            dg.AssetCheckSpec(
                ERROR_CHECK,
                asset=TABLE,
                description="The recipe, refitted at every origin, still hits the month ahead: no bias over a year, no "
                "two-sided CUSUM beyond its limit. A warning: it never stops a forecast.",
            ),
        ],
    )
    def batch_predictions(
        context: dg.AssetExecutionContext,
        workplace: Workplace,
        clock: Clock,
        features: pd.DataFrame,
        prod_model: ModelVersion,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult]:
        """The forecasts issued for a month: one row for each target month, up to the year ahead.

        Nominal CLP per litre, with 80 % and 95 % intervals, the causes that add up to the log price, and provenance.
        The issue of month M uses only what was known before M began; the recipe in production is refitted at that
        point. `kind` is `live` for a forecast made in time by a version chosen without later data, else `hindcast`: no
        claim of accuracy rests on hindcasts.

        Where the data folder lists further price files, their series are rows beside those of the reference, in units
        of their own: the same recipe, refitted to each. What is drawn and judged here is the reference series.
        """
        months = [Month.parse(key) for key in context.partition_keys]
        with explained():
            synthetic, workers = is_synthetic(workplace.home), workplace.series_workers
            issuing = Issuing(features, prod_model, workplace.price_rule, synthetic, clock.now(), workers)
            assessed = assess_inputs(workplace.home, issuing, months)
            issued = issue_months(workplace.home, issuing, months)
            changed = what_changed(workplace.home, issuing, _newest(issued)) if issued.months else pd.DataFrame()
            version = table_version(workplace.home, TABLE)
        made = _Made(issued, assessed, issuing, version, changed)
        yield from _events(context.log.warning, made, len(months))

    return batch_predictions


@dataclass(frozen=True)
class _Made:
    """What a step made, for the pages."""

    issued: Issued
    assessed: Assessed
    issuing: Issuing
    version: int
    changed: pd.DataFrame


def _events(
    warn: Callable[[str], None], made: _Made, wanted: int
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetMaterialization | dg.AssetCheckResult]:
    issued = made.issued
    metadata = _metadata(made) if issued.months else {}
    if len(issued.months) == wanted:
        results = [_schema_result(issued.rows), *drift_results(made.assessed, is_synthetic=made.issuing.is_synthetic)]
        yield dg.MaterializeResult(
            metadata=metadata, data_version=dg.DataVersion(issued.content_sha256), check_results=results
        )
        return
    # Not every month could be made. Those that were made are recorded one by one, and the step yields no output, so
    # that what hangs below it in this run is skipped.
    for month in issued.months:
        yield dg.AssetMaterialization(TABLE, partition=str(month), metadata=metadata)
    for month, reason in issued.unreachable.items():
        warn(f"{month} was not forecast: {reason}.")
    # Without its checks the step would fail, though it did all that could be done.
    yield from drift_results(made.assessed, is_synthetic=made.issuing.is_synthetic)
    if issued.refused:
        reasons = "\n".join(f"{month}: {reason}" for month, reason in issued.refused.items())
        said = f"Rows that break their contract were not written; the other months were.\n{reasons}"
        yield dg.AssetCheckResult(check_name=SCHEMA_CHECK, passed=False, description=said)
        raise dg.Failure(description=said, allow_retries=False)
    yield _schema_result(issued.rows)


def _schema_result(rows: pd.DataFrame) -> dg.AssetCheckResult:
    problem = schema_problem(BATCH_PREDICTIONS, rows)
    sound = "Every row keeps its contract." if len(rows) else "No row was written."
    return dg.AssetCheckResult(check_name=SCHEMA_CHECK, passed=not problem, description=problem or sound)


def _metadata(made: _Made) -> dict[str, Any]:
    issued = made.issued
    newest = _newest(issued)
    price = known_prices(made.issuing.features, newest["data_cutoff"].iloc[0])
    synthetic = bool(newest["is_synthetic"].iloc[0])
    return {
        "dagster/row_count": len(issued.rows),
        "table_version": made.version,
        "is_synthetic": synthetic,
        "model_version": str(newest["model_version"].iloc[0]),
        "issues": len(issued.months),
        "newest_issue": f"{newest['issue_month'].iloc[0]:%Y-%m}",
        "year_ahead": picture(sparkline(newest["price"]), "year ahead"),
        "forecast": picture(forecast_fan(price, newest, is_synthetic=synthetic), "Forecast"),
        "rows": markdown_table(_shown(newest)),
        "changed_since_last_issue": markdown_table(_changes(made.changed)),
        **series_metadata(issued),
    }


def _newest(issued: Issued) -> pd.DataFrame:
    """The rows of the newest month made, of the reference series."""
    rows = issued.reference
    newest: pd.DataFrame = rows[rows["issue_month"] == rows["issue_month"].max()]
    return newest


def _changes(changed: pd.DataFrame) -> list[dict[str, Any]]:
    """By how much each target month is forecast differently than a month ago, in the unit of the price."""
    if changed.empty:
        return [{"month": "no issue of the month before to compare with"}]
    return [
        {
            "month": f"{row.target_month:%Y-%m}",
            "a month ago": f"{row.previous_price:.1f}",
            "now": f"{row.price:.1f}",
            "change": f"{row.change:+.1f}",
            "by news": f"{row.news:+.1f}",
            "by another recipe": f"{row.recipe:+.1f}",
        }
        for row in changed.itertuples()
    ]


def _shown(issue: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of an issue, narrow enough for the page: spaces that do not break keep an interval on its line."""
    return [
        {
            "month": f"{row.target_month:%Y-%m}",
            "price": f"{row.price:.1f}",
            "80 %": f"{row.lower_80:.1f}\u00a0to\u00a0{row.upper_80:.1f}",
        }
        for row in issue.sort_values("target_month").itertuples()
    ]
