"""The checks of the two models and what the UI tells of production: planted faults, rollbacks, actors."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SENSOR_NAME_TAG

from milk.forecasting.recipe import Setting
from milk.home.documents import read_document
from milk.home.tables import write_table
from milk.models.version import ModelVersion
from milk.publication.ledger import PromotionRow
from milk.series import series_register
from milk.steps.predictions import TABLE
from milk.steps.promotion import Actor, load_champion, promote_version, roll_back
from milk.steps.staging import write_recipe
from milk.steps.store import home_store
from milk.steps.training import Params, Training, own_backtest
from milk_assets.defs.production import actor_of, production_event, shown_version
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import NOW, Place

pytestmark = pytest.mark.slow(seconds=40)

PERSON = Actor("person", "ana", None)
LOSES = Setting((3.0,), 12.0, 0.0)
"""Twelve times the drift of the last few months."""
OTHER = Setting((24.0,), 0.5)
FORECASTS = dg.AssetSelection.assets(TABLE)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def by_hand(place: Place, setting: Setting) -> tuple[PromotionRow, ModelVersion]:
    """Another recipe on the same data, put into production by a person."""
    params = Params.of_document(read_document(place.home, "params") or {})
    rule = series_register().price.availability
    features, backtest = place.table("features"), own_backtest(place.table("backtest"), rule)
    version = write_recipe(
        place.home, Training(features, params, backtest, rule, True, dt.datetime.fromisoformat(NOW)), setting
    )
    with home_store(place.home, place.home.store_url) as store:
        row = promote_version(
            place.home, store, version.version_id, reason="a try", actor=PERSON, decided_at=version_time()
        )
    return row, version


def version_time() -> dt.datetime:
    return dt.datetime.fromisoformat(NOW) + dt.timedelta(days=1)


def rolled_back(place: Place) -> tuple[PromotionRow, ModelVersion]:
    with home_store(place.home, place.home.store_url) as store:
        row = roll_back(place.home, store, reason="it was worse", actor=PERSON, decided_at=version_time())
        champion = load_champion(place.home, store)
    assert champion is not None
    return row, champion


def versions_of_newest(place: Place) -> set[str]:
    table = place.table()
    return set(table.loc[table["issue_month"] == pd.Timestamp("2026-11-01"), "model_version"])


def said_by(place: Place, asset: str, name: str, instance: dg.DagsterInstance) -> tuple[bool, str]:
    key = dg.AssetCheckKey(dg.AssetKey(asset), name)
    result = place.run(dg.AssetSelection.checks(key), instance=instance)
    assert result.success, "a warning stops nothing"
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    return evaluation.passed, evaluation.description or ""


def test_a_version_that_ends_before_the_newest_price_is_told(copied: Place, instance: dg.DagsterInstance) -> None:
    check = ("staging_model", "is_of_newest_data")
    assert said_by(copied, *check, instance) == (True, "It is fitted to the prices up to 2026-10.")
    features = copied.table("features")
    newest = features[(features["feature"] == "price") & (features["month"] == features["month"].max())]
    later = newest.assign(
        month=newest["month"] + pd.DateOffset(months=1), known_since=newest["known_since"] + pd.Timedelta(days=30)
    )
    write_table(copied.home, "features", pd.concat([features, later.astype(features.dtypes)], ignore_index=True))
    passed, said = said_by(copied, *check, instance)
    assert not passed
    assert "ends with the price of 2026-10, and the newest is that of 2026-11" in said


def test_a_revised_price_is_told(copied: Place, instance: dg.DagsterInstance) -> None:
    features = copied.table("features")
    revised = (features["feature"] == "price") & (features["month"] == pd.Timestamp("2020-05-01"))
    write_table(copied.home, "features", features.assign(value=features["value"].mask(revised, 321.0)))
    passed, said = said_by(copied, "staging_model", "is_of_newest_data", instance)
    assert not passed
    assert "was revised since" in said


def test_intervals_that_hold_too_little_are_told(copied: Place, instance: dg.DagsterInstance) -> None:
    check = ("staging_model", "coverage_in_band")
    passed, said = said_by(copied, *check, instance)
    assert passed, said
    backtest = copied.table("backtest")
    ends = {f"{end}_80": backtest["prediction"] * (1 + shift) for end, shift in (("lower", -1e-6), ("upper", 1e-6))}
    write_table(copied.home, "backtest", backtest.assign(**ends))
    passed, said = said_by(copied, *check, instance)
    assert not passed
    assert "the 80 % interval next month held 0% of the prices" in said


def test_a_champion_that_loses_to_the_last_value_is_told(copied: Place, instance: dg.DagsterInstance) -> None:
    check = ("prod_model", "champion_still_wins")
    passed, said = said_by(copied, *check, instance)
    assert passed, said
    _row, version = by_hand(copied, LOSES)
    passed, said = said_by(copied, *check, instance)
    assert not passed
    assert said.startswith(f"{version.version_id}: RMSE ratio ")


def test_the_last_value_in_production_is_told_and_is_no_fault(copied: Place, instance: dg.DagsterInstance) -> None:
    params = Params.of_document(read_document(copied.home, "params") or {})
    rule = series_register().price.availability
    training = Training(
        copied.table("features"),
        params,
        own_backtest(copied.table("backtest"), rule),
        rule,
        True,
        dt.datetime.fromisoformat(NOW),
    )
    version = write_recipe(copied.home, training, None)
    with home_store(copied.home, copied.home.store_url) as store:
        promote_version(copied.home, store, version.version_id, reason="x", actor=PERSON, decided_at=version_time())
    passed, said = said_by(copied, "prod_model", "champion_still_wins", instance)
    assert passed, said
    assert "repeats the last value" in said


def test_a_promotion_that_the_ui_was_not_told_is_seen_and_mended(copied: Place, instance: dg.DagsterInstance) -> None:
    prod = dg.AssetSelection.assets("prod_model").without_checks()
    assert copied.run(prod, instance=instance).success
    check = ("prod_model", "shown_as_in_ledger")
    assert said_by(copied, *check, instance)[0]
    row, version = by_hand(copied, OTHER)
    passed, said = said_by(copied, *check, instance)
    assert not passed
    assert f"In production is {version.version_id} (person ana" in said
    instance.report_runless_asset_event(production_event(row, version))
    assert said_by(copied, *check, instance)[0]
    rolled_back(copied)
    assert not said_by(copied, *check, instance)[0]
    # What the message asks for helps: the gate finds nothing new to judge, and the page tells what the ledger holds.
    result = copied.run(prod, instance=instance)
    assert result.success
    assert said_by(copied, *check, instance)[0]
    (made,) = result.get_asset_materialization_events()
    metadata = made.step_materialization_data.materialization.metadata
    assert metadata["outcome"].value == "nothing new: judged before"
    assert metadata["reason"].value == "it was worse"
    assert metadata["promoted_by"].value == "person ana"


def test_what_a_person_did_stands_in_the_ui_as_a_run_would_have_put_it(made: Made, copied: Place) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert shown_version(instance) is None
        row, version = by_hand(copied, OTHER)
        instance.report_runless_asset_event(production_event(row, version))
        shown = shown_version(instance)
        event = instance.get_latest_materialization_event(dg.AssetKey("prod_model"))
    assert shown is not None
    assert shown[0] == version.version_id
    assert event is not None
    materialization = event.asset_materialization
    assert materialization is not None
    assert materialization.metadata["reason"].value == "a try"
    assert materialization.metadata["judged_by"].value == "person ana"
    (of_a_run,) = [
        e for e in made.result.get_asset_materialization_events() if e.asset_key == dg.AssetKey("prod_model")
    ]
    names = set(of_a_run.step_materialization_data.materialization.metadata)
    assert set(materialization.metadata) == names


def test_the_next_issue_uses_what_was_rolled_back_to(copied: Place, instance: dg.DagsterInstance) -> None:
    """Without materialising prod_model again: its value is what the ledger says when it is read."""
    _row, other = by_hand(copied, OTHER)
    assert copied.run(FORECASTS, months=("2026-11", "2026-11"), instance=instance).success
    assert versions_of_newest(copied) == {other.version_id}
    row, champion = rolled_back(copied)
    assert row.champion_version_id == champion.version_id != other.version_id
    assert copied.run(FORECASTS, months=("2026-11", "2026-11"), instance=instance).success
    assert versions_of_newest(copied) == {champion.version_id}


def test_a_rollback_from_a_damaged_champion_sets_the_next_issue_free(
    copied: Place, instance: dg.DagsterInstance
) -> None:
    _row, other = by_hand(copied, OTHER)
    file = copied.home.path / "models" / other.version_id / "model.json"
    file.write_bytes(file.read_bytes().replace(b"0.", b"1.", 1))
    key = dg.AssetCheckKey(dg.AssetKey("prod_model"), "pointer_resolves")
    assert not copied.run(dg.AssetSelection.checks(key), instance=instance).success
    assert not copied.run(FORECASTS, months=("2026-11", "2026-11"), instance=instance).success
    row, champion = rolled_back(copied)
    # The check stands red until the asset is made anew; the report of the rollback is that.
    assert not copied.run(FORECASTS, months=("2026-11", "2026-11"), instance=instance).success
    instance.report_runless_asset_event(production_event(row, champion))
    assert copied.run(FORECASTS, months=("2026-11", "2026-11"), instance=instance).success


@pytest.mark.parametrize(
    ("tags", "kind", "name"),
    [
        ({}, "run", "training"),
        ({SCHEDULE_NAME_TAG: "every_year"}, "schedule", "every_year"),
        ({SENSOR_NAME_TAG: "retraining_sensor"}, "sensor", "retraining_sensor"),
    ],
)
def test_the_actor_is_who_started_the_run(tags: dict[str, str], kind: str, name: str) -> None:
    run = dg.DagsterRun(job_name="training", tags=tags)
    assert actor_of(run) == Actor(kind, name, run.run_id)  # type: ignore[arg-type]  # because the kinds are texts here


def test_a_training_that_a_sensor_started_stands_in_the_ledger_as_one(
    copied: Place, instance: dg.DagsterInstance
) -> None:
    Path(copied.home.store_url.removeprefix("sqlite:///")).unlink()
    job = copied.definitions().resolve_job_def("training")
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("prod_model")],
        tags={SENSOR_NAME_TAG: "retraining_sensor"},
        raise_on_error=False,
    )
    assert result.success
    (row,) = copied.ledger()
    assert (row.actor_kind, row.actor, row.run_id) == ("sensor", "retraining_sensor", result.run_id)
