"""Judge the published forecasts by the prices that came, keep what was found, and publish it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa
import sqlalchemy as sa

from milk.errors import ForecastRefused
from milk.evaluation.scorecard import judged_forecasts
from milk.evaluation.scorecard_summary import running_statistics
from milk.home.layout import Home
from milk.home.tables import has_table, read_table, write_whole_table
from milk.months import Month
from milk.publication.judged_rows import JudgedForecast, RunningStatistics
from milk.publication.publish_judged import PublishedScorecard, publish_scorecard
from milk.publication.read_judged import LiveForecast, judgement_marks, live_record
from milk.publication.rows import ObservedPrice, Publication, plain_row
from milk.scorecard_tables import SCORECARD, SCORECARD_SUMMARY
from milk.series import SERIES_ID
from milk.steps.predictions import schema_problem
from milk.steps.publication import observed_prices
from milk.steps.published_versions import software_versions
from milk.steps.receive import LOCK_WAIT_SECONDS
from milk.table_columns import INSTANT, MONTH
from milk.tables import column_types

TABLE, SUMMARY = "scorecard", "scorecard_summary"
_PRICE_TYPES = {"series_id": "str", "month": MONTH, "known_since": INSTANT, "value": "float64"}
_OF_ISSUE = {"kind": "str"}


@dataclass(frozen=True)
class Scored:
    """What came of a run.

    Attributes:
        rows: the table `scorecard`.
        summary: the table `scorecard_summary`; no rows where nothing is judged yet.
        live_issues: how many issue months have a live forecast in the store.
        table_version: the version of `scorecard` that holds the rows.
        published: what the store did.
    """

    rows: pd.DataFrame
    summary: pd.DataFrame
    live_issues: int
    table_version: int
    published: PublishedScorecard


def judge_published(home: Home, store: sa.Engine, *, published_at: dt.datetime, run_id: str | None) -> Scored:
    """Judge every live forecast whose price has come, keep what was found, and publish it.

    All is judged anew each time: it takes part of a second, and so it heals by itself. What says the same again is
    written neither to the home nor to the store.

    Raises:
        ForecastRefused: the rows break their contract; nothing was written.
        HomeRefused: the store does not answer, or a table of the home is damaged.
        HomeBusy: another run held the home for more than two minutes.
    """
    with home.locked(wait_seconds=LOCK_WAIT_SECONDS):
        record = live_record(store, SERIES_ID)
        observed = known_prices(record.observed, observed_prices(home))
        rows = typed(judged_forecasts(forecast_frame(record.forecasts), price_frame(observed)), SCORECARD)
        summary = typed(running_statistics(rows), SCORECARD_SUMMARY)
        refuse_unsound(rows, summary)
        publication = Publication(
            published_at=published_at,
            run_id=run_id,
            software=software_versions(),
            observed=observed,
        )
        unsaid = judged_rows(_unsaid(home, store, rows))
        # Before the table: what the table holds counts as said.
        published = publish_scorecard(store, unsaid, statistics_rows(summary), publication)
        version = write_whole_table(home, TABLE, rows)
        write_whole_table(home, SUMMARY, summary)
    return Scored(rows, summary, len({row.issue_month for row in record.forecasts}), version, published)


def _unsaid(home: Home, store: sa.Engine, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that the table does not hold as they are, or the store not by the same revision and price.

    Years of judgements come out the same each month; to make a hash of each would be most of the work.
    """
    if not has_table(home, TABLE):
        return rows
    standing = read_table(home, TABLE)
    if not standing.dtypes.equals(rows.dtypes):
        return rows
    own, other = (pd.util.hash_pandas_object(frame, index=False).to_numpy() for frame in (rows, standing))
    same = np.isin(own, other)
    held = judgement_marks(store, SERIES_ID)
    unsaid: pd.DataFrame = rows[~(same & are_marked(rows, held))]
    return unsaid


def are_marked(rows: pd.DataFrame, held: Mapping[tuple[str, Month, Month], tuple[int, float]]) -> npt.NDArray[np.bool_]:
    """Which rows the store holds by the same revision and price; `held` is of `judgement_marks`."""
    keys = zip(rows["series_id"], map(Month.of, rows["issue_month"]), map(Month.of, rows["target_month"]), strict=True)
    marks = zip(keys, rows["revision"], rows["observed_latest"], strict=True)
    return np.fromiter((held.get(key) == (revision, price) for key, revision, price in marks), bool, len(rows))


def known_prices(published: Iterable[ObservedPrice], received: Iterable[ObservedPrice]) -> list[ObservedPrice]:
    """Every price that the store or the home knows of; where both know one of the same instant, the published one."""
    both = {(row.month, row.known_since): row for rows in (received, published) for row in rows}
    return [both[key] for key in sorted(both)]


def forecast_frame(forecasts: Iterable[LiveForecast]) -> pd.DataFrame:
    """Published forecasts as `milk.evaluation.scorecard` takes them."""
    types = column_types(SCORECARD) | _OF_ISSUE
    return _frame(map(plain_row, forecasts), {name: types[name] for name in LiveForecast.__dataclass_fields__})


def price_frame(observed: Iterable[ObservedPrice]) -> pd.DataFrame:
    """Observed prices likewise.

    Raises:
        ForecastRefused: a price is no positive number.
    """
    records = (
        {"series_id": row.series_id, "month": row.month, "known_since": row.known_since, "value": row.price}
        for row in observed
    )
    frame = _frame(records, _PRICE_TYPES)
    bad = frame[~frame["value"].gt(0)]
    if len(bad):
        raise ForecastRefused(
            f"The forecasts were not judged: the price of {bad.iloc[0]['month']:%Y-%m} is {bad.iloc[0]['value']:g}, "
            "not a positive number. Mend the price file, and materialise raw_milk_price and scorecard again."
        )
    return frame


def judged_rows(rows: pd.DataFrame) -> list[JudgedForecast]:
    """The table `scorecard` as the store takes it."""
    return [JudgedForecast(**row) for row in _plain(rows)]


def statistics_rows(summary: pd.DataFrame) -> list[RunningStatistics]:
    """The table `scorecard_summary` likewise."""
    return [RunningStatistics(**row) for row in _plain(summary)]


def _frame(records: Iterable[Mapping[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        {name: pd.Timestamp(value.first_day) if isinstance(value, Month) else value for name, value in record.items()}
        for record in records
    ]
    return pd.DataFrame(rows, columns=[*types]).astype(dict(types))


def typed(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The columns of a table in its order, each of its type."""
    types = column_types(schema)
    return frame[[*types]].astype(types)


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    months = [str(name) for name, kind in frame.dtypes.items() if str(kind) == MONTH]
    instants = [str(name) for name, kind in frame.dtypes.items() if str(kind) == INSTANT]
    rows: list[dict[str, Any]] = []
    records: list[dict[Any, Any]] = frame.to_dict(orient="records")
    for record in records:
        # A frame holds what is not there as NaN, which alone differs from itself; a row holds it as None.
        row: dict[str, Any] = {str(name): None if value != value else value for name, value in record.items()}
        row |= {name: Month.of(row[name]) for name in months}
        rows.append(row | {name: row[name].to_pydatetime() for name in instants})
    return rows


def refuse_unsound(rows: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Raise before anything is written: a check in the UI would come too late."""
    for schema, frame in ((SCORECARD, rows), (SCORECARD_SUMMARY, summary)):
        if problem := schema_problem(schema, frame):
            raise ForecastRefused(
                f"The table {schema.name} breaks its contract and was not written: {problem}. What was published "
                "before stands. Mend what the columns come from, and materialise scorecard again."
            )
