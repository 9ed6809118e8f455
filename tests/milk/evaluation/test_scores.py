"""Scores against a table computed by hand."""

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.scores import WORST_RATIO, scores_by_horizon, summary


def rows(model: str, horizon: int, predictions: list[float], observed: list[float], half: float) -> pd.DataFrame:
    prediction = np.array(predictions)
    return pd.DataFrame(
        {
            "model": model,
            "horizon_months": horizon,
            "prediction": prediction,
            "lower_80": prediction - half,
            "upper_80": prediction + half,
            "lower_95": prediction - 2 * half,
            "upper_95": prediction + 2 * half,
            "observed": observed,
        }
    )


@pytest.fixture
def backtest() -> pd.DataFrame:
    observed = [100.0, 110.0, 90.0, 100.0]
    return pd.concat(
        [
            rows("milk", 1, [100.0, 110.0, 90.0, 104.0], observed, 2.0),  # errors 0 0 0 4
            rows("last_value", 1, [96.0, 106.0, 94.0, 104.0], observed, 4.0),  # errors 4 4 4 4
            rows("milk", 2, [106.0, 110.0, 90.0, 108.0], observed, 3.0),  # errors 6 0 0 8
            rows("last_value", 2, [95.0, 105.0, 95.0, 105.0], observed, 1.0),  # errors 5 5 5 5
        ],
        ignore_index=True,
    )


def test_scores_are_those_computed_by_hand(backtest: pd.DataFrame) -> None:
    scores = scores_by_horizon(backtest).set_index(["model", "horizon_months"])
    expected = {
        ("milk", 1): [2.0, 1.0, 0.5, 0.75, 1.0, 4.0, 4],
        ("last_value", 1): [4.0, 4.0, 1.0, 1.0, 1.0, 8.0, 4],
        ("milk", 2): [5.0, 3.5, 1.0, 0.5, 0.75, 6.0, 4],
        ("last_value", 2): [5.0, 5.0, 1.0, 0.0, 0.0, 2.0, 4],
    }
    columns = ["rmse", "mae", "ratio", "coverage_80", "coverage_95", "width_80", "forecasts"]
    for key, values in expected.items():
        assert scores[columns].to_numpy(dtype=np.float64)[list(scores.index).index(key)] == pytest.approx(values)


def test_summary_takes_the_shortest_horizon_and_means_over_all(backtest: pd.DataFrame) -> None:
    assert summary(scores_by_horizon(backtest.iloc[::-1]), "milk") == {
        "ratio_next_month": 0.5,
        "ratio_year": 0.75,
        "rmse_next_month": 2.0,
        "coverage_80": 0.625,
        "coverage_95": 0.875,
        "forecasts": 4,
    }
    reference = summary(scores_by_horizon(backtest), "last_value")
    assert (reference["ratio_next_month"], reference["ratio_year"]) == (1.0, 1.0)


def test_rows_without_an_observed_price_are_left_out(backtest: pd.DataFrame) -> None:
    backtest.loc[3, "observed"] = np.nan
    scores = scores_by_horizon(backtest)
    first = scores[(scores["model"] == "milk") & (scores["horizon_months"] == 1)].iloc[0]
    assert (first["rmse"], first["forecasts"]) == (0.0, 3)


def test_a_price_that_never_moved_makes_finite_ratios() -> None:
    still = [100.0, 100.0]
    table = pd.concat(
        [
            rows("milk", 1, [101.0, 100.0], still, 1.0),
            rows("drift", 1, still, still, 1.0),
            rows("last_value", 1, still, still, 1.0),
        ]
    )
    ratios = scores_by_horizon(table).set_index("model")["ratio"]
    assert ratios.to_dict() == {"milk": WORST_RATIO, "drift": 1.0, "last_value": 1.0}
