"""One forecast on the sample, frozen: a change of any number shows here first.

`MILK_UPDATE_SNAPSHOT=1 pytest tests/golden` writes the file anew; the difference belongs into the review.
"""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import NUMBERS, issue_forecasts
from milk.forecasting.recipe import Setting
from milk.months import Month
from tests.builders import RULE, sample_histories

GOLDEN = Path(__file__).with_name("forecast_sample.json")
SETTING = Setting((24.0, 60.0), 0.5)
ISSUES = [Month(1995, 6), Month(2014, 10), Month(2026, 11)]


def forecast() -> list[dict[str, object]]:
    frame = issue_forecasts(SETTING.forecaster(), sample_histories(), ISSUES, price_rule=RULE, method=IntervalMethod())
    months = frame[["issue_month", "target_month"]].apply(lambda column: column.dt.strftime("%Y-%m"))
    whole = pd.concat([months, frame[NUMBERS]], axis=1)
    return [{str(name): value for name, value in row.items()} for row in whole.to_dict(orient="records")]


def test_the_forecast_of_the_sample_is_the_frozen_one() -> None:
    rows = forecast()
    if os.environ.get("MILK_UPDATE_SNAPSHOT") == "1":
        GOLDEN.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    frozen = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(rows) == len(frozen) == 36
    for row, expected in zip(rows, frozen, strict=True):
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            wanted = value if isinstance(value, str) else pytest.approx(value, rel=1e-6, abs=1e-9)
            assert row[name] == wanted, (row["issue_month"], row["target_month"], name)
