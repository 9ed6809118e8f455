"""What can be asked: the parameters of each route; any other is refused by its name."""

import re
from collections import Counter
from typing import Annotated, Self

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


# Text and not `Month`: FastAPI takes a dataclass for a body, wherever it stands.
MonthText = Annotated[str, AfterValidator(_month_text), WithJsonSchema(_MONTH_SCHEMA)]
"""A month of a question, checked."""

_SERIES_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_SERIES_ID, "examples": [SERIES_ID]}
SeriesText = Annotated[str, AfterValidator(_series_text), WithJsonSchema(_SERIES_SCHEMA)]

Limit = Annotated[
    int,
    Field(ge=1, le=MOST_ROWS, description="No more rows than this; `meta.total` says how many there are."),
    BeforeValidator(_digits),
]


class SeriesQuery(BaseModel):
    """Which series, and which kind of issue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    series_id: SeriesText = Field(default=SERIES_ID, description="The series.")
    kind: Kind | None = Field(
        default=None,
        description="Only issues of this kind: `live` was issued before its month was over, `hindcast` afterwards. "
        "Without it, what stands: the live issue of a month, or its hindcast where there is no live one.",
        examples=["live"],
    )


class PredictionsQuery(SeriesQuery):
    """Which forecasts."""

    target_month: MonthText | None = Field(
        default=None, description="The month that is forecast, `YYYY-MM`; not together with `from` or `to`."
    )
    first: MonthText | None = Field(default=None, alias="from", description="The first target month, `YYYY-MM`.")
    last: MonthText | None = Field(default=None, alias="to", description="The last target month, `YYYY-MM`.")
    issued: MonthText | None = Field(
        default=None,
        description="The issue month, `YYYY-MM`. Without it, and with a target month or a range of them, each target "
        "month is answered from its newest issue.",
    )
    limit: Limit = MOST_ROWS

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.target_month and (self.first or self.last):
            raise PydanticCustomError(
                "parameters",
                "Give either target_month, or from and to.",
                {"parameter": "target_month", "value": self.target_month},
            )
        if self.first and self.last and self.first > self.last:
            raise PydanticCustomError(
                "parameters",
                "It lies after the last month asked for: {value} is later than {last}.",
                {"parameter": "from", "value": self.first, "last": self.last},
            )
        return self

    @property
    def issue_month(self) -> Month | None:
        """The issue asked for."""
        return _month(self.issued)

    @property
    def targets(self) -> tuple[Month | None, Month | None]:
        """The first and the last target month asked for; `None` is an open end."""
        return _month(self.target_month or self.first), _month(self.target_month or self.last)


class IssuesQuery(SeriesQuery):
    """Which issues."""

    issue_month: MonthText | None = Field(default=None, description="Only revisions of this issue month, `YYYY-MM`.")
    limit: Limit = MOST_ROWS


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
