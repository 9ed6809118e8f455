"""Receive the further price files of a folder: many series beside the reference, each judged by itself.

The reference series stays in `raw_milk_price`. The others lie together in the table `series_prices`, one row for each
price ever received, so that thousands of them cost whoever works on the reference nothing. What the folder says of each
(name, unit, file), the hash of its file and why it was refused lie in the document `price_series`: a file that did not
change since is not even parsed.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import pandas as pd

from milk.errors import BadInput
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.home.received import keep_bundle
from milk.home.tables import append_table, has_table, read_table
from milk.models.canonical import canonical_json, sha256_hex
from milk.panel.observations import new_observations
from milk.series import Series, series_register
from milk.sources.faults import errors_of
from milk.sources.files import DataFolder, content_hash
from milk.sources.manifest import PriceFile
from milk.sources.milk_price import parse_file
from milk.tables import SERIES_PRICES, column_types, empty_table

TABLE: Final = "series_prices"
DOCUMENT: Final = "price_series"
SERIES_AT_ONCE = 500
"""Series whose prices are compared with what stood at once: what bounds the memory of a reception."""


@dataclass(frozen=True)
class SeriesEntry:
    """What a home knows of a further series.

    Attributes:
        series_id: the series.
        file: path of its file below the folder.
        name: what it is, for a person.
        unit: unit of a price.
        column: the column of its file that holds it.
        plausible_low: smallest believable price.
        plausible_high: largest.
        licence: terms of the source.
        sha256: hash of the file when it was last looked at.
        refused: why that file was not taken; empty where it was.
    """

    series_id: str
    file: str
    name: str
    unit: str
    column: str
    plausible_low: float
    plausible_high: float
    licence: str
    sha256: str
    refused: str = ""


@dataclass(frozen=True)
class ReceivedSeries:
    """What a reception of the further price files brought.

    Attributes:
        series: how many the folder lists.
        changed: how many files were other ones than before.
        added: how many observations were new.
        observations: how many there are now.
        refused: the series whose file was not taken, each with the reason.
        content_sha256: hash of what the folder lists and of its files.
        snapshot: SHA-256 of the archive of the files that brought something; empty where none did.
    """

    series: int
    changed: int
    added: int
    observations: int
    refused: dict[str, str]
    content_sha256: str
    snapshot: str


@dataclass(frozen=True)
class _Looked:
    """A file as it was looked at; no observations where it was refused or is the same as before."""

    entry: SeriesEntry
    content: bytes = b""
    observations: pd.DataFrame | None = None


def receive_series(home: Home, folder: DataFolder, *, received_at: dt.datetime) -> ReceivedSeries | None:
    """Receive every further price file; one that cannot be used is refused by itself.

    Args:
        home: the home, locked.
        folder: the folder of input files.
        received_at: now.

    Returns:
        What came; `None` where the folder lists no further series and never did.

    Raises:
        BadInput: the list itself cannot be used.
    """
    files = folder.price_files()[1:]
    held = {entry.series_id: entry for entry in price_series(home)}
    if not files and not held:
        return None
    standing = _standing(home)
    with_prices = set(standing["series_id"].unique())
    looked = [_look(folder, file, held.get(file.series_id), has_prices=file.series_id in with_prices) for file in files]
    brought = {f"{one.entry.series_id}.csv": one.content for one in looked if one.observations is not None}
    snapshot = keep_bundle(home, TABLE, brought) if brought else ""
    added = _added(looked, standing, snapshot=snapshot, received_at=received_at)
    append_table(home, TABLE, added)
    # After the table: a run that is killed in between looks at the same files again and adds nothing twice.
    entries = [one.entry for one in looked]
    content = [asdict(entry) for entry in entries]
    write_document(home, DOCUMENT, content)
    return ReceivedSeries(
        series=len(files),
        changed=sum(entry != held.get(entry.series_id) for entry in entries),
        added=len(added),
        observations=len(standing) + len(added),
        refused={entry.series_id: entry.refused for entry in entries if entry.refused},
        content_sha256=sha256_hex(canonical_json(content)),
        snapshot=snapshot,
    )


def check_series(folder: DataFolder) -> dict[str, str]:
    """The further series of a folder whose file cannot be used, each with the reason; nothing is written."""
    looked = (_look(folder, file, None, has_prices=False).entry for file in folder.price_files()[1:])
    return {entry.series_id: entry.refused for entry in looked if entry.refused}


def price_series(home: Home) -> tuple[SeriesEntry, ...]:
    """The further series that the folder listed when it was last received, in its order; none where it listed none.

    Raises:
        HomeRefused: the document is damaged.
    """
    return tuple(SeriesEntry(**entry) for entry in read_document(home, DOCUMENT) or ())


def known_prices_of_series(home: Home) -> pd.DataFrame:
    """Every price of the further series: `series_id`, `month`, `value` as a number, `known_since`."""
    columns = ["series_id", "month", "value", "known_since"]
    if not has_table(home, TABLE):
        return empty_table(SERIES_PRICES)[columns].astype({"value": "float64"})
    prices = read_table(home, TABLE, columns=columns)
    return prices.assign(value=prices["value"].astype("float64"))


def _look(folder: DataFolder, file: PriceFile, held: SeriesEntry | None, *, has_prices: bool) -> _Looked:
    """Read a file, and parse it unless it was sound or refused before as it is."""
    if held is not None and has_prices and held.unit != file.price.unit:
        refused = (
            f"Its unit was {held.unit} and is {file.price.unit} now, but a series has one unit. Give it another "
            "series_id, or the unit that it had."
        )
        # The unit is that of the prices that stand; without a hash the file is looked at once the unit is put right.
        return _Looked(replace(_entry(file, "", refused), unit=held.unit))
    try:
        content = folder.fetch_price(file)
    except BadInput as error:
        return _Looked(_entry(file, "", str(error)))
    sha256 = content_hash(content)
    # Where the prices of a series are gone its file is taken anew, though it is the same as before.
    if held is not None and (has_prices or held.refused) and replace(held, refused="") == _entry(file, sha256):
        return _Looked(held)
    parsed = parse_file(content, file.file, replace(file.price, name=file.series_id))
    errors = errors_of(parsed.faults)
    if errors or parsed.observations.empty:
        more = f" And {len(errors) - 1} more." if len(errors) > 1 else ""
        return _Looked(_entry(file, sha256, f"{errors[0] if errors else f'{file.file} holds no price.'}{more}"))
    return _Looked(_entry(file, sha256), content, parsed.observations)


def _entry(file: PriceFile, sha256: str, refused: str = "") -> SeriesEntry:
    price = file.price
    low, high = price.plausible
    return SeriesEntry(
        file.series_id, file.file, price.meaning, price.unit, price.column, low, high, price.licence, sha256, refused
    )


def _standing(home: Home) -> pd.DataFrame:
    return (
        read_table(home, TABLE, columns=[*SERIES_PRICES.columns])
        if has_table(home, TABLE)
        else empty_table(SERIES_PRICES)
    )


def _added(looked: list[_Looked], standing: pd.DataFrame, *, snapshot: str, received_at: dt.datetime) -> pd.DataFrame:
    """What is new of the files, some series at a time."""
    new = {one.entry.series_id: one.observations for one in looked if one.observations is not None}
    before = standing.rename(columns={"series_id": "series"})
    number = pd.Index(new).get_indexer(pd.Index(before["series"])) // SERIES_AT_ONCE
    held: dict[Any, pd.DataFrame] = dict(iter(before.groupby(number)))
    parts = [
        new_observations(
            pd.concat([*part.values()], ignore_index=True),
            held.get(place, before.iloc[:0]),
            series=_rules(part),
            received_at=received_at,
            snapshot=snapshot,
        )
        for place, part in enumerate(_parts(new))
    ]
    types = column_types(SERIES_PRICES)
    if not parts:
        return empty_table(SERIES_PRICES)
    return pd.concat(parts, ignore_index=True).rename(columns={"series": "series_id"})[[*types]].astype(types)


def _rules(series: Mapping[str, Any]) -> tuple[Series, ...]:
    """Each series with the rule of availability of the price: the register knows no other."""
    price = series_register().price
    return tuple(replace(price, name=name) for name in series)


def _parts(new: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, pd.DataFrame]]:
    names = list(new)
    for start in range(0, len(names), SERIES_AT_ONCE):
        yield {name: new[name] for name in names[start : start + SERIES_AT_ONCE]}
