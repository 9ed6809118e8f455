"""Errors of a recipe made by hand, and the evidence around them, for the tests of the decision to retrain."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.retraining import Evidence
from milk.months import Month
from milk.tables import INPUT_DRIFT, column_types, empty_table

FIRST = Month(2000, 1)
CALIBRATION = 120
TRAINED = FIRST + (CALIBRATION + 11)
"""The evidence of a training that answered nothing begins a year before it: after `CALIBRATION` months."""
QUIET = 0.5
SIZE = 0.02


def record_of(standardised: npt.ArrayLike, season: npt.ArrayLike | None = None) -> pd.DataFrame:
    """Calibration errors of size `SIZE`, then the given ones; the season of a forecast is .03 in summer, -.03 else."""
    later = np.asarray(standardised, dtype=np.float64)
    errors = SIZE * np.concatenate([np.resize([1.0, -1.0], CALIBRATION), later])
    months = [FIRST + k for k in range(len(errors))]
    usual = np.where([month.month <= 6 for month in months], 0.03, -0.03)
    return pd.DataFrame(
        {
            "target_month": pd.Series([pd.Timestamp(m.first_day) for m in months], dtype="datetime64[us]"),
            "error": errors,
            "season": usual if season is None else np.asarray(season, dtype=np.float64),
            "half_width_80": 1.28 * SIZE,
            "half_width_95": 1.96 * SIZE,
        }
    )


def calm(months: int) -> list[float]:
    """Errors in which nothing stands out: half the usual size, their signs and the season unrelated."""
    return np.resize([QUIET, -QUIET, -QUIET, QUIET], months).tolist()


def evidence(after: npt.ArrayLike, *, before: npt.ArrayLike | None = None, **changes: object) -> Evidence:
    """Evidence with errors after the training, and in the year before it; calm where not given."""
    first = calm(12) if before is None else np.asarray(before, dtype=np.float64).tolist()
    errors = np.concatenate([first, np.asarray(after, dtype=np.float64)])
    as_of = TRAINED + (len(errors) - 12)
    plain = Evidence(
        as_of=as_of,
        due_month=as_of,
        trained=TRAINED,
        trained_issue=TRAINED + 1,
        record=record_of(errors),
        drift=empty_table(INPUT_DRIFT),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # because a test names the fields it changes


def drift_rows(feature: str, flags: list[dict[str, bool]], *, first: Month = TRAINED + 2) -> pd.DataFrame:
    """Rows of `input_drift` of an input, an issue month each from `first` on, with these flags."""
    rows = [
        {
            "series_id": "cl_farmgate_milk",
            "issue_month": pd.Timestamp((first + k).first_day),
            "feature": feature,
            "block": "price",
            "is_input": True,
            "last_month": pd.Timestamp((first + (k - 1)).first_day),
            "statistic": 1.0,
            "threshold": 2.0,
            "values_in_window": 6,
            **dict.fromkeys(("is_drifted", "is_out_of_range", "is_missing", "is_frozen", "is_unit_jump"), False),
            **flag,
            "finding": "told" if flag else "",
            "model_version": "v-1",
        }
        for k, flag in enumerate(flags)
    ]
    return pd.DataFrame(rows).astype(column_types(INPUT_DRIFT))
