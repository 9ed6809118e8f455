"""Reading which series there are: what each is, and from where to where something of it is published."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from milk.months import Month
from milk.publication.engine import reading
from milk.publication.read_at import WITH_ISSUES, ends
from milk.publication.schema import FORECASTS, ISSUES, OBSERVED_PRICES, PUBLICATIONS, SERIES

PRICE = "price"
"""Under this name the register holds the forecast series itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """An input of a forecast series, by the newest revision of the register; `price` is the series itself."""

    series_id: str
    name: str
    revision: int
    meaning: str
    unit: str
    block: str
    source: str
    source_column: str
    code: str
    current_code: str
    first_valid_month: Month
    plausible_low: float
    plausible_high: float
    availability: str
    licence: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesExtent:
    """From where to where something of a series is published, and when last; `None` where nothing is."""

    first_month: Month | None
    last_month: Month | None
    first_issue_month: Month
    last_issue_month: Month
    first_target_month: Month
    last_target_month: Month
    last_update: dt.datetime
    is_synthetic: bool


def input_records(engine: sa.Engine, series_id: str, *, upto: int) -> list[InputRecord]:
    """The inputs of a series as the register stood then, in the order of their blocks and names."""
    newest = sa.func.row_number().over(partition_by=SERIES.c.name, order_by=SERIES.c.revision.desc())
    ranked = (
        sa.select(SERIES, newest.label("age"))
        .where(SERIES.c.series_id == series_id, SERIES.c.publication_id <= upto)
        .subquery("ranked")
    )
    columns = [ranked.c[name] for name in InputRecord.__dataclass_fields__]
    query = sa.select(*columns).where(ranked.c.age == 1).order_by(ranked.c.block, ranked.c.name)
    with reading(engine) as connection:
        return [InputRecord(**row) for row in connection.execute(query).mappings()]


def price_record(engine: sa.Engine, series_id: str, *, upto: int) -> InputRecord | None:
    """What the register says of the forecast series itself."""
    columns = [SERIES.c[name] for name in InputRecord.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(SERIES.c.series_id == series_id, SERIES.c.name == PRICE, SERIES.c.publication_id <= upto)
        .order_by(SERIES.c.revision.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else InputRecord(**row)


def series_extent(engine: sa.Engine, series_id: str, *, upto: int) -> SeriesExtent | None:
    """From where to where; `None` where nothing of the series was issued by then."""
    issued = (ISSUES.c.series_id == series_id, ISSUES.c.publication_id <= upto)
    observed = (OBSERVED_PRICES.c.series_id == series_id, OBSERVED_PRICES.c.publication_id <= upto)
    of_series = (FORECASTS.c.series_id == series_id, *issued)
    newest = (
        sa.select(PUBLICATIONS.c.published_at, ISSUES.c.is_synthetic)
        .join_from(ISSUES, PUBLICATIONS, PUBLICATIONS.c.id == ISSUES.c.publication_id)
        .where(*issued)
        .order_by(ISSUES.c.publication_id.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        first_issue, last_issue = ends(connection, ISSUES.c.issue_month, ISSUES, *issued)
        if first_issue is None or last_issue is None:
            return None
        first_month, last_month = ends(connection, OBSERVED_PRICES.c.month, OBSERVED_PRICES, *observed)
        first_target, last_target = ends(connection, FORECASTS.c.target_month, WITH_ISSUES, *of_series)
        update, synthetic = connection.execute(newest).one()
    return SeriesExtent(
        first_month=first_month,
        last_month=last_month,
        first_issue_month=first_issue,
        last_issue_month=last_issue,
        first_target_month=first_target,
        last_target_month=last_target,
        last_update=update,
        is_synthetic=bool(synthetic),
    )
