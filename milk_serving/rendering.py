"""An answer as it goes out: its bytes in a format, plain and packed, with the headers that name them.

The entity tag is made of what the answer is made of, and not of its bytes: edition, address, format and coding. So it
is known before any row is read, and two workers give the same answer the same one.
"""

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from importlib.metadata import version
from typing import Any

from milk.publication.engine import HEAD
from milk_serving.negotiation import CSV_TYPE, JSON_TYPE, Format, Wishes
from milk_serving.store import Edition

Headers = tuple[tuple[bytes, bytes], ...]

FORMATS: tuple[Format, ...] = ("json", "csv")
SMALLEST_PACKED = 500
"""A smaller body is not worth packing: it fits into one packet as it is."""

SHORT = "public, max-age=30, stale-while-revalidate=300"
"""How long what may change with the next publication may be used without asking."""
IMMUTABLE = "public, max-age=31536000, immutable"
VARY = "Accept, Accept-Encoding"

_PROGRAM = f"{version('milk')} {HEAD}"
"""Another version of the program may say the same in other bytes."""
_SETTLING_SECONDS = 2
"""`Last-Modified` has whole seconds: what changed within this time may change again within the same one."""
_CONSTANTS = ("is_nominal", "is_synthetic", "source", "licence", "publication")
"""What the rows of a CSV repeat of `meta`: a file travels without its headers."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Rendering:
    """The bytes of an answer in one coding."""

    tag: bytes
    body: bytes
    headers: Headers
    headers_unchanged: Headers
    """Those of a 304."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished answer.

    Attributes:
        route: the address of its route, for the metrics.
        rows: how many rows it has.
        plain: as it is.
        packed: by gzip; the same object where that is not worth it.
        modified: its `Last-Modified`.
        modified_at: the same, in seconds of the epoch.
    """

    route: str
    rows: int
    plain: Rendering
    packed: Rendering
    modified: bytes
    modified_at: float

    @property
    def size(self) -> int:
        """Bytes held."""
        packed = 0 if self.packed is self.plain else len(self.packed.body)
        return len(self.plain.body) + packed

    def fitting(self, wishes: Wishes, now: float) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a client that wishes so, at a moment in seconds of the epoch."""
        rendering = self.packed if wishes.is_gzip else self.plain
        if wishes.held:
            is_held = wishes.has(rendering.tag) or wishes.has_any
        else:
            is_settled = now - self.modified_at > _SETTLING_SECONDS
            is_held = bool(wishes.held_since) and wishes.held_since == self.modified and is_settled
        if is_held:
            return 304, rendering.headers_unchanged, b""
        return 200, rendering.headers, rendering.body


def entity_tag(edition: Edition, path: str, query: bytes, form: str, *, is_gzip: bool) -> bytes:
    """The strong entity tag of an answer, quoted."""
    coding = "gzip" if is_gzip else "identity"
    parts = (_PROGRAM, edition.made, str(edition.publication), str(edition.promotion), path, form, coding)
    content = "\n".join(parts).encode() + b"\n" + query
    return f'"{hashlib.blake2s(content, digest_size=12).hexdigest()}"'.encode()


def last_modified(edition: Edition) -> str:
    """When an answer of an edition changed last, as HTTP writes it."""
    changed = edition.changed_at or dt.datetime.fromtimestamp(0, dt.UTC)
    return format_datetime(changed.astimezone(dt.UTC).replace(microsecond=0), usegmt=True)


def render(
    body: bytes,
    headers: Mapping[str, str],
    *,
    edition: Edition,
    key: tuple[str, bytes, str],
    route: str,
    columns: Sequence[str] | None,
) -> Kept:
    """Finish an answer that was made as JSON.

    Args:
        body: the JSON.
        headers: further headers that the route gave it.
        edition: what it was made of.
        key: path, query string and format.
        route: the address of its route.
        columns: those of its rows, where it has any.
    """
    path, query, form = key
    rows = 0
    if columns is not None:
        content = json.loads(body)
        rows = len(content["data"])
        body = csv_of(content, columns) if form == "csv" else body
    packed = gzip.compress(body, 6, mtime=0) if len(body) >= SMALLEST_PACKED else body
    further = {name.lower(): value for name, value in headers.items()}
    common = {"cache-control": SHORT, **further, "last-modified": last_modified(edition), "vary": VARY}
    own = _own_headers(form, path)
    plain, zipped = (
        _rendering(content, common | own, entity_tag(edition, path, query, form, is_gzip=is_gzip), is_gzip=is_gzip)
        for content, is_gzip in ((body, False), (packed, True))
    )
    is_packed = packed is not body
    changed = edition.changed_at.timestamp() if edition.changed_at else 0.0
    return Kept(route, rows, plain, zipped if is_packed else plain, common["last-modified"].encode(), changed)


def _own_headers(form: str, path: str) -> dict[str, str]:
    if form == "json":
        return {"content-type": JSON_TYPE}
    name = "-".join(part for part in path.split("/") if part and part != "v1")
    return {
        "content-type": f"{CSV_TYPE}; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="{name}.csv"',
    }


def _rendering(body: bytes, headers: Mapping[str, str], tag: bytes, *, is_gzip: bool) -> Rendering:
    coding = {"content-encoding": "gzip"} if is_gzip else {}
    whole = {**headers, **coding, "content-length": str(len(body)), "etag": tag.decode()}
    unchanged = {name: whole[name] for name in ("cache-control", "etag", "last-modified", "vary")}
    return Rendering(tag, body, _raw(whole), _raw(unchanged))


def _raw(headers: Mapping[str, str]) -> Headers:
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


def csv_of(content: Mapping[str, Any], columns: Sequence[str]) -> bytes:
    """The rows of an answer as CSV (RFC 4180), each with what holds for all of them.

    Only where a text needs it the file begins with the mark by which spreadsheets know UTF-8: all others read it as
    part of the first name.
    """
    constants = {name: content["meta"].get(name) for name in _CONSTANTS if name not in columns}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*columns, *constants])
    for row in content["data"]:
        writer.writerow([_cell(value) for value in (*(row[name] for name in columns), *constants.values())])
    written = text.getvalue()
    return written.encode() if written.isascii() else written.encode("utf-8-sig")


def _cell(value: object) -> object:
    """A value as a cell: nothing for null, `true` and `false`, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, str) and value.startswith(_FORMULA):
        # A spreadsheet would compute it.
        return f"'{value}"
    return value
