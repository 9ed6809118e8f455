"""Checks of stored tables: a schema check from each pandera schema, and what a careful reviewer would look at.

They are there for the reader of the UI. What must never pass is refused in code before it is written: a check blocks
its descendants within one run only. In later runs a blocking check that stands red is asked for before its asset is
read (`standing_checks`).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
import pandera.pandas as pa

from milk.errors import MilkError
from milk.evaluation.promotion import beats_last_value
from milk.forecasting.search import best_setting
from milk.models.version import ModelVersion
from milk.months import contiguous_ranges
from milk.panel.observations import latest
from milk.panel.quality_schema import failing_rows
from milk.publication.ledger import current_champion
from milk.publication.read import broken_issues, issue_months
from milk.series import SERIES_ID
from milk.sources.files import SOURCE_FILES
from milk.steps.predictions import schema_problem
from milk.steps.promotion import load_champion
from milk.steps.publication import unpublished_months
from milk.steps.receive import table_of
from milk.steps.training import Params
from milk.tables import TABLES
from milk_assets.defs.data_checks import data_checks
from milk_assets.defs.model_checks import model_checks
from milk_assets.defs.resources import Workplace
from milk_assets.defs.scorecard_checks import scorecard_checks
from milk_assets.defs.shown import table_of_rows
from milk_assets.defs.staged import read_staged

CHECKED_INSIDE = "batch_predictions"
"""Answers its schema check itself, with the rows at hand: a check of its own would load every month for one."""
WARN = dg.AssetCheckSeverity.WARN
PROBLEMS_SHOWN = 5
FEWEST_SETTINGS = 12
"""A search over fewer is none."""
RECEIVED_AS = {table_of(source): file.file_name for source, file in SOURCE_FILES.items()} | {
    "restored_central_bank": SOURCE_FILES["central_bank"].file_name
}
"""The file of which the rows of a table are, where it is of one."""


def schema_check(asset: str, schema: pa.DataFrameSchema) -> dg.AssetChecksDefinition:
    """The check that a stored table keeps its schema: types, ranges, keys."""

    @dg.asset_check(
        name="schema",
        asset=asset,
        blocking=True,
        description=f"Every row keeps the contract of the table: {schema.description}",
    )
    def check(table: pd.DataFrame) -> dg.AssetCheckResult:
        problem = schema_problem(schema, table)
        # The rows are looked up only where there are any: it takes a second look at the whole table.
        failing = _placed(failing_rows(schema, table), asset) if problem else pd.DataFrame()
        return dg.AssetCheckResult(
            passed=not problem,
            description=problem or "Every row keeps its contract.",
            metadata={"rows": len(table), "failures": len(failing), **table_of_rows("failing_rows", failing)},
        )

    return check


def _placed(failing: pd.DataFrame, asset: str) -> pd.DataFrame:
    """Failing rows with the file that held them in place of its hash, of which the beginning is enough."""
    if asset not in RECEIVED_AS or "snapshot" not in failing.columns:
        return failing
    file = failing["snapshot"].map(lambda sha256: f"{RECEIVED_AS[asset]} {sha256[:8]}".strip() if sha256 else "")
    return failing.drop(columns="snapshot").assign(file=file)[["file", *failing.columns.drop("snapshot")]]


@dg.asset_check(
    asset="raw_milk_price",
    blocking=True,
    description="The months of the price follow each other from the first to the newest, none absent.",
)
def no_month_absent(raw_milk_price: pd.DataFrame) -> dg.AssetCheckResult:
    """The gaps of the price."""
    months = pd.DatetimeIndex(raw_milk_price["month"].unique())
    absent = pd.date_range(months.min(), months.max(), freq="MS").difference(months)
    said = f"No price for {', '.join(f'{m:%Y-%m}' for m in absent[:12])}." if len(absent) else "No month is absent."
    return dg.AssetCheckResult(passed=not len(absent), description=said, metadata={"absent": len(absent)})


@dg.asset_check(
    asset="merged_table",
    blocking=True,
    additional_ins={"raw_milk_price": dg.AssetIn("raw_milk_price")},
    description="The price of each month is the newest observation of it; nothing was made up on the way.",
)
def price_is_as_received(merged_table: pd.DataFrame, raw_milk_price: pd.DataFrame) -> dg.AssetCheckResult:
    """The price of the merged table against the observations."""
    received = pd.to_numeric(latest(raw_milk_price).set_index("month")["value"])
    merged = merged_table.set_index("month")["price"]
    # Over the months of both: a month that got lost on the way is a difference, too.
    months = merged.index.union(received.index)
    different = months[~merged.reindex(months).eq(received.reindex(months))]
    said = f"The price of {different[0]:%Y-%m} is not the one received." if len(different) else "As received."
    return dg.AssetCheckResult(passed=not len(different), description=said, metadata={"different": len(different)})


@dg.asset_check(
    asset="features",
    blocking=True,
    description="No feature is known before its own month has ended: none of them looks into the future.",
)
def known_after_its_month(features: pd.DataFrame) -> dg.AssetCheckResult:
    """The instants of the features against their months."""
    # A month ends in Chile some hours after it ends in UTC, so the end in UTC is the laxer bound.
    month_end = (features["month"] + pd.offsets.MonthBegin(1)).dt.tz_localize("UTC")
    early = features[features["known_since"] < month_end]
    said = f"{len(early)} values are known too early, first {early.iloc[0]['feature']}." if len(early) else "None is."
    return dg.AssetCheckResult(passed=early.empty, description=said, metadata={"too_early": len(early)})


@dg.asset_check(
    asset="params", blocking=True, description="The choice is the best row of its search table, out of at least twelve."
)
def choice_is_the_best_row(params: Params) -> dg.AssetCheckResult:
    """The choice against the table."""
    table, setting = params.choice.settings, params.choice.setting
    is_best = setting == best_setting(table)
    if table.empty:
        said = "Too few months before the evaluation to search in: the usual setting stands, untried."
        return dg.AssetCheckResult(passed=is_best, description=said, metadata={"settings": 0})
    said = "The best row was chosen." if is_best else "Another row of the table has the best criterion."
    if len(table) < FEWEST_SETTINGS:
        said += f" Only {len(table)} settings were compared."
    return dg.AssetCheckResult(
        passed=is_best and len(table) >= FEWEST_SETTINGS,
        description=said,
        metadata={"settings": len(table), "best_criterion": float(table["criterion"].min())},
    )


@dg.asset_check(
    asset="backtest",
    blocking=True,
    description="Every model has a forecast for the same target months and horizons, each with the price that came.",
)
def models_on_equal_rows(backtest: pd.DataFrame) -> dg.AssetCheckResult:
    """The rows of the models against each other."""
    columns = ["price_lag_months", "target_month", "horizon_months"]
    keys = {frozenset(rows[columns].itertuples(index=False)) for _model, rows in backtest.groupby("model")}
    alike = len(keys) == 1
    observed = int(backtest["observed"].isna().sum())
    said = "The same rows for every model." if alike else "The models were not compared on the same rows."
    if observed:
        said += f" {observed} rows have no observed price."
    return dg.AssetCheckResult(passed=alike and not observed, description=said, metadata={"unobserved": observed})


@dg.asset_check(
    asset="staging_model", blocking=True, description="The card is whole, of this version, and tells data and scores."
)
def card_is_valid(workplace: Workplace) -> dg.AssetCheckResult:
    """The staged version, loaded and verified here: a damaged one is a red check, not a step that cannot begin."""
    try:
        version = read_staged(workplace.home, "staging_model")
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    return dg.AssetCheckResult(passed=True, description=f"The card of {version.version_id} is whole.")


@dg.asset_check(
    asset="staging_model",
    description="The recipe beats repeating the last price, next month and over the year. A warning: where it does "
    "not, the champion stays, or the last value itself goes to production.",
)
def beats_the_last_value(staging_model: ModelVersion) -> dg.AssetCheckResult:
    """The scores of the staged version."""
    scores = staging_model.card["scores"]["recipe"]
    said = f"RMSE ratio {scores['ratio_next_month']:.3f} next month, {scores['ratio_year']:.3f} over the year."
    return dg.AssetCheckResult(passed=beats_last_value(scores), severity=WARN, description=said)


@dg.asset_check(
    asset="prod_model",
    blocking=True,
    description="The ledger names a version that is there, and its content has the hash that the ledger holds.",
)
def pointer_resolves(workplace: Workplace) -> dg.AssetCheckResult:
    """The version in production, loaded and verified."""
    try:
        with workplace.store() as store:
            standing, champion = current_champion(store, SERIES_ID), load_champion(workplace.home, store)
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    if standing is None or champion is None:
        return dg.AssetCheckResult(passed=False, description="The ledger is empty.")
    return dg.AssetCheckResult(
        passed=True, description=f"{champion.version_id} is whole.", metadata={"sha256": champion.sha256}
    )


@dg.asset_check(
    asset="published_predictions",
    description="Each issue in the store, read whole and hashed anew, is the one that was published, with its card: "
    "what was published once never changes.",
)
def store_is_whole(workplace: Workplace) -> dg.AssetCheckResult:
    """Every revision of the store against its own hash."""
    try:
        with workplace.store() as store:
            broken, issues = broken_issues(store, SERIES_ID), len(issue_months(store, SERIES_ID))
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, description=str(error))
    said = "; ".join(broken[:PROBLEMS_SHOWN]) or "Every issue is as it was published."
    return dg.AssetCheckResult(passed=not broken, description=said, metadata={"issues": issues, "broken": len(broken)})


@dg.asset_check(
    asset="published_predictions",
    description="Every month in `batch_predictions` is published as it stands there. A warning: the serving sensor "
    "brings up what is missing.",
)
def nothing_unpublished(workplace: Workplace) -> dg.AssetCheckResult:
    """The table of forecasts against the store."""
    try:
        with workplace.store() as store:
            missing = unpublished_months(workplace.home, store)
    except MilkError as error:
        return dg.AssetCheckResult(passed=False, severity=WARN, description=str(error))
    ranges = [f"{first} to {last}" for first, last in contiguous_ranges(missing)]
    said = f"Not published: {', '.join(ranges)}." if ranges else "Everything that was made is published."
    return dg.AssetCheckResult(
        passed=not missing, severity=WARN, description=said, metadata={"unpublished": len(missing)}
    )


def all_checks() -> Iterator[dg.AssetChecksDefinition]:
    """Every check that reads a stored table or version."""
    for asset, schema in TABLES.items():
        if asset != CHECKED_INSIDE:
            yield schema_check(asset, schema)
    yield from (
        no_month_absent,
        price_is_as_received,
        known_after_its_month,
        choice_is_the_best_row,
        models_on_equal_rows,
        card_is_valid,
        beats_the_last_value,
        pointer_resolves,
        store_is_whole,
        nothing_unpublished,
    )
    yield from model_checks()
    yield from data_checks()
    yield from scorecard_checks()
