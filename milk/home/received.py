"""Received bytes, kept for ever under their hash: every number can be traced to one of them."""

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
