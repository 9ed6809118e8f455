"""`milk features export`: one command, one file, one clear message where it cannot be."""

from pathlib import Path

import pandas as pd

from milk.home.dataset import claim_home
from milk.home.layout import Home
from milk.home.tables import read_table, write_table
from milk.sources.files import DataFolder
from milk.steps.receive import dataset_of
from tests.builders import price_features
from tests.milk.cli.commands import SAMPLE, content_of, milk, price_folder, refused
from tests.milk.cli.conftest import Ran


def test_the_features_of_a_run(ran: Ran, tmp_path: Path) -> None:
    before = content_of(ran.home)
    file = tmp_path / "features.parquet"
    told = milk("features", "export", "--parquet", file, "--home", ran.home)
    assert told.code == 0, told.err
    features = read_table(Home(ran.home), "features")
    assert "SYNTHETIC DATA" in told.out
    assert f"{len(features)} rows written to {file}" in told.out
    found = pd.read_parquet(file)
    assert list(found.columns) == ["series_id", "feature", "month", "value", "event_timestamp", "created"]
    assert len(found) == len(features)
    assert content_of(ran.home) == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_home_of_the_data(tmp_path: Path) -> None:
    write_table(Home(tmp_path / "home"), "features", price_features([200.0, 201.0]))
    words = ("features", "export", "--parquet", tmp_path / "f")
    told = milk(*words, "--data", SAMPLE, MILK_HOME=str(tmp_path / "home"))
    assert told.code == 0, told.err
    assert "2 rows written" in told.out


def test_the_home_of_other_data(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    write_table(home, "features", price_features([200.0, 201.0]))
    claim_home(home, dataset_of(DataFolder(SAMPLE)))
    # The same prices, but not labelled as synthetic: other data.
    data = price_folder(tmp_path / "data")
    words = ("features", "export", "--parquet", tmp_path / "f", "--home", home.path)
    refused(milk(*words, "--data", data), str(home.path), "belongs to another dataset", code=3)
    assert not (tmp_path / "f").exists()
    assert milk(*words, "--data", SAMPLE).code == 0
    assert milk(*words).code == 0


def test_a_home_without_features(tmp_path: Path) -> None:
    told = milk("features", "export", "--parquet", tmp_path / "f", "--home", tmp_path / "none")
    refused(told, str(tmp_path / "none"), "holds no features yet", "milk run", code=3)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_table(Home(home), "features", price_features([200.0, 201.0]))
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "f", tmp_path / ("x" * 300)):
        told = milk("features", "export", "--parquet", place, "--home", home)
        refused(told, str(place), "cannot be written", "--parquet", code=3)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "file"}


def test_a_file_of_the_home_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    write_table(home, "features", price_features([200.0, 201.0]))
    claim_home(home, dataset_of(DataFolder(SAMPLE)))
    before = content_of(home.path)
    (tmp_path / "link").symlink_to(home.path)
    for place in (home.path / "dataset.json", tmp_path / "link" / "new.parquet"):
        told = milk("features", "export", "--parquet", place, "--home", home.path)
        refused(told, str(place), "lies in the home", "--parquet", code=3)
    assert content_of(home.path) == before
    assert not (home.path / "new.parquet").exists()


def test_what_must_be_said(tmp_path: Path) -> None:
    told = milk("features", "export", "--home", tmp_path)
    assert told.code == 2
    assert "--parquet" in told.err
    assert "export" in milk("features", "--help").out
