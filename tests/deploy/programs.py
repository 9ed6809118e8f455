"""Programs of Debian that these tests start."""

import os
import shutil

from tests.parts import missing


def program(name: str, package: str) -> str:
    """Where a program is; the test that asks for it is skipped where it is missing, and fails where it is required."""
    # Those of servers are not on the path of every user.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        missing(f"{name} is not installed (Debian: {package})")
    return found
