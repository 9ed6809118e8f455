"""Received bytes, kept for ever under their hash: every number can be traced to one of them."""

import io
import zipfile
from collections.abc import Mapping

from milk.home.layout import Home
from milk.series import SourceName
from milk.sources.files import content_hash


def keep_received(home: Home, source: SourceName, content: bytes) -> str:
    """Keep a received file; the same bytes again write nothing.

    Returns:
        The SHA-256 under which it lies.
    """
    snapshot = content_hash(content)
    (home.received / source).write_once(f"{snapshot}.csv", content)
    return snapshot


def keep_bundle(home: Home, name: str, contents: Mapping[str, bytes]) -> str:
    """Keep many received files as one archive: a file each would be thousands a month.

    Args:
        home: the home.
        name: what they are, the folder of the archive.
        contents: the bytes of each file, by the name that it bears in the archive.

    Returns:
        The SHA-256 of the archive, under which it lies.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(contents):
            # `ZipInfo` without a date: the same files make the same archive.
            archive.writestr(zipfile.ZipInfo(file), contents[file], zipfile.ZIP_DEFLATED)
    snapshot = content_hash(buffer.getvalue())
    (home.received / name).write_once(f"{snapshot}.zip", buffer.getvalue())
    return snapshot
