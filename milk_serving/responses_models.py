"""The shape of the answers about models, their accuracy, the quality of the data, and the reader itself."""

import datetime as dt
from typing import Any, Literal

from pydantic import ConfigDict, Field

from milk.series import SERIES_ID
from milk_serving.bodies import MOST_BODY_BYTES
from milk_serving.responses import INSTANT, META, UNIT, Answer, LogPoints, Meta, MonthAnswer, Price, Share

_MODEL: dict[str, Any] = {
    "series_id": SERIES_ID, "version_id": "v-0123456789ab", "recipe": "combination", "is_in_production": True,
    "created_at": "2014-10-02T11:59:00Z", "published_at": "2014-10-02T12:01:00Z", "issues": 58,
    "first_issue_month": "2010-01", "last_issue_month": "2014-10", "sha256": "0123...",
}  # fmt: skip
_DECISION: dict[str, Any] = {
    "version_id": "v-0123456789ab", "decided_at": "2014-10-02T12:00:00Z", "actor_kind": "run", "actor": "monthly",
    "decision": "promoted", "reason": "Nothing was in production.", "champion_version_id": "v-0123456789ab",
    "numbers": {"ratio_year": 0.8},
}  # fmt: skip
_ACCURACY: dict[str, Any] = {
    "evaluation": "backtest", "model": "milk", "model_version": "v-0123456789ab", "observed_as": None,
    "horizon_months": 1, "forecasts": 120, "months_judged": None, "first_target": None, "last_target": None,
    "rmse": 4.5, "mae": 3.4, "ratio": 0.77, "ratio_low": None, "ratio_high": None, "coverage_80": 0.79,
    "coverage_80_low": None, "coverage_80_high": None, "coverage_95": 0.94, "coverage_95_low": None,
    "coverage_95_high": None, "width_80": 12.0, "bias": None, "bias_band": None, "is_judged": None, "finding": None,
}  # fmt: skip
_QUALITY: dict[str, Any] = {
    "freshness": {
        "as_of": "2014-10-01T03:00:00+00:00", "issue_month": "2014-10",
        "rows": [{"source": "milk_price", "known": "end of its own month", "series": 1, "newest_held": "2014-09",
                  "newest_due": "2014-09", "months_behind": 0, "slowest": "price"}],
    },
    "received": None, "repairs": None, "drift": None, "retraining": None,
}  # fmt: skip
_NO_ISSUE = {**META, "issue_month": None, "revision": None, "model_version": None}


class ModelAnswer(Answer):
    """A model version that made published forecasts."""

    series_id: str = Field(description="The series.")
    version_id: str = Field(description="Its name.")
    recipe: str = Field(description="The kind of model.")
    is_in_production: bool = Field(description="Whether the ledger says that it is, as of the answer.")
    created_at: dt.datetime = Field(description=f"When it was trained; {INSTANT}.")
    published_at: dt.datetime = Field(description=f"When its card was published; {INSTANT}.")
    issues: int = Field(description="How many revisions of issues it made.")
    first_issue_month: MonthAnswer | None = Field(description="The first of their months; null where there is none.")
    last_issue_month: MonthAnswer | None = Field(description="The newest of their months; null where there is none.")
    sha256: str = Field(description="Hash of its content.")


class Models(Answer):
    """The model versions, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_MODEL], "meta": _NO_ISSUE}]})

    data: list[ModelAnswer]
    meta: Meta


class LedgerEntry(Answer):
    """A decision about what is in production."""

    version_id: str = Field(description="The version that was considered.")
    decided_at: dt.datetime = Field(description=f"When; {INSTANT}.")
    actor_kind: str = Field(description="What kind of actor decided: `schedule`, `sensor`, `person`, `run`.")
    actor: str = Field(description="Its name.")
    decision: str = Field(description="`promoted`, or `kept` where the version considered did not pass.")
    reason: str = Field(description="Why.")
    champion_version_id: str = Field(description="What is in production since.")
    numbers: dict[str, Any] = Field(description="The comparison that the decision rests on.")


class ModelDetail(ModelAnswer):
    """A model version with its card and what the ledger says of it."""

    card: dict[str, Any] = Field(description="The card: data, search, scores, verdicts, as the folder holds it.")
    ledger: list[LedgerEntry] = Field(description="The decisions about this version, the oldest first.")


class Model(Answer):
    """One model version."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"data": {**_MODEL, "card": {"scores": {}}, "ledger": [_DECISION]}, "meta": _NO_ISSUE},
            ]
        }
    )

    data: ModelDetail
    meta: Meta


class AccuracyAnswer(Answer):
    """What forecasts of a horizon were worth, by one way to measure."""

    evaluation: Literal["backtest", "live"] = Field(
        description="`backtest`: rolling origins before the model was chosen; `live`: what was published in time. "
        "Hindcasts take no part."
    )
    model: str = Field(description="The model measured: ours, a baseline, or of live forecasts `published`.")
    model_version: str | None = Field(description="The version that the backtest judged; null of live forecasts.")
    observed_as: str | None = Field(
        description="Of live forecasts: judged by the price as it was known `first`, or by the `latest` value."
    )
    horizon_months: int = Field(description="Months ahead of the last known price; 0 is all horizons together.")
    forecasts: int = Field(description="How many forecasts were measured.")
    months_judged: int | None = Field(description="Of live forecasts: how many different months.")
    first_target: MonthAnswer | None = Field(description="Of live forecasts: the first month.")
    last_target: MonthAnswer | None = Field(description="Of live forecasts: the last month.")
    rmse: Price = Field(description=f"Root mean squared error, {UNIT}.")
    mae: Price | None = Field(description=f"Mean absolute error, {UNIT}; null of live forecasts.")
    ratio: Share | None = Field(description="`rmse` over that of the last value on the same forecasts.")
    ratio_low: Share | None = Field(description="Lower end of its 95 % interval; null where it is not known.")
    ratio_high: Share | None = Field(description="Upper end of its 95 % interval; null where it is not known.")
    coverage_80: Share = Field(description="Share of the 80 % intervals that held the price.")
    coverage_80_low: Share | None = Field(description="Lower end of its 95 % interval; null where it is not known.")
    coverage_80_high: Share | None = Field(description="Upper end of its 95 % interval; null where it is not known.")
    coverage_95: Share = Field(description="Share of the 95 % intervals that held the price.")
    coverage_95_low: Share | None = Field(description="Lower end of its 95 % interval; null where it is not known.")
    coverage_95_high: Share | None = Field(description="Upper end of its 95 % interval; null where it is not known.")
    width_80: Price | None = Field(description=f"Mean width of the 80 % intervals, {UNIT}; null of live forecasts.")
    bias: LogPoints | None = Field(description="Of live forecasts: mean error in log points.")
    bias_band: LogPoints | None = Field(description="What `bias` may be by chance; null where it is not known.")
    is_judged: bool | None = Field(description="Of live forecasts: whether there are enough of them to judge by.")
    finding: str | None = Field(description="Of live forecasts: what was found, in words.")


class Accuracy(Answer):
    """What forecasts were worth, by horizon, with the baselines beside them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_ACCURACY], "meta": _NO_ISSUE}]})

    data: list[AccuracyAnswer]
    meta: Meta


class Retraining(Answer):
    """The newest decision whether to train anew."""

    number: int = Field(description="Its number.")
    as_of: MonthAnswer = Field(description="The month of the newest price, `YYYY-MM`.")
    decided_at: dt.datetime = Field(description=f"When; {INSTANT}.")
    decision: Literal["hold", "retrain", "investigate"] = Field(description="What was decided.")
    rule: str = Field(description="The rule that decided.")
    sentence: str = Field(description="Why, in a sentence.")
    numbers: dict[str, Any] = Field(description="What the rule rests on.")
    model_version: str = Field(description="The version in production.")


class Quality(Answer):
    """What is known of the quality of the data; null where nothing of a part was published."""

    freshness: dict[str, Any] | None = Field(description="How far behind its rule each source was at `as_of`.")
    received: dict[str, Any] | None = Field(description="What each source brought: months, revisions, gaps.")
    repairs: dict[str, Any] | None = Field(description="What was restored, is empty or was left out, by block.")
    drift: dict[str, Any] | None = Field(description="Which inputs no longer look like those of the training.")
    retraining: Retraining | None = Field(description="The newest decision whether to train anew.")


class DataQuality(Answer):
    """What is known of the quality of the data."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": _QUALITY, "meta": _NO_ISSUE}]})

    data: Quality
    meta: Meta


class Config(Answer):
    """What the reader allows, and what it speaks."""

    api_version: str = Field(description="Within it answers only gain fields and routes.")
    formats: list[str] = Field(description="What `format` may be.")
    languages: list[str] = Field(description="The languages of the documentation and the pages.")
    kinds: list[str] = Field(description="What `kind` may be.")
    levels: list[int] = Field(description="The levels of the intervals, in per cent.")
    most_rows: int = Field(description="No answer has more rows; `cursor` leads on.")
    most_body_bytes: int = Field(description="A larger body is refused.")
    answer_seconds: float = Field(description="After so long a question is given up.")
    fresh_seconds: float = Field(description="No answer is older than the store by more.")
    rate_limit: str | None = Field(description="Requests allowed; null where the server in front decides.")


class ConfigAnswer(Answer):
    """The limits, published."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": {
                        "api_version": "1", "formats": ["json", "csv"], "languages": ["en", "es"],
                        "kinds": ["live", "hindcast"], "levels": [80, 95], "most_rows": 1000,
                        "most_body_bytes": MOST_BODY_BYTES, "answer_seconds": 20.0, "fresh_seconds": 1.0,
                        "rate_limit": None,
                    }
                }
            ]
        }
    )  # fmt: skip

    data: Config
