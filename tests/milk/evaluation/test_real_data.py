"""The measured accuracy on the original files, where they lie beside the repository."""

import pandas as pd
import pytest

from milk.evaluation.backtest import RECIPE, TargetWindow, choose_recipe, run_backtest
from milk.evaluation.scores import scores_by_horizon, summary
from milk.months import Month
from tests.builders import ROOT, RULE, features_of_observations, observations_of_folder

REAL = ROOT.parent / "shared" / "data" / "chile"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the original files do not lie in ../shared/data/chile")


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    features = features_of_observations(observations_of_folder(REAL))
    window = TargetWindow(Month(2003, 1), Month(2017, 12))
    choice = choose_recipe(features, window, price_rule=RULE)
    table = run_backtest(features, window, price_rule=RULE, method=choice.method, setting=choice.setting)
    return scores_by_horizon(table)


def test_the_recipe_is_as_accurate_as_the_documents_say(scores: pd.DataFrame) -> None:
    figures = summary(scores, RECIPE)
    assert figures["forecasts"] == 180
    assert figures["ratio_next_month"] <= 0.725
    assert figures["ratio_year"] <= 0.84
    ratio = scores[scores["model"] == RECIPE].set_index("horizon_months")["ratio"]
    assert ratio[3] <= 0.70
    assert ratio[12] <= 1.03


def test_the_last_value_errs_as_measured_before(scores: pd.DataFrame) -> None:
    assert summary(scores, "last_value")["rmse_next_month"] == pytest.approx(6.29, abs=0.005)


def test_the_80_percent_interval_holds_what_it_says_for_half_a_year(scores: pd.DataFrame) -> None:
    own = scores[(scores["model"] == RECIPE) & (scores["horizon_months"] <= 6)]
    assert len(own) == 6
    assert own["coverage_80"].between(0.76, 0.84).all(), own[["horizon_months", "coverage_80"]].to_string()
    assert own["coverage_95"].between(0.92, 0.975).all(), own[["horizon_months", "coverage_95"]].to_string()


def test_the_intervals_of_the_next_month_are_far_narrower_than_those_of_the_last_value(scores: pd.DataFrame) -> None:
    next_month = scores[scores["horizon_months"] == 1].set_index("model")
    width, coverage = next_month["width_80"], next_month["coverage_80"]
    assert width[RECIPE] <= 0.73 * width["last_value"]
    assert 0.76 <= coverage["last_value"] <= 0.84
