"""The version that is staged: its pointer, read and verified."""

from milk.errors import VersionRefused
from milk.home.documents import read_document
from milk.home.layout import Home
from milk.models.version import ModelVersion, read_version


def read_staged(home: Home, asset: str) -> ModelVersion:
    """The verified version that is staged.

    Raises:
        VersionRefused: there is none, or it is damaged.
    """
    pointer = read_document(home, asset)
    if pointer is None:
        raise VersionRefused(f"Nothing is staged yet: materialise {asset} first.")
    if not isinstance(pointer, dict) or not {"version_id", "sha256"} <= pointer.keys():
        raise VersionRefused(f"The document {asset} of the home is damaged: materialise {asset} again.")
    return read_version(home.models, pointer["version_id"], expected_sha256=pointer["sha256"])
