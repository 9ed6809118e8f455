"""The table of what is known of the quality of the data, in documents; only added to, like the tables of `schema`."""

from typing import Literal

import sqlalchemy as sa

from milk.publication.columns import METADATA, one_of, required

QualityPart = Literal["received", "freshness", "repairs", "drift"]
"""`received`: what each source brought. `freshness`: how far behind its rule each is. `repairs`: what was restored or
left out, by block. `drift`: which inputs no longer look like those of the training."""

DATA_QUALITY = sa.Table(
    "data_quality",
    METADATA,
    required("series_id", sa.String),
    required("part", sa.String),
    required("revision", sa.Integer),
    required("content_sha256", sa.String),
    required("content", sa.JSON),
    required("publication_id", sa.Integer),
    sa.PrimaryKeyConstraint("series_id", "part", "revision"),
    sa.ForeignKeyConstraint(["publication_id"], ["publications.id"]),
    sa.CheckConstraint(one_of("part", QualityPart), name="part"),
    sa.CheckConstraint("revision >= 1", name="revision"),
)
"""One row for each state of a part: `content` is a JSON object with `rows`, a list of plain objects, and what holds
for all of them."""
