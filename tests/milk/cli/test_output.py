"""What a command writes for its user: whole or not at all, and never over what is not its own."""

import stat
from pathlib import Path

import pytest

from milk.cli import report
from milk.cli.output import Output, write_output, write_outputs
from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.months import Month
from milk.settings import load_settings
from milk.sources.files import SOURCE_FILES


def test_a_file_in_a_new_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "out.csv"
    write_output(file, b"1", option="--output", data=tmp_path, home=tmp_path / "home")
    assert file.read_bytes() == b"1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["out.csv"]


def test_what_was_received_is_refused_under_every_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "elsewhere.csv").write_text("mine", encoding="ascii")
    (data / "precio_leche.csv").symlink_to(tmp_path / "elsewhere.csv")
    (tmp_path / "link").symlink_to(data)
    places = [folder / source.file_name for folder in (data, tmp_path / "link") for source in SOURCE_FILES.values()]
    for place in (*places, tmp_path / "elsewhere.csv", data / "dataset.toml"):
        with pytest.raises(HomeRefused, match="is one of the files received and is never overwritten"):
            write_output(place, b"", option="--output", data=data)
    assert (data / "precio_leche.csv").read_text(encoding="ascii") == "mine"
    write_output(data / "out.csv", b"", option="--output", data=data)


@pytest.mark.parametrize("place", ["home/dataset.json", "home/new/file", "link/file", "home"])
def test_nothing_is_written_into_the_home(tmp_path: Path, place: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with pytest.raises(HomeRefused, match=r"lies in the home .* Choose another --json"):
        write_output(tmp_path / place, b"", option="--json", home=tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_the_document_of_a_run_takes_no_place_of_data_or_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_document", lambda *_: {})
    settings = load_settings(data=tmp_path / "data", home=tmp_path / "home")
    home, month = Home(settings.home_path), Month(2026, 1)
    for place in (settings.data / "precio_leche.csv", home.path / "dataset.json"):
        with pytest.raises(HomeRefused, match="Choose another --json"):
            report.write_json(settings, home, month, place)
    assert list(tmp_path.iterdir()) == []
    report.write_json(settings, home, month, tmp_path / "run.json")
    assert (tmp_path / "run.json").exists()


def test_one_that_is_refused_leaves_neither_files_nor_folders_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(HomeRefused, match="cannot be written"):
        write_output(tmp_path / "loop" / "out.csv", b"", option="--output", data=tmp_path, home=tmp_path / "home")
    (tmp_path / "loop").unlink()
    good = Output(tmp_path / "folder" / "a" / "b" / "out.csv", b"1", "--output")
    for bad in (tmp_path / "file" / "page.html", tmp_path / "folder"):
        with pytest.raises(HomeRefused, match=r"cannot be written: .* Choose another --report"):
            write_outputs([good, Output(bad, b"2", "--report")])
        assert {path.name for path in tmp_path.rglob("*")} == {"file", "folder"}
    with pytest.raises(HomeRefused, match="--report"):
        write_outputs([good, Output(tmp_path / "data" / "precio_leche.csv", b"2", "--report")], data=tmp_path / "data")
    assert {path.name for path in tmp_path.rglob("*")} == {"file", "folder"}
