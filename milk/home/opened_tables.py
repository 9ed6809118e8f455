"""Tables that a thread has opened: to look for newer commits takes a tenth of reading the log again."""

import threading
from collections import OrderedDict

from deltalake import DeltaTable

from milk.files.folder import Folder


class OpenedTables(threading.local):
    """The tables opened last, each with the mark of its newest commit; every thread has its own.

    A table is believed as long as that commit is the file that it was: one that was deleted, restored or made again is
    opened anew. So is each table in a bucket, where nothing is marked.
    """

    def __init__(self, *, most: int) -> None:
        super().__init__()
        self._most = most
        self._tables: OrderedDict[str, tuple[DeltaTable, tuple[int, ...]]] = OrderedDict()

    def opened(self, folder: Folder, version: int | None = None) -> DeltaTable:
        """A version of the table in a folder, the newest where none is named; until the next call for that folder.

        Raises:
            TableNotFoundError: it was never written.
        """
        table, mark = self._standing(folder)
        if version is not None:
            if table is not None and table.version() == version:
                return table
            return DeltaTable(str(folder), version=version, storage_options=folder.table_options)
        if table is not None:
            before = table.version()
            table.update_incremental()
            # A folder that was taken away meanwhile is not told by the library.
            if _mark(folder, before) != mark:
                table = None
        if table is None:
            table = DeltaTable(str(folder), storage_options=folder.table_options)
        self._tables[str(folder)] = (table, _mark(folder, table.version()))
        if len(self._tables) > self._most:
            self._tables.popitem(last=False)
        return table

    def _standing(self, folder: Folder) -> tuple[DeltaTable | None, tuple[int, ...]]:
        """The table as it was left and its mark, where its newest commit is still the one that was read."""
        table, mark = self._tables.pop(str(folder), (None, ()))
        if table is None or not mark or _mark(folder, table.version()) != mark:
            return None, ()
        self._tables[str(folder)] = (table, mark)
        return table, mark


def _mark(folder: Folder, version: int) -> tuple[int, ...]:
    return folder.mark(f"_delta_log/{version:020}.json")
