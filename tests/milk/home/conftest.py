"""What holds for a home on a disk holds for one in a bucket."""

from pathlib import Path

import pytest

from milk.home.layout import Home
from tests.milk.home.places import bucket_home
from tests.s3 import S3Server


@pytest.fixture(params=["disk", "bucket"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "disk":
        return Home(tmp_path / "home")
    server: S3Server = request.getfixturevalue("s3")
    return bucket_home(server.new_bucket(), tmp_path / "home")
