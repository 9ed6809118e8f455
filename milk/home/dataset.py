"""The dataset to which a home belongs.

A home is one dataset's: forecasts of two of them must not lie in one ledger. The record names the source, not its whole
content, so a longer or a revised file of the same series is a new vintage and welcome.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from milk.errors import BadSetting, HomeRefused
from milk.home.layout import DATASET_FILE, Home
from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Month
from milk.series import SERIES_ID

FIRST_MONTHS = 36
"""The first months of the price, by which a dataset is known again."""
SAME_SHARE = 2 / 3
"""The share of them that must agree: revisions of a few do not make other data of them."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a home knows of its data.

    Attributes:
        dataset_id: short hash of series, `is_synthetic` and the first 36 prices as first received.
        series_id: the series that is forecast.
        is_synthetic: whether the data are invented.
        first_prices: those prices, text by month.
        first_month: month of the first price.
        last_month: month of the newest price received so far.
    """

    dataset_id: str
    series_id: str
    is_synthetic: bool
    first_prices: dict[str, str]
    first_month: Month
    last_month: Month


def describe_dataset(price: pd.DataFrame, *, is_synthetic: bool) -> Dataset:
    """The dataset of a price file: its parsed observations, oldest first."""
    months = [Month.of(month) for month in price["month"]]
    first = {str(m): str(v) for m, v in zip(months[:FIRST_MONTHS], price["value"][:FIRST_MONTHS], strict=True)}
    identity = {"series_id": SERIES_ID, "is_synthetic": is_synthetic, "first_prices": first}
    return Dataset(sha256_hex(canonical_json(identity))[:12], SERIES_ID, is_synthetic, first, months[0], months[-1])


def read_dataset(home: Home) -> Dataset | None:
    """The dataset of a home; `None` before its first run.

    Raises:
        HomeRefused: the record is damaged.
    """
    try:
        return _dataset(json.loads(home.files.read(DATASET_FILE)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, BadSetting) as error:
        raise HomeRefused(
            f"{home.address}/{DATASET_FILE} cannot be read: {error}. Restore it, or choose another home."
        ) from error


def claim_home(home: Home, received: Dataset) -> Dataset:
    """Make the home that of a dataset, or see that it is already.

    Args:
        home: a prepared home.
        received: the dataset of the file just received.

    Returns:
        The dataset of the home, with the newest month known.

    Raises:
        HomeRefused: the home belongs to another dataset.
    """
    if read_dataset(home) is None:
        # Another machine may be first, and then its dataset is the one to agree with.
        home.files.write_once(DATASET_FILE, _content(received))
    claimed = judged_dataset(home, received)
    if claimed != read_dataset(home):
        home.files.write(DATASET_FILE, _content(claimed))
    return claimed


def judged_dataset(home: Home, received: Dataset) -> Dataset:
    """What the record of the home would be after receiving a dataset; nothing is written.

    Raises:
        HomeRefused: the home belongs to another dataset.
    """
    held = read_dataset(home)
    if held is None:
        return received
    refuse_other_dataset(home, held, received)
    return replace(held, last_month=max(held.last_month, received.last_month))


def refuse_other_dataset(home: Home, held: Dataset, received: Dataset) -> None:
    """Raise where a file is not of the dataset of the home.

    Raises:
        HomeRefused: it is other data; the message names a home to use.
    """
    if held.is_synthetic == received.is_synthetic and _share_alike(held, received) >= SAME_SHARE:
        return
    kinds = {True: "synthetic", False: "real"}
    raise HomeRefused(
        f"The home {home.address} belongs to another dataset: {held.dataset_id} ({kinds[held.is_synthetic]}, from "
        f"{held.first_month}); these files are {received.dataset_id} ({kinds[received.is_synthetic]}, from "
        f"{received.first_month}). Use a home of their own: {home.beside(received.dataset_id)}"
    )


def _share_alike(held: Dataset, received: Dataset) -> float:
    if held.first_month != received.first_month:
        return 0.0
    same = sum(float(v) == float(received.first_prices.get(m, "nan")) for m, v in held.first_prices.items())
    return same / len(held.first_prices)


def _content(dataset: Dataset) -> bytes:
    months = {"first_month": str(dataset.first_month), "last_month": str(dataset.last_month)}
    return canonical_json(asdict(dataset) | months)


def _dataset(content: dict[str, Any]) -> Dataset:
    months = {name: Month.parse(str(content[name])) for name in ("first_month", "last_month")}
    dataset = Dataset(**{**content, **months})
    if not isinstance(dataset.is_synthetic, bool) or not isinstance(dataset.first_prices, dict):
        raise TypeError("is_synthetic must be true or false, first_prices a price for each month")
    # The prices are compared as numbers later on; what is none must be found here.
    if not [float(price) for price in dataset.first_prices.values()]:
        raise ValueError("it holds no prices")
    return dataset
