"""The tables of the scorecard: what each published forecast was worth, and the running statistics of all of them."""

import numpy as np
import pandera.pandas as pa

from milk.table_columns import (
    INSTANT,
    INTERVAL_COLUMNS,
    SERIES_ID_COLUMN,
    flag_column,
    horizon_is_right,
    intervals_nest,
    month_column,
    price_column,
    share_column,
    table_column,
)

_FINITE = pa.Check(np.isfinite, error="an error is finite")
_COUNT = pa.Check.ge(1)


def _verdict(which: str, suffix: str) -> dict[str, pa.Column]:
    """How a forecast did against one of the prices of its month."""
    return {
        f"observed{suffix}": price_column(f"The price that came: {which}."),
        f"known_since{suffix}": table_column(INSTANT, "From when that price is known."),
        f"error{suffix}": table_column("float64", "That price less the forecast.", "CLP/L", checks=_FINITE),
        f"log_error{suffix}": table_column(
            "float64", "Log of it less log of the forecast.", "log points", checks=_FINITE
        ),
        f"is_inside_80{suffix}": flag_column("That price lies inside the 80 % interval."),
        f"is_inside_95{suffix}": flag_column("That price lies inside the 95 % interval."),
    }


def _baseline(meaning: str) -> pa.Column:
    """A price; the log of one comes back as NaN where the price that it needs was not known."""
    return price_column(f"{meaning}, from the prices known at the cutoff.", nullable=True)


SCORECARD = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "issue_month": month_column("Month for which the forecast was issued."),
        "revision": table_column("int64", "The live revision that stood when the price became known.", checks=_COUNT),
        "target_month": month_column("Month that was forecast."),
        "forecast_origin": month_column("Last month whose price was known at the cutoff."),
        "horizon_months": table_column("int64", "target_month - forecast_origin.", "months", checks=_COUNT),
        "price": price_column("The forecast as it was published."),
        **INTERVAL_COLUMNS,
        "unit": table_column("str", "Unit of the prices."),
        "model_version": table_column("str", "The version that made the forecast."),
        "data_cutoff": table_column(INSTANT, "Nothing that became known later took part in the forecast."),
        "issue_published_at": table_column(INSTANT, "When that revision was published."),
        **_verdict("as it was first known", ""),
        **_verdict("its newest revision", "_latest"),
        "last_value": _baseline("The last known price, repeated"),
        "seasonal_naive": _baseline("The price of a year before"),
        "drift": _baseline("The last price and the mean change"),
        "seasonal_drift": _baseline("Month effects and half the drift"),
    },
    checks=[intervals_nest("price"), horizon_is_right()],
    unique=["series_id", "issue_month", "target_month"],
    strict=True,
    ordered=True,
    name="scorecard",
    description="One row for each live issue month and target month whose price has come: what was published, and by "
    "how much it missed.",
)


def _ratio(baseline: str) -> dict[str, pa.Column]:
    name, at_least = f"ratio_{baseline}", pa.Check.ge(0)
    meaning = f"RMSE over that of {baseline} on the same rows"
    return {
        name: table_column("float64", f"{meaning}.", checks=at_least, nullable=True),
        f"{name}_low": table_column("float64", f"{meaning}: lower end of its 95 % interval.", nullable=True),
        f"{name}_high": table_column("float64", f"{meaning}: upper end of its 95 % interval.", nullable=True),
    }


def _coverage(level: str) -> dict[str, pa.Column]:
    return {
        f"coverage_{level}": share_column(f"Share of the {level} % intervals that held the price."),
        f"coverage_{level}_low": share_column("Lower end of the 99 % band of that share, if the intervals are right."),
        f"coverage_{level}_high": share_column("Upper end of that band."),
    }


SCORECARD_SUMMARY = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "observed_as": table_column(
            "str", "Judged by the 'first' price or by its 'latest' revision.", checks=pa.Check.isin(["first", "latest"])
        ),
        "horizon_months": table_column(
            "int64", "Months from the origin to the target; 0 stands for all.", "months", checks=pa.Check.ge(0)
        ),
        "months_judged": table_column("int64", "Target months that were judged.", "months", checks=_COUNT),
        "forecasts": table_column("int64", "Forecasts of them.", "forecasts", checks=_COUNT),
        "first_target": month_column("The first of these months."),
        "last_target": month_column("The last of them."),
        "bias": table_column("float64", "Mean of the log errors.", "log points", checks=_FINITE),
        "bias_band": table_column("float64", "How far from 0 it lies by chance, 99 %.", "log points", nullable=True),
        "rmse": table_column("float64", "Root mean square error.", "CLP/L", checks=pa.Check.ge(0)),
        **_ratio("last_value"),
        **_ratio("seasonal_drift"),
        **_coverage("80"),
        **_coverage("95"),
        "is_judged": flag_column("There are enough months to judge by; else there are neither bands nor flags."),
        "is_biased": flag_column("The bias lies outside its band."),
        "is_outside_80": flag_column("The coverage of the 80 % intervals lies outside its band."),
        "is_outside_95": flag_column("The coverage of the 95 % intervals lies outside its band."),
        "is_worse_than_last_value": flag_column("The whole interval of the ratio to the last value lies above 1."),
        "finding": table_column("str", "What was found, or how much is wanting, in words; else empty."),
    },
    unique=["series_id", "observed_as", "horizon_months"],
    strict=True,
    ordered=True,
    name="scorecard_summary",
    description="One row for each horizon, and for all: bias, error and coverage of the published forecasts so far.",
)
