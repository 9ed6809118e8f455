"""What a process keeps of the tables that it read: no more bytes than it may."""

import numpy as np
import pandas as pd
import pytest

from milk.home.kept_frames import KeptFrames

ROWS = 1_000
SIZE = int(pd.DataFrame({"value": np.zeros(ROWS)}).memory_usage(deep=True).sum())


def _frame(value: float) -> pd.DataFrame:
    return pd.DataFrame({"value": np.full(ROWS, value)})


@pytest.fixture
def kept() -> KeptFrames:
    """Room for three frames, of which none is larger than two."""
    return KeptFrames(most_bytes=3 * SIZE, most_bytes_of_one=2 * SIZE)


def _held(kept: KeptFrames, numbers: range) -> list[int]:
    return [number for number in numbers if kept.get((number,)) is not None]


def test_those_asked_for_last_are_kept_up_to_so_many_bytes(kept: KeptFrames) -> None:
    for number in range(3):
        kept.keep((number,), _frame(number))
    assert (_held(kept, range(3)), kept.held_bytes) == ([0, 1, 2], 3 * SIZE)
    kept.get((0,))
    kept.keep((3,), _frame(3))
    assert (_held(kept, range(4)), kept.held_bytes) == ([0, 2, 3], 3 * SIZE)
    kept.keep((4,), pd.concat([_frame(4)] * 2, ignore_index=True))
    assert _held(kept, range(5)) == [3, 4]
    assert kept.held_bytes <= 3 * SIZE


def test_a_large_one_is_not_kept_and_drives_out_no_other(kept: KeptFrames) -> None:
    kept.keep((0,), _frame(0))
    large = pd.concat([_frame(1)] * 3, ignore_index=True)
    pd.testing.assert_frame_equal(kept.keep((1,), large), large)
    assert (_held(kept, range(2)), kept.held_bytes) == ([0], SIZE)


def test_texts_count_with_what_they_hold(kept: KeptFrames) -> None:
    kept.keep((0,), pd.DataFrame({"text": pd.Series(["x" * 3 * SIZE], dtype="str")}))
    assert (kept.get((0,)), kept.held_bytes) == (None, 0)


def test_the_same_key_again_counts_once(kept: KeptFrames) -> None:
    for _again in range(5):
        kept.keep((0,), _frame(0))
    kept.keep((1,), _frame(1))
    assert (_held(kept, range(2)), kept.held_bytes) == ([0, 1], 2 * SIZE)


def test_whoever_changes_one_changes_it_for_nobody_else(kept: KeptFrames) -> None:
    given = kept.keep((0,), _frame(1.0))
    given["value"] = 2.0
    again = kept.get((0,))
    assert again is not None
    again.loc[0, "value"] = 3.0
    last = kept.get((0,))
    assert last is not None
    assert set(last["value"]) == {1.0}
