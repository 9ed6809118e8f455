"""What goes wrong in a run, and how it is told: unreachable months, refused rows, expected failures."""

import json
import shutil
import subprocess
import sys

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from milk import errors
from milk.errors import FilesUnavailable, HomeBusy, MilkError
from milk.home.tables import write_table
from milk.steps.predictions import TABLE
from milk_assets.defs.failures import explained
from tests.milk_assets.places import PRICE_FILE, Place, failure_of, outcomes

FORECASTS = dg.AssetSelection.assets(TABLE)
RECEPTION = dg.AssetSelection.assets("raw_milk_price")


def _materialized(result: dg.ExecuteInProcessResult) -> list[str | None]:
    events = result.get_asset_materialization_events()
    return [e.partition for e in events if e.asset_key == dg.AssetKey(TABLE)]


def _promise_more_months(place: Place, last_month: str) -> None:
    """The record of the home says that prices go on: so do the partitions, and the prices do not."""
    file = place.home.path / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"last_month": last_month}), encoding="utf-8")


def test_unreachable_months_in_a_range_stop_no_other(copied: Place) -> None:
    _promise_more_months(copied, "2026-12")
    shutil.rmtree(copied.home.path / "tables" / TABLE)
    with dg.DagsterInstance.ephemeral() as instance:
        result = copied.run(FORECASTS, months=("2026-10", "2027-01"), instance=instance)
        warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert result.success, [str(e.event_specific_data) for e in result.all_events if "FAILURE" in e.event_type_value]
    assert _materialized(result) == ["2026-10", "2026-11"]
    outputs = {e.step_output_data.output_name for e in result.all_events if e.event_type_value == "STEP_OUTPUT"}
    assert "result" not in outputs, "so that what hangs below is skipped"
    assert {f"{m:%Y-%m}" for m in copied.table()["issue_month"]} == {"2026-10", "2026-11"}
    assert len(warnings) == 2
    for month, price, said in zip(("2026-12", "2027-01"), ("2026-11", "2026-12"), warnings, strict=True):
        assert said.startswith(f"{month} was not forecast: milk_price does not hold the price of {price} yet")


def test_an_unreachable_month_alone_is_green_and_changes_nothing(copied: Place) -> None:
    before = copied.table()
    _promise_more_months(copied, "2026-12")
    result = copied.run(FORECASTS, months=("2027-01", "2027-01"))
    assert result.success
    assert _materialized(result) == []
    said = {e.check_name: (e.passed, e.description) for e in result.get_asset_check_evaluations()}
    assert said.pop("schema") == (True, "No row was written.")
    assert set(said.values()) == {(True, "No month was judged, because none could be forecast.")}
    pd.testing.assert_frame_equal(copied.table(), before)


def test_rows_that_break_their_contract_are_refused_and_named(copied: Place) -> None:
    features = copied.table("features")
    newest = (features["feature"] == "price") & (features["month"] == pd.Timestamp("2026-10-01"))
    # So small that the ends of the intervals around the forecast from it are zero, which no price is.
    write_table(copied.home, "features", features.assign(value=features["value"].mask(newest, np.float64(5e-324))))
    shutil.rmtree(copied.home.path / "tables" / TABLE)
    result = copied.run(FORECASTS, months=("2026-08", "2026-11"))
    assert not result.success
    failed = failure_of(result, TABLE)
    assert "the other months were" in failed.description
    assert "2026-11: " in failed.description
    assert "lower_95" in failed.description
    assert "2026-10: " not in failed.description
    assert _materialized(result) == ["2026-08", "2026-09", "2026-10"]
    assert copied.table()["issue_month"].max() == pd.Timestamp("2026-10-01")
    checks = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert not checks["schema"].passed
    assert "2026-11" in (checks["schema"].description or "")


def test_features_that_break_their_contract_write_nothing(copied: Place) -> None:
    before = copied.table()
    features = copied.table("features")
    write_table(copied.home, "features", features.assign(value=-features["value"]))
    result = copied.run(FORECASTS)
    assert not result.success
    failed = failure_of(result, TABLE)
    assert failed.kind == "ForecastRefused"
    assert "1979-01 is -4.23, not a positive number" in failed.description
    pd.testing.assert_frame_equal(copied.table(), before)


def test_a_price_below_zero_stops_the_run_in_words(copied: Place) -> None:
    before = copied.counts()
    file = copied.data / PRICE_FILE
    file.write_text(file.read_text(encoding="utf-8").replace("1979,Feb,4.37", "1979,Feb,-4.37"), encoding="utf-8")
    result = copied.run()
    assert not result.success
    failed = failure_of(result, "raw_milk_price")
    assert failed.kind == "BadInput"
    assert "precio_leche.csv, row 3" in failed.description
    assert "negative" in failed.description
    assert "Traceback" not in failed.description
    assert outcomes(result).get("merged_table") != "STEP_SUCCESS"
    assert copied.counts() == before


def test_a_damaged_champion_stops_the_forecasts_in_words(copied: Place) -> None:
    before = copied.table()
    (card,) = (copied.home.path / "models").glob("v-*/card.json")
    card.write_bytes(card.read_bytes() + b" ")
    result = copied.run(FORECASTS)
    assert not result.success
    assert "changed after it was promoted" in failure_of(result, TABLE).description
    pd.testing.assert_frame_equal(copied.table(), before)


@pytest.mark.parametrize(
    ("asset", "missing"),
    [
        ("merged_table", "raw_"),
        ("backtest", "features"),
        ("staging_model", "never made"),
        (TABLE, "first"),
    ],
)
def test_an_asset_made_before_its_inputs_says_what_to_make(copied: Place, asset: str, missing: str) -> None:
    for part in (copied.home.path / "tables", copied.home.path / "documents"):
        shutil.rmtree(part)
    result = copied.run(dg.AssetSelection.assets(asset))
    assert not result.success
    description = failure_of(result, asset).description
    assert missing in description
    assert "materialise it first" in description


def test_parameters_and_staged_versions_are_asked_for_by_name(copied: Place) -> None:
    shutil.rmtree(copied.home.path / "documents")
    backtest = copied.run(dg.AssetSelection.assets("backtest").without_checks())
    assert failure_of(backtest, "backtest").description == "params was never made in this home: materialise it first."
    promotion = copied.run(dg.AssetSelection.assets("prod_model").without_checks())
    assert "materialise it first" in failure_of(promotion, "prod_model").description


def test_without_a_champion_the_forecasts_ask_for_one(copied: Place) -> None:
    (copied.home.path / "milk.db").unlink()
    result = copied.run(FORECASTS)
    assert "Nothing is in production yet: materialise prod_model first." in failure_of(result, TABLE).description


def _all_errors(kind: type[MilkError]) -> set[type[MilkError]]:
    # The reader's own ones, there where its tests run in the same process, never reach a run.
    below = [kind for kind in kind.__subclasses__() if not kind.__module__.startswith("milk_serving")]
    return {kind}.union(*(_all_errors(one) for one in below))


def test_the_tree_of_errors_is_the_whole_one() -> None:
    named = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, MilkError)}
    assert _all_errors(MilkError) == named


@pytest.mark.parametrize("kind", sorted(_all_errors(MilkError), key=str))
def test_every_expected_failure_is_explained(kind: type[MilkError]) -> None:
    with pytest.raises(dg.Failure) as caught, explained():
        raise kind("what, where, what to do")
    assert caught.value.description == "what, where, what to do"
    assert caught.value.metadata["kind"].value == kind.__name__
    assert caught.value.allow_retries == (kind in (HomeBusy, FilesUnavailable))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError


HOLD = """
import pathlib, sys
from milk.home.layout import Home
with Home(pathlib.Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_step_waits_for_the_home(copied: Place) -> None:
    """Received while another process holds the home: the step waits, then does its work."""
    command = [sys.executable, "-c", HOLD, str(copied.home.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeBusy, match="Another run"), copied.home.locked():
            pass
        holder.stdin.close()
        result = copied.run(RECEPTION)
    assert result.success
