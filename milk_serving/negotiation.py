"""What a client says of the answer that it wants: format, coding, and what it holds already (RFC 9110)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

Format = Literal["json", "csv"]

JSON_TYPE, CSV_TYPE = "application/json", "text/csv"
_REMEMBERED = 256
"""Clients say few different things; more are not remembered, so that nobody can fill the memory."""


class Wishes(NamedTuple):
    """What the headers of a request say.

    Attributes:
        format: the format that `Accept` prefers; empty where it takes none of ours.
        is_gzip: whether the answer may be packed.
        held: `If-None-Match`, as it was sent.
        held_since: `If-Modified-Since`, as it was sent.
        is_json_taken: whether `Accept` takes JSON, though it may prefer another format.
    """

    format: Format | Literal[""] = "json"
    is_gzip: bool = False
    held: bytes = b""
    held_since: bytes = b""
    is_json_taken: bool = True

    def has(self, tag: bytes) -> bool:
        """Whether the client names this entity tag; a proxy that packs answers makes it a weak one."""
        if self.held == tag:
            return True
        return bool(self.held) and tag in {part.strip().removeprefix(b"W/") for part in self.held.split(b",")}

    @property
    def has_any(self) -> bool:
        """Whether any answer at all is one that the client holds."""
        return self.held.strip() == b"*"


def wishes(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """Read the headers once; a header that is sent twice counts as one list."""
    accept = coding = held = since = b""
    for name, value in headers:
        if name == b"accept":
            accept = accept + b"," + value if accept else value
        elif name == b"accept-encoding":
            coding = coding + b"," + value if coding else value
        elif name == b"if-none-match":
            held = held + b"," + value if held else value
        elif name == b"if-modified-since":
            since = value
    form, is_json_taken = _formats(accept)
    return Wishes(form, _takes_gzip(coding), held, since, is_json_taken)


@lru_cache(_REMEMBERED)
def _formats(accept: bytes) -> tuple[Format | Literal[""], bool]:
    """The better of the two formats, JSON where both are as good and where nothing is said; and whether JSON is one."""
    if not accept.strip(b", "):
        return "json", True
    ranges = dict(_weighed(accept))
    json, csv = (_weight(ranges, of_type) for of_type in (JSON_TYPE, CSV_TYPE))
    if json == csv == 0:
        return "", False
    return "json" if json >= csv else "csv", json > 0


def _weight(ranges: dict[str, float], of_type: str) -> float:
    """What the most exact range that names a media type says of it."""
    for name in (of_type, of_type.split("/")[0] + "/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


@lru_cache(_REMEMBERED)
def _takes_gzip(accept_encoding: bytes) -> bool:
    codings = dict(_weighed(accept_encoding))
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _weighed(header: bytes) -> Iterable[tuple[str, float]]:
    """The members of a list with their weights; one that cannot be read does not count."""
    for part in header.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            yield name, min(1.0, max(0.0, float(weight)))
        except ValueError:
            continue
