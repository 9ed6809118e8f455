"""The features as a file for a feature store: what a point-in-time join finds is what was known at that time."""

import datetime as dt
import io
import itertools
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from milk.errors import HomeRefused
from milk.forecasting.features import build_features
from milk.home.layout import Home
from milk.home.tables import frame_hash, write_table
from milk.months import Month, data_cutoff, issue_month_of
from milk.panel.merge import merge_sources
from milk.panel.observations import latest, new_observations
from milk.series import SourceName, series_register
from milk.steps.export import KEYS, export_features, feature_store_rows
from tests.builders import RULE, histories_of, sample_observations, sample_restored

COLUMNS = ["series_id", "feature", "month", "value", "event_timestamp", "created"]
REVISIONS: list[tuple[SourceName, str, list[str]]] = [
    # A file that revises several months at once, one of them again later, and one that runs ahead of its rule.
    ("milk_price", "2012-06-15T15:00", ["2012-03", "2012-04", "2012-05"]),
    ("precipitation", "2012-06-15T15:00", ["2012-03"]),
    ("milk_price", "2018-09-03T12:30", ["2012-04", "2018-08"]),
    ("milk_price", "2018-10-31T12:00", ["2018-10", "2018-09"]),
]
ALWAYS = {"price", "rain_maule_anomaly"}
Known = dict[tuple[str, str], float]
"""Value by feature and month."""


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("us")


@cache
def observations() -> Mapping[SourceName, pd.DataFrame]:
    """Price and rain of the sample, and some revisions of them."""
    found: dict[SourceName, pd.DataFrame] = dict(sample_observations())
    for source, at, months in REVISIONS:
        parsed = latest(found[source])[["series", "month", "value", "row"]]
        is_revised = parsed["month"].dt.strftime("%Y-%m").isin(months)
        raised = (pd.to_numeric(parsed["value"]) + 1.5).round(4).astype("str")
        added = new_observations(
            parsed.assign(value=parsed["value"].where(~is_revised, raised)),
            found[source],
            series=series_register().of_source(source),
            received_at=utc(at).to_pydatetime(),
            snapshot="ab" * 32,
        )
        assert len(added) == is_revised.sum()
        found[source] = pd.concat([found[source], added], ignore_index=True)
    return found


def heard_by(instant: pd.Timestamp) -> pd.DataFrame:
    """The features that are made where nothing was heard of what became known later."""
    sources = (observations()["milk_price"], observations()["precipitation"], sample_restored())
    price, rain, restored = (source[source["known_since"] <= instant] for source in sources)
    merged, _repairs = merge_sources(price, rain, restored, series_register())
    return build_features(merged, price, rain, restored)


@cache
def features() -> pd.DataFrame:
    return heard_by(utc("2100-01-01"))


def known_at(instant: pd.Timestamp) -> Known:
    """What was known at an instant: the last word on each month, where nothing was heard of later ones."""
    standing = heard_by(instant).sort_values("known_since").drop_duplicates(["feature", "month"], keep="last")
    months = standing["month"].dt.strftime("%Y-%m")
    return dict(zip(zip(standing["feature"], months, strict=True), standing["value"], strict=True))


def joined_at(rows: pd.DataFrame, instant: pd.Timestamp) -> Known:
    """A point-in-time join by hand, for every key at one time: the newest row, of equal ones the one created last."""
    known = rows[rows["event_timestamp"] <= instant]
    months, times, created = (known[name].astype("int64") for name in ("month", "event_timestamp", "created"))
    best: dict[tuple[str, int], tuple[int, int, float]] = {}
    for feature, month, *found in zip(known["feature"], months, times, created, known["value"], strict=True):
        candidate = (found[0], found[1], found[2])
        key = (feature, month)
        if key not in best or best[key][:2] < candidate[:2]:
            best[key] = candidate
    return {(name, str(pd.Timestamp(month, unit="us"))[:7]): found[2] for (name, month), found in best.items()}


def newest(known: Known) -> Known:
    """The newest month of each feature."""
    months: dict[str, str] = {}
    for feature, month in known:
        months[feature] = max(month, months.get(feature, month))
    return {(feature, month): known[feature, month] for feature, month in months.items()}


MOMENT = pd.Timedelta(1, "us")
TIMES = [
    *(pd.Timestamp(data_cutoff(Month.parse(month))).as_unit("us") for month in ("1995-01", "2018-11")),
    pd.Timestamp(data_cutoff(Month.parse("2012-06"))).as_unit("us") - MOMENT,
    utc("2012-06-15T15:00") - MOMENT,
    *(utc(at) for at in sorted({at for _, at, _ in REVISIONS})),
    utc("2018-11-08T03:00"),
    utc("2100-01-01"),
]


@pytest.mark.parametrize("instant", TIMES, ids=str)
def test_a_join_by_time_finds_what_was_known_at_that_time(instant: pd.Timestamp) -> None:
    joined, known = joined_at(feature_store_rows(features()), instant), known_at(instant)
    assert joined == known
    assert newest(joined) == newest(known)
    assert {feature for feature, _month in newest(known)} >= ALWAYS


def test_a_join_at_a_cutoff_finds_the_prices_that_the_forecast_rests_on() -> None:
    rows, histories = feature_store_rows(features()), histories_of(features())
    rows = rows[rows["feature"] == "price"]
    for origin in map(Month.parse, ("2012-04", "2012-05", "2012-06", "2018-08", "2018-09", "2019-01")):
        cutoff = pd.Timestamp(data_cutoff(issue_month_of(origin, RULE))).as_unit("us")
        prices = {month: value for (_price, month), value in joined_at(rows, cutoff).items()}
        used = histories.log_price[histories.row_of(origin)]
        used = used[np.isfinite(used)]
        np.testing.assert_array_equal(used, np.log([prices[month] for month in sorted(prices)]))
        assert max(prices) == str(origin)


def test_the_month_as_time_would_show_values_before_they_were_known() -> None:
    """The test above is worth something only if the obvious time fails it."""
    rows = feature_store_rows(features())
    by_month = rows.assign(event_timestamp=rows["month"].dt.tz_localize("UTC"))
    instant = utc("2018-11-08T02:59:59")
    assert joined_at(by_month, instant).keys() > known_at(instant).keys()


def test_without_the_month_as_key_a_join_finds_a_known_value_that_may_be_of_an_older_month() -> None:
    """What the docstring warns of: a revision of an older month is what became known last."""
    rows = feature_store_rows(features())
    instant = utc("2018-09-20")
    price = rows[(rows["feature"] == "price") & (rows["event_timestamp"] <= instant)]
    last = price.sort_values(["event_timestamp", "created"]).iloc[-1]
    assert last["value"] == known_at(instant)["price", f"{last['month']:%Y-%m}"]
    revised = price[price["event_timestamp"] == price["event_timestamp"].max()]
    assert set(revised["month"].dt.strftime("%Y-%m")) == {"2012-04", "2018-08"}


def test_no_tie_is_left_to_chance() -> None:
    rows = feature_store_rows(features())
    assert not rows.duplicated([*KEYS, "event_timestamp"]).any()
    further = rows[rows.duplicated(KEYS) & (rows["feature"] == "price")]
    assert len(further) == sum(len(months) for source, _, months in REVISIONS if source == "milk_price")


def test_the_rows_are_those_of_the_table_in_one_order() -> None:
    rows = feature_store_rows(features().sample(frac=1.0, random_state=3))
    pd.testing.assert_frame_equal(rows, feature_store_rows(features()))
    assert list(rows.columns) == COLUMNS
    columns = ["series_id", "feature", "month", "value", "known_since"]
    back = rows.rename(columns={"event_timestamp": "known_since"})[columns]
    pd.testing.assert_frame_equal(back, features()[columns])
    pd.testing.assert_series_equal(rows["created"], rows["event_timestamp"], check_names=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    write_table(home, "features", features())
    return home


def test_the_file_holds_utc_times_and_its_origin(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "features.parquet"
    exported = export_features(home)
    file.write_bytes(exported.content)
    assert (exported.rows, exported.version, exported.is_synthetic) == (len(features()), 0, True)
    pd.testing.assert_frame_equal(pd.read_parquet(file), feature_store_rows(features()))
    schema = pq.read_schema(file)
    assert [str(schema.field(name).type) for name in COLUMNS[2:]] == [
        "timestamp[us]", "double", "timestamp[us, tz=UTC]", "timestamp[us, tz=UTC]"
    ]  # fmt: skip
    assert schema.metadata == {
        b"is_synthetic": b"true", b"features_version": b"0", b"features_sha256": frame_hash(features()).encode()
    }  # fmt: skip


def test_the_same_features_are_the_same_bytes_and_the_newest_version_is_taken(home: Home) -> None:
    assert export_features(home).content == export_features(home).content
    write_table(home, "features", features().head(10))
    exported = export_features(home)
    assert exported.version == 1
    assert len(pd.read_parquet(io.BytesIO(exported.content))) == 10


def test_no_features_yet(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (Home(tmp_path / "none"), Home(tmp_path / "file")):
        with pytest.raises(HomeRefused, match=r"holds no features yet\. .*milk run"):
            export_features(home)
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_a_damaged_table(home: Home) -> None:
    for data in itertools.islice((home.path / "tables" / "features").glob("*.parquet"), 1):
        data.write_bytes(b"not a table")
    with pytest.raises(HomeRefused, match=r"table features in .* is damaged"):
        export_features(home)


def test_the_times_are_instants_after_their_month() -> None:
    rows = feature_store_rows(features())
    ends = {month: data_cutoff(Month.of(month) + 1) for month in rows["month"].drop_duplicates()}
    assert (rows["event_timestamp"] >= rows["month"].map(ends)).all()
    assert rows["event_timestamp"].min() >= pd.Timestamp(dt.datetime(1979, 1, 31, tzinfo=dt.UTC))
