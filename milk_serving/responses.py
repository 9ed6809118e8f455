"""What is answered: the shape of each answer, with the unit and the meaning of each field."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from milk.months import Kind
from milk.publication.read import IssueRecord, PublishedForecast, SeriesRecord
from milk.series import SERIES_ID

DECIMALS = 4
"""A ten-thousandth of a peso is far below what any forecast knows, and the same number in every answer."""

_UNIT = f"in `unit`, nominal, rounded to {DECIMALS} decimals"
_INSTANT = "UTC, ISO 8601"

MonthAnswer = Annotated[str, BeforeValidator(str), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"})]
Price = Annotated[float, AfterValidator(lambda value: round(value, DECIMALS))]

_FORECAST: dict[str, Any] = {
    "series_id": SERIES_ID, "target_month": "2014-10", "issue_month": "2014-10", "revision": 1,
    "issued_at": "2014-10-02T12:00:00Z", "data_cutoff": "2014-10-01T03:00:00Z", "forecast_origin": "2014-09",
    "horizon_months": 1, "price": 212.3456, "lower_80": 207.1, "upper_80": 217.9, "lower_95": 204.2, "upper_95": 221.0,
    "unit": "CLP/L", "kind": "live", "model_version": "v-0123456789ab",
    "data_versions": {"features": {"sha256": "4567..."}, "model": {"sha256": "0123..."}, "tables": {"features": 3}},
}  # fmt: skip
_META: dict[str, Any] = {
    "series_id": SERIES_ID, "unit": "CLP/L", "is_nominal": True, "source": "milk_price", "is_synthetic": False,
    "issue_month": "2014-10", "revision": 1, "model_version": "v-0123456789ab", "generated_at": "2014-10-02T12:05:00Z",
    "count": 1, "total": 1,
}  # fmt: skip
_ISSUE: dict[str, Any] = {
    "series_id": SERIES_ID, "issue_month": "2014-10", "revision": 1, "kind": "live", "is_standing": True,
    "reason": "first issue", "issued_at": "2014-10-02T12:00:00Z", "published_at": "2014-10-02T12:01:00Z",
    "data_cutoff": "2014-10-01T03:00:00Z", "forecast_origin": "2014-09", "forecasts": 12, "unit": "CLP/L",
    "model_version": "v-0123456789ab", "content_sha256": "0123...",
}  # fmt: skip


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class Prediction(_Answer):
    """The forecast of one target month, as it was published."""

    series_id: str = Field(description="The series.")
    target_month: MonthAnswer = Field(description="The month that is forecast, `YYYY-MM`.")
    issue_month: MonthAnswer = Field(description="The forecast uses only what was known before this month began.")
    revision: int = Field(description="Number of the revision of the issue, from 1.")
    issued_at: dt.datetime = Field(description=f"When the forecast was made; {_INSTANT}.")
    data_cutoff: dt.datetime = Field(description=f"Nothing known later was used; {_INSTANT}.")
    forecast_origin: MonthAnswer = Field(description="The last month whose price was known, `YYYY-MM`.")
    horizon_months: int = Field(description="Months from `forecast_origin` to `target_month`.")
    price: Price = Field(description=f"The forecast of the farm-gate price, {_UNIT}.")
    lower_80: Price = Field(description=f"Lower end of the 80 % interval, {_UNIT}.")
    upper_80: Price = Field(description=f"Upper end of the 80 % interval, {_UNIT}.")
    lower_95: Price = Field(description=f"Lower end of the 95 % interval, {_UNIT}.")
    upper_95: Price = Field(description=f"Upper end of the 95 % interval, {_UNIT}.")
    unit: str = Field(description="Unit of the price and of its intervals.")
    kind: Kind = Field(description="`live`: issued before the issue month was over; `hindcast`: afterwards.")
    model_version: str = Field(description="The version of the model that made it.")
    data_versions: dict[str, Any] = Field(description="The tables and the model behind it, by version and hash.")


class Issue(_Answer):
    """One revision of an issue month."""

    series_id: str = Field(description="The series.")
    issue_month: MonthAnswer = Field(description="The month of the issue, `YYYY-MM`.")
    revision: int = Field(description="Number of the revision, from 1.")
    kind: Kind = Field(description="`live`: issued before the issue month was over; `hindcast`: afterwards.")
    is_standing: bool = Field(description="Whether it is the revision that answers where no kind is asked for.")
    reason: str = Field(description="Why this revision exists.")
    issued_at: dt.datetime = Field(description=f"When the forecast was made; {_INSTANT}.")
    published_at: dt.datetime = Field(description=f"When it was published; {_INSTANT}.")
    data_cutoff: dt.datetime = Field(description=f"Nothing known later was used; {_INSTANT}.")
    forecast_origin: MonthAnswer = Field(description="The last month whose price was known, `YYYY-MM`.")
    forecasts: int = Field(description="How many target months it has.")
    unit: str = Field(description="Unit of its prices.")
    model_version: str = Field(description="The version of the model that made it.")
    content_sha256: str = Field(description="Hash of its content, in hexadecimal.")


class Meta(_Answer):
    """What holds for all rows of an answer."""

    series_id: str = Field(description="The series.")
    unit: str = Field(description="Unit of every price.")
    is_nominal: Literal[True] = Field(default=True, description="Prices are nominal: not adjusted for inflation.")
    source: str | None = Field(description="Where the observed price comes from; null where it is not registered.")
    is_synthetic: bool | None = Field(description="Whether the data are invented; null where nothing says so.")
    issue_month: MonthAnswer | None = Field(description="The issue; null where the rows come from several.")
    revision: int | None = Field(description="Its revision; null where the rows come from several issues.")
    model_version: str | None = Field(description="Its model; null where the rows come from several issues.")
    generated_at: dt.datetime = Field(description=f"When the answer was made from the store; {_INSTANT}.")
    count: int = Field(description="How many rows the answer has.")
    total: int = Field(description="How many rows there are before `limit`.")

    @classmethod
    def of(
        cls,
        rows: Sequence[PublishedForecast] | Sequence[IssueRecord],
        *,
        series: SeriesRecord | None,
        is_synthetic: bool | None,
        limit: int | None,
    ) -> Self:
        """What holds for the first `limit` of some rows, of which there is at least one."""
        shown = rows[:limit]
        issues = {(row.issue_month, row.revision, row.model_version) for row in shown}
        issue_month, revision, model_version = issues.pop() if len(issues) == 1 else (None, None, None)
        return cls(
            series_id=rows[0].series_id,
            unit=rows[0].unit,
            source=None if series is None else series.source,
            is_synthetic=is_synthetic,
            issue_month=None if issue_month is None else str(issue_month),
            revision=revision,
            model_version=model_version,
            generated_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
            count=len(shown),
            total=len(rows),
        )


class Predictions(_Answer):
    """Forecasts, and what holds for all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_FORECAST], "meta": _META}]})

    data: list[Prediction]
    meta: Meta

    @classmethod
    def of(cls, rows: Sequence[PublishedForecast], *, series: SeriesRecord | None, limit: int | None = None) -> Self:
        """The answer that holds the first `limit` of some rows."""
        return cls(
            data=[Prediction.model_validate(row) for row in rows[:limit]],
            meta=Meta.of(rows, series=series, is_synthetic=rows[0].is_synthetic, limit=limit),
        )


class Issues(_Answer):
    """Issues, and what holds for all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_ISSUE], "meta": _META}]})

    data: list[Issue]
    meta: Meta

    @classmethod
    def of(cls, rows: Sequence[IssueRecord], *, series: SeriesRecord | None, limit: int | None = None) -> Self:
        """The answer that holds the first `limit` of some rows."""
        is_synthetic = None if series is None else series.is_synthetic
        return cls(
            data=[Issue.model_validate(row) for row in rows[:limit]],
            meta=Meta.of(rows, series=series, is_synthetic=is_synthetic, limit=limit),
        )


class Alive(_Answer):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class Ready(_Answer):
    """The store answers, and holds forecasts."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "ready", "publication": 7, "newest_issue_month": "2014-10"}]}
    )

    status: Literal["ready"] = "ready"
    publication: int = Field(description="Number of the newest publication.")
    newest_issue_month: MonthAnswer = Field(description="The newest issue month of any series, `YYYY-MM`.")


class PredecessorMessage(_Answer):
    """What the service of the predecessor says of itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"Message": "Hello world from service"}]})

    Message: str = "Hello world from service"


class PredecessorPrediction(_Answer):
    """A forecast as the predecessor answers it: the price alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prediction": 212.3456}]})

    prediction: Price = Field(description=f"The forecast of the farm-gate price in CLP/L, {_UNIT.split(', ', 1)[1]}.")
