"""Partitions and schedule: the months that the data reach, whatever the clock says."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from milk.home.layout import Home
from milk.months import Month
from milk.settings import SAMPLE, Settings
from milk.sources.files import DataFolder
from milk.steps.receive import claim_for_folder
from milk_assets.definitions import build_definitions
from milk_assets.defs.partitions import issue_months_of, monthly_partitions

CLOCKS = [dt.datetime(year, 7, 15, 12, tzinfo=dt.UTC) for year in (2020, 2026, 2035)]


def _settings(home: Path, **more: object) -> Settings:
    return Settings(data=SAMPLE, home=home / "home", **more)  # type: ignore[arg-type]  # because the model checks them


def _prices(folder: Path, months: int) -> Path:
    folder.mkdir()
    names = ["Ene", "Feb", "Mar", "Abr", "May", "Jun", "Jul", "Ago", "Sep", "Oct", "Nov", "Dic"]
    rows = [f"{2000 + k // 12},{names[k % 12]},{100 + k % 7}.5\n" for k in range(months)]
    (folder / "precio_leche.csv").write_text("Anio,Mes,Precio_leche\n" + "".join(rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
def test_the_clock_does_not_move_the_partitions(tmp_path: Path, clock: dt.datetime) -> None:
    with partition_loading_context(effective_dt=clock):
        keys = monthly_partitions(_settings(tmp_path)).get_partition_keys()
    assert (keys[0], keys[-1], len(keys)) == ("2010-01", "2026-11", 203)


def test_the_first_month_is_the_later_of_setting_and_history(tmp_path: Path) -> None:
    asked_too_early = monthly_partitions(_settings(tmp_path, first_issue=Month(1980, 1))).get_partition_keys()
    assert "1980-01" < asked_too_early[0] < "2010-01"
    asked_late = monthly_partitions(_settings(tmp_path, first_issue=Month(2026, 3))).get_partition_keys()
    assert (asked_late[0], asked_late[-1]) == ("2026-03", "2026-11")


@pytest.mark.parametrize("months", [0, 1, 60])
def test_the_code_location_loads_without_usable_data(tmp_path: Path, months: int) -> None:
    """The asset page is where a person reads what is wrong."""
    folder = _prices(tmp_path / "data", months) if months else tmp_path / "nowhere"
    settings = Settings(data=folder, home=tmp_path / "home")
    reachable = issue_months_of(settings)
    assert reachable is None or reachable.last < reachable.first
    dg.Definitions.validate_loadable(build_definitions(settings))
    assert not (tmp_path / "home").exists()


def test_a_damaged_record_of_the_home_does_not_stop_the_code_location(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dataset.json").write_text("{", encoding="utf-8")
    assert issue_months_of(_settings(tmp_path)) is None
    dg.Definitions.validate_loadable(build_definitions(_settings(tmp_path)))


def tick(settings: Settings, instance: dg.DagsterInstance, day: dt.datetime) -> str:
    """The month that the schedule asks for on a day, or the reason why it asks for none."""
    repository = build_definitions(settings).get_repository_def()
    schedule = repository.get_schedule_def("monthly_forecast_schedule")
    with partition_loading_context(effective_dt=day):
        context = dg.build_schedule_context(instance, scheduled_execution_time=day, repository_def=repository)
        data = schedule.evaluate_tick(context)
    months = [str(request.partition_key) for request in data.run_requests or []]
    return months[0] if months else str(data.skip_message)


@pytest.fixture
def records() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


def made(records: dg.DagsterInstance, month: str) -> None:
    records.report_runless_asset_event(dg.AssetMaterialization("batch_predictions", partition=month))


@pytest.mark.parametrize("year", [2020, 2026, 2035])
def test_the_second_of_a_month_asks_for_the_last_reachable_month(
    tmp_path: Path, records: dg.DagsterInstance, year: int
) -> None:
    second = dt.datetime(year, 7, 2, 10, 30, tzinfo=dt.UTC)
    assert tick(_settings(tmp_path), records, second) == "2026-11"
    made(records, "2026-11")
    assert tick(_settings(tmp_path), records, second) == "2026-11"


@pytest.mark.parametrize("day", [3, 17, 31])
def test_a_later_day_asks_for_a_month_that_nobody_has_forecast(
    tmp_path: Path, records: dg.DagsterInstance, day: int
) -> None:
    later = dt.datetime(2026, 12, day, 9, 30, tzinfo=dt.UTC)
    # Who has just installed it has nothing in production; a run would fail each day.
    assert "Nothing was forecast yet" in tick(_settings(tmp_path), records, later)
    made(records, "2026-10")
    assert tick(_settings(tmp_path), records, later) == "2026-11"
    made(records, "2026-11")
    assert "2026-11 is forecast" in tick(_settings(tmp_path), records, later)


def test_a_later_day_waits_for_a_forecast_that_is_under_way(tmp_path: Path, records: dg.DagsterInstance) -> None:
    later = dt.datetime(2026, 12, 5, 9, 30, tzinfo=dt.UTC)
    made(records, "2026-10")
    run = dg.DagsterRun(job_name="monthly_forecast", status=dg.DagsterRunStatus.STARTED)
    records.add_run(run)
    assert f"A forecast is under way: run {run.run_id}" in tick(_settings(tmp_path), records, later)
    # One that failed is tried again on the next day.
    records.add_run(dg.DagsterRun(job_name="monthly_forecast", status=dg.DagsterRunStatus.FAILURE))
    records.delete_run(run.run_id)
    assert tick(_settings(tmp_path), records, later) == "2026-11"


def test_a_file_that_has_grown_brings_its_month_when_the_assets_are_loaded_again(
    tmp_path: Path, records: dg.DagsterInstance
) -> None:
    """The daemon loads them again by itself; nothing need be received first."""
    data, home = _prices(tmp_path / "data", 200), Home(tmp_path / "home")
    settings = Settings(data=data, home=home.path)
    claim_for_folder(home, DataFolder(data))
    assert monthly_partitions(settings).get_last_partition_key() == "2016-09"
    with (data / "precio_leche.csv").open("a", encoding="utf-8") as file:
        file.write("2016,Sep,131.5\n")
    made(records, "2016-09")
    assert tick(settings, records, CLOCKS[-1]) == "2016-10"
    # A file that is cut short or broken does not take months away that the home has received.
    (data / "precio_leche.csv").write_text("broken", encoding="utf-8")
    assert monthly_partitions(settings).get_last_partition_key() == "2016-09"


def test_the_schedule_ticks_each_day_from_the_second_of_a_month_on_in_chile(tmp_path: Path) -> None:
    repository = build_definitions(_settings(tmp_path)).get_repository_def()
    schedule = repository.get_schedule_def("monthly_forecast_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 6 2-31 * *", "America/Santiago")


def test_the_monthly_job_needs_no_training(tmp_path: Path) -> None:
    job = build_definitions(_settings(tmp_path)).resolve_job_def("monthly_forecast")
    keys = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert keys.isdisjoint({"params", "backtest", "staging_model", "prod_model"})
