"""The quality of the data as it is published: a further revision of a part where it says something else than before."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from milk.publication.engine import reading
from milk.publication.quality_schema import DATA_QUALITY
from milk.publication.rows import QualityDocument


def new_documents(connection: sa.Connection, documents: Sequence[QualityDocument]) -> list[dict[str, Any]]:
    """The documents that are new or say something else than their newest revision, as rows with their number."""
    columns = DATA_QUALITY.c
    query = (
        sa.select(columns.series_id, columns.part, columns.revision, columns.content_sha256)
        .where(columns.series_id.in_({document.series_id for document in documents}))
        .order_by(columns.revision)
    )
    newest = {(row.series_id, row.part): row for row in connection.execute(query)} if documents else {}
    new = []
    for document in documents:
        held = newest.get((document.series_id, document.part))
        if held is None or held.content_sha256 != document.content_sha256:
            new.append(
                {
                    "series_id": document.series_id,
                    "part": document.part,
                    "revision": 1 if held is None else held.revision + 1,
                    "content_sha256": document.content_sha256,
                    "content": dict(document.content),
                }
            )
    return new


def data_quality(engine: sa.Engine, series_id: str, *, upto: int) -> dict[str, dict[str, Any]]:
    """The newest content of each part that was published by then; a part of which nothing was is not there."""
    columns = DATA_QUALITY.c
    query = (
        sa.select(columns.part, columns.content)
        .where(columns.series_id == series_id, columns.publication_id <= upto)
        .order_by(columns.revision)
    )
    with reading(engine) as connection:
        return {row.part: row.content for row in connection.execute(query)}
