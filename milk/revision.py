"""Which state of the source made something: a revision, for the cards of model versions."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from milk.settings import PROJECT

REVISION_FILE = "REVISION"
"""Where an image keeps the revision that it was built from, since it holds no repository."""
UNKNOWN = "unknown"


@cache
def source_revision(project: Path = PROJECT) -> str:
    """The git revision of this program, with `-dirty` behind it where files differ from it; `unknown` without one.

    Args:
        project: the folder that holds the program.
    """
    kept = project / REVISION_FILE
    if kept.is_file():
        return kept.read_text(encoding="utf-8").strip() or UNKNOWN
    git = shutil.which("git")
    if git is None or not (project / ".git").exists():
        return UNKNOWN
    command = [git, "-C", str(project), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603  # because all of it is ours
    except (OSError, subprocess.SubprocessError):
        # A repository of another user, a broken one: a version can be made without the name of its source.
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN
