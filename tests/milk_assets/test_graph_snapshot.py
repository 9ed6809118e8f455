"""The asset graph as a person sees it, against a committed file; `make update-snapshot` accepts a change."""

import json
import os
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pytest

from milk.settings import SAMPLE, Settings
from milk.tables import TABLES
from milk_assets.definitions import build_definitions

SNAPSHOT = Path(__file__).with_name("graph.json")
SHORTEST_DESCRIPTION = 100
Executor = Literal["in_process", "multiprocess"]
EXECUTORS: tuple[Executor, ...] = ("in_process", "multiprocess")


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Settings(data=SAMPLE, home=tmp_path_factory.mktemp("snapshot") / "home"))


def _assets(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def _graph(definitions: dg.Definitions) -> dict[str, Any]:
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    return {
        "assets": {name: _asset(spec) for name, spec in sorted(_assets(definitions).items())},
        "checks": {
            f"{spec.asset_key.to_user_string()}: {spec.name}": {"blocking": spec.blocking}
            for spec in sorted(checks, key=lambda spec: (spec.asset_key, spec.name))
        },
        "jobs": {
            job.name: {
                "assets": sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys),
                "partitioned": job.partitions_def is not None,
            }
            for job in repository.get_all_jobs()
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "default_status": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: {
                "job": sensor.job_name if sensor.targets else None,
                "seconds between ticks": sensor.minimum_interval_seconds,
                "default_status": sensor.default_status.value,
            }
            for sensor in repository.sensor_defs
        },
    }


def _asset(spec: dg.AssetSpec) -> dict[str, Any]:
    return {
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "code_version": spec.code_version,
        "partitions": _partitions(spec.partitions_def),
    }


def _partitions(partitions: dg.PartitionsDefinition[str] | None) -> dict[str, Any] | None:
    if partitions is None:
        return None
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    assert partitions.end is not None
    return {
        "start": f"{partitions.start:%Y-%m}",
        "end (exclusive)": f"{partitions.end:%Y-%m}",
        "timezone": partitions.timezone,
        "cron": partitions.cron_schedule,
    }


def test_the_graph_is_the_one_agreed_upon(definitions: dg.Definitions) -> None:
    graph = _graph(definitions)
    if os.environ.get("MILK_UPDATE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(json.dumps(graph, indent=2) + "\n", encoding="utf-8")
    agreed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert graph == agreed, "The graph has changed: see the difference, and accept it with `make update-snapshot`."


def test_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_tells_what_it_is(definitions: dg.Definitions) -> None:
    for name, spec in _assets(definitions).items():
        assert len(spec.description or "") >= SHORTEST_DESCRIPTION, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name not in (None, "default"), name
        assert spec.code_version, name


def test_every_check_tells_what_it_looks_at(definitions: dg.Definitions) -> None:
    graph = definitions.get_repository_def().asset_graph
    for key in graph.asset_check_keys:
        assert len(graph.get_check_spec(key).description or "") > 40, key


def test_the_columns_of_a_table_are_those_of_its_schema(definitions: dg.Definitions) -> None:
    assets = _assets(definitions)
    for name, schema in TABLES.items():
        shown: dg.TableSchema = assets[name].metadata["dagster/column_schema"]
        assert [column.name for column in shown.columns] == list(schema.columns), name
        assert all(column.description and column.type for column in shown.columns), name
    assert {name for name, spec in assets.items() if "deltalake" in spec.kinds} == set(TABLES)


def test_every_table_has_its_schema_checked(definitions: dg.Definitions) -> None:
    graph = definitions.get_repository_def().asset_graph
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys if key.name == "schema"}
    assert checked == set(TABLES)


def test_a_unit_stands_in_the_description_of_its_column(definitions: dg.Definitions) -> None:
    shown = _assets(definitions)["batch_predictions"].metadata["dagster/column_schema"]
    (price,) = [column for column in shown.columns if column.name == "price"]
    assert "[CLP/L]" in price.description


def test_long_backfills_are_one_run(definitions: dg.Definitions) -> None:
    monthly = [a for a in definitions.assets or [] if isinstance(a, dg.AssetsDefinition) and a.partitions_def]
    assert [a.key.to_user_string() for a in monthly] == ["batch_predictions", "published_predictions"]
    assert all(a.backfill_policy == dg.BackfillPolicy.single_run() for a in monthly)
    # Of two objects, a backfill over both would be cut into pieces.
    assert monthly[0].partitions_def is monthly[1].partitions_def


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_the_executor_is_the_one_of_the_setting(
    tmp_path: Path, executor: Literal["in_process", "multiprocess"]
) -> None:
    definitions = build_definitions(Settings(data=SAMPLE, home=tmp_path, executor=executor))
    assert isinstance(definitions.executor, dg.ExecutorDefinition)
    assert definitions.executor.name == executor
    dg.Definitions.validate_loadable(definitions)
