"""The shape of the answers about observed prices, causes, means and series."""

import datetime as dt
from typing import Any, Literal

from pydantic import ConfigDict, Field

from milk.months import Kind
from milk.series import SERIES_ID
from milk_serving.responses import INSTANT, META, UNIT, Answer, LogPoints, Meta, MonthAnswer, Price

_OBSERVATION: dict[str, Any] = {
    "series_id": SERIES_ID, "month": "2014-09", "price": 210.5, "unit": "CLP/L", "known_since": "2014-10-01T03:00:00Z",
    "known_by": "rule", "received_at": "2014-10-02T11:58:00Z", "published_at": "2014-10-02T12:01:00Z",
    "is_newest": True, "snapshot": "89ab...",
}  # fmt: skip
_MEAN: dict[str, Any] = {
    "series_id": SERIES_ID, "months": 3, "first_month": "2014-10", "last_month": "2014-12", "issue_month": "2014-10",
    "revision": 1, "kind": "live", "mean_price": 214.2, "lower_80": 208.1, "upper_80": 220.4, "lower_95": 204.9,
    "upper_95": 224.0, "unit": "CLP/L", "model_version": "v-0123456789ab",
}  # fmt: skip
_CAUSE: dict[str, Any] = {
    "cause": "base", "meaning": "the last known price", "log_points": 5.334, "factor": None, "price_after": 207.2694,
}  # fmt: skip
_SERIES: dict[str, Any] = {
    "series_id": SERIES_ID, "meaning": "Farm-gate milk price, nominal, without value added tax", "unit": "CLP/L",
    "frequency": "monthly", "is_nominal": True, "is_synthetic": False, "first_month": "1979-01",
    "last_month": "2014-09", "first_issue_month": "2010-01", "last_issue_month": "2014-10",
    "first_target_month": "2010-01", "last_target_month": "2015-09", "last_update": "2014-10-02T12:01:00Z",
    "availability": "month_end, lag 0 months", "source": "milk_price", "licence": "none stated", "note": "",
    "inputs": 93,
}  # fmt: skip


class ObservationAnswer(Answer):
    """A price as it was known from an instant on."""

    series_id: str = Field(description="The series.")
    month: MonthAnswer = Field(description="The month of the price, `YYYY-MM`.")
    price: Price = Field(description=f"The price, {UNIT}.")
    unit: str = Field(description="Its unit.")
    known_since: dt.datetime = Field(description=f"From when it was known; {INSTANT}.")
    known_by: str = Field(description="`rule`: by the rule of its source; `received`: by its reception, as a revision.")
    received_at: dt.datetime = Field(description=f"When it was received; {INSTANT}.")
    published_at: dt.datetime = Field(description=f"When it was published here; {INSTANT}.")
    is_newest: bool = Field(description="Whether no later value of the month is known.")
    snapshot: str = Field(description="Hash of the file that brought it.")


class Observations(Answer):
    """Observed prices, the oldest month first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_OBSERVATION], "meta": META}]})

    data: list[ObservationAnswer]
    meta: Meta


class MeanAnswer(Answer):
    """The mean price of the next months, as an issue forecasts it."""

    series_id: str = Field(description="The series.")
    months: int = Field(description="How many months, counted from the issue month.")
    first_month: MonthAnswer = Field(description="The first of them, `YYYY-MM`.")
    last_month: MonthAnswer = Field(description="The last of them, `YYYY-MM`.")
    issue_month: MonthAnswer = Field(description="The issue.")
    revision: int = Field(description="Its revision.")
    kind: Kind = Field(description="`live` or `hindcast`.")
    mean_price: Price | None = Field(description=f"The forecast of the mean, {UNIT}; null in issues of older programs.")
    lower_80: Price | None = Field(description=f"Lower end of its 80 % interval, {UNIT}.")
    upper_80: Price | None = Field(description=f"Upper end of its 80 % interval, {UNIT}.")
    lower_95: Price | None = Field(description=f"Lower end of its 95 % interval, {UNIT}.")
    upper_95: Price | None = Field(description=f"Upper end of its 95 % interval, {UNIT}.")
    unit: str = Field(description="Unit of the mean.")
    model_version: str = Field(description="The version of the model that made it.")


class Means(Answer):
    """The mean price of the next 3 and of the next 12 months."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_MEAN], "meta": META}]})

    data: list[MeanAnswer]
    meta: Meta


class CauseAnswer(Answer):
    """One cause of a forecast."""

    cause: str = Field(description="Its name; `contribution_<cause>` of the forecast.")
    meaning: str = Field(description="What it is.")
    log_points: LogPoints = Field(description="What it adds to the logarithm of the price.")
    factor: LogPoints | None = Field(description="By what it multiplies the price; null of the base.")
    price_after: Price = Field(description=f"The price after this cause and those before it, {UNIT}.")


class Before(Answer):
    """What the issue before said of the same month."""

    issue_month: MonthAnswer = Field(description="That issue, `YYYY-MM`.")
    revision: int = Field(description="Its revision.")
    price: Price = Field(description=f"Its forecast, {UNIT}.")
    change: Price = Field(description=f"The forecast less that one, {UNIT}.")


class Explanation(Answer):
    """What a forecast is made of."""

    target_month: MonthAnswer = Field(description="The month that is forecast, `YYYY-MM`.")
    issue_month: MonthAnswer = Field(description="The issue, `YYYY-MM`.")
    revision: int = Field(description="Its revision.")
    price: Price = Field(description=f"The forecast, {UNIT}.")
    lower_80: Price = Field(description=f"Lower end of its 80 % interval, {UNIT}.")
    upper_80: Price = Field(description=f"Upper end of its 80 % interval, {UNIT}.")
    causes: list[CauseAnswer] = Field(description="The causes in their order; the last `price_after` is the forecast.")
    before: Before | None = Field(description="What the issue before said; null where none had the month.")


class Explained(Answer):
    """The explanation of one forecast."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": {
                        "target_month": "2014-10", "issue_month": "2014-10", "revision": 1, "price": 207.2694,
                        "lower_80": 202.1, "upper_80": 212.5, "causes": [_CAUSE],
                        "before": {"issue_month": "2014-09", "revision": 1, "price": 206.0, "change": 1.2694},
                    },
                    "meta": META,
                }
            ]
        }
    )  # fmt: skip

    data: Explanation
    meta: Meta


class SeriesAnswer(Answer):
    """A series of which forecasts are published."""

    series_id: str = Field(description="Its name.")
    meaning: str = Field(description="What it is.")
    unit: str = Field(description="Unit of its prices.")
    frequency: Literal["monthly"] = "monthly"
    is_nominal: Literal[True] = True
    is_synthetic: bool = Field(description="Whether its data are invented.")
    first_month: MonthAnswer | None = Field(description="The first observed month; null where none is published.")
    last_month: MonthAnswer | None = Field(description="The newest observed month; null where none is published.")
    first_issue_month: MonthAnswer = Field(description="The first issue.")
    last_issue_month: MonthAnswer = Field(description="The newest issue.")
    first_target_month: MonthAnswer = Field(description="The first month that was forecast.")
    last_target_month: MonthAnswer = Field(description="The last month that is forecast.")
    last_update: dt.datetime = Field(description=f"When an issue of it was published last; {INSTANT}.")
    availability: str | None = Field(description="When a price becomes known.")
    source: str | None = Field(description="Where the observed price comes from.")
    licence: str | None = Field(description="Terms of the source.")
    note: str | None = Field(description="What else to know.")
    inputs: int = Field(description="How many series the register holds for it, itself included.")


class SeriesMeta(Answer):
    """As of when."""

    publication: int = Field(description="Number of the publication as of which this is the answer.")
    as_of: dt.datetime = Field(description=f"When that publication was made; {INSTANT}.")
    count: int = Field(description="How many series are here.")
    next: str | None = Field(default=None, description="The address of the series after these; null at the end.")


class SeriesList(Answer):
    """The series of which forecasts are published."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [_SERIES],
                    "meta": {"publication": 7, "as_of": "2014-10-02T12:01:00Z", "count": 1, "next": None},
                }
            ]
        }
    )

    data: list[SeriesAnswer]
    meta: SeriesMeta
