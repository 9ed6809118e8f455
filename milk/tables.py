"""One pandera schema a table: dtype, range, unit and meaning of each column.

The asset checks, the column descriptions in the UI and the tests are derived from these; the code that makes a table
is not.
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa

from milk.scorecard_tables import SCORECARD
from milk.series import Register, series_register
from milk.table_columns import (
    INSTANT,
    INTERVAL_COLUMNS,
    MONTH,
    SERIES_ID_COLUMN,
    contribution_column,
    flag_column,
    horizon_is_right,
    intervals_nest,
    month_column,
    price_column,
    share_column,
    table_column,
)

SHA256 = r"^[0-9a-f]{64}$"
MODELS = ("milk", "last_value", "seasonal_naive", "drift", "seasonal_drift")
RETRAIN_RULES = (
    "none", "age", "bias", "cusum", "growth", "season", "coverage", "inputs", "recurring", "late", "broken", "range",
)  # fmt: skip


_MEAN = "of the mean price from the issue month to the target month."
_MEANS = {
    "mean_price": price_column("Mean of the forecasts from the issue month to the target month.", nullable=True),
    "mean_lower_80": price_column(f"Lower end of the 80 % interval {_MEAN}", nullable=True),
    "mean_upper_80": price_column(f"Upper end of the 80 % interval {_MEAN}", nullable=True),
    "mean_lower_95": price_column(f"Lower end of the 95 % interval {_MEAN}", nullable=True),
    "mean_upper_95": price_column(f"Upper end of the 95 % interval {_MEAN}", nullable=True),
}


def column_types(schema: pa.DataFrameSchema) -> dict[str, str]:
    """The pandas dtype of each column as it was written here; pandera's own spelling of a dtype is another."""
    return {name: str((column.metadata or {})["dtype"]) for name, column in schema.columns.items()}


def empty_table(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in column_types(schema).items()})


_OF_SERIES = {
    "series": table_column("str", "Name of the series in the register."),
    "month": month_column("Month of the value."),
}
_RECEPTION = {
    "known_since": table_column(INSTANT, "From when the value is known: the rule of its series, or its reception."),
    "known_by": table_column(
        "str", "'rule' for a first value, 'received' for a revised one.", checks=pa.Check.isin(["rule", "received"])
    ),
    "received_at": table_column(INSTANT, "When the file that brought it was received."),
}
_ROW = table_column("int64", "Line of the file that held it; the header is line 1.", checks=pa.Check.ge(1))
_SNAPSHOT = table_column("str", "SHA-256 of that file.", checks=pa.Check.str_matches(SHA256))

OBSERVATIONS = pa.DataFrameSchema(
    {
        **_OF_SERIES,
        "value": table_column("str", "The value as received, text.", checks=pa.Check.str_length(1, 100)),
        "row": _ROW,
        **_RECEPTION,
        "snapshot": _SNAPSHOT,
    },
    unique=["series", "month", "known_since"],
    strict=True,
    ordered=True,
    name="observations",
    description="One row for each value that a source ever gave: first values and revisions, text as received.",
)

SERIES_PRICES = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        **{name: column for name, column in OBSERVATIONS.columns.items() if name != "series"},
    },
    unique=["series_id", "month", "known_since"],
    strict=True,
    ordered=True,
    name="series_prices",
    description="One row for each price that a further price file ever gave, beside the reference series: first values "
    "and revisions, text as received.",
)

RESTORED = pa.DataFrameSchema(
    {
        **_OF_SERIES,
        "text": table_column(
            "str", "The cell as received, its decimal point lost.", checks=pa.Check.str_length(1, 100)
        ),
        "value": table_column("float64", "The number, in the unit of its series.", nullable=True),
        "status": table_column(
            "str",
            "'literal': the text says where its point is; 'restored': the power of ten was put back; 'uncertain': it "
            "may be another one; 'unreadable': the text is no number.",
            checks=pa.Check.isin(["literal", "restored", "uncertain", "unreadable"]),
        ),
        "margin": table_column(
            "float64",
            "By how much the next best power of ten fits worse; infinite where the text, an identity or a base year "
            "leaves no other.",
            "log10 steps",
            nullable=True,
        ),
        "is_proved": flag_column("Whether the level of its block is proved; a block that is not is not used."),
        "is_usable": flag_column("Whether it is used: proved, its power of ten not in doubt, and plausible."),
        **_RECEPTION,
        "row": _ROW,
        "snapshot": _SNAPSHOT,
    },
    unique=["series", "month", "known_since"],
    strict=True,
    ordered=True,
    name="restored_central_bank",
    description="One row for each macro value ever received, with its decimal point put back and how sure it is.",
)


def merged_table(register: Register) -> pa.DataFrameSchema:
    """The schema of the merged table: a column for each series of the register."""
    columns: dict[str, pa.Column] = {
        "series_id": SERIES_ID_COLUMN,
        "month": month_column("Month of the row.", unique=True),
    }
    for s in register.series:
        low, high = s.plausible
        meaning = f"{s.meaning} ('{s.column}')."
        in_range = pa.Check.in_range(low, high)
        columns[s.name] = table_column("float64", meaning, s.unit, checks=in_range, nullable=s.source != "milk_price")
    columns["price_known_since"] = table_column(INSTANT, "From when the price of the month is known.")
    for block in ("rain", "macro"):
        meaning = f"From when every {block} value of the month is known."
        columns[f"{block}_known_since"] = table_column(INSTANT, meaning, nullable=True)
    consecutive = pa.Check(
        lambda df: df["month"].dt.year.mul(12).add(df["month"].dt.month).diff().dropna().eq(1).all(),
        error="the months must follow each other without a gap",
    )
    return pa.DataFrameSchema(
        columns,
        checks=consecutive,
        strict=True,
        ordered=True,
        name="merged_table",
        description="One row a month from the first to the last known price, all series, as of now.",
    )


MERGED_TABLE = merged_table(series_register())

FEATURES = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "feature": table_column("str", "Name of the feature; 'price' is the price itself."),
        "month": month_column("Month that the value describes."),
        "value": table_column(
            "float64", "Value of the feature; the price in CLP/L, anomalies and changes in log points."
        ),
        "known_since": table_column(INSTANT, "From when this value is known; a revised value is a further row."),
        "is_repeated": flag_column("Whether the value of the series is that of the month before."),
    },
    unique=["feature", "month", "known_since"],
    strict=True,
    ordered=True,
    name="features",
    description="One row for each feature, month and state of knowledge: what a recipe may use, and from when.",
)

BACKTEST = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "price_lag_months": table_column(
            "int64", "Months by which the price was late in this evaluation.", "months", checks=pa.Check.ge(0)
        ),
        "model": table_column("str", "The recipe ('milk') or a baseline.", checks=pa.Check.isin(MODELS)),
        "forecast_origin": month_column("Last month whose price was known."),
        "target_month": month_column("Month that is forecast."),
        "horizon_months": table_column("int64", "target_month - forecast_origin.", "months", checks=pa.Check.ge(1)),
        "prediction": price_column("The forecast."),
        **INTERVAL_COLUMNS,
        "observed": price_column("The price that came.", nullable=True),
        "mean_prediction": _MEANS["mean_price"],
        **{name: column for name, column in _MEANS.items() if name != "mean_price"},
        "mean_observed": price_column("The mean of the prices that came.", nullable=True),
    },
    checks=[intervals_nest("prediction"), intervals_nest("mean_prediction", "mean_"), horizon_is_right()],
    unique=["price_lag_months", "model", "forecast_origin", "target_month"],
    strict=True,
    ordered=True,
    name="backtest",
    description="One row for each lag of the price, model, target month and horizon of the rolling-origin evaluation.",
)

BATCH_PREDICTIONS = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "issue_month": month_column(
            "Month for which the forecast is issued; it uses only what was known before it began."
        ),
        "target_month": month_column("Month that is forecast."),
        "forecast_origin": month_column("Last month whose price was known at the cutoff."),
        "horizon_months": table_column("int64", "target_month - forecast_origin.", "months", checks=pa.Check.ge(1)),
        "price": price_column("The forecast: the median of the price, nominal, without value added tax."),
        **INTERVAL_COLUMNS,
        **_MEANS,
        "measured_80": share_column("Share of the earlier 80 % intervals of this horizon that held the price."),
        "measured_95": share_column("The same of the 95 % intervals."),
        "measured_forecasts": table_column(
            "int64", "How many earlier intervals these shares rest on.", "forecasts", checks=pa.Check.ge(0)
        ),
        "unit": table_column("str", "Unit of the prices."),
        "contribution_base": contribution_column("Log of the last known price.", "log CLP/L"),
        "contribution_drift": contribution_column("What the trend adds to it."),
        "contribution_season": contribution_column("What the months of the year add."),
        "contribution_momentum": contribution_column("What the latest unexpected changes add."),
        "contribution_cycle": contribution_column("What the pull back from two years of unexpected changes adds."),
        "contribution_other": contribution_column("What other data than the price add."),
        "interval_errors": table_column("int64", "Past errors behind the interval.", "errors", checks=pa.Check.ge(1)),
        "kind": table_column(
            "str", "'live' or 'hindcast' (docs/naming.md).", checks=pa.Check.isin(["live", "hindcast"])
        ),
        "model_version": table_column("str", "The promoted version whose recipe was refitted."),
        "issued_at": table_column(INSTANT, "When the forecast was made."),
        "data_cutoff": table_column(INSTANT, "Nothing that became known later took part."),
        "is_synthetic": flag_column("Whether the data are invented."),
        "data_versions": table_column(
            "str", "JSON: content hashes of what the recipe used, and versions of the tables read."
        ),
    },
    checks=[intervals_nest("price"), intervals_nest("mean_price", "mean_"), horizon_is_right()],
    unique=["series_id", "issue_month", "target_month"],
    strict=True,
    ordered=True,
    name="batch_predictions",
    description="One row for each series, issue month and target month.",
)


INPUT_DRIFT = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "issue_month": month_column("Issue month whose inputs were judged, as known at its cutoff."),
        "feature": table_column("str", "Name of the feature; 'one_step_error' are the errors of the recipe itself."),
        "block": table_column("str", "Block of the feature."),
        "is_input": flag_column("Whether the recipe of the version uses it; only then may it lead to a retraining."),
        "last_month": table_column(MONTH, "Newest month known.", nullable=True),
        "statistic": table_column(
            "float64",
            "Size of the last six monthly changes against training, 1 where nothing happened; of the errors, the "
            "larger cumulative sum.",
            nullable=True,
        ),
        "threshold": table_column("float64", "What the statistic may be.", nullable=True),
        "values_in_window": table_column("int64", "Values behind the statistic.", "values", checks=pa.Check.ge(0)),
        "is_drifted": flag_column("The statistic is beyond its threshold."),
        "is_out_of_range": flag_column(
            "A new value lies beyond what training lets expect; of the errors, they are biased."
        ),
        "is_missing": flag_column("A month that is due, or one in the window, is not there."),
        "is_frozen": flag_column("More repeated values in a row than is usual."),
        "is_unit_jump": flag_column("A new value is out of range and near a factor of 10, 100, 1000 or a million."),
        "finding": table_column("str", "What was found, in words; empty where nothing was."),
        "model_version": table_column("str", "The version whose training is compared."),
    },
    unique=["issue_month", "feature"],
    strict=True,
    ordered=True,
    name="input_drift",
    description="One row for each issue month and feature: whether inputs still look like those of the training.",
)

RETRAIN_DECISION_KINDS = ["hold", "retrain", "investigate"]
RETRAIN_DECISIONS = pa.DataFrameSchema(
    {
        "series_id": SERIES_ID_COLUMN,
        "number": table_column("int64", "Counts the decisions, from 1.", checks=pa.Check.ge(1), unique=True),
        "as_of": month_column("Month of the newest price when it was decided."),
        "decided_at": table_column(INSTANT, "When it was decided."),
        "decision": table_column("str", "What is to be done.", checks=pa.Check.isin(RETRAIN_DECISION_KINDS)),
        "rule": table_column("str", "The rule that decided (docs/naming.md).", checks=pa.Check.isin(RETRAIN_RULES)),
        "sentence": table_column("str", "Why, for a person.", checks=pa.Check.str_length(20, 10_000)),
        "numbers": table_column("str", "JSON: the state of every rule, with its limit."),
        "model_version": table_column("str", "The version in production."),
        "trained": month_column("Month of the newest price that the last training saw."),
        "content_sha256": table_column("str", "Hash of all this but when.", checks=pa.Check.str_matches(SHA256)),
    },
    strict=True,
    ordered=True,
    name="retrain_decisions",
    description="One row for each decision to hold, to retrain or to investigate that said something new.",
)

LATER_COLUMNS: dict[str, dict[str, float]] = {
    "batch_predictions": {
        **dict.fromkeys(_MEANS, np.nan),
        **dict.fromkeys(("measured_80", "measured_95"), np.nan),
        "measured_forecasts": 0,
        **dict.fromkeys(("contribution_cycle", "contribution_other"), 0.0),
    },
}
"""Columns that a table did not have from its beginning, and what its earlier rows hold there."""

TABLES: dict[str, pa.DataFrameSchema] = {
    "raw_milk_price": OBSERVATIONS,
    "raw_precipitation": OBSERVATIONS,
    "raw_central_bank": OBSERVATIONS,
    "restored_central_bank": RESTORED,
    "merged_table": MERGED_TABLE,
    "features": FEATURES,
    "backtest": BACKTEST,
    "batch_predictions": BATCH_PREDICTIONS,
    "scorecard": SCORECARD,
}
"""The schema of each stored table, by its name."""
