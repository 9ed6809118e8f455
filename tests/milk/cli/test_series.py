"""What the terminal says of many series: counts and reasons, not thousands of lines."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from milk.home.layout import Home
from milk.home.tables import write_table
from milk.months import Month, data_cutoff
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.steps.predictions import TABLE
from milk.steps.receive import receive
from milk.tables import BATCH_PREDICTIONS, column_types
from tests.milk.cli.commands import PRICE_FILE, milk, price_folder, refused

NOW = dt.datetime(2026, 11, 5, 12, tzinfo=dt.UTC)
ISSUE = Month(2026, 11)


def _folder(root: Path, sound: int, bad: int = 0) -> Path:
    """The prices of the sample, and so many copies of them, some with a negative price."""
    folder = price_folder(root)
    text = (folder / PRICE_FILE).read_text()
    entries = [f'[[series]]\nseries_id = "{SERIES_ID}"\nfile = "{PRICE_FILE}"\n']
    for number in range(sound + bad):
        content = text if number < sound else text.replace("\n1979,Feb,", "\n1979,Feb,-")
        (folder / f"{number}.csv").write_text(content)
        entries.append(f'[[series]]\nseries_id = "s{number:02d}"\nfile = "{number}.csv"\nunit = "EUR/t"\n')
    (folder / "prices.toml").write_text("\n".join(entries))
    return folder


def _issue(series_id: str, unit: str) -> pd.DataFrame:
    """The rows of one issue; every number follows from the step."""
    steps = range(1, 13)
    said = {
        "series_id": series_id,
        "issue_month": pd.Timestamp(ISSUE.first_day),
        "target_month": [pd.Timestamp((ISSUE + (step - 1)).first_day) for step in steps],
        "forecast_origin": pd.Timestamp((ISSUE + (-1)).first_day),
        "horizon_months": [*steps],
        "unit": unit,
        "kind": "live",
        "model_version": "v-1",
        "issued_at": pd.Timestamp(NOW),
        "data_cutoff": pd.Timestamp(data_cutoff(ISSUE)),
        "is_synthetic": False,
        "data_versions": "{}",
        "measured_80": 0.75,
        "measured_95": 0.9,
    }
    types = column_types(BATCH_PREDICTIONS)
    numbers = {name: 100.0 for name, kind in types.items() if kind == "float64" and name not in said}
    counts = {name: 1 for name, kind in types.items() if kind == "int64" and name not in said}
    return pd.DataFrame(said | numbers | counts)[[*types]].astype(types)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that received three further series, one of them with a bad file, and has an issue of two series."""
    home = Home(tmp_path / "home")
    receive(home, DataFolder(_folder(tmp_path / "data", 2, 1)), "milk_price", received_at=NOW)
    write_table(home, TABLE, pd.concat([_issue(SERIES_ID, "CLP/L"), _issue("s00", "EUR/t")], ignore_index=True))
    return home


def test_the_check_counts_and_names_the_bad_files_and_lets_the_others_pass(tmp_path: Path) -> None:
    told = milk("data", "check", _folder(tmp_path / "data", 2, 12))
    assert told.code == 0
    assert "prices.toml: 14 further series, 12 of them with a file that cannot be used" in told.out
    assert told.out.count("the price of 1979-02 is negative") == 10
    assert "The first 10 are shown." in told.out
    assert "These files can be used" in told.out


def test_the_check_is_silent_where_there_is_no_list(tmp_path: Path) -> None:
    told = milk("data", "check", price_folder(tmp_path / "data"))
    assert "further series" not in told.out


def test_a_list_that_cannot_be_used_is_one_message(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "data", 1)
    text = (folder / "prices.toml").read_text()
    (folder / "prices.toml").write_text(text.replace('file = "0.csv"', 'file = ["0.csv"]'))
    refused(milk("data", "check", folder), "entry 2 ('s00'): its file must be the path of a file", code=1)
    refused(milk("run", "--data", folder, "--home", tmp_path / "home"), "entry 2 ('s00'): its file must be", code=1)
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_missing_is_named_and_stops_no_other(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "data", 2)
    (folder / "0.csv").unlink()
    told = milk("data", "check", folder)
    assert told.code == 0
    assert "prices.toml: 2 further series, 1 of them with a file that cannot be used" in told.out
    assert "s00: There is no file 0.csv in the folder." in told.out


def test_the_status_counts_them(home: Home) -> None:
    told = milk("status", "--home", home.path)
    assert f"the reference {SERIES_ID} and 3 further; 1 of these have the newest issue, 2 have not, 1 with" in told.out


def test_the_status_of_one_series(home: Home) -> None:
    told = milk("status", "--home", home.path, "--series", "s00")
    assert told.code == 0
    assert "s00 in EUR/t, as issued for 2026-11 (live):" in told.out
    assert "80 % intervals held 75%, 95 % intervals held 90%" in told.out


def test_a_series_without_a_forecast_says_why(home: Home) -> None:
    told = milk("status", "--home", home.path, "--series", "s02")
    refused(told, "There is no forecast of 's02'", "is negative", code=2)
    refused(milk("status", "--home", home.path, "--series", "none"), "There is no forecast of 'none'", code=2)
