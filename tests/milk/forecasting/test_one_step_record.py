"""What watches a recipe looks at: the errors of the next month, with what was said beside each forecast."""

import numpy as np
import pandas as pd

from milk.forecasting.baselines import LastValue
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import issue_forecasts, one_step_errors, one_step_record
from milk.forecasting.recipe import Setting
from milk.months import Month, issue_month_of
from tests.builders import RULE, histories_of, price_features, revise, seasonal_prices

PRICES = seasonal_prices(150, seed=4, season=0.03, momentum=0.3)
FEATURES = price_features(PRICES)


def record(features: pd.DataFrame = FEATURES) -> pd.DataFrame:
    return one_step_record(Setting().forecaster(), histories_of(features), method=IntervalMethod())


def test_the_errors_are_those_of_the_recipe_and_nothing_is_added_to_them() -> None:
    expected = one_step_errors(Setting().forecaster(), histories_of(FEATURES))
    pd.testing.assert_frame_equal(record()[["target_month", "error"]], expected)


def test_error_season_and_intervals_are_those_of_the_issue_of_that_month() -> None:
    histories = histories_of(FEATURES)
    origin = histories.origin_month(len(histories) - 2)
    issue = issue_month_of(origin, RULE)
    issued = issue_forecasts(Setting().forecaster(), histories, [issue], price_rule=RULE, method=IntervalMethod()).iloc[
        0
    ]
    row = record().iloc[-1]
    assert row["target_month"] == issued["target_month"] == pd.Timestamp((origin + 1).first_day)
    assert np.isclose(row["error"], np.log(PRICES[-1] / issued["price"]), atol=1e-12)
    assert np.isclose(row["season"], issued["contribution_season"], atol=1e-12)
    for level in ("80", "95"):
        assert np.isclose(row[f"half_width_{level}"], np.log(issued[f"upper_{level}"] / issued["price"]), atol=1e-12)


def test_later_prices_and_revisions_change_no_earlier_row() -> None:
    whole = record()
    short = record(price_features(PRICES[:120]))
    pd.testing.assert_frame_equal(whole.head(len(short)), short)
    last = Month.parse("1990-01") + (len(PRICES) - 1)
    revised = record(revise(FEATURES, str(last + (-3)), 999.0, known_since=f"{last}-20"))
    pd.testing.assert_frame_equal(revised.iloc[:-1], whole.iloc[:-1])


def test_a_baseline_without_a_season_has_none() -> None:
    found = one_step_record(LastValue(), histories_of(FEATURES), method=IntervalMethod())
    assert not found["season"].any()
