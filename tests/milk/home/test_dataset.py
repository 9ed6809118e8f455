"""Whose home it is: a home belongs to one dataset, and knows it again."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from milk.errors import HomeRefused
from milk.files.local import LocalFolder
from milk.home.dataset import FIRST_MONTHS, Dataset, claim_home, describe_dataset, read_dataset
from milk.home.layout import DATASET_FILE, Home, Shared
from milk.months import Month
from milk.sources.milk_price import parse
from tests.milk.sources.texts import START, price_file

PRICES = [f"{100 + n}.5" for n in range(48)]


def dataset(prices: Sequence[str] = PRICES, *, first: Month = START, is_synthetic: bool = False) -> Dataset:
    return describe_dataset(parse(price_file(prices, first=first)).observations, is_synthetic=is_synthetic)


def test_description() -> None:
    described = dataset()
    assert (described.series_id, described.is_synthetic) == ("cl_farmgate_milk", False)
    assert (described.first_month, described.last_month) == (START, START + 47)
    assert len(described.first_prices) == FIRST_MONTHS == 36
    assert described.first_prices["1979-01"] == "100.5"
    assert len(described.dataset_id) == 12


def test_id_follows_the_first_prices_and_the_label_and_nothing_else() -> None:
    same = [dataset(), dataset(PRICES[:36]), dataset([*PRICES[:36], *["7"] * 30])]
    assert len({d.dataset_id for d in same}) == 1
    other = [dataset(is_synthetic=True), dataset(["7", *PRICES[1:]]), dataset(first=START + 1)]
    assert len({d.dataset_id for d in [same[0], *other]}) == 4


def test_first_claim_is_written_and_read_back(home: Home) -> None:
    assert read_dataset(home) is None
    assert claim_home(home, dataset()) == dataset()
    assert read_dataset(home) == dataset()


def test_same_data_again_change_nothing(home: Home) -> None:
    claim_home(home, dataset())
    # The same content in other bytes shows whether it is written again.
    before = home.files.read(DATASET_FILE) + b"\n\n"
    home.files.write(DATASET_FILE, before)
    assert claim_home(home, dataset()) == dataset()
    assert home.files.read(DATASET_FILE) == before


class Overtaken(LocalFolder):
    """A folder in which another machine writes first, between our look and our write."""

    def write_once(self, name: str, content: bytes) -> None:
        del content
        claim_home(Home(self.path), dataset(["7"] * 48))
        assert self.has(name)


def test_of_two_machines_that_come_first_with_other_data_one_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path, Shared(Overtaken(tmp_path), lambda _wait_seconds, _busy: nullcontext()))
    with pytest.raises(HomeRefused, match="belongs to another dataset"):
        claim_home(home, dataset())
    assert read_dataset(home) == dataset(["7"] * 48)


def test_longer_file_is_a_new_vintage(home: Home) -> None:
    claim_home(home, dataset(PRICES[:40]))
    held = claim_home(home, dataset())
    assert held.last_month == START + 47
    assert held.dataset_id == dataset().dataset_id
    assert read_dataset(home) == held


def test_shorter_file_of_the_same_data_keeps_the_newest_month(home: Home) -> None:
    claim_home(home, dataset())
    assert claim_home(home, dataset(PRICES[:30])).last_month == START + 47


def test_short_home_grows(home: Home) -> None:
    claim_home(home, dataset(PRICES[:12]))
    held = claim_home(home, dataset())
    assert (len(held.first_prices), held.last_month) == (12, START + 47)


def test_price_written_another_way_is_the_same(home: Home) -> None:
    claim_home(home, dataset())
    claim_home(home, dataset([f"{price}0" for price in PRICES]))


@pytest.mark.parametrize(("revised", "is_welcome"), [(1, True), (12, True), (13, False), (36, False)])
def test_revisions_are_welcome_up_to_a_third(home: Home, revised: int, *, is_welcome: bool) -> None:
    claim_home(home, dataset())
    prices = ["7"] * revised + PRICES[revised:]
    if is_welcome:
        assert claim_home(home, dataset(prices)).dataset_id == dataset().dataset_id
    else:
        with pytest.raises(HomeRefused, match="belongs to another dataset"):
            claim_home(home, dataset(prices))
    assert read_dataset(home) == dataset()


@pytest.mark.parametrize(
    "other",
    [dataset(is_synthetic=True), dataset(["7"] * 48), dataset(first=START + 1)],
    ids=["synthetic", "other prices", "other months"],
)
def test_other_data_are_refused_with_a_home_to_use(home: Home, other: Dataset) -> None:
    claim_home(home, dataset())
    with pytest.raises(HomeRefused) as refused:
        claim_home(home, other)
    message = str(refused.value)
    assert f"Use a home of their own: {home.beside(other.dataset_id)}" in message
    assert f"{home.address}-{other.dataset_id}" in message
    assert dataset().dataset_id in message
    assert f"from {other.first_month}" in message
    assert "real" in message
    assert ("synthetic" in message) == other.is_synthetic
    assert read_dataset(home) == dataset()


SOUND = {
    "dataset_id": "abc", "series_id": "cl_farmgate_milk", "is_synthetic": False,
    "first_prices": {"1979-01": "3.85"}, "first_month": "1979-01", "last_month": "2017-12",
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "7", '"text"', "{}",
        json.dumps({k: v for k, v in SOUND.items() if k != "last_month"}),
        json.dumps({k: v for k, v in SOUND.items() if k != "dataset_id"}),
        json.dumps(SOUND | {"more": 1}), json.dumps(SOUND | {"first_month": "1979"}),
        json.dumps(SOUND | {"last_month": 7}), json.dumps(SOUND | {"is_synthetic": "no"}),
        json.dumps(SOUND | {"first_prices": {}}), json.dumps(SOUND | {"first_prices": ["3.85"]}),
        json.dumps(SOUND | {"first_prices": {"1979-01": "x"}}), json.dumps(SOUND | {"first_prices": {"1979-01": None}}),
    ],
)  # fmt: skip
def test_damaged_record_is_refused_and_left_alone(home: Home, content: str) -> None:
    home.prepare()
    home.files.write(DATASET_FILE, content.encode())
    message = r"dataset\.json cannot be read: .*Restore it, or choose another home"
    with pytest.raises(HomeRefused, match=message):
        read_dataset(home)
    with pytest.raises(HomeRefused, match=message):
        claim_home(home, dataset())
    assert home.files.read(DATASET_FILE).decode() == content


def test_record_with_other_bytes_than_text_is_refused(home: Home) -> None:
    home.prepare()
    home.files.write(DATASET_FILE, b"\xff\xfe")
    with pytest.raises(HomeRefused, match="cannot be read"):
        read_dataset(home)


def test_sound_record_of_that_shape_is_read(home: Home) -> None:
    home.prepare()
    home.files.write(DATASET_FILE, json.dumps(SOUND).encode())
    held = read_dataset(home)
    assert held is not None
    assert held.last_month == Month(2017, 12)
