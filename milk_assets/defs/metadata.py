"""What the asset pages show beside the table: column schema, row count, pictures that render in the page."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandera.pandas as pa

from milk.tables import column_types

OWNERS = ["team:milk"]


def column_schema(schema: pa.DataFrameSchema) -> dg.TableSchema:
    """The columns of a table as the asset page shows them."""
    types = column_types(schema)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=types[name],
                description=_described(column),
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=bool(column.unique)),
            )
            for name, column in schema.columns.items()
        ]
    )


def table_metadata(schema: pa.DataFrameSchema) -> dict[str, dg.TableSchema]:
    """Definition metadata of an asset that is a table."""
    return {"dagster/column_schema": column_schema(schema)}


def picture(svg_or_png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """An image as Markdown with a data address, which the page renders."""
    kind = "png" if svg_or_png.startswith(b"\x89PNG") else "svg+xml"
    encoded = base64.b64encode(svg_or_png).decode("ascii")
    return dg.MetadataValue.md(f"![{title}](data:image/{kind};base64,{encoded})")


def markdown_table(rows: Sequence[Mapping[Any, object]]) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table; numbers with four significant digits."""
    if not rows:
        return dg.MetadataValue.md("(none)")
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(_shown(row[name]) for name in names) for row in rows]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    # The text of a received cell must end neither a cell nor a row of the table.
    return " ".join(str(value).split()).replace("|", "\\|")


def _described(column: pa.Column) -> str:
    unit = (column.metadata or {}).get("unit")
    return f"{column.description} [{unit}]" if unit else str(column.description)
