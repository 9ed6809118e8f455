"""What is answered: the shape of each answer, with the unit and the meaning of each field.

Here what most answers share, and those about forecasts and issues; `responses_prices` and `responses_models` hold the
others.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from milk.months import Kind
from milk.publication.read import IssueRecord
from milk.publication.read_forecasts import ForecastAnswer
from milk.series import SERIES_ID

DECIMALS = 4
"""A ten-thousandth of a peso is far below what any forecast knows, and the same number in every answer."""

UNIT = f"in `unit`, nominal, rounded to {DECIMALS} decimals"
INSTANT = "UTC, ISO 8601"
_NULL = "null where it is not known"
_LOG = "in log points; the causes add up to the logarithm of the price"

MonthAnswer = Annotated[str, BeforeValidator(str), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"})]
Price = Annotated[float, AfterValidator(lambda value: round(value, DECIMALS))]
Share = Annotated[float, AfterValidator(lambda value: round(value, DECIMALS))]
LogPoints = Annotated[float, AfterValidator(lambda value: round(value, 6) + 0.0)]

_FORECAST: dict[str, Any] = {
    "series_id": SERIES_ID, "target_month": "2014-10", "issue_month": "2014-10", "revision": 1,
    "issued_at": "2014-10-02T12:00:00Z", "data_cutoff": "2014-10-01T03:00:00Z", "forecast_origin": "2014-09",
    "horizon_months": 1, "price": 212.3456, "lower_80": 207.1, "upper_80": 217.9, "lower_95": 204.2, "upper_95": 221.0,
    "unit": "CLP/L", "kind": "live", "model_version": "v-0123456789ab",
    "data_versions": {"features": {"sha256": "4567..."}, "model": {"sha256": "0123..."}, "tables": {"features": 3}},
    "published_at": "2014-10-02T12:01:00Z", "observed": 214.1, "error": 1.7544, "inside_80": True, "inside_95": True,
    "measured_80": 0.8056, "measured_95": 0.95, "measured_forecasts": 180, "mean_price": 212.3456,
    "mean_lower_80": 207.1, "mean_upper_80": 217.9, "mean_lower_95": 204.2, "mean_upper_95": 221.0,
    "contribution_base": 5.334, "contribution_drift": 0.0026, "contribution_season": 0.0215,
    "contribution_momentum": -0.0005, "contribution_cycle": 0.0, "contribution_other": 0.0, "interval_errors": 120,
}  # fmt: skip
META: dict[str, Any] = {
    "series_id": SERIES_ID, "unit": "CLP/L", "is_nominal": True, "source": "milk_price", "is_synthetic": False,
    "issue_month": "2014-10", "revision": 1, "model_version": "v-0123456789ab", "generated_at": "2014-10-02T12:01:00Z",
    "count": 1, "total": 1, "licence": "none stated", "frequency": "monthly", "publication": 7,
    "as_of": "2014-10-02T12:01:00Z", "next": None, "warnings": [],
}  # fmt: skip
_ISSUE: dict[str, Any] = {
    "series_id": SERIES_ID, "issue_month": "2014-10", "revision": 1, "kind": "live", "is_standing": True,
    "reason": "first issue", "issued_at": "2014-10-02T12:00:00Z", "published_at": "2014-10-02T12:01:00Z",
    "data_cutoff": "2014-10-01T03:00:00Z", "forecast_origin": "2014-09", "forecasts": 12, "unit": "CLP/L",
    "model_version": "v-0123456789ab", "content_sha256": "0123...",
}  # fmt: skip


class Answer(BaseModel):
    """What every answer is."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Prediction(Answer):
    """The forecast of one target month, as it was published."""

    series_id: str = Field(description="The series.")
    target_month: MonthAnswer = Field(description="The month that is forecast, `YYYY-MM`.")
    issue_month: MonthAnswer = Field(description="The forecast uses only what was known before this month began.")
    revision: int = Field(description="Number of the revision of the issue, from 1.")
    issued_at: dt.datetime = Field(description=f"When the forecast was made; {INSTANT}.")
    data_cutoff: dt.datetime = Field(description=f"Nothing known later was used; {INSTANT}.")
    forecast_origin: MonthAnswer = Field(description="The last month whose price was known, `YYYY-MM`.")
    horizon_months: int = Field(description="Months from `forecast_origin` to `target_month`.")
    price: Price = Field(description=f"The forecast of the farm-gate price, {UNIT}.")
    lower_80: Price = Field(description=f"Lower end of the 80 % interval, {UNIT}.")
    upper_80: Price = Field(description=f"Upper end of the 80 % interval, {UNIT}.")
    lower_95: Price = Field(description=f"Lower end of the 95 % interval, {UNIT}.")
    upper_95: Price = Field(description=f"Upper end of the 95 % interval, {UNIT}.")
    unit: str = Field(description="Unit of the price and of its intervals.")
    kind: Kind = Field(description="`live`: issued before the issue month was over; `hindcast`: afterwards.")
    model_version: str = Field(description="The version of the model that made it.")
    data_versions: dict[str, Any] = Field(description="The tables and the model behind it, by version and hash.")
    published_at: dt.datetime = Field(description=f"When it was published; {INSTANT}.")
    observed: Price | None = Field(description=f"The price as it was first known, {UNIT}; {_NULL} yet.")
    error: Price | None = Field(description=f"`observed` less `price`, {UNIT}; {_NULL} yet.")
    inside_80: bool | None = Field(description=f"Whether the 80 % interval held `observed`; {_NULL} yet.")
    inside_95: bool | None = Field(description=f"Whether the 95 % interval held `observed`; {_NULL} yet.")
    measured_80: Share | None = Field(
        description=f"Share of the earlier 80 % intervals of this horizon that held the price; {_NULL}."
    )
    measured_95: Share | None = Field(description=f"Likewise of the 95 % intervals; {_NULL}.")
    measured_forecasts: int = Field(description="How many intervals `measured_80` and `measured_95` rest on.")
    mean_price: Price | None = Field(
        description=f"Forecast of the mean price from the issue month to the target month, {UNIT}; {_NULL}."
    )
    mean_lower_80: Price | None = Field(description=f"Lower end of the 80 % interval of the mean, {UNIT}; {_NULL}.")
    mean_upper_80: Price | None = Field(description=f"Upper end of the 80 % interval of the mean, {UNIT}; {_NULL}.")
    mean_lower_95: Price | None = Field(description=f"Lower end of the 95 % interval of the mean, {UNIT}; {_NULL}.")
    mean_upper_95: Price | None = Field(description=f"Upper end of the 95 % interval of the mean, {UNIT}; {_NULL}.")
    contribution_base: LogPoints = Field(description=f"The last known price, {_LOG}.")
    contribution_drift: LogPoints = Field(description=f"The trend, {_LOG}.")
    contribution_season: LogPoints = Field(description=f"The months of the year, {_LOG}.")
    contribution_momentum: LogPoints = Field(description=f"The latest unexpected changes, {_LOG}.")
    contribution_cycle: LogPoints = Field(description=f"The pull back from two years of unexpected changes, {_LOG}.")
    contribution_other: LogPoints = Field(description=f"Other data than the price, {_LOG}.")
    interval_errors: int = Field(description="How many past errors the intervals rest on.")


class Issue(Answer):
    """One revision of an issue month."""

    series_id: str = Field(description="The series.")
    issue_month: MonthAnswer = Field(description="The month of the issue, `YYYY-MM`.")
    revision: int = Field(description="Number of the revision, from 1.")
    kind: Kind = Field(description="`live`: issued before the issue month was over; `hindcast`: afterwards.")
    is_standing: bool = Field(description="Whether it is the revision that answers where no kind is asked for.")
    reason: str = Field(description="Why this revision exists.")
    issued_at: dt.datetime = Field(description=f"When the forecast was made; {INSTANT}.")
    published_at: dt.datetime = Field(description=f"When it was published; {INSTANT}.")
    data_cutoff: dt.datetime = Field(description=f"Nothing known later was used; {INSTANT}.")
    forecast_origin: MonthAnswer = Field(description="The last month whose price was known, `YYYY-MM`.")
    forecasts: int = Field(description="How many target months it has.")
    unit: str = Field(description="Unit of its prices.")
    model_version: str = Field(description="The version of the model that made it.")
    content_sha256: str = Field(description="Hash of its content, in hexadecimal.")


class Meta(Answer):
    """What holds for all rows of an answer."""

    series_id: str = Field(description="The series.")
    unit: str | None = Field(description="Unit of every price; null where the series is not registered.")
    is_nominal: Literal[True] = Field(default=True, description="Prices are nominal: not adjusted for inflation.")
    source: str | None = Field(description="Where the observed price comes from; null where it is not registered.")
    is_synthetic: bool | None = Field(description="Whether the data are invented; null where nothing says so.")
    issue_month: MonthAnswer | None = Field(description="The issue; null where the rows come from several.")
    revision: int | None = Field(description="Its revision; null where the rows come from several issues.")
    model_version: str | None = Field(description="Its model; null where the rows come from several issues.")
    generated_at: dt.datetime = Field(description=f"When what the answer rests on was published last; {INSTANT}.")
    count: int = Field(description="How many rows the answer has.")
    total: int = Field(description="How many rows there are before `limit`.")
    licence: str | None = Field(description="Terms of the source; null where it is not registered.")
    frequency: Literal["monthly"] = Field(default="monthly", description="One value a month.")
    publication: int = Field(description="Number of the publication as of which this is the answer.")
    as_of: dt.datetime = Field(description=f"When that publication was made; {INSTANT}.")
    next: str | None = Field(default=None, description="The address of the rows after these; null where none are.")
    warnings: list[str] = Field(default=[], description="What a reader should know of this answer, in words.")


class Predictions(Answer):
    """Forecasts, and what holds for all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_FORECAST], "meta": META}]})

    data: list[Prediction]
    meta: Meta

    @classmethod
    def of(cls, rows: Sequence[ForecastAnswer], meta: Meta) -> Self:
        """The answer that holds some rows."""
        return cls(data=[Prediction.model_validate(row) for row in rows], meta=meta)


class Issues(Answer):
    """Issues, and what holds for all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_ISSUE], "meta": META}]})

    data: list[Issue]
    meta: Meta

    @classmethod
    def of(cls, rows: Sequence[IssueRecord], meta: Meta) -> Self:
        """The answer that holds some rows."""
        return cls(data=[Issue.model_validate(row) for row in rows], meta=meta)


class Alive(Answer):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class Ready(Answer):
    """The store answers, and holds forecasts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "publication": 7,
                    "newest_issue_month": "2014-10",
                    "newest_issue_at": "2014-10-02T12:00:00Z",
                    "newest_issue_age_days": 3.2,
                    "schema_version": "0005",
                }
            ]
        }
    )

    status: Literal["ready"] = "ready"
    publication: int = Field(description="Number of the newest publication.")
    newest_issue_month: MonthAnswer = Field(description="The newest issue month of any series, `YYYY-MM`.")
    newest_issue_at: dt.datetime = Field(description=f"When it was issued; {INSTANT}.")
    newest_issue_age_days: float = Field(description="How long ago that was, in days.")
    schema_version: str = Field(description="The migration that the store has, and this program needs.")


class PredecessorMessage(Answer):
    """What the service of the predecessor says of itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"Message": "Hello world from service"}]})

    Message: str = "Hello world from service"


class PredecessorPrediction(Answer):
    """A forecast as the predecessor answers it: the price alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prediction": 212.3456}]})

    prediction: Price = Field(description=f"The forecast of the farm-gate price in CLP/L, {UNIT.split(', ', 1)[1]}.")
