"""What can be asked: the parameters of each route; any other is refused by its name."""

import datetime as dt
import re
from collections import Counter
from typing import Annotated, Literal, Self

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from starlette.datastructures import QueryParams

from milk.errors import BadSetting
from milk.months import Kind, Month
from milk.series import SERIES_ID
from milk_serving.problems import LONGEST_ECHO

MOST_ROWS = 1000
LONGEST_SERIES_ID = 100
_MONTH_SCHEMA = {"type": "string", "pattern": "^[12][0-9]{3}-(0[1-9]|1[0-2])$", "examples": ["2014-10"]}


def refuse_repeated(query: QueryParams) -> None:
    """Refuse what is given twice: of two values the validation would silently take the last.

    Raises:
        RequestValidationError: names each parameter that is given more than once.
    """
    times = Counter(name for name, _value in query.multi_items())
    repeated = [name for name, count in times.items() if count > 1]
    if repeated:
        raise RequestValidationError(
            [
                {"type": "repeated", "loc": ("query", name), "msg": "It is given more than once.", "input": query[name]}
                for name in repeated
            ]
        )


def _month_text(text: str) -> str:
    try:
        month = str(Month.parse(text[:LONGEST_ECHO]))
    except BadSetting as error:
        raise ValueError(str(error)) from error
    # On a terminal blanks around a month do no harm; in an address they are a mistake of the program that made it.
    if month != text:
        raise ValueError(f"There are blanks around it: write it as YYYY-MM, for example {month}.")
    return month


def _digits(text: str) -> str:
    # `int` would also read 5.0, 1_0 and blanks around a number.
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError("It is not a whole number: write it in digits, for example 10.")
    return text


def _series_text(text: str) -> str:
    if not text:
        raise ValueError(f"It is empty: name a series, for example {SERIES_ID}, or leave the parameter out.")
    if len(text) > LONGEST_SERIES_ID:
        raise ValueError(f"It is longer than {LONGEST_SERIES_ID} characters, and no series is.")
    # The one character of a text that PostgreSQL cannot compare.
    if "\x00" in text:
        raise ValueError("It holds a NUL character, and no series does.")
    return text


def _instant_text(text: str) -> str:
    if not re.fullmatch(_INSTANT, text):
        # A plus sign in an address stands for a blank.
        raise ValueError("It is not an instant: write it like 2026-11-05T12:00:00Z, in UTC.")
    try:
        dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("There is no such day or time: write it like 2026-11-05T12:00:00Z, in UTC.") from error
    return text


def _horizon_text(text: str) -> str:
    match = re.fullmatch(r"([0-9]{1,2})(?:\.\.([0-9]{1,2}))?", text)
    if not match or not 1 <= int(match[1]) <= int(match[2] or match[1]):
        raise ValueError("It is no horizon: write months from 1 on, for example 1, or a range, for example 1..12.")
    return text


def _cursor_text(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", text):
        raise ValueError("It is none of our cursors: take it from `meta.next` of an answer, as it is.")
    return text


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("It is neither true nor false.")
    return text == "true"


# Text and not `Month`: FastAPI takes a dataclass for a body, wherever it stands.
MonthText = Annotated[str, AfterValidator(_month_text), WithJsonSchema(_MONTH_SCHEMA)]
"""A month of a question, checked."""

_INSTANT = (
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z"
)
_INSTANT_SCHEMA = {"type": "string", "pattern": f"^{_INSTANT}$", "examples": ["2026-11-05T12:00:00Z"]}
InstantText = Annotated[str, AfterValidator(_instant_text), WithJsonSchema(_INSTANT_SCHEMA)]
"""An instant of a question in UTC, checked."""
HorizonText = Annotated[
    str,
    AfterValidator(_horizon_text),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,2}(\.\.[0-9]{1,2})?$", "examples": ["1", "1..12"]}),
]
CursorText = Annotated[
    str,
    AfterValidator(_cursor_text),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,9}\.[0-9]{1,9}$", "examples": ["7.1000"]}),
]
Truth = Annotated[bool, BeforeValidator(_truth), WithJsonSchema({"type": "boolean"})]

_SERIES_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_SERIES_ID, "examples": [SERIES_ID]}
SeriesText = Annotated[str, AfterValidator(_series_text), WithJsonSchema(_SERIES_SCHEMA)]

Last = Annotated[int, Field(ge=1, le=MOST_ROWS), BeforeValidator(_digits)]

Limit = Annotated[
    int,
    Field(
        ge=1,
        le=MOST_ROWS,
        description="No more rows than this; `meta.total` says how many there are, and `meta.next` is the address of "
        "the others.",
    ),
    BeforeValidator(_digits),
]


class StateQuery(BaseModel):
    """Which series, and as of when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    series_id: SeriesText = Field(default=SERIES_ID, description="The series.")
    as_of: InstantText | None = Field(
        default=None,
        description="What was published by this instant, as it stood then; UTC. Without it, what stands now. "
        "`meta.as_of` repeats the instant of the publication that answers.",
    )

    @property
    def instant(self) -> dt.datetime | None:
        """The instant asked for."""
        return _instant(self.as_of)


class AnyFormatQuery(BaseModel):
    """A question that names nothing but a format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["json", "csv"] | None = Field(
        default=None, description="The format of the answer, before what `Accept` says.", examples=["csv"]
    )


class SeriesListQuery(AnyFormatQuery):
    """Which part of the list of series."""

    after: SeriesText | None = Field(default=None, description="Only the series behind this one, from `meta.next`.")
    limit: Limit = 100


class FormatQuery(StateQuery):
    """Likewise, in a format."""

    format: Literal["json", "csv"] | None = Field(
        default=None,
        description="The format of the answer, before what `Accept` says; `csv` opens in a spreadsheet.",
        examples=["csv"],
    )


class SeriesQuery(FormatQuery):
    """Which series, and which kind of issue."""

    kind: Kind | None = Field(
        default=None,
        description="Only issues of this kind: `live` was issued before its month was over, `hindcast` afterwards. "
        "Without it, what stands: the live issue of a month, or its hindcast where there is no live one.",
        examples=["live"],
    )


class ListQuery(FormatQuery):
    """Which part of a list."""

    updated_after: InstantText | None = Field(
        default=None, description="Only what was published after this instant, UTC; nothing is an empty list."
    )
    limit: Limit = MOST_ROWS
    cursor: CursorText | None = Field(
        default=None,
        description="Where to go on, from `meta.next`; the answer is of the same publication as the first.",
    )

    @property
    def published_after(self) -> dt.datetime | None:
        """The instant of `updated_after`."""
        return _instant(self.updated_after)

    @property
    def place(self) -> tuple[int, int] | None:
        """The publication and the offset of the cursor."""
        if self.cursor is None:
            return None
        publication, offset = self.cursor.split(".")
        return int(publication), int(offset)


class RangeQuery(ListQuery):
    """Which months of a list."""

    first: MonthText | None = Field(default=None, alias="from", description="The first month, `YYYY-MM`.")
    until: MonthText | None = Field(default=None, alias="to", description="The last month, `YYYY-MM`.")
    last: Last | None = Field(default=None, description="Only the last so many months of those.", examples=[12])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first and self.until and self.first > self.until:
            raise PydanticCustomError(
                "parameters",
                "It lies after the last month asked for: {value} is later than {last}.",
                {"parameter": "from", "value": self.first, "last": self.until},
            )
        return self

    @property
    def months(self) -> tuple[Month | None, Month | None]:
        """The first and the last month asked for; `None` is an open end."""
        return _month(self.first), _month(self.until)


class PredictionsQuery(RangeQuery, SeriesQuery):
    """Which forecasts; `from`, `to` and `last` are target months."""

    target_month: MonthText | None = Field(
        default=None, description="The month that is forecast, `YYYY-MM`; not together with `from` or `to`."
    )
    issued: MonthText | None = Field(
        default=None,
        description="The issue month, `YYYY-MM`. Without it, and with target months or horizons, each target month is "
        "answered from its newest issue that matches.",
    )
    horizon: HorizonText | None = Field(
        default=None, description="Only forecasts so many months ahead of the last known price; a range is `1..12`."
    )
    all_issues: Truth = Field(
        default=False,
        description="Every issue that forecast a target month, the oldest first, and not its newest alone.",
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.target_month and (self.first or self.until):
            raise PydanticCustomError(
                "parameters",
                "Give either target_month, or from and to.",
                {"parameter": "target_month", "value": self.target_month},
            )
        return self

    @property
    def issue_month(self) -> Month | None:
        """The issue asked for."""
        return _month(self.issued)

    @property
    def targets(self) -> tuple[Month | None, Month | None]:
        """The first and the last target month asked for; `None` is an open end."""
        return _month(self.target_month or self.first), _month(self.target_month or self.until)

    @property
    def horizons(self) -> tuple[int, int] | None:
        """The first and the last horizon asked for."""
        if self.horizon is None:
            return None
        first, _, last = self.horizon.partition("..")
        return int(first), int(last or first)


class IssueQuery(SeriesQuery):
    """One issue."""

    issued: MonthText | None = Field(default=None, description="The issue month, `YYYY-MM`; the newest without it.")

    @property
    def issue_month(self) -> Month | None:
        """The issue asked for."""
        return _month(self.issued)


class ExplainQuery(StateQuery):
    """Which forecast of a month."""

    kind: Kind | None = Field(default=None, description="Only issues of this kind.", examples=["live"])
    issued: MonthText | None = Field(
        default=None, description="The issue month, `YYYY-MM`; the newest that has the month without it."
    )

    @property
    def issue_month(self) -> Month | None:
        """The issue asked for."""
        return _month(self.issued)


class IssuesQuery(ListQuery, SeriesQuery):
    """Which issues."""

    issue_month: MonthText | None = Field(default=None, description="Only revisions of this issue month, `YYYY-MM`.")


class ObservationsQuery(RangeQuery):
    """Which observed prices."""

    all_values: Truth = Field(
        default=False, description="Every value that was ever known of a month, and not the newest alone."
    )


class PredecessorQuery(BaseModel):
    """The question of the predecessor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    year: Annotated[
        int,
        Field(ge=1000, le=2999, description="Year of the target month.", examples=[2014]),
        BeforeValidator(_digits),
    ]
    month: Annotated[
        int, Field(ge=1, le=12, description="Month of the year, 1 to 12.", examples=[10]), BeforeValidator(_digits)
    ]


def _month(text: str | None) -> Month | None:
    return None if text is None else Month.parse(text)


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
