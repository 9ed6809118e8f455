"""The measured accuracy on the original files, where they lie beside the repository."""

import pandas as pd
import pytest

from milk.evaluation.backtest import RECIPE, TargetWindow, run_backtest
from milk.evaluation.scores import scores_by_horizon, summary
from milk.forecasting.intervals import IntervalMethod
from milk.months import Month
from tests.builders import ROOT, RULE, features_of_observations, observations_of_folder

REAL = ROOT.parent / "shared" / "data" / "chile"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the original files do not lie in ../shared/data/chile")


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    features = features_of_observations(observations_of_folder(REAL))
    window = TargetWindow(Month(2003, 1), Month(2017, 12))
    table, _setting = run_backtest(features, window, price_rule=RULE, method=IntervalMethod())
    return scores_by_horizon(table)


def test_the_recipe_is_as_accurate_as_the_documents_say(scores: pd.DataFrame) -> None:
    figures = summary(scores, RECIPE)
    assert figures["forecasts"] == 180
    assert figures["ratio_next_month"] <= 0.74
    assert figures["ratio_year"] <= 0.87


def test_the_last_value_errs_as_measured_before(scores: pd.DataFrame) -> None:
    assert summary(scores, "last_value")["rmse_next_month"] == pytest.approx(6.29, abs=0.005)


def test_the_80_percent_interval_covers_about_80_percent_for_half_a_year(scores: pd.DataFrame) -> None:
    own = scores[(scores["model"] == RECIPE) & (scores["horizon_months"] <= 6)]
    assert len(own) == 6
    assert own["coverage_80"].between(0.74, 0.86).all(), own[["horizon_months", "coverage_80"]].to_string()
