"""Open the store of a home: migrated, and its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from milk.home.dataset import read_dataset
from milk.home.layout import Home
from milk.publication.engine import migrate, open_store
from milk.publication.publish import claim_store


@contextmanager
def home_store(home: Home, url: str) -> Iterator[sa.Engine]:
    """The migrated store of a home, claimed for its dataset.

    A server may be named to several homes; a ledger or a reader that mixes invented prices with real ones must not come
    of it.

    Raises:
        BadSetting: the address is none.
        HomeRefused: the store cannot be used, or is that of another dataset.
    """
    engine = open_store(url)
    try:
        migrate(engine)
        if dataset := read_dataset(home):
            claim_store(engine, dataset.series_id, dataset_id=dataset.dataset_id, is_synthetic=dataset.is_synthetic)
        yield engine
    finally:
        engine.dispose()
