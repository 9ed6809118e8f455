"""What the online route answers: forecasts with intervals and causes, and what they rest on."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from milk.models.apply import AppliedForecast
from milk.publication.online import OnlinePrediction
from milk.series import SERIES_ID
from milk_serving.responses import DECIMALS, MonthAnswer, Price

CAUSE_DECIMALS = 9
_UNIT = f"in `unit`, nominal, rounded to {DECIMALS} decimals"
_CAUSE = "adds to the log of the price"
_ID = "0123456789abcdef0123456789abcdef"

_FORECAST: dict[str, Any] = {
    "target_month": "2026-10", "horizon_months": 1, "price": 431.2345, "lower_80": 420.1, "upper_80": 442.7,
    "lower_95": 413.3, "upper_95": 449.9, "contribution_base": 6.06610809, "contribution_drift": 0.001,
    "contribution_season": 0.0021, "contribution_momentum": -0.0016, "contribution_cycle": -0.0008,
    "contribution_other": 0.0,
}  # fmt: skip
_META: dict[str, Any] = {
    "series_id": SERIES_ID, "unit": "CLP/L", "is_nominal": True, "source": "milk_price", "licence": "none stated",
    "is_synthetic": False, "model_version": "v-0123456789abcdef", "is_in_production": True,
    "forecast_origin": "2026-09", "first_month_used": "2024-09", "months_sent": 3, "months_of_history": 22,
    "history": "yours agree with the published prices within 1 % in every shared month, 2026-07 to 2026-09",
    "unused_columns": [], "features_not_given": [], "id": _ID, "created_at": "2026-10-02T12:00:00Z", "is_kept": True,
}  # fmt: skip
MONTHS_EXAMPLE: dict[str, Any] = {
    "series_id": SERIES_ID,
    "prices": [
        {"month": "2026-07", "price": 431.2},
        {"month": "2026-08", "price": 436.0},
        {"month": "2026-09", "price": 430.0},
    ],
}
COLUMNS_EXAMPLE: dict[str, Any] = {
    "data": {
        "anio": [2013.0, 2013.0, 2013.0],
        "mes": [1.0, 2.0, 3.0],
        "Precio_leche": [195.1, 198.4, 205.7],
        "Coquimbo": [0.2, 0.0, 1.4],
        "PIB": ["119.303.528", "114.520.871", "122.593.835"],
    }
}


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class OnlineForecast(_Answer):
    """The forecast of one month ahead of the prices sent."""

    target_month: MonthAnswer = Field(description="The month that is forecast, `YYYY-MM`.")
    horizon_months: int = Field(description="Months from the last price sent to `target_month`.")
    price: Price = Field(description=f"The forecast of the price, {_UNIT}.")
    lower_80: Price = Field(description=f"Lower end of the 80 % interval, {_UNIT}.")
    upper_80: Price = Field(description=f"Upper end of the 80 % interval, {_UNIT}.")
    lower_95: Price = Field(description=f"Lower end of the 95 % interval, {_UNIT}.")
    upper_95: Price = Field(description=f"Upper end of the 95 % interval, {_UNIT}.")
    contribution_base: float = Field(description="Log of the last price sent; with all that follows, the log forecast.")
    contribution_drift: float = Field(description=f"What the long-run change {_CAUSE}.")
    contribution_season: float = Field(description=f"What the months of the year on the way {_CAUSE}.")
    contribution_momentum: float = Field(description=f"What the newest surprises {_CAUSE}.")
    contribution_cycle: float = Field(description=f"What the pull back after years of surprises {_CAUSE}.")
    contribution_other: float = Field(description=f"What other data {_CAUSE}; 0 where none is used.")


class OnlineMeta(_Answer):
    """What holds for the whole answer, and what it rests on."""

    series_id: str = Field(description="The series whose model answered.")
    unit: str = Field(description="Unit of every price.")
    is_nominal: Literal[True] = Field(default=True, description="Prices are nominal: not adjusted for inflation.")
    source: str | None = Field(description="Where the published history comes from; null where it is not registered.")
    licence: str | None = Field(description="Terms of that source; null where it is not registered.")
    is_synthetic: bool = Field(description="Whether the model was trained on invented prices.")
    model_version: str = Field(description="The version of the model that answered.")
    is_in_production: bool = Field(description="False where the version in production is not published yet.")
    forecast_origin: MonthAnswer = Field(description="The last month sent, `YYYY-MM`.")
    first_month_used: MonthAnswer = Field(description="The oldest month that was used, `YYYY-MM`.")
    months_sent: int = Field(description="How many months were sent; all of them are used as they are.")
    months_of_history: int = Field(description="How many published months stand before them.")
    history: str = Field(description="Why they stand before them, or why none does.")
    unused_columns: list[str] = Field(description="The columns sent of which the recipe makes no use.")
    features_not_given: list[str] = Field(
        description="Features of other data that the recipe uses and no request can give; each adds nothing here."
    )
    id: str = Field(description="Hash of request and answer: the same again is the same.")
    created_at: dt.datetime = Field(description="When it was first asked and kept, UTC, ISO 8601.")
    is_kept: bool = Field(description="Whether `/v1/predictions/online/{id}` gives it again.")


class OnlineAnswer(_Answer):
    """Forecasts from the prices that were sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_FORECAST], "meta": _META}]})

    data: list[OnlineForecast]
    meta: OnlineMeta

    @classmethod
    def of(cls, prediction: OnlinePrediction, *, is_kept: bool, **more: object) -> Self:
        """The answer of a prediction."""
        named = {"id": prediction.id, "created_at": prediction.created_at, "is_kept": is_kept}
        meta = {**prediction.answer["meta"], **named}
        return cls.model_validate({"data": prediction.answer["data"], "meta": meta, **more})


class OnlineRecord(OnlineAnswer):
    """A request that was kept, and its answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [_FORECAST], "meta": _META, "request": MONTHS_EXAMPLE}]}
    )

    request: dict[str, Any] = Field(description="The body that was sent.")


class PredecessorOnline(_Answer):
    """The answer of the predecessor: the price of the month after the last one sent, alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prediction": 212.3456}]})

    prediction: Price = Field(description=f"The forecast in CLP/L, nominal, rounded to {DECIMALS} decimals.")


def forecast_row(applied: AppliedForecast) -> dict[str, Any]:
    """A forecast as it is kept and answered."""
    prices = ("price", "lower_80", "upper_80", "lower_95", "upper_95")
    causes: Mapping[str, float] = applied.contributions
    return {
        "target_month": str(applied.target_month),
        "horizon_months": applied.horizon_months,
        **{name: round(getattr(applied, name), DECIMALS) for name in prices},
        # A zero has one sign here.
        **{f"contribution_{cause}": round(value, CAUSE_DECIMALS) + 0.0 for cause, value in causes.items()},
    }
