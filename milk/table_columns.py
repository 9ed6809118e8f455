"""What the schemas of the tables are built of: columns with type, unit and meaning, and rules of several."""

import numpy as np
import pandas as pd
import pandera.pandas as pa

MONTH = "datetime64[us]"
INSTANT = "datetime64[us, UTC]"


def table_column(
    dtype: str,
    meaning: str,
    unit: str = "",
    *,
    checks: pa.Check | None = None,
    nullable: bool = False,
    unique: bool = False,
) -> pa.Column:
    """A column; its type as it is written here and its unit are kept beside it."""
    metadata = {"dtype": dtype, "unit": unit}
    return pa.Column(dtype, checks=checks, nullable=nullable, unique=unique, description=meaning, metadata=metadata)


def month_column(meaning: str, *, unique: bool = False) -> pa.Column:
    """A month, as its first day."""
    is_first_day = pa.Check(_is_first_day, error="a month is written as its first day")
    return table_column(MONTH, meaning, checks=is_first_day, unique=unique)


def _is_first_day(months: "pd.Series[pd.Timestamp]") -> "pd.Series[bool]":
    return months == months.dt.to_period("M").dt.to_timestamp()


def price_column(meaning: str, *, nullable: bool = False) -> pa.Column:
    """A price: positive and finite."""
    is_price = pa.Check(lambda prices: (prices > 0) & np.isfinite(prices), error="a price is positive and finite")
    return table_column("float64", meaning, "CLP/L", checks=is_price, nullable=nullable)


def share_column(meaning: str) -> pa.Column:
    """A share, between 0 and 1; NaN where there is none."""
    return table_column("float64", meaning, "share", checks=pa.Check.in_range(0, 1), nullable=True)


def flag_column(meaning: str) -> pa.Column:
    """Yes or no."""
    return table_column("bool", meaning)


def contribution_column(meaning: str, unit: str = "log points") -> pa.Column:
    """What a cause adds: any finite number."""
    return table_column("float64", meaning, unit, checks=pa.Check(np.isfinite, error="a contribution is finite"))


def intervals_nest(price: str, prefix: str = "") -> pa.Check:
    """80 inside 95, the forecast inside both; a row without any of them passes."""
    ends = [f"{prefix}lower_95", f"{prefix}lower_80", price, f"{prefix}upper_80", f"{prefix}upper_95"]

    def check(df: pd.DataFrame) -> "pd.Series[bool]":
        grows: pd.Series[bool] = df[ends].diff(axis=1).iloc[:, 1:].ge(0).all(axis=1)
        return grows | df[ends].isna().all(axis=1)

    words = " <= ".join("forecast" if end == price else end for end in ends)
    return pa.Check(check, error=f"intervals must nest: {words}")


def horizon_is_right() -> pa.Check:
    """The horizon is the distance from the origin to the target."""

    def check(df: pd.DataFrame) -> "pd.Series[bool]":
        target, origin = df["target_month"].dt, df["forecast_origin"].dt
        months_ahead: pd.Series[int] = (target.year - origin.year) * 12 + target.month - origin.month
        return months_ahead == df["horizon_months"]

    return pa.Check(check, error="horizon_months must be target_month - forecast_origin")


SERIES_ID_COLUMN = table_column("str", "Series that is forecast.", checks=pa.Check.str_length(1, 64))
INTERVAL_COLUMNS = {
    "lower_80": price_column("Lower end of the 80 % interval."),
    "upper_80": price_column("Upper end of the 80 % interval."),
    "lower_95": price_column("Lower end of the 95 % interval."),
    "upper_95": price_column("Upper end of the 95 % interval."),
}
