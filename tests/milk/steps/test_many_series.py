"""Many price files in one home: received, forecast and published, each series judged by itself."""

import os
import shutil
import signal
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from milk.errors import BadInput, BadSetting
from milk.forecasting.cohorts import Cohort
from milk.home.layout import Home
from milk.home.tables import Months, read_table, table_version
from milk.months import Month
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.sources.milk_price import FILE_NAME
from milk.steps.further_series import Task
from milk.steps.predictions import TABLE, split_broken
from milk.steps.receive_series import TABLE as PRICES
from milk.steps.receive_series import check_series, price_series
from milk.tables import BATCH_PREDICTIONS, SERIES_PRICES
from tests.builders import SAMPLE, random_walk
from tests.milk.steps.many import FURTHER, ISSUES, LAST, LATER, SOUND, Many, price_text, spoil, write_list


def test_each_price_of_each_series_is_kept(made: Many) -> None:
    prices = read_table(made.home, PRICES)
    SERIES_PRICES.validate(prices.reset_index(drop=True))
    assert prices.groupby("series_id").size().to_dict() == SOUND | {"short": 30}
    assert [(e.series_id, e.name, e.unit) for e in price_series(made.home)] == [
        (name, f"Price of {name}", "EUR/t") for name in FURTHER
    ]
    (archive,) = (made.home.path / "received" / PRICES).iterdir()
    assert set(prices["snapshot"]) == {archive.stem}
    with zipfile.ZipFile(archive) as bundle:
        assert bundle.read("region_a.csv").decode() == (made.folder / "prices/region_a.csv").read_text()


def test_the_reference_stays_in_its_own_table(made: Many) -> None:
    assert set(read_table(made.home, "raw_milk_price")["series"]) == {"price"}


def test_the_same_files_again_add_nothing(many: Many) -> None:
    version = table_version(many.home, PRICES)
    further = many.receive(LATER).further
    assert further is not None
    assert (further.series, further.changed, further.added, further.observations) == (4, 0, 0, 490)
    assert table_version(many.home, PRICES) == version
    assert len([*(many.home.path / "received" / PRICES).iterdir()]) == 1


def test_a_revised_price_is_a_further_row_known_from_its_reception(many: Many) -> None:
    file = many.folder / "prices/region_a.csv"
    *lines, last = file.read_text().split()
    file.write_text("\n".join([*lines, last.rsplit(",", 1)[0] + ",777.00", ""]))
    further = many.receive(LATER).further
    assert further is not None
    assert (further.changed, further.added) == (1, 1)
    prices = read_table(many.home, PRICES, series_id="region_a")
    newest = prices[prices["month"] == "2026-10-01"].sort_values("known_since").iloc[-1]
    assert (newest["value"], newest["known_by"], newest["known_since"]) == ("777.00", "received", LATER)


def test_a_bad_file_is_refused_by_itself_and_named(many: Many) -> None:
    spoil(many.folder, "region_a", "2026,Oct,", "2026,Oct,-")
    (many.folder / "prices/region_b.csv").write_text(
        price_text(random_walk(131, seed=5), Month(2026, 11)) + "2026,Nov,9\n"
    )
    received = many.receive(LATER)
    assert received.further is not None
    assert sorted(received.further.refused) == ["region_a", "region_b"]
    assert "is negative" in received.further.refused["region_a"]
    assert check_series(DataFolder(many.folder)) == received.further.refused
    # What stood of them stays, and it is said once more without reading the file again.
    again = many.receive(LATER).further
    assert again is not None
    assert (again.refused, again.changed) == (received.further.refused, 0)
    assert len(read_table(many.home, PRICES)) == 490


def test_a_bad_reference_stops_all(many: Many) -> None:
    file = many.folder / FILE_NAME
    file.write_text(file.read_text().replace("2026,Oct,", "2026,Oct,-"))
    with pytest.raises(BadInput, match="negative"):
        many.receive(LATER)


def test_a_bad_list_stops_all_before_anything_is_kept(many: Many) -> None:
    write_list(many.folder, ["region_a", "region_a"])
    with pytest.raises(BadInput, match="its series_id stands there more than once"):
        many.receive(LATER)


def test_a_file_that_is_missing_is_refused_by_itself(many: Many) -> None:
    write_list(many.folder, [*FURTHER, "nowhere"])
    (many.folder / "prices/region_a.csv").unlink()
    further = many.receive(LATER).further
    assert further is not None
    assert further.refused == {
        name: f"There is no file prices/{name}.csv in the folder." for name in ("region_a", "nowhere")
    }
    assert check_series(DataFolder(many.folder)) == further.refused
    assert further.observations == 490


def test_a_table_that_was_lost_is_made_again_of_the_same_files(many: Many) -> None:
    order, later = ["series_id", "month"], ["received_at"]
    before = read_table(many.home, PRICES)
    shutil.rmtree(many.home.path / "tables" / PRICES)
    further = many.receive(LATER).further
    assert further is not None
    assert (further.changed, further.added, further.refused) == (0, 490, {})
    pd.testing.assert_frame_equal(
        read_table(many.home, PRICES).drop(columns=later).sort_values(order, ignore_index=True),
        before.drop(columns=later).sort_values(order, ignore_index=True),
    )


def test_another_unit_is_refused_while_prices_in_the_old_one_stand(many: Many) -> None:
    write_list(many.folder, FURTHER, unit="CLP/L")
    (many.folder / "prices/region_b.csv").write_text(price_text(random_walk(131, seed=1), LAST + 1))
    for _again in range(2):
        further = many.receive(LATER).further
        assert further is not None
        assert [*further.refused] == FURTHER
        assert "Its unit was EUR/t and is CLP/L now" in further.refused["region_b"]
        assert "Give it another series_id" in further.refused["region_b"]
        assert further.added == 0
    assert {entry.unit for entry in price_series(many.home)} == {"EUR/t"}
    write_list(many.folder, FURTHER)
    further = many.receive(LATER).further
    assert further is not None
    assert (further.refused, further.added) == ({}, 1)
    shutil.rmtree(many.home.path / "tables" / PRICES)
    write_list(many.folder, FURTHER, unit="CLP/L")
    further = many.receive(LATER).further
    assert further is not None
    assert (further.refused, further.added) == ({}, 491)


def test_every_series_that_can_be_is_issued_and_the_others_are_named(made: Many) -> None:
    rows = made.table()
    BATCH_PREDICTIONS.validate(rows)
    issued = rows.groupby("series_id").agg(rows=("price", "size"), unit=("unit", "first"))
    assert issued["rows"].to_dict() == {SERIES_ID: 24} | dict.fromkeys(SOUND, 24)
    assert issued["unit"].to_dict() == {SERIES_ID: "CLP/L"} | dict.fromkeys(SOUND, "EUR/t")
    left_out = made.issue().left_out
    assert [*left_out] == ["short"]
    assert "fewer than 76 months" in left_out["short"]


def test_the_order_of_the_list_does_not_matter(many: Many) -> None:
    before = many.table()
    write_list(many.folder, FURTHER[::-1])
    many.receive(LATER)
    many.issue(at=LATER)
    pd.testing.assert_frame_equal(many.table(), before)


def test_a_home_of_one_series_takes_further_ones_and_keeps_what_it_issued(many: Many, tmp_path: Path) -> None:
    root = tmp_path / "old"
    old = Many(Home(root / "home"), root / "data", many.version)
    shutil.copytree(SAMPLE, old.folder)
    old.receive()
    shutil.copytree(many.home.path / "models", old.home.path / "models")
    old.issue()
    before = old.table()
    assert set(before["series_id"]) == {SERIES_ID}
    assert not (old.home.path / "documents" / "price_series.json").exists()
    shutil.copytree(many.folder / "prices", old.folder / "prices")
    write_list(old.folder, FURTHER)
    old.receive(LATER)
    old.issue(at=LATER)
    after = old.table()
    pd.testing.assert_frame_equal(after[after["series_id"] == SERIES_ID].reset_index(drop=True), before)
    assert sorted(after["series_id"].unique()) == sorted([SERIES_ID, *SOUND])


def test_a_series_that_is_listed_no_more_keeps_what_was_issued_of_it(many: Many) -> None:
    before = many.table()
    write_list(many.folder, ["region_a"])
    many.receive(LATER)
    many.issue([ISSUES[0] + (-1), *ISSUES], at=LATER)
    rows = many.table()
    assert rows.groupby("series_id").size().to_dict() == {SERIES_ID: 36, "region_a": 36, "region_b": 24, "region_c": 24}
    others = ["region_b", "region_c"]
    pd.testing.assert_frame_equal(
        rows[rows["series_id"].isin(others)].reset_index(drop=True),
        before[before["series_id"].isin(others)].reset_index(drop=True),
    )


def test_two_processes_and_blocks_of_months_give_the_same(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    before = many.table()
    monkeypatch.setattr("milk.steps.predictions.ROWS_AT_ONCE", 50)
    monkeypatch.setattr("milk.steps.further_series.PARTS_FOR_PROCESSES", 1)
    replaced = read_table(many.home, TABLE)
    issued = many.issue(at=LATER, workers=2)
    pd.testing.assert_frame_equal(many.table(), before)
    assert len(replaced) == len(before)
    # Of further series the rows of the last block alone come back.
    assert issued.rows.groupby("series_id").size().to_dict() == {SERIES_ID: 24} | dict.fromkeys(SOUND, 12)


def test_reading_a_part_of_the_table(made: Many) -> None:
    day = pd.Timestamp(ISSUES[0].first_day)
    rows = read_table(made.home, TABLE, months=Months("issue_month", day, day), series_id="region_c")
    assert (set(rows["series_id"]), set(rows["issue_month"]), len(rows)) == ({"region_c"}, {day}, 12)
    assert [*read_table(made.home, TABLE, columns=["issue_month"])] == ["issue_month"]


def _killed(_part: Cohort, task: Task) -> pd.DataFrame:  # noqa: ARG001 because it is called by this name
    """As the kernel ends a process where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return pd.DataFrame()


def test_a_process_that_is_killed_is_told_with_what_to_do(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    before = many.table()
    monkeypatch.setattr("milk.steps.further_series.PARTS_FOR_PROCESSES", 1)
    monkeypatch.setattr("milk.steps.further_series.forecast_part", _killed)
    with pytest.raises(BadSetting, match=r"memory ran out\. Set MILK_SERIES_WORKERS to fewer"):
        many.issue(at=LATER, workers=2)
    pd.testing.assert_frame_equal(many.table(), before)


def test_rows_of_one_series_that_break_their_contract_are_left_out_alone(made: Many) -> None:
    rows = made.table()
    spoilt = rows.assign(price=rows["price"].mask(rows["series_id"] == "region_a", -1.0))
    sound, broken = split_broken(spoilt)
    assert sorted(sound["series_id"].unique()) == sorted([SERIES_ID, "region_b", "region_c"])
    assert [*broken] == ["region_a"]
    assert "its forecasts break their contract" in broken["region_a"]
