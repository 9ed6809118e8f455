"""Delta tables: written whole or in part in one commit, read back with the same types.

Both retention properties are set when a table is made: Delta's defaults delete history after weeks, and a monthly
pipeline would lose last month's version. They act at creation only, which a test asserts.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pa_fs
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from milk.errors import HomeRefused
from milk.files.folder import Folder
from milk.home.kept_frames import KeptFrames
from milk.home.layout import Home
from milk.home.opened_tables import OpenedTables
from milk.models.canonical import sha256_hex
from milk.tables import LATER_COLUMNS, TABLES, column_types

RETENTION = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
CHECKPOINT_COMMITS = 20
"""Whoever opens a table reads its log from the last checkpoint on; Delta's default is a hundred commits."""
MOST_FILES = 24
"""A table that is written month by month gains a file each time, and whoever reads it opens them all: beyond so many
they are put together. The files before stay, so every version stays readable."""
PROPERTIES = RETENTION | {"delta.checkpointInterval": str(CHECKPOINT_COMMITS)}
TRIES = 5
TRANSACTION = "milk"
WRITE_ID = "milk_write"
"""The key, in the record of a commit, of the write that made it."""
LOOKED_BACK = 20
"""Commits among which a writer looks for its own."""
KEPT_BYTES, KEPT_BYTES_OF_ONE = 64 * 2**20, 16 * 2**20
"""What is kept of the tables that this process read last: those of one series, and not the blocks of thousands."""

OPENED_AT_ONCE = 64
"""Tables of which a thread keeps the log that it has read; a home has some twenty."""


@dataclass(frozen=True, slots=True)
class Months:
    """A closed range of first days in one column: the part of a table that a write replaces."""

    column: str
    first: pd.Timestamp
    last: pd.Timestamp

    def rows_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows inside it."""
        return frame[frame[self.column].between(self.first, self.last)]

    def expression(self) -> pc.Expression:
        """The same for who reads a table: files and parts of files without such rows are not opened."""
        ends = [pa.scalar(end.to_pydatetime(), pa.timestamp("us")) for end in (self.first, self.last)]
        return (pc.field(self.column) >= ends[0]) & (pc.field(self.column) <= ends[1])


def write_table(home: Home, name: str, frame: pd.DataFrame, *, replace: Months | None = None) -> int:
    """Write a table, or replace the rows of some months of it.

    Args:
        home: the home.
        name: name of the table.
        frame: the rows; with `replace`, all of them inside it.
        replace: the part that is replaced; the whole table where not given.

    Returns:
        The version of the table after the write.
    """
    if replace is None:
        return _commit(home, name, frame, mode="overwrite", schema_mode="overwrite")
    if not has_table(home, name):
        return _commit(home, name, frame, mode="overwrite")
    first, last = (f"'{day:%Y-%m-%d %H:%M:%S}'" for day in (replace.first, replace.last))
    predicate = f"{replace.column} >= {first} AND {replace.column} <= {last}"
    # A table of an earlier program lacks the columns that came later: the write adds them.
    return _commit(home, name, frame, mode="overwrite", predicate=predicate, schema_mode="merge")


def write_whole_table(home: Home, name: str, frame: pd.DataFrame) -> int:
    """Write a table unless it holds the same rows already: a run that changes nothing leaves no version behind.

    Returns:
        The version of the table that holds the rows.
    """
    if has_table(home, name):
        standing = read_table(home, name)
        if standing.dtypes.equals(frame.dtypes) and frame_hash(standing) == frame_hash(frame):
            return table_version(home, name)
    return write_table(home, name, frame)


def append_table(home: Home, name: str, frame: pd.DataFrame) -> int:
    """Add rows to a table that only grows; no rows write nothing but the table itself, once.

    Returns:
        The version of the table after the write.
    """
    if frame.empty and has_table(home, name):
        return table_version(home, name)
    return _commit(home, name, frame, mode="append")


def read_table(
    home: Home,
    name: str,
    *,
    version: int | None = None,
    months: Months | None = None,
    series_id: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a table or a part of it.

    Args:
        home: the home.
        name: name of the table.
        version: which version; the newest where not given.
        months: only the rows of these.
        series_id: only the rows of this series.
        columns: only these columns, which the table must have had from its beginning.

    Raises:
        TableNotFoundError: it was never written.
        HomeRefused: a file of it is missing or damaged.
    """
    folder = home.tables / name
    table = folder.ask(lambda: _OPENED.opened(folder, version))
    # Their plain names: the address before them may be written with other letters than the folder.
    files = sorted(address.rpartition("/")[2] for address in table.file_uris())
    key = (str(folder), months, series_id, table.schema().to_json(), *((file, *folder.mark(file)) for file in files))
    if columns is None and (kept := _FRAMES.get(key)) is not None:
        return kept
    try:
        with folder.at_hand(files) as place:
            # pyarrow's own file system, in one thread: the default one calls back into Python from threads of pyarrow,
            # and a process that had read through it was seen to abort now and then when it ended (1 in 60; from a
            # bucket 1 in 5).
            at_hand = pa_fs.SubTreeFileSystem(str(place), pa_fs.LocalFileSystem())
            dataset = table.to_pyarrow_dataset(filesystem=at_hand)
            wanted = _wanted_rows(months, series_id)
            rows = dataset.to_table(columns=columns and [*columns], filter=wanted, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        if version is not None and version != table_version(home, name):
            raise HomeRefused(
                f"Version {version} of the table {name} in {home.tables} cannot be read: "
                f"{str(error).splitlines()[0]}. `milk gc` frees versions to which nothing refers; a backup may hold it."
            ) from error
        raise HomeRefused(
            f"The table {name} in {home.tables} is damaged: {str(error).splitlines()[0]}. Restore it from a backup, or "
            f"delete {folder} and make it again."
        ) from error
    frame: pd.DataFrame = rows.to_pandas()
    if columns is not None:
        # Who names columns wants few of a large table, which is not to stay in memory.
        return frame
    return _FRAMES.keep(key, _with_later_columns(name, frame))


def _wanted_rows(months: Months | None, series_id: str | None) -> pc.Expression | None:
    wanted = None if months is None else months.expression()
    if series_id is None:
        return wanted
    of_series = pc.field("series_id") == series_id
    return of_series if wanted is None else wanted & of_series


_FRAMES = KeptFrames(most_bytes=KEPT_BYTES, most_bytes_of_one=KEPT_BYTES_OF_ONE)
_OPENED = OpenedTables(most=OPENED_AT_ONCE)


def _with_later_columns(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that an earlier program wrote, with the columns that came after them."""
    later = LATER_COLUMNS.get(name)
    if later is None:
        return frame
    # A table that was written to since has the columns, last and empty for the older rows.
    held = frame.reindex(columns=list(TABLES[name].columns))
    filled = held.assign(**{column: held[column].fillna(value) for column, value in later.items()})
    types = column_types(TABLES[name])
    return filled.astype({column: types[column] for column in later})


def has_table(home: Home, name: str) -> bool:
    """Whether a table was ever written."""
    folder = home.tables / name
    return folder.ask(lambda: DeltaTable.is_deltatable(str(folder), folder.table_options))


def table_version(home: Home, name: str) -> int:
    """The newest version of a table; -1 where there is none."""
    folder = home.tables / name
    try:
        return folder.ask(lambda: _OPENED.opened(folder)).version()
    except TableNotFoundError:
        return -1


def frame_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of the content of a frame: its column names and its rows, whatever their order.

    Delta promises no order of rows, so the order is no part of the content.
    """
    rows = np.sort(pd.util.hash_pandas_object(frame, index=False).to_numpy())
    return sha256_hex(",".join(frame.columns).encode() + rows.tobytes())


def _opened(folder: Folder) -> DeltaTable | None:
    """The newest version of a table; `None` where it was never written."""
    try:
        return DeltaTable(str(folder), storage_options=folder.table_options)
    except TableNotFoundError:
        return None


def _commit(
    home: Home,
    name: str,
    frame: pd.DataFrame,
    **options: Any,  # noqa: ANN401 because `write_deltalake` has a signature for each mode
) -> int:
    """Write in one commit; a writer that was overtaken tries again on the newer version."""
    folder = home.tables / name
    # One chunk: the writer takes several at once and would store them in a different order each time.
    content = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None).combine_chunks()
    write = _Write(folder, content, {"name": name, **options})
    for _ in range(1, TRIES):
        with suppress(CommitFailedError):
            return folder.ask(write)
    return folder.ask(write)


@dataclass
class _Write:
    """A write that may be repeated until it is known to be done: then it gives the version that it made."""

    folder: Folder
    content: pa.Table
    options: dict[str, Any]
    write_id: str = field(default_factory=lambda: uuid4().hex)
    is_tried: bool = False

    def __call__(self) -> int:
        if self.is_tried and (version := _landed(self.folder, self.write_id)) is not None:
            return version
        self.is_tried = True
        return _written(self.folder, self.content, self.write_id, **self.options)


def _written(
    folder: Folder,
    content: pa.Table,
    write_id: str,
    **options: Any,  # noqa: ANN401 because `write_deltalake` has a signature for each mode
) -> int:
    table = _opened(folder)
    if folder.table_options:
        # In a bucket a commit may be done though its answer was lost. The library, which then tries again, must not
        # take it for that of somebody else: commits of one transaction name refuse to follow each other unseen.
        transaction = Transaction(TRANSACTION, 0 if table is None else table.version() + 1)
        properties = CommitProperties(custom_metadata={WRITE_ID: write_id}, app_transactions=[transaction])
        options |= {"commit_properties": properties}
    if table is None:
        write_deltalake(str(folder), content, configuration=PROPERTIES, storage_options=folder.table_options, **options)
        # Not 0 for certain: another writer may have made the table meanwhile.
        return DeltaTable(str(folder), storage_options=folder.table_options).version()
    write_deltalake(table, content, **options)
    return _put_together(table)


def _landed(folder: Folder, write_id: str) -> int | None:
    """The version that a write made in spite of the failure that it met; `None` where it made none."""
    if not folder.table_options:
        return None
    table = _opened(folder)
    commits = [] if table is None else table.history(LOOKED_BACK)
    return next((commit["version"] for commit in commits if commit.get(WRITE_ID) == write_id), None)


def _put_together(table: DeltaTable) -> int:
    """Put the files of a table together where there are too many: a commit of its own with the same rows.

    Returns:
        The version of the table after it.
    """
    if len(table.file_uris()) > MOST_FILES:
        # Another writer came in between: the next write tries again.
        with suppress(CommitFailedError):
            table.optimize.compact()
    return table.version()
