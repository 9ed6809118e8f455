"""The rows that a publication is made of, as its maker gives them; each field is a column of the table of that name."""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from milk.models.canonical import canonical_json, sha256_hex
from milk.months import Kind, Month
from milk.publication.quality_schema import QualityPart

DECIMALS = 9
"""Numbers are compared to so many: two machines may differ in the last digits of the same forecast."""
_PLAIN = frozenset({str, int, bool, type(None)})


TABLES = "tables"
"""Under this name `data_versions` keeps the versions of the tables that were read."""


def said_versions(data_versions: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to the content: hashes. The version of a table also counts changes of what no forecast rests on."""
    return {name: version for name, version in data_versions.items() if name != TABLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """The forecast of one target month; prices in the unit of its issue, causes in log points.

    `mean_price` and its intervals are those of the mean from the issue month to the target month, `measured_80` and
    `measured_95` the shares of `measured_forecasts` earlier intervals of this horizon that held the price; `None` where
    there is none, as in the rows of an earlier program.
    """

    target_month: Month
    horizon_months: int
    price: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    contribution_base: float
    contribution_drift: float
    contribution_season: float
    contribution_momentum: float
    interval_errors: int
    contribution_cycle: float = 0.0
    contribution_other: float = 0.0
    mean_price: float | None = None
    mean_lower_80: float | None = None
    mean_upper_80: float | None = None
    mean_lower_95: float | None = None
    mean_upper_95: float | None = None
    measured_80: float | None = None
    measured_95: float | None = None
    measured_forecasts: int = 0

    def content(self) -> dict[str, Any]:
        """What the row says. A field that came later counts where it says something: so an older row keeps its hash."""
        return {name: value for name, default in _FORECAST_FIELDS if (value := getattr(self, name)) != default}


# Made once: `dataclasses.fields` makes a list anew for each of the thousands of rows that a check of the store hashes.
_FORECAST_FIELDS: Final = tuple((f.name, f.default) for f in dataclasses.fields(ForecastRow))
"""A field without a default has one there that equals no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What was issued for a month; `issued_at` and `data_cutoff` are aware instants."""

    series_id: str
    issue_month: Month
    kind: Kind
    issued_at: dt.datetime
    data_cutoff: dt.datetime
    forecast_origin: Month
    unit: str
    is_synthetic: bool
    model_version: str
    data_versions: Mapping[str, Any] = field(hash=False)
    forecasts: tuple[ForecastRow, ...]

    def content(self) -> dict[str, Any]:
        """All that the issue says, but for when it was made: what a hash covers and two revisions differ in."""
        said = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "issued_at"}
        said["data_versions"] = said_versions(self.data_versions)
        said["data_cutoff"] = self.data_cutoff.astimezone(dt.UTC)
        said["forecasts"] = [row.content() for row in sorted(self.forecasts, key=lambda row: row.target_month)]
        return {name: comparable(value) for name, value in said.items()}

    @property
    def content_sha256(self) -> str:
        """The hash of the content."""
        return sha256_hex(canonical_json(self.content()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPrice:
    """A price as it was known from an instant on."""

    series_id: str
    month: Month
    known_since: dt.datetime
    known_by: str
    price: float
    unit: str
    received_at: dt.datetime
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How a model did at one horizon in the backtest by which a version was judged."""

    model: str
    horizon_months: int
    forecasts: int
    rmse: float
    mae: float
    ratio: float
    coverage_80: float
    coverage_95: float
    width_80: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The card of a model version, and its scores."""

    series_id: str
    version_id: str
    sha256: str
    recipe: str
    created_at: dt.datetime
    card: Mapping[str, Any] = field(hash=False)
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """What a model version forecasts with: the content of its `model.json`."""

    series_id: str
    version_id: str
    model: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One input of the register of series behind a forecast series."""

    series_id: str
    name: str
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

    @property
    def content_sha256(self) -> str:
        """The hash of the content."""
        return sha256_hex(canonical_json({name: comparable(value) for name, value in plain_row(self).items()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityDocument:
    """What is known of a part of the quality of the data; `content` is an object of plain JSON with a list `rows`."""

    series_id: str
    part: QualityPart
    content: Mapping[str, Any] = field(hash=False)

    @property
    def content_sha256(self) -> str:
        """The hash of the content."""
        return sha256_hex(canonical_json(comparable(json_of(self.content))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one transaction publishes; each part may be empty, and what stands already is not written again."""

    published_at: dt.datetime
    run_id: str | None
    software: Mapping[str, str] = field(hash=False)
    issues: Sequence[Issue] = ()
    observed: Sequence[ObservedPrice] = ()
    cards: Sequence[ModelCard] = ()
    models: Sequence[ModelRow] = ()
    series: Sequence[SeriesRow] = ()
    quality: Sequence[QualityDocument] = ()


def plain_row(row: Any) -> dict[str, Any]:  # noqa: ANN401  # because any of the dataclasses above is a row
    """The fields of a row by name, parts left as they are."""
    # Not `dataclasses.fields`, which makes a list anew for each of the rows of the scorecard's years.
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def comparable(value: Any) -> Any:  # noqa: ANN401  # because it takes any value of a row
    """A value as the hash sees it: rounded, months and instants as text, keys in one order."""
    # Most values stay as they are; to ask them for each of the kinds below takes longer than their hash.
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        # A zero has one sign here.
        return round(value, DECIMALS) + 0.0
    if isinstance(value, Month):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): comparable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(part) for part in value]
    return value


def json_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON holds it: what comes back from the store equals what went in."""
    return dict(json.loads(canonical_json(dict(value))))
