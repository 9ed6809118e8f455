"""A warning never blocks and an error always does, across runs too."""

import uuid
from collections.abc import Iterator

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import DagsterEvent

from milk.home.tables import table_version, write_table
from milk_assets.defs.standing_checks import KIND, blocking_checks, refuse_red
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import PRICE_FILE, Place, failure_of

PRICE = dg.AssetKey("raw_milk_price")
GAPS = dg.AssetCheckKey(PRICE, "no_month_absent")
RAIN_GAPS = dg.AssetCheckKey(dg.AssetKey("raw_precipitation"), "months_complete")
MERGED = dg.AssetSelection.assets("merged_table").without_checks()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def lose_a_price(place: Place) -> None:
    """A month of the price is gone from the stored table, and the check has not looked since."""
    table = place.table("raw_milk_price")
    write_table(place.home, "raw_milk_price", table.drop(index=table.index[100]))


def evaluate(place: Place, instance: dg.DagsterInstance, *keys: dg.AssetCheckKey) -> dg.ExecuteInProcessResult:
    return place.run(dg.AssetSelection.checks(*keys), instance=instance)


def made_red(place: Place, instance: dg.DagsterInstance) -> str:
    """A run that receives the price, and one that finds it broken; the number of the second."""
    assert place.run(dg.AssetSelection.assets(PRICE).without_checks() | _answered(), instance=instance).success
    lose_a_price(place)
    result = evaluate(place, instance, GAPS)
    assert not result.success
    return result.run_id


def _answered() -> dg.AssetSelection:
    names = ("received_without_faults", "agrees_with_former_vintage")
    return dg.AssetSelection.checks(*(dg.AssetCheckKey(PRICE, name) for name in names))


def test_what_failed_in_one_run_is_refused_in_the_next(copied: Place, instance: dg.DagsterInstance) -> None:
    run_id = made_red(copied, instance)
    before = table_version(copied.home, "merged_table")
    result = copied.run(MERGED, instance=instance)
    assert not result.success
    failed = failure_of(result, "merged_table")
    assert failed.kind == KIND
    for said in (
        "raw_milk_price",
        "no_month_absent",
        run_id,
        "No price for 1987-05",
        "materialise raw_milk_price again",
    ):
        assert said in failed.description
    assert table_version(copied.home, "merged_table") == before
    assert not result.get_asset_materialization_events()


def test_it_goes_on_once_the_asset_is_made_anew(copied: Place, instance: dg.DagsterInstance) -> None:
    made_red(copied, instance)
    # What was lost comes again with the file.
    mended = copied.run(dg.AssetSelection.assets(PRICE), instance=instance)
    assert mended.success
    assert copied.run(MERGED, instance=instance).success


def test_an_evaluation_of_what_stood_before_does_not_count(copied: Place, instance: dg.DagsterInstance) -> None:
    made_red(copied, instance)
    assert copied.run(dg.AssetSelection.assets(PRICE).without_checks() | _answered(), instance=instance).success
    assert copied.run(MERGED, instance=instance).success, "made anew, though its check was not asked since"


def test_it_goes_on_once_the_check_passes(copied: Place, instance: dg.DagsterInstance) -> None:
    whole = copied.table("raw_milk_price")
    made_red(copied, instance)
    write_table(copied.home, "raw_milk_price", whole)
    assert evaluate(copied, instance, GAPS).success, "a check may read what it found red"
    assert copied.run(MERGED, instance=instance).success


def test_a_red_check_can_be_asked_again_and_stays_red(copied: Place, instance: dg.DagsterInstance) -> None:
    made_red(copied, instance)
    again = evaluate(copied, instance, GAPS)
    (evaluation,) = again.get_asset_check_evaluations()
    assert not evaluation.passed
    assert not copied.run(MERGED, instance=instance).success


def test_a_red_warning_blocks_nothing(copied: Place, instance: dg.DagsterInstance) -> None:
    rain = copied.table("raw_precipitation")
    write_table(copied.home, "raw_precipitation", rain[rain["month"] != rain["month"].iloc[70]])
    result = evaluate(copied, instance, RAIN_GAPS)
    (evaluation,) = result.get_asset_check_evaluations()
    assert (result.success, evaluation.passed) == (True, False)
    assert copied.run(MERGED, instance=instance).success


def test_a_check_planned_in_a_run_that_died_covers_nothing_up(copied: Place, instance: dg.DagsterInstance) -> None:
    run_id = made_red(copied, instance)
    planned = DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        job_name="training",
        event_specific_data=AssetCheckEvaluationPlanned(asset_key=PRICE, check_name=GAPS.name),
    )
    instance.report_dagster_event(planned, run_id=str(uuid.uuid4()))
    with pytest.raises(dg.Failure) as refused:
        refuse_red(instance, PRICE)
    assert refused.value.metadata["run"].value == run_id
    assert refused.value.allow_retries is False


def test_a_file_with_a_gap_is_refused_before_anything_is_kept(copied: Place, instance: dg.DagsterInstance) -> None:
    """The parser is the first wall; the check looks at what is stored."""
    file = copied.data / PRICE_FILE
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:100] + lines[101:]), encoding="utf-8")
    assert not copied.run(dg.AssetSelection.assets(PRICE), instance=instance).success


def test_the_blocking_checks_are_those_of_the_graph(made: Made) -> None:
    graph = made.place.definitions().get_repository_def().asset_graph
    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert {key for keys in blocking_checks().values() for key in keys} == blocking
    assert all(key.asset_key == asset for asset, keys in blocking_checks().items() for key in keys)


def test_a_person_may_look_at_what_is_red(copied: Place, instance: dg.DagsterInstance) -> None:
    made_red(copied, instance)
    loaded = copied.definitions().load_asset_value(PRICE, python_type=pd.DataFrame, instance=instance)
    assert isinstance(loaded, pd.DataFrame)
    assert len(loaded) == 573
