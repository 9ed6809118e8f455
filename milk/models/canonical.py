"""Canonical JSON: the same content is the same bytes, so a hash names it."""

import hashlib
import json


def canonical_json(content: object) -> bytes:
    """Sorted keys, no needless space, ASCII, numbers as the shortest text that reads back the same, one final newline.

    Raises:
        ValueError: a number is not finite, which JSON cannot hold.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
