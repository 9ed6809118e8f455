"""The jobs of a month: train when it is decided, forecast every month, publish what was made."""

import dagster as dg

# Not exported at the top, though `define_asset_job` gives one back.
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

TRAINING = dg.AssetSelection.assets("prod_model").upstream()
TRAIN = "training"
PUBLISH = "publish"
FORECAST_MONTH = "monthly_forecast"
FORECAST = dg.AssetSelection.assets("features").upstream() | dg.AssetSelection.assets("batch_predictions")


def training_job() -> UnresolvedAssetJobDefinition:
    """From the raw files to the version in production."""
    return dg.define_asset_job(
        TRAIN,
        selection=TRAINING,
        description="Receive the files, search, backtest, stage a version and put it to the gate.",
    )


def monthly_forecast_job() -> UnresolvedAssetJobDefinition:
    """From the raw files to the forecasts of one issue month, with the version in production."""
    return dg.define_asset_job(
        FORECAST_MONTH,
        selection=FORECAST,
        description="Receive the files and issue the forecasts of a month with the version in production.",
    )


def publish_job() -> UnresolvedAssetJobDefinition:
    """From the forecasts of some issue months to what others read; the serving sensor starts it.

    The scorecard comes after the publication and has no partitions: one run over a range of months makes it once. The
    months are published and recorded by then, so a scorecard that fails takes none of them back.
    """
    return dg.define_asset_job(
        PUBLISH,
        selection=dg.AssetSelection.assets("published_predictions", "scorecard", "retrain_decision"),
        description="Publish the forecasts of some issue months, judge those whose prices have come, decide whether to "
        "retrain; the serving sensor starts it by itself.",
    )
