"""The files that the program was made for: the sample, and the originals where they are there."""

from pathlib import Path

import pytest

from milk.series import SourceName, series_register
from milk.sources.faults import count_by_kind, errors_of
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.sources.sample import Sample, generate
from milk.sources.text import Parsed

ROOT = Path(__file__).parents[3]
REAL = ROOT / ".." / "shared" / "data" / "chile"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the original files are not in ../shared/data/chile")

KINDS = {"not a number": "unreadable cell", "impossible month": "impossible month", "repeated month": "repeated month"}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate()


def parse(path: Path, source: SourceName) -> Parsed:
    content = DataFolder(path).fetch(source)
    assert content is not None
    return SOURCE_FILES[source].parse(content)


@pytest.mark.parametrize("source", SOURCE_FILES)
def test_faults_of_the_sample_are_exactly_those_planted(sample: Sample, source: SourceName) -> None:
    file = SOURCE_FILES[source]
    parsed = file.parse(sample.files[file.file_name])
    planted = {(KINDS[p.kind], p.row, p.column) for p in sample.planted if p.file == file.file_name}
    date = {"impossible month": "Periodo"}
    found = {(f.kind, f.row, "" if f.column == date.get(f.kind) else f.column) for f in parsed.faults}
    assert found == planted
    assert len(parsed.faults) == len(planted)
    assert errors_of(parsed.faults) == []


def test_values_of_the_sample_are_its_truth(sample: Sample) -> None:
    for source in ("milk_price", "precipitation"):
        file = SOURCE_FILES[source]
        observations = file.parse(sample.files[file.file_name]).observations
        wanted = {
            (name, str(m)): float(v) for name in set(observations["series"]) for m, v in sample.truth[name].items()
        }
        months = observations["month"].dt.strftime("%Y-%m")
        found = dict(
            zip(zip(observations["series"], months, strict=True), observations["value"].astype(float), strict=True)
        )
        assert found == wanted


@real
def test_real_price() -> None:
    parsed = parse(REAL, "milk_price")
    assert parsed.faults == []
    assert parsed.rows_read == len(parsed.observations) == 468
    months = parsed.observations["month"].dt.strftime("%Y-%m")
    assert (months.iloc[0], months.iloc[-1]) == ("1979-01", "2017-12")
    assert months.is_unique


@real
def test_real_rain() -> None:
    parsed = parse(REAL, "precipitation")
    assert parsed.faults == []
    assert parsed.rows_read == 468
    assert len(parsed.observations) == 468 * 8


@real
def test_real_macro() -> None:
    parsed = parse(REAL, "central_bank")
    assert errors_of(parsed.faults) == []
    assert set(count_by_kind(parsed.faults)) == {"unreadable cell"}
    assert {f.value for f in parsed.faults} == {"a"}
    assert parsed.rows_read == 576
    assert parsed.observations["month"].nunique() == 576
    # Until 2017 everybody answered.
    wanted = {s.name for s in series_register().of_source("central_bank")} - {"employed_no_answer_thousand"}
    assert set(parsed.observations["series"]) == wanted


@real
def test_real_folder_is_not_synthetic() -> None:
    assert not DataFolder(REAL).is_synthetic
