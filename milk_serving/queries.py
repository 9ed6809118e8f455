"""What can be asked: the parameters of each route; any other is refused by its name."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from milk.errors import BadSetting
from milk.months import Kind, Month
from milk.series import SERIES_ID

MOST_ROWS = 1000
_MONTH_SCHEMA = {"type": "string", "pattern": "^[12][0-9]{3}-(0[1-9]|1[0-2])$", "examples": ["2014-10"]}


def _month_text(text: str) -> str:
    try:
        return str(Month.parse(text))
    except BadSetting as error:
        raise ValueError(str(error)) from error


# Text and not `Month`: FastAPI takes a dataclass for a body, wherever it stands.
MonthText = Annotated[str, AfterValidator(_month_text), WithJsonSchema(_MONTH_SCHEMA)]
"""A month of a question, checked."""


class SeriesQuery(BaseModel):
    """Which series, and which kind of issue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # A NUL is the one character of a text that PostgreSQL cannot compare.
    series_id: str = Field(
        default=SERIES_ID, pattern=r"^[^\x00]+$", max_length=100, description="The series.", examples=[SERIES_ID]
    )
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
    limit: int = Field(
        default=MOST_ROWS,
        ge=1,
        le=MOST_ROWS,
        description="No more rows than this; `meta.total` says how many there are.",
    )

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
    limit: int = Field(
        default=MOST_ROWS,
        ge=1,
        le=MOST_ROWS,
        description="No more rows than this; `meta.total` says how many there are.",
    )


class PredecessorQuery(BaseModel):
    """The question of the predecessor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    year: int = Field(ge=1000, le=2999, description="Year of the target month.", examples=[2014])
    month: int = Field(ge=1, le=12, description="Month of the year, 1 to 12.", examples=[10])


def _month(text: str | None) -> Month | None:
    return None if text is None else Month.parse(text)
