"""A card names the state of the source that made it."""

import subprocess
from pathlib import Path

import pytest

from milk.revision import REVISION_FILE, UNKNOWN, source_revision


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a test", "-c", "user.email=test@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    _git(tmp_path, "add", "file")
    _git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_a_clean_repository_is_named_by_its_commit(repository: Path) -> None:
    assert source_revision(repository) == _git(repository, "rev-parse", "HEAD").strip()


def test_changed_files_are_told(repository: Path) -> None:
    (repository / "file").write_text("2")
    assert source_revision(repository) == _git(repository, "rev-parse", "HEAD").strip() + "-dirty"


def test_an_image_says_what_it_was_built_from(repository: Path) -> None:
    (repository / REVISION_FILE).write_text("0123abcd\n")
    assert source_revision(repository) == "0123abcd"


@pytest.mark.parametrize("broken", [False, True])
def test_without_a_repository_it_is_unknown(tmp_path: Path, *, broken: bool) -> None:
    if broken:
        (tmp_path / ".git").write_text("nonsense")
    assert source_revision(tmp_path) == UNKNOWN
