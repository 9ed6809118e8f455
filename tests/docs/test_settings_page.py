"""docs/settings.md is what the settings say of themselves, and says all of it."""

from pathlib import Path

import pytest

from docs.generate import COMMAND, SETTINGS_PAGE, settings_page, write_pages
from milk.environment import file_variable, variable
from milk.settings import Settings, extra_of, secret_settings

PAGE = SETTINGS_PAGE.read_text(encoding="utf-8")
KEYS = {"unit", "about", "is_secret"}


def test_the_page_is_in_step_with_the_settings() -> None:
    assert settings_page() == PAGE, f"docs/settings.md is not what milk/settings.py says: run {COMMAND}"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    write_pages(tmp_path)
    assert (tmp_path / "settings.md").read_text(encoding="utf-8") == settings_page()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_described(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    assert field.description.endswith(".")
    assert field.examples
    extra = field.json_schema_extra or {}
    assert isinstance(extra, dict)
    assert set(extra) <= KEYS
    # What is made of other settings has no value of its own to show.
    assert extra_of(name, "about") or field.default not in (None, ())
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{variable(name)}` |")]
    assert field.description in row


@pytest.mark.parametrize("name", secret_settings())
def test_a_secret_is_not_in_what_python_shows_and_may_be_a_file(name: str) -> None:
    assert Settings.model_fields[name].repr is False
    assert f"`{file_variable(name)}`" in PAGE


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_example_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = Settings.model_fields[name].examples
    assert examples is not None
    monkeypatch.setenv(variable(name), str(examples[0]))
    assert getattr(Settings(), name) != Settings.model_fields[name].default
