"""Partitions and schedule: the months that the data reach, whatever the clock says."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from benchmarks.faults.content import FIRST, Order, issue, publication
from milk.home.layout import Home
from milk.months import Month
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish
from milk.series import SERIES_ID
from milk.settings import SAMPLE, Settings
from milk.sources.files import DataFolder
from milk.steps.receive import claim_for_folder
from milk_assets.definitions import build_definitions
from milk_assets.defs.partitions import issue_months_of, monthly_partitions
from milk_assets.defs.schedules import TAG

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
    definitions = build_definitions(settings)
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("monthly_forecast_schedule")
    resources = {"workplace": dict(definitions.resources or {})["workplace"]}
    with (
        partition_loading_context(effective_dt=day),
        dg.build_schedule_context(
            instance, scheduled_execution_time=day, repository_def=repository, resources=resources
        ) as context,
    ):
        data = schedule.evaluate_tick(context)
    months = [str(request.partition_key) for request in data.run_requests or []]
    return months[0] if months else str(data.skip_message)


@pytest.fixture
def records() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


def publish_month(settings: Settings, month: str) -> None:
    engine = open_store(settings.store_address)
    settings.home_path.mkdir(parents=True, exist_ok=True)
    migrate(engine)
    made = dataclasses.replace(issue(FIRST, 0), series_id=SERIES_ID, issue_month=Month.parse(month))
    publish(engine, dataclasses.replace(publication(Order(0, FIRST)), issues=[made]))
    engine.dispose()


def started(records: dg.DagsterInstance, month: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run of the schedule, started in a month of the calendar."""
    return records.add_run(dg.DagsterRun(job_name="monthly_forecast", status=status, tags={TAG: month}))


def in_december(day: int) -> dt.datetime:
    return dt.datetime(2026, 12, day, 9, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(("year", "day"), [(2020, 2), (2026, 3), (2035, 31)])
def test_the_first_look_of_a_month_asks_for_the_last_reachable_month(
    tmp_path: Path, records: dg.DagsterInstance, year: int, day: int
) -> None:
    """Also where it is published: other files may be new. And later, where the machine was off on the second."""
    settings, look = _settings(tmp_path), dt.datetime(year, 7, day, 10, 30, tzinfo=dt.UTC)
    # Who has just installed it has nothing in production; a run would fail each day.
    assert "Nothing was forecast yet" in tick(settings, records, look)
    publish_month(settings, "2026-10")
    assert tick(settings, records, look) == "2026-11"
    publish_month(settings, "2026-11")
    assert tick(settings, records, look) == "2026-11"


def test_a_later_look_asks_for_a_month_that_nobody_has_forecast(tmp_path: Path, records: dg.DagsterInstance) -> None:
    settings = _settings(tmp_path)
    publish_month(settings, "2026-10")
    started(records, "2026-12", dg.DagsterRunStatus.FAILURE)
    # The run of the second failed, or the price has come since.
    assert tick(settings, records, in_december(3)) == "2026-11"
    publish_month(settings, "2026-11")
    assert "2026-11 is forecast, and the prices reach no later month" in tick(settings, records, in_december(4))
    # The price of a month that came before its end waits for the next month to begin.
    november = in_december(5) - dt.timedelta(days=30)
    started(records, "2026-11", dg.DagsterRunStatus.SUCCESS)
    assert tick(settings, records, november) == "2026-11 is forecast."


def test_a_look_waits_for_a_forecast_that_is_under_way(tmp_path: Path, records: dg.DagsterInstance) -> None:
    settings = _settings(tmp_path)
    publish_month(settings, "2026-10")
    run = started(records, "2026-12", dg.DagsterRunStatus.STARTED)
    assert f"A forecast is under way: run {run.run_id}" in tick(settings, records, in_december(5))


def test_a_file_that_has_grown_brings_its_month_and_one_that_is_refused_a_run_that_says_so(
    tmp_path: Path, records: dg.DagsterInstance
) -> None:
    """The daemon loads the assets again by itself; nothing need be received first."""
    data, home = _prices(tmp_path / "data", 200), Home(tmp_path / "home")
    settings = Settings(data=data, home=home.path)
    claim_for_folder(home, DataFolder(data))
    publish_month(settings, "2016-09")
    started(records, "2016-10", dg.DagsterRunStatus.SUCCESS)
    look = dt.datetime(2016, 10, 5, 9, 30, tzinfo=dt.UTC)
    assert "2016-09 is forecast, and the prices reach no later month" in tick(settings, records, look)
    file, text = data / "precio_leche.csv", (data / "precio_leche.csv").read_text(encoding="utf-8")
    file.write_text(text + "2016,Sep,1031.5\n", encoding="utf-8")
    assert tick(settings, records, look) == "2016-09"
    file.write_text(text + "2016,Sep,131.5\n", encoding="utf-8")
    assert tick(settings, records, look) == "2016-10"
    # A file that is cut short or broken does not take months away that the home has received.
    file.write_text("broken", encoding="utf-8")
    assert monthly_partitions(settings).get_last_partition_key() == "2016-09"
    # Where the month of the calendar is forecast, a broken file can wait.
    publish_month(settings, "2016-10")
    assert tick(settings, records, look) == "2016-10 is forecast."


def test_no_month_is_asked_for_that_the_data_do_not_reach(tmp_path: Path, records: dg.DagsterInstance) -> None:
    publish_month(_settings(tmp_path), "2026-10")
    started(records, "2026-12", dg.DagsterRunStatus.FAILURE)
    for first in (Month(2026, 12), Month(2031, 1)):
        said = tick(_settings(tmp_path, first_issue=first), records, in_december(5))
        assert "no issue month: see MILK_FIRST_ISSUE" in said


def test_the_schedule_ticks_each_day_from_the_second_of_a_month_on_in_chile(tmp_path: Path) -> None:
    repository = build_definitions(_settings(tmp_path)).get_repository_def()
    schedule = repository.get_schedule_def("monthly_forecast_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 6 2-31 * *", "America/Santiago")


def test_the_monthly_job_needs_no_training(tmp_path: Path) -> None:
    job = build_definitions(_settings(tmp_path)).resolve_job_def("monthly_forecast")
    keys = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert keys.isdisjoint({"params", "backtest", "staging_model", "prod_model"})
