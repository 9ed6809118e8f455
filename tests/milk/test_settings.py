"""The settings: their defaults, the home that follows from them, and what a bad one is told."""

from pathlib import Path

import pytest

from milk.errors import BadSetting
from milk.home.layout import Home
from milk.months import Month
from milk.settings import PROJECT, SAMPLE, STORAGE, Settings, load_settings, origins


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MILK_{name.upper()}", raising=False)


def test_defaults() -> None:
    settings = load_settings()
    assert settings.data == SAMPLE == PROJECT / "data" / "sample"
    assert settings.first_issue == Month(2010, 1)
    assert settings.evaluation_months == 120
    assert settings.executor == "in_process"
    assert settings.retraining == "report"
    assert (settings.home, settings.store_url) == (None, None)
    assert (settings.port, settings.reader_port, settings.online_retention_days) == (3000, 8000, 365)


def test_the_store_lies_in_the_home_unless_it_is_named(tmp_path: Path) -> None:
    assert load_settings(home=tmp_path).store_address == f"sqlite:///{tmp_path}/milk.db" == Home(tmp_path).store_url
    named = "postgresql+psycopg://ana@host/store"
    assert load_settings(home=tmp_path, store_url=named).store_address == named


def test_a_relative_store_means_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(store_url="sqlite:///rel.db").store_address == f"sqlite:///{tmp_path}/rel.db"
    assert load_settings(store_url="sqlite:////srv/abs.db").store_address == "sqlite:////srv/abs.db"


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"])
def test_a_store_that_would_not_last_is_refused(address: str) -> None:
    with pytest.raises(BadSetting, match=r"MILK_STORE_URL: sqlite.* names no file"):
        _ = load_settings(store_url=address).store_address


@pytest.mark.parametrize("name", ["a?b", "a%41b", "a#b"])
def test_a_home_that_no_address_can_name_is_refused(tmp_path: Path, name: str) -> None:
    for settings in (load_settings(home=tmp_path / name), load_settings(data=tmp_path / name)):
        with pytest.raises(BadSetting, match=f"MILK_HOME: the path .* holds '\\{name[1]}'"):
            _ = settings.home_path


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MILK_FIRST_ISSUE", "2014-10")
    monkeypatch.setenv("MILK_EVALUATION_MONTHS", "60")
    monkeypatch.setenv("MILK_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.first_issue, settings.evaluation_months, settings.home) == (Month(2014, 10), 60, tmp_path)


def test_value_given_wins_over_the_environment_and_none_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILK_PORT", "4000")
    assert load_settings(port=5000).port == 5000
    assert load_settings(port=None).port == 4000


@pytest.mark.parametrize("name", ["MILK_HOME", "MILK_DATA", "MILK_FIRST_ISSUE", "MILK_PORT", "MILK_STORE_URL"])
def test_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert load_settings() == Settings()
    assert load_settings().home_path == STORAGE


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MILK_FIRST_ISSUE", "2014-13", "MILK_FIRST_ISSUE: '2014-13' is not a month: write it as YYYY-MM"),
        ("MILK_FIRST_ISSUE", "October", "MILK_FIRST_ISSUE: 'October' is not a month"),
        ("MILK_EVALUATION_MONTHS", "many", r"MILK_EVALUATION_MONTHS: .*integer.*\(it is 'many'\)"),
        ("MILK_EVALUATION_MONTHS", "11", r"MILK_EVALUATION_MONTHS: .*greater than or equal to 24 \(it is '11'\)"),
        ("MILK_EVALUATION_MONTHS", "601", "MILK_EVALUATION_MONTHS: .*less than or equal to 600"),
        ("MILK_PORT", "0", "MILK_PORT: .*greater than or equal to 1"),
        ("MILK_PORT", "65536", "MILK_PORT: .*less than or equal to 65535"),
        ("MILK_EXECUTOR", "celery", "MILK_EXECUTOR: .*'in_process', 'multiprocess' or 'dask'"),
    ],
)
def test_bad_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=message):
        load_settings()


def test_each_bad_value_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILK_PORT", "x")
    monkeypatch.setenv("MILK_FIRST_ISSUE", "x")
    with pytest.raises(BadSetting) as refused:
        load_settings()
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["MILK_FIRST_ISSUE", "MILK_PORT"]
    assert all(line.endswith("(it is 'x').") for line in lines)


def test_bad_value_given_is_refused_as_well() -> None:
    with pytest.raises(BadSetting, match="MILK_FIRST_ISSUE: '2014' is not a month"):
        load_settings(first_issue="2014")


def test_home_of_the_sample_is_the_storage_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().home_path == STORAGE
    monkeypatch.chdir(PROJECT)
    assert load_settings(data=Path("data/sample")).home_path == STORAGE


def test_other_data_get_a_home_of_their_own(tmp_path: Path) -> None:
    assert load_settings(data=tmp_path / "chile").home_path == STORAGE / "homes" / "chile"


def test_home_that_is_given_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(data=tmp_path / "chile", home=tmp_path / "h").home_path == tmp_path / "h"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(home=Path("~/h")).home_path == tmp_path / "h"
    monkeypatch.chdir(tmp_path)
    assert load_settings(home=Path("h")).home_path == tmp_path / "h"


def test_the_pages_that_may_read_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().cors_origins == ()
    monkeypatch.setenv("MILK_CORS_ORIGINS", "https://a.example, http://localhost:8080,")
    assert load_settings().cors_origins == ("https://a.example", "http://localhost:8080")


@pytest.mark.parametrize("origin", ["https://a.example/page", "a.example", "ftp://a.example", "https://a b"])
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("MILK_CORS_ORIGINS", f"https://b.example,{origin}")
    with pytest.raises(BadSetting, match=r"MILK_CORS_ORIGINS: .* is no origin: write it like https://example.org"):
        load_settings()


RECORDS = "postgresql+psycopg2://ana:p4ss@host:5432/dagster"


def test_the_records_of_dagster_lie_in_the_home_unless_a_server_is_named() -> None:
    assert load_settings().dagster_address is None
    assert load_settings(dagster_url=RECORDS).dagster_address == RECORDS


@pytest.mark.parametrize(
    "address", ["postgresql://ana:p4ss@host/d", "postgresql+psycopg://ana:p4ss@host/d", "sqlite:///d.db", "p4ss"]
)
def test_records_whose_driver_is_another_are_refused_without_the_password(address: str) -> None:
    with pytest.raises(BadSetting, match=r"MILK_DAGSTER_URL .*write postgresql\+psycopg2://") as refused:
        _ = load_settings(dagster_url=address).dagster_address
    assert "p4ss" not in str(refused.value)


@pytest.mark.parametrize(
    ("store", "is_same"),
    [
        ("postgresql+psycopg://bob:x@HOST/dagster?sslmode=require", True),
        ("postgresql+psycopg://host:5432/dagster", True),
        ("postgresql+psycopg://ana:p4ss@host:5433/dagster", False),
        ("postgresql+psycopg://ana:p4ss@host/milk", False),
        ("postgresql+psycopg://ana:p4ss@other/dagster", False),
        ("sqlite:///dagster", False),
    ],
)
def test_store_and_records_want_a_database_each(store: str, *, is_same: bool) -> None:
    settings = load_settings(store_url=store, dagster_url=RECORDS)
    if not is_same:
        assert settings.dagster_address == RECORDS
        return
    with pytest.raises(BadSetting, match="name the same database: make one of its own for Dagster"):
        _ = settings.dagster_address


def test_no_password_in_what_python_shows() -> None:
    assert "p4ss" not in repr(load_settings(store_url="postgresql+psycopg://a:p4ss@h/d", dagster_url=RECORDS))


def test_where_each_setting_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MILK_PORT", "4000")
    monkeypatch.setenv("milk_executor", "multiprocess")
    monkeypatch.setenv("MILK_HOME", str(tmp_path))
    monkeypatch.setenv("MILK_RETRAINING", "")
    monkeypatch.setenv("MILK_STORE_URL_FILE", str(tmp_path / "url"))
    found = origins({"home"})
    assert set(found) == set(Settings.model_fields)
    assert {name: place for name, place in found.items() if place != "default"} == {
        "port": "environment",
        "executor": "environment",
        "home": "option",
        "store_url": "file",
    }
