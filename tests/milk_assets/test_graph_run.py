"""The whole graph on the sample: what one run makes, what a second adds (nothing), what Dagster records."""

import datetime as dt
import json
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from milk.home.tables import frame_hash
from milk.months import Month
from milk.sources.files import content_hash
from milk.steps.predictions import TABLE
from milk.steps.training import used_features
from milk.tables import BATCH_PREDICTIONS
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import FIRST, LAST, NOW, PRICE_FILE, UPSTREAM, Place, outcomes

pytestmark = pytest.mark.slow(seconds=40)


def _materializations(result: dg.ExecuteInProcessResult, asset: str) -> list[dg.AssetMaterialization]:
    events = result.get_asset_materialization_events()
    return [e.materialization for e in events if e.asset_key == dg.AssetKey(asset)]


def _data_version(result: dg.ExecuteInProcessResult, asset: str) -> str:
    (materialization, *_others) = _materializations(result, asset)
    return (materialization.tags or {})["dagster/data_version"]


def test_one_run_makes_every_asset(made: Made) -> None:
    assert made.result.success
    assert set(outcomes(made.result).values()) == {"STEP_SUCCESS"}
    for asset in UPSTREAM:
        assert len(_materializations(made.result, asset)) == 1, asset


def test_a_range_run_records_every_month(made: Made) -> None:
    months = {m.partition for m in _materializations(made.result, TABLE)}
    assert months == {str(m) for m in (Month.parse(FIRST) + k for k in range(11))}


def test_the_forecasts_are_what_the_table_promises(made: Made) -> None:
    table = made.place.table()
    BATCH_PREDICTIONS.validate(table)
    assert len(table) == 11 * 12
    assert table["issue_month"].min() == pd.Timestamp(f"{FIRST}-01")
    assert (table["forecast_origin"] < table["issue_month"]).all()
    assert table["is_synthetic"].all()


def test_the_clock_of_the_resource_says_when(made: Made) -> None:
    table = made.place.table()
    assert set(table["issued_at"]) == {pd.Timestamp(NOW)}
    kinds = table.groupby("issue_month")["kind"].agg(set)
    assert kinds[pd.Timestamp("2026-11-01")] == {"live"}
    assert set.union(*kinds[kinds.index < pd.Timestamp("2026-11-01")]) == {"hindcast"}
    assert made.place.ledger()[0].decided_at == dt.datetime.fromisoformat(NOW)


def test_forecasts_name_what_they_were_made_of(made: Made) -> None:
    row = made.place.table().iloc[0]
    (champion,) = made.place.ledger()
    assert row["model_version"] == champion.champion_version_id
    versions = json.loads(row["data_versions"])
    assert versions["features"] == {"sha256": frame_hash(used_features(made.place.table("features")))}
    assert versions["tables"] == {"features": 0}
    assert versions["model"]["sha256"] == champion.champion_sha256


def test_data_versions_are_the_hashes_of_the_content(made: Made) -> None:
    def version_of(asset: str) -> str:
        return _data_version(made.result, asset)

    assert version_of("raw_milk_price") == content_hash((made.place.data / PRICE_FILE).read_bytes())
    for table in ("merged_table", "features", "backtest"):
        assert version_of(table) == frame_hash(made.place.table(table)), table
    assert version_of(TABLE) == frame_hash(made.place.table().drop(columns="issued_at"))
    assert version_of("prod_model") == made.place.ledger()[0].champion_version_id
    (params, *_others) = _materializations(made.result, "params")
    assert (params.tags or {})["dagster/input_data_version/features"] == version_of("features")


def test_the_ledger_says_who_and_why(made: Made) -> None:
    (row,) = made.place.ledger()
    assert (row.actor_kind, row.run_id, row.decision) == ("run", made.result.run_id, "promoted")
    assert "last value" in row.reason


def test_metadata_shows_pictures_and_counts(made: Made) -> None:
    shown = _materializations(made.result, TABLE)[0].metadata
    assert shown["dagster/row_count"].value == 11 * 12
    assert shown["newest_issue"].value == LAST
    for name in ("year_ahead", "forecast"):
        assert "data:image/" in str(shown[name].value)
    # Short enough for the page to show it in place, see `markdown` in the metadata table of Dagster.
    assert len(str(shown["year_ahead"].value)) < 1000


def test_a_second_run_adds_nothing(made: Made, copied: Place) -> None:
    before, rows = copied.counts(), copied.table()
    # A later clock, as it is in life; nothing of what is stored may depend on it but the time of issue.
    later = Place(copied.root, now="2026-11-20T12:00:00+00:00")
    result = later.run()
    assert result.success
    assert later.counts() == before
    for asset in ("features", "params", "backtest", "staging_model", "prod_model", TABLE):
        assert _data_version(result, asset) == _data_version(made.result, asset), asset
    again = later.table()
    pd.testing.assert_frame_equal(_content(again), _content(rows))
    assert set(again["issued_at"]) == set(rows["issued_at"])


def _content(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows but for when they were made."""
    return rows.sort_values(["issue_month", "target_month"], ignore_index=True).drop(columns="issued_at")


def test_one_month_alone(copied: Place) -> None:
    before = copied.table()
    job = copied.definitions().resolve_job_def("monthly_forecast")
    result = job.execute_in_process(partition_key="2026-05", raise_on_error=False)
    assert result.success
    made = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(TABLE)]
    assert [e.partition for e in made] == ["2026-05"]
    pd.testing.assert_frame_equal(_content(copied.table()), _content(before))


def test_the_training_job_forecasts_nothing(copied: Place) -> None:
    before = copied.table()
    result = copied.definitions().resolve_job_def("training").execute_in_process(raise_on_error=False)
    assert result.success
    pd.testing.assert_frame_equal(copied.table(), before)


def test_a_longer_file_is_one_more_month(copied: Place) -> None:
    with (copied.data / PRICE_FILE).open("a", encoding="utf-8") as file:
        file.write("2026,Nov,345.67\n")
    assert copied.definitions().get_repository_def().asset_graph.get(dg.AssetKey(TABLE)).partitions_def
    before = copied.counts()
    # The new month is known to the home once the file was received; then the code location is loaded again.
    assert copied.run(dg.AssetSelection.assets("raw_milk_price")).success
    assert _keys(copied)[-1] == "2026-12"
    later = Place(copied.root, now="2026-12-03T12:00:00+00:00")
    assert later.run(months=("2026-12", "2026-12")).success
    after = later.counts()
    assert after["raw_milk_price"] == before["raw_milk_price"] + 1
    assert after[TABLE] == before[TABLE] + 12
    newest = later.table().loc[lambda t: t["issue_month"] == pd.Timestamp("2026-12-01")]
    assert set(newest["kind"]) == {"live"}
    assert newest["contribution_base"].iloc[0] == pytest.approx(5.8454, abs=1e-4)


def test_a_price_file_without_a_home_bounds_the_months(tmp_path: Path, made: Made) -> None:
    place = Place(tmp_path)
    (tmp_path / "data").mkdir()
    lines = (made.place.data / PRICE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    (place.data / PRICE_FILE).write_text("".join(lines[:-3]), encoding="utf-8")
    assert _keys(place)[-1] == "2026-08"
    assert not place.home.path.exists()


def _keys(place: Place) -> list[str]:
    partitions = place.definitions().get_repository_def().asset_graph.get(dg.AssetKey(TABLE)).partitions_def
    assert partitions is not None
    return [*partitions.get_partition_keys()]
