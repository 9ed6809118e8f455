"""Parts that a test starts for real: it is skipped where one is missing, and fails where all are required."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where the continuous integration has promised every part."""
    if os.environ.get("MILK_REQUIRE_PARTS"):
        pytest.fail(reason)
    pytest.skip(reason)
