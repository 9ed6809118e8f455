"""Secrets that lie in files, and variables that nothing reads."""

from pathlib import Path

import pytest

import milk.environment as environment
from milk.environment import OF_THE_SUITE
from milk.errors import BadSetting
from milk.settings import Settings, load_settings, secret_settings

ADDRESS = "postgresql+psycopg://ana:p4ss@host/store"


def test_a_secret_is_read_from_its_file_without_the_space_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "store_url"
    file.write_text(f"\n {ADDRESS} \r\n", encoding="utf-8")
    monkeypatch.setenv("MILK_STORE_URL_FILE", str(file))
    assert load_settings().store_url == Settings().store_url == ADDRESS
    assert load_settings().dagster_url is None


def test_a_name_in_small_letters_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(ADDRESS, encoding="utf-8")
    monkeypatch.setenv("milk_store_url_file", str(tmp_path / "url"))
    assert load_settings().store_url == ADDRESS


def test_an_empty_variable_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILK_STORE_URL_FILE", "")
    assert load_settings().store_url is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"cannot be read \(No such file or directory\)"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is no text in UTF-8"),
    ],
)
def test_a_file_that_gives_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    file = tmp_path / "store_url"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("MILK_STORE_URL_FILE", str(file))
    with pytest.raises(BadSetting, match=f"MILK_STORE_URL_FILE: the file {file} {said}"):
        load_settings()


def test_a_folder_in_its_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILK_DAGSTER_URL_FILE", str(tmp_path))
    with pytest.raises(BadSetting, match=r"MILK_DAGSTER_URL_FILE: .* cannot be read"):
        load_settings()


def test_both_ways_at_once_are_refused_and_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(ADDRESS, encoding="utf-8")
    monkeypatch.setenv("MILK_STORE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("MILK_STORE_URL", ADDRESS)
    with pytest.raises(BadSetting, match=r"^MILK_STORE_URL and MILK_STORE_URL_FILE are both set: keep one of them.$"):
        load_settings()


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been said yet."""
    monkeypatch.setattr(environment, "_said", set())


@pytest.mark.usefixtures("new_process")
def test_an_unknown_variable_is_named_once_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MILK_STORE_ULR", "postgresql://ana:p4ss@host/store")
    monkeypatch.setenv("MILK_QQQQQQQQ", "1")
    for _ in range(2):
        load_settings()
    told = capsys.readouterr()
    first, second = told.err.splitlines()
    assert first.startswith("warning: MILK_QQQQQQQQ is no setting of this program and does nothing. `milk config")
    assert second.startswith("warning: MILK_STORE_ULR is no setting")
    assert "Did you mean MILK_STORE_URL?" in second
    assert "p4ss" not in told.err
    assert told.out == ""


@pytest.mark.usefixtures("new_process")
def test_only_a_secret_may_be_a_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MILK_PORT_FILE", "/run/secrets/port")
    assert load_settings().port == 3000
    assert "MILK_PORT_FILE is no setting" in capsys.readouterr().err


@pytest.mark.usefixtures("new_process")
def test_settings_and_what_steers_the_tests_are_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (*OF_THE_SUITE, "MILK_PORT", "milk_reader_port"):
        monkeypatch.setenv(name, "1")
    load_settings()
    assert capsys.readouterr().err == ""


def test_every_secret_may_be_a_file() -> None:
    assert set(secret_settings()) >= {"store_url", "dagster_url"}
