"""`milk data panel`: what it refuses, and the format of what it writes."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from milk.cli.panel import panel_csv
from milk.home.dataset import claim_home
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.months import SANTIAGO
from milk.sources.files import DataFolder
from milk.steps.receive import dataset_of, table_of
from tests.builders import sample_observations
from tests.milk.cli.commands import PRICE_FILE, SAMPLE, Told, content_of, milk, price_folder, refused


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of the sample that has received nothing but prices."""
    made = Home(tmp_path / "home")
    write_table(made, table_of("milk_price"), sample_observations()["milk_price"])
    claim_home(made, dataset_of(DataFolder(SAMPLE)))
    return made


def _panel(home: Home, output: Path, *more: object, day: str = "2014-10-01") -> Told:
    return milk("data", "panel", "--as-of", day, "--output", output, "--home", home.path, *more)


def test_a_panel(home: Home, tmp_path: Path) -> None:
    told = _panel(home, tmp_path / "out.csv", "--data", SAMPLE)
    assert told.code == 0, told.err
    assert "as known when 2014-10-01 began in Chile" in told.out
    table = pd.read_csv(tmp_path / "out.csv")
    assert f"{len(table)} months, {table['month'].iloc[0]} to 2014-09" in told.out


def test_what_was_received_and_the_home_stay(home: Home, tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data")
    (data / "dataset.toml").write_text("is_synthetic = true\n", encoding="ascii")
    before, received = content_of(home.path), (data / PRICE_FILE).read_bytes()
    refused(_panel(home, data / PRICE_FILE, "--data", data), "is one of the files received", "--output", code=3)
    refused(_panel(home, home.path / "dataset.json", "--data", data), "lies in the home", "--output", code=3)
    assert (content_of(home.path), (data / PRICE_FILE).read_bytes()) == (before, received)


def test_the_home_of_other_data(home: Home, tmp_path: Path) -> None:
    told = _panel(home, tmp_path / "out.csv", "--data", price_folder(tmp_path / "data"))
    refused(told, str(home.path), "belongs to another dataset", code=3)
    assert not (tmp_path / "out.csv").exists()


def test_a_day_that_cannot_be(home: Home, tmp_path: Path) -> None:
    tomorrow = dt.datetime.now(SANTIAGO).date() + dt.timedelta(days=2)
    refused(_panel(home, tmp_path / "out.csv", day=str(tomorrow)), "is still to come", code=2)
    refused(_panel(home, tmp_path / "out.csv", day="20141001"), "YYYY-MM-DD", code=2)
    refused(_panel(home, tmp_path / "out.csv", day="1970-01-01"), "No milk price was known when 1970-01-01", code=1)


def test_one_value_with_microseconds_changes_no_other_cell() -> None:
    rule, received = (pd.Timestamp(text, tz="UTC") for text in ("2014-10-01T03:00", "2014-11-02T10:11:12.345678"))
    panel = pd.DataFrame(
        {
            "month": pd.to_datetime(["2014-08-01", "2014-09-01", "2014-10-01"]),
            "price_known_since": [rule, received, None],
        }
    ).astype({"price_known_since": "datetime64[us, UTC]"})
    lines = panel_csv(panel).decode().splitlines()
    assert lines == [
        "month,price_known_since",
        "2014-08,2014-10-01T03:00:00.000000Z",
        "2014-09,2014-11-02T10:11:12.345678Z",
        "2014-10,",
    ]
    assert panel_csv(panel.head(1)).decode().splitlines() == lines[:2]
