"""The code location: one assembly function, and one line that calls it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from milk.errors import BadSetting
from milk.settings import Settings, load_settings
from milk_assets.defs.alerts import alert_sensor
from milk_assets.defs.assets.panel import features, merged_table
from milk_assets.defs.assets.predictions import batch_predictions_asset
from milk_assets.defs.assets.publication import published_predictions_asset
from milk_assets.defs.assets.raw import raw_central_bank, raw_milk_price, raw_precipitation
from milk_assets.defs.assets.restored import restored_central_bank
from milk_assets.defs.assets.retraining import retrain_decision
from milk_assets.defs.assets.scorecard import scorecard
from milk_assets.defs.assets.training import backtest, params, prod_model, staging_model
from milk_assets.defs.checks import all_checks
from milk_assets.defs.io_managers import DeltaIOManager, LedgerIOManager, ParamsIOManager, StagedVersionIOManager
from milk_assets.defs.jobs import monthly_forecast_job, publish_job, training_job
from milk_assets.defs.partitions import monthly_partitions
from milk_assets.defs.resources import Clock, Workplace
from milk_assets.defs.retraining_checks import RETRAINING_CHECKS
from milk_assets.defs.retraining_sensor import retraining_sensor
from milk_assets.defs.schedules import monthly_schedule
from milk_assets.defs.sensors import serving_sensor


def build_definitions(settings: Settings, *, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole code location.

    Args:
        settings: where data come from and go to.
        resources: replacements for some of the resources, for tests.
    """
    partitions = monthly_partitions(settings)
    training, forecast_job, publish = training_job(), monthly_forecast_job(), publish_job()
    return dg.Definitions(
        assets=[
            raw_milk_price,
            raw_precipitation,
            raw_central_bank,
            restored_central_bank,
            merged_table,
            features,
            params,
            backtest,
            staging_model,
            prod_model,
            batch_predictions_asset(partitions),
            published_predictions_asset(partitions),
            scorecard,
            retrain_decision,
        ],
        asset_checks=[*all_checks(), *RETRAINING_CHECKS],
        jobs=[training, forecast_job, publish],
        schedules=[monthly_schedule(forecast_job, partitions, settings)],
        sensors=[
            serving_sensor(publish, partitions),
            retraining_sensor(training, is_acting=settings.retraining == "act"),
            alert_sensor(settings),
        ],
        resources={**build_resources(settings), **(resources or {})},
        executor=build_executor(settings),
    )


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources of a home."""
    workplace = Workplace(
        data_path=str(settings.data.expanduser().resolve()),
        home_path=str(settings.home_path),
        files_url=settings.files_address,
        files_patience_seconds=settings.files_patience_seconds,
        store_url=settings.store_address,
        evaluation_months=settings.evaluation_months,
        online_retention_days=settings.online_retention_days,
        series_workers=settings.series_workers,
    )
    return {
        "workplace": workplace,
        "clock": Clock(),
        "io_manager": DeltaIOManager(workplace=workplace),
        "params_io": ParamsIOManager(workplace=workplace),
        "staged_version_io": StagedVersionIOManager(workplace=workplace),
        "ledger_io": LedgerIOManager(workplace=workplace),
    }


def build_executor(settings: Settings) -> dg.ExecutorDefinition:
    """One process by default: a process for each step would take many times as long as the steps themselves."""
    if settings.executor == "in_process":
        return dg.in_process_executor
    if settings.executor == "dask":
        # Loaded where it is used: a home on one machine needs no Dask.
        try:
            from milk_assets.dask.executor import dask_executor
        except ModuleNotFoundError as error:
            raise BadSetting(
                f"MILK_EXECUTOR=dask needs the package '{error.name}', which is not installed: install the extra "
                "cluster."
            ) from error

        return dask_executor.configured({"address": settings.dask_address}, name="dask")
    method: dict[str, Any] = {"forkserver": {"preload_modules": ["milk_assets.preload"]}}
    if settings.files_url:
        # The connection to a bucket has threads of its own, which a fork would leave behind.
        method = {"spawn": {}}
    return dg.multiprocess_executor.configured({"max_concurrent": 2, "start_method": method}, name="multiprocess")


defs = build_definitions(load_settings())
