"""`milk data restore`: the macro file in, a CSV and a page out; one message where it cannot be done."""

import shutil
from pathlib import Path

import pytest

from milk.sources.files import LABEL_FILE
from milk.sources.sample import MACRO_FILE
from tests.milk.cli.commands import SAMPLE, Told, milk, refused
from tests.milk.steps.test_restoration import broken_folder


def _restore(data: Path, output: Path, *more: object) -> Told:
    return milk("data", "restore", "--data", data, "--output", output, *more)


def _macro_folder(folder: Path) -> Path:
    """The macro file alone: neither prices nor rain are needed."""
    folder.mkdir()
    shutil.copy(SAMPLE / MACRO_FILE, folder)
    return folder


def test_the_sample(tmp_path: Path) -> None:
    for name in ("first", "second"):
        report = tmp_path / f"{name}.html"
        told = _restore(SAMPLE, tmp_path / "new" / f"{name}.csv", "--report", report)
        assert told.code == 0, told.err
    assert (tmp_path / "new" / "first.csv").read_bytes() == (tmp_path / "new" / "second.csv").read_bytes()
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "second.html").read_bytes()
    assert "SYNTHETIC DATA" in told.out
    assert "unreadable cell: 15" in told.out
    # They are unreadable, too, and counted as that.
    assert "stray" not in told.out
    assert "repeated month: 2, impossible month: 1" in told.out
    assert "employed_thousand = its 22 parts: exact in 162 of 162 months, worst relative error" in told.out
    assert "UNPROVED" not in told.out
    assert f"Restored series written to {tmp_path / 'new' / 'second.csv'}. The report: {report}" in told.out


def test_the_macro_file_is_enough(tmp_path: Path) -> None:
    told = _restore(_macro_folder(tmp_path / "data"), tmp_path / "out.csv")
    assert told.code == 0, told.err
    assert "Real data, as given in the folder." in told.out
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out.csv"}


def test_an_unproved_block_is_no_failure_but_is_said_loudly(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    told = _restore(broken_folder(tmp_path / "data"), tmp_path / "out.csv")
    assert told.code == 0, told.err
    assert "UNPROVED: every value of the block gdp is left empty." in told.out
    assert "gdp_clp_bn is not the sum of its parts" in told.out
    assert "gdp_mining_clp_bn = its 2 parts: not tested" in told.out


def test_a_readable_stray_cell_is_counted_as_such(tmp_path: Path) -> None:
    data = _macro_folder(tmp_path / "data")
    lines = (data / MACRO_FILE).read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    cells = [""] * len(header)
    cells[0], cells[header.index("PIB_Textil")] = "1950-01-01 00:00:00 UTC", "1.234.567"
    (data / MACRO_FILE).write_text("\n".join([*lines, ",".join(cells)]), encoding="utf-8")
    told = _restore(data, tmp_path / "out.csv")
    assert told.code == 0, told.err
    line = next(line for line in told.out.splitlines() if line.startswith(MACRO_FILE))
    assert "unreadable cell: 15" in line
    assert line.endswith("stray cell: 1")


def test_a_block_without_a_number_is_not_called_proved(tmp_path: Path) -> None:
    data = _macro_folder(tmp_path / "data")
    lines = (data / MACRO_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    early = [line for line in lines[1:] if line < "1986"]
    (data / MACRO_FILE).write_text("".join([lines[0], *early]), encoding="utf-8")
    told = _restore(data, tmp_path / "out.csv")
    assert told.code == 0, told.err
    line = next(line for line in told.out.splitlines() if line.startswith("employment"))
    assert line.endswith("no number")
    assert "block employment" not in told.out


def test_nothing_to_restore(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    refused(_restore(tmp_path / "nowhere", out), "There is no folder", f"holds {MACRO_FILE}", code=1)
    (tmp_path / "empty").mkdir()
    refused(_restore(tmp_path / "empty", out), f"There is no {MACRO_FILE} in", code=1)
    (tmp_path / "empty" / MACRO_FILE).write_text("Periodo,Imacec\n2020-01-01,1\n", encoding="utf-8")
    refused(_restore(tmp_path / "empty", out), MACRO_FILE, "missing", code=1)
    data = _macro_folder(tmp_path / "data")
    (data / LABEL_FILE).write_text("is_synthetic = 1\n", encoding="utf-8")
    refused(_restore(data, out), LABEL_FILE, "true or false", code=1)
    assert not out.exists()


@pytest.mark.parametrize("option", ["--output", "--report"])
@pytest.mark.parametrize("place", ["folder", "file/out", "data/banco_central.csv", "data/precio_leche.csv"])
def test_an_output_that_cannot_be_written(tmp_path: Path, option: str, place: str) -> None:
    data = _macro_folder(tmp_path / "data")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    folders = {path for path in tmp_path.rglob("*") if path.is_dir()}
    bad, good = tmp_path / place, tmp_path / "new" / "good"
    output, report = (bad, good) if option == "--output" else (good, bad)
    refused(_restore(data, output, "--report", report), str(bad), f"Choose another {option}.", code=3)
    assert {path for path in tmp_path.rglob("*") if path.is_dir()} == folders
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_one_file_for_both(tmp_path: Path) -> None:
    told = _restore(SAMPLE, tmp_path / "out", "--report", tmp_path / "x" / ".." / "out")
    refused(told, "the same file", "Name two.", code=2)
    assert list(tmp_path.iterdir()) == []
