"""Frames of tables that this process read last: the steps and checks of a run ask for the same ones again and again."""

import threading
from collections import OrderedDict

import pandas as pd


class KeptFrames:
    """The frames read last, up to so many bytes; one that is large by itself is not kept.

    Whoever gets one may change it: pandas copies what is written to, and nobody else sees it.
    """

    def __init__(self, *, most_bytes: int, most_bytes_of_one: int) -> None:
        self._most_bytes = most_bytes
        self._most_bytes_of_one = most_bytes_of_one
        self._frames: OrderedDict[tuple[object, ...], tuple[pd.DataFrame, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """How many bytes the frames take that are kept now."""
        return self._bytes

    def get(self, key: tuple[object, ...]) -> pd.DataFrame | None:
        """The frame of a key; `None` where it is not kept."""
        with self._lock:
            if key not in self._frames:
                return None
            self._frames.move_to_end(key)
            return self._frames[key][0].copy(deep=False)

    def keep(self, key: tuple[object, ...], frame: pd.DataFrame) -> pd.DataFrame:
        """Keep a frame in the place of those that were asked for longest ago, and give it to whoever read it."""
        size = int(frame.memory_usage(deep=True).sum())
        if size > self._most_bytes_of_one:
            return frame
        with self._lock:
            self._bytes += size - self._frames.pop(key, (frame, 0))[1]
            self._frames[key] = (frame, size)
            while self._bytes > self._most_bytes:
                _key, (_frame, freed) = self._frames.popitem(last=False)
                self._bytes -= freed
        return frame.copy(deep=False)
