"""The feature table as a file that a feature store can join by time.

A point-in-time join gives, for each row that asks, the newest row whose `event_timestamp` is not later than the time
asked for; of several with the same one, that with the latest `created`. It knows nothing of publication lags. So
`event_timestamp` is not the month that a value describes but the instant from which it is known: the price of October
is no feature of the last day of October where it was published in December.

A revised value is a further row with a later `event_timestamp`, so the join finds what stood at the time asked for; for
that `month` must be one of its keys, beside `series_id` and `feature`. Without it the join gives a value that became
known last: after a revision one of an older month, and of the accounts of a quarter any of three. No time to live may
be set either: an old month is still known.
"""

import io
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.home.tables import frame_hash, has_table, read_table, table_version
from milk.steps import provenance

TABLE = "features"
KEYS = ["series_id", "feature", "month"]
"""What a join must have in common, beside the time."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The bytes of the file: how many rows, of which version of the table, and whether they are invented."""

    content: bytes
    rows: int
    version: int
    is_synthetic: bool


def feature_store_rows(features: pd.DataFrame) -> pd.DataFrame:
    """The feature table as a feature store reads it.

    Args:
        features: the table `features`.

    Returns:
        `series_id, feature, month, value, event_timestamp, created`, one row for each row of the table, ordered by
        feature, month and time. `created` equals `event_timestamp`: no two rows share their keys and their time, so it
        never has to decide, and a time of writing would only make equal features differ.
    """
    ordered = features.sort_values(["series_id", "feature", "month", "known_since"], ignore_index=True)
    return ordered[[*KEYS, "value"]].assign(event_timestamp=ordered["known_since"], created=ordered["known_since"])


def export_features(home: Home) -> Exported:
    """The feature table of a home as Parquet.

    Raises:
        HomeRefused: the home holds no features, or they are damaged.
    """
    if not has_table(home, TABLE):
        raise HomeRefused(f"The home {home.address} holds no features yet. Run the pipeline on it first: milk run")
    version = table_version(home, TABLE)
    features = read_table(home, TABLE, version=version)
    synthetic = provenance.is_synthetic(home)
    content = _parquet(features, version, is_synthetic=synthetic)
    return Exported(content, len(features), version, synthetic)


def _parquet(features: pd.DataFrame, version: int, *, is_synthetic: bool) -> bytes:
    """The bytes of the file, which says itself whether its numbers are invented and what they were made from."""
    table = pa.Table.from_pandas(feature_store_rows(features), preserve_index=False)
    origin = {
        "is_synthetic": str(is_synthetic).lower(),
        "features_version": str(version),
        "features_sha256": frame_hash(features),
    }
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(origin), stream)
    return stream.getvalue()
