"""What the gate admits and what it refuses; a hundred seeds of the same scenes are in `benchmarks/gate.py`."""

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.gate import (
    COLUMNS,
    HORIZONS,
    LEVEL,
    admitted_blocks,
    holm,
    judge_blocks,
    mean_over_error,
    verdicts,
)
from milk.forecasting.baselines import SeasonalDrift
from milk.forecasting.histories import build_histories
from milk.months import data_cutoff, issue_month_of
from tests.builders import RULE, histories_of
from tests.milk.evaluation.simulated_blocks import Block, judged, simulated

PLANTED = (Block("planted", share=0.25), Block("noise of 4", size=4))
NOISE = (Block("slow noise", memory=0.9), Block("noise of 6", size=6))
SEEDS = range(1000, 1010)


@pytest.fixture(scope="module")
def planted() -> list[pd.DataFrame]:
    return [judged(seed, PLANTED) for seed in SEEDS]


def test_a_block_that_leads_the_price_is_admitted_and_the_noise_beside_it_is_not(planted: list[pd.DataFrame]) -> None:
    assert [list(admitted_blocks(table)) for table in planted] == [["planted"]] * len(SEEDS)


def test_blocks_of_noise_are_refused() -> None:
    assert [admitted_blocks(judged(seed, NOISE)) for seed in SEEDS] == [{}] * len(SEEDS)


def test_the_table_holds_a_row_for_each_block_and_horizon(planted: list[pd.DataFrame]) -> None:
    table = planted[0]
    assert list(table.columns) == COLUMNS
    assert table.groupby("block", sort=False)["horizon_months"].agg(tuple).to_dict() == {
        block.name: HORIZONS for block in PLANTED
    }
    assert table["is_admitted"].equals((table["ratio"] < 1) & (table["p_adjusted"] <= LEVEL))
    assert (table["p_adjusted"] >= table["p_value"]).all()
    assert admitted_blocks(table)["planted"][0] == 1


def test_a_verdict_is_a_sentence_with_its_numbers(planted: list[pd.DataFrame]) -> None:
    table = planted[0]
    said = verdicts(table)
    best = table[table["block"] == "planted"].sort_values("p_adjusted").iloc[0]
    assert said["planted"].startswith("Admitted at horizons 1")
    assert f"{best['ratio']:.3f} of the price-only one over {best['forecasts']} forecasts" in said["planted"]
    assert said["noise of 4"].startswith("Refused. At horizon ")


def test_a_block_of_too_short_a_series_is_not_judged_and_takes_no_part_in_the_adjustment() -> None:
    features, names = simulated(1, PLANTED)
    is_late = features["feature"].isin(names["noise of 4"]) & (features["month"] < "1998-01-01")
    short = features[~is_late].reset_index(drop=True)
    histories = histories_of(short)
    base = SeasonalDrift().fit(histories).forecast(12)
    table = judge_blocks(short, histories, base, RULE, names)
    late = table[table["block"] == "noise of 4"]
    assert late["p_value"].isna().all()
    assert not late["is_admitted"].any()
    assert verdicts(table)["noise of 4"].startswith("Not judged: 0 forecasts")
    without = judge_blocks(short, histories, base, RULE, {"planted": names["planted"]})
    pd.testing.assert_frame_equal(table[table["block"] != "noise of 4"], without)


def test_the_gate_sees_nothing_that_became_known_after_its_last_origin() -> None:
    features, names = simulated(2, (Block("planted", share=0.25),))
    last = histories_of(features).origin_month(215)
    is_later = features["known_since"] > pd.Timestamp(data_cutoff(issue_month_of(last, RULE)))
    dirty = features.assign(value=features["value"].where(~is_later, features["value"] * 7))
    tables = []
    for table in (features, dirty):
        histories = build_histories(table, price_rule=RULE, last_origin=last)
        base = SeasonalDrift().fit(histories).forecast(12)
        tables.append(judge_blocks(table, histories, base, RULE, names))
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_a_price_that_never_moves_admits_nothing() -> None:
    features, names = simulated(3, (Block("noise"),))
    still = features.assign(value=features["value"].where(features["feature"] != "price", 200.0))
    histories = histories_of(still)
    table = judge_blocks(still, histories, SeasonalDrift().fit(histories).forecast(12), RULE, names)
    assert not table["is_admitted"].any()


def test_holm_adjusts_as_worked_by_hand() -> None:
    adjusted = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, np.nan, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]


def test_the_mean_over_its_error_is_the_t_statistic_without_lags_and_smaller_where_values_persist() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, 400)
    assert mean_over_error(values, 0) == pytest.approx(values.mean() / values.std() * 20)
    # By hand: mean 2, centred -1 0 1, so 2 + 2 (1/2) 0 over 3 squared.
    assert mean_over_error(np.array([1.0, 2.0, 3.0]), 1) == pytest.approx(2 * 3 / np.sqrt(2))
    persistent = np.repeat(values[:100], 4)
    assert mean_over_error(persistent, 3) < 0.8 * mean_over_error(persistent, 0)
    assert mean_over_error(np.ones(9), 2) == 0.0
