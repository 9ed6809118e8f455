"""What a recipe is judged by: which rows, which loss, which coverage."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.evidence import Evidence, coverage_problem, evidence_of, evidence_scores, monthly_losses
from milk.evaluation.scores import scores_by_horizon, summary
from milk.months import Month
from tests.milk.evaluation.evidence_made import evidence

FIRST = Month(2020, 1)


def table(months: int = 30, *, steps: int = 3, seed: int = 1) -> pd.DataFrame:
    """A backtest of two models: every target month from every horizon."""
    rng = np.random.default_rng(seed)
    observed = 100 + rng.normal(0, 3, months)
    parts = []
    for model, size in (("last_value", 4.0), ("milk", 2.0)):
        for horizon in range(1, steps + 1):
            target = [pd.Timestamp((FIRST + k).first_day) for k in range(months)]
            prediction = observed + rng.normal(0, size, months)
            parts.append(
                pd.DataFrame(
                    {
                        "model": model,
                        "forecast_origin": [day - pd.DateOffset(months=horizon) for day in target],
                        "target_month": target,
                        "horizon_months": horizon,
                        "prediction": prediction,
                        "observed": observed,
                        **{f"lower_{level}": prediction - half for level, half in ((80, 2.5), (95, 4.0))},
                        **{f"upper_{level}": prediction + half for level, half in ((80, 2.5), (95, 4.0))},
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def test_the_figures_are_those_of_the_scores() -> None:
    backtest = table()
    scores = evidence_scores(evidence_of(backtest, "milk", search_last_origins=[]))
    expected = summary(scores_by_horizon(backtest), "milk")
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    nearest = scores_by_horizon(backtest).query("model == 'milk' and horizon_months == 1").iloc[0]
    assert scores["coverage_next_month_80"] == nearest["coverage_80"]
    assert scores["coverage_next_month_95"] == nearest["coverage_95"]


def test_the_order_of_the_rows_does_not_matter() -> None:
    backtest = table()
    shuffled = backtest.sample(frac=1, random_state=3)
    one, other = (evidence_of(rows, "milk", search_last_origins=[]) for rows in (backtest, shuffled))
    assert one.months == other.months == tuple(FIRST + k for k in range(30))
    assert np.array_equal(one.prediction, other.prediction)
    assert np.array_equal(monthly_losses(one), monthly_losses(other))


def test_no_row_is_used_that_one_of_the_searches_saw() -> None:
    backtest = table()
    searches = [FIRST + (-3), FIRST + 4]
    found = evidence_of(backtest, "milk", search_last_origins=searches)
    # From 2020-05 on with three horizons: the first month that all of them reach is August.
    assert found.months[0] == Month(2020, 8)
    assert len(found.months) == 23
    seen = backtest["forecast_origin"] < pd.Timestamp("2020-05-01")
    spoiled = backtest.assign(prediction=backtest["prediction"].mask(seen, 1e6))
    again = evidence_of(spoiled, "milk", search_last_origins=searches)
    assert np.array_equal(found.prediction, again.prediction)
    assert np.array_equal(found.last_value, again.last_value)


def test_a_month_without_its_price_or_without_a_horizon_is_left_out() -> None:
    backtest = table()
    newest, tenth = (backtest["target_month"] == pd.Timestamp((FIRST + k).first_day) for k in (29, 10))
    unpriced = backtest.assign(observed=backtest["observed"].mask(newest))
    assert evidence_of(unpriced, "milk", search_last_origins=[]).months[-1] == FIRST + 28
    partial = backtest[~(tenth & (backtest["horizon_months"] == 2) & (backtest["model"] == "milk"))]
    months = evidence_of(partial, "milk", search_last_origins=[]).months
    assert FIRST + 10 not in months
    assert len(months) == 29


def test_where_everything_was_seen_there_is_no_month() -> None:
    found = evidence_of(table(), "milk", search_last_origins=[Month(2030, 1)])
    assert found.months == ()
    assert found.said == "no month"


def test_the_loss_is_half_next_month_and_half_the_year_beside_the_last_value() -> None:
    made = evidence_of(table(), "milk", search_last_origins=[])
    log = {name: np.log(values) for name, values in (("p", made.prediction), ("l", made.last_value))}
    observed = np.log(made.observed)
    expected = []
    for month in range(30):
        scaled = []
        for h in range(3):
            base = np.mean([(log["l"][k, h] - observed[k]) ** 2 for k in range(30)])
            scaled.append((log["p"][month, h] - observed[month]) ** 2 / base)
        expected.append(0.5 * scaled[0] + 0.5 * np.mean(scaled))
    assert monthly_losses(made) == pytest.approx(np.array(expected))
    of_reference = evidence_of(table(), "last_value", search_last_origins=[])
    assert monthly_losses(of_reference).mean() == pytest.approx(1.0)


def test_a_price_that_never_moved_makes_finite_losses() -> None:
    still = np.full((20, 2), 100.0)
    made = Evidence(tuple(FIRST + k for k in range(20)), still[:, 0], still, still, still > 0, still > 0)
    assert monthly_losses(made) == pytest.approx(np.zeros(20))


def test_coverage_as_promised_is_no_problem() -> None:
    assert coverage_problem(evidence(120, inside_80=0.8, inside_95=0.95)) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inside_80": 0.6}, "the 80 % interval next month held 60% of the prices, not 68%-91%"),
        ({"inside_80": 1.0}, "the 80 % interval next month held 100%"),
        ({"inside_95": 0.8}, "the 95 % interval next month held 80%"),
        ({"inside_80_beyond": 0.4}, "the 80 % interval over the year held 4"),
        ({"inside_95_beyond": 0.5}, "the 95 % interval over the year held 5"),
    ],
)
def test_coverage_outside_its_band_is_named(changes: dict[str, Any], said: str) -> None:
    assert said in coverage_problem(evidence(120, **changes))


def test_the_band_of_the_year_is_the_wider_one() -> None:
    assert coverage_problem(evidence(120, inside_80=0.8, inside_95=0.95, inside_80_beyond=0.63)) == ""
    assert coverage_problem(evidence(120, inside_80=0.63, inside_95=0.95)) != ""
