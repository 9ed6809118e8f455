"""What is true of a whole home."""

from milk.home.dataset import read_dataset
from milk.home.layout import Home


def is_synthetic(home: Home) -> bool:
    """Whether the data of a home are invented; so they are taken to be before its first run."""
    dataset = read_dataset(home)
    return dataset is None or dataset.is_synthetic
