"""The rows of the scorecard and of the decisions to retrain; each field is a column of the table of that name."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Month
from milk.publication.judged_schema import ObservedAs, Verdict
from milk.publication.rows import comparable, json_of, plain_row


class _Hashed:
    """A row that is known again by its content."""

    __slots__ = ()

    @property
    def content_sha256(self) -> str:
        """The hash of what the row says."""
        return sha256_hex(canonical_json({name: comparable(value) for name, value in self.content().items()}))

    def content(self) -> dict[str, Any]:
        """All its fields."""
        return plain_row(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedForecast(_Hashed):
    """What a published forecast was worth; see `milk.evaluation.scorecard`. Prices in `unit`, `None` where unknown."""

    series_id: str
    issue_month: Month
    revision: int
    target_month: Month
    forecast_origin: Month
    horizon_months: int
    price: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    unit: str
    model_version: str
    data_cutoff: dt.datetime
    issue_published_at: dt.datetime
    observed: float
    known_since: dt.datetime
    error: float
    log_error: float
    is_inside_80: bool
    is_inside_95: bool
    observed_latest: float
    known_since_latest: dt.datetime
    error_latest: float
    log_error_latest: float
    is_inside_80_latest: bool
    is_inside_95_latest: bool
    last_value: float | None
    seasonal_naive: float | None
    drift: float | None
    seasonal_drift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStatistics(_Hashed):
    """The running statistics of a horizon, 0 for all; see `milk.evaluation.scorecard_summary`."""

    series_id: str
    observed_as: ObservedAs
    horizon_months: int
    months_judged: int
    forecasts: int
    first_target: Month
    last_target: Month
    bias: float
    bias_band: float | None
    rmse: float
    ratio_last_value: float | None
    ratio_last_value_low: float | None
    ratio_last_value_high: float | None
    ratio_seasonal_drift: float | None
    ratio_seasonal_drift_low: float | None
    ratio_seasonal_drift_high: float | None
    coverage_80: float
    coverage_80_low: float | None
    coverage_80_high: float | None
    coverage_95: float
    coverage_95_low: float | None
    coverage_95_high: float | None
    is_judged: bool
    is_biased: bool
    is_outside_80: bool
    is_outside_95: bool
    is_worse_than_last_value: bool
    finding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainDecision(_Hashed):
    """A decision whether to retrain, as of the month of the newest price.

    `numbers` are what the rule rests on: finite numbers and texts. When it was decided is no part of what it says: the
    same decision on the same evidence again is the same.
    """

    series_id: str
    as_of: Month
    decided_at: dt.datetime
    decision: Verdict
    rule: str
    sentence: str
    numbers: Mapping[str, Any] = field(hash=False)
    model_version: str

    def __post_init__(self) -> None:
        for name, value in self.numbers.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"numbers['{name}'] is {value}: leave it out, or say in words why there is none.")

    def content(self) -> dict[str, Any]:
        """All its fields but when it was decided."""
        said = plain_row(self)
        del said["decided_at"]
        return said | {"numbers": json_of(self.numbers)}
