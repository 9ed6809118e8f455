"""Expected failures as Dagster shows them: the message, no traceback, no retry."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from milk.errors import FilesUnavailable, HomeBusy, MilkError


@contextmanager
def explained() -> Iterator[None]:
    """Turn a `MilkError` into a `dg.Failure`; only a busy home or a silent bucket is worth another try."""
    try:
        yield
    except MilkError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"kind": type(error).__name__},
            allow_retries=isinstance(error, HomeBusy | FilesUnavailable),
        ) from None
