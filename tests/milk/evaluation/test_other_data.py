"""A block that passes the gate enters the forecast, the backtest, the version and its application."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.backtest import RECIPE, Choice, TargetWindow, choose_recipe, run_backtest
from milk.evaluation.scores import scores_by_horizon, summary
from milk.forecasting.blocks import block_design, declared_blocks, design_columns
from milk.forecasting.fit import fitted_model, recipe_of
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import NUMBERS, issue_forecasts
from milk.forecasting.other_data import STEPS_OF, OtherData
from milk.models.apply import apply_version
from milk.models.canonical import canonical_json
from milk.models.version import ModelVersion, model_problem
from milk.months import data_cutoff, issue_month_of
from milk.series import series_register
from tests.builders import RULE, histories_of
from tests.milk.evaluation.simulated_blocks import FIRST, MONTHS, Block, simulated

NAMES = {name: declared_blocks(series_register())[name] for name in ("exchange_rate", "rain")}
WINDOW = TargetWindow(FIRST + (MONTHS - 36), FIRST + (MONTHS - 1))
METHOD = IntervalMethod()


@cache
def planted() -> pd.DataFrame:
    """Features of the names of the register: the exchange rate leads the price by three months, the rain is noise."""
    blocks = [Block(name, size=len(names), share=0.3 * (name == "exchange_rate")) for name, names in NAMES.items()]
    features, made = simulated(7, blocks)
    names = {own: declared for block, names in NAMES.items() for own, declared in zip(made[block], names, strict=True)}
    return features.assign(feature=features["feature"].replace(names).astype("str"))


@cache
def choice() -> Choice:
    return choose_recipe(planted(), WINDOW, price_rule=RULE)


def other() -> OtherData:
    return OtherData(planted(), RULE, choice().blocks)


def test_the_block_that_leads_is_chosen_and_the_noise_is_not() -> None:
    assert list(choice().blocks) == ["exchange_rate"]
    assert choice().blocks["exchange_rate"][0] == 1
    judged = choice().gate.dropna(subset=["p_value"])
    assert set(judged["block"]) == {"exchange_rate", "rain"}


def test_the_backtest_of_the_recipe_gains_by_it_and_the_baselines_stay() -> None:
    chosen = choice()
    alone, helped = (
        scores_by_horizon(
            run_backtest(planted(), WINDOW, price_rule=RULE, method=METHOD, setting=chosen.setting, blocks=blocks)
        )
        for blocks in ({}, chosen.blocks)
    )
    assert summary(helped, RECIPE)["ratio_next_month"] < 0.95 * summary(alone, RECIPE)["ratio_next_month"]
    pd.testing.assert_frame_equal(helped[helped["model"] != RECIPE], alone[alone["model"] != RECIPE])


def test_a_block_adds_at_the_steps_of_its_horizons_only() -> None:
    histories = histories_of(planted())
    forecast = choice().setting.forecaster().fit(histories).forecast(14)
    helped = OtherData(planted(), RULE, {"exchange_rate": (3,)}).added_to(forecast, histories)
    added = np.flatnonzero(helped.contributions["other"].any(axis=0)) + 1
    assert tuple(added) == STEPS_OF[3]
    np.testing.assert_allclose(helped.log_price - forecast.log_price, helped.contributions["other"], atol=1e-12)
    assert not forecast.contributions["other"].any(), "the forecast given was changed"


def test_version_issue_and_application_tell_the_same_numbers() -> None:
    histories = histories_of(planted())
    model = fitted_model(
        histories, choice().setting, steps=12, other=other(), method=METHOD, unit="CLP/L", data={}, distribution={}
    )
    assert model_problem(model) == ""
    assert model["recipe"]["blocks"] == {"exchange_rate": list(choice().blocks["exchange_rate"])}
    model = json.loads(canonical_json(model))
    forecaster, method = recipe_of(model["recipe"])
    origin = histories.origin_month(len(histories) - 1)
    month = issue_month_of(origin, RULE)
    issued = issue_forecasts(forecaster, histories, [month], price_rule=RULE, method=method, other=other())
    assert issued["contribution_other"].abs().max() > 0.001
    design = block_design(planted(), histories, RULE, NAMES["exchange_rate"])[-1]
    values = dict(zip(design_columns(NAMES["exchange_rate"]), design, strict=True))
    prices = np.exp(histories.log_price[-1]).tolist()
    version = ModelVersion("v", "", model, {})
    applied = apply_version(version, prices, last_month=origin, other=values)
    np.testing.assert_allclose([f.price for f in applied], issued["price"], rtol=1e-9)
    np.testing.assert_allclose([f.contributions["other"] for f in applied], issued["contribution_other"], atol=1e-9)
    without = apply_version(version, prices, last_month=origin)
    assert {f.contributions["other"] for f in without} == {0.0}


@pytest.mark.parametrize("months_back", [2, 25, 60])
def test_nothing_that_became_known_later_changes_an_issue_with_blocks(months_back: int) -> None:
    month = WINDOW.last + (-months_back)
    is_later = (planted()["known_since"] > pd.Timestamp(data_cutoff(month))).to_numpy()
    factor = np.exp(np.random.default_rng(months_back).normal(0, 0.5, len(planted())))
    changed = planted().assign(value=planted()["value"].where(~is_later, planted()["value"] * factor))
    issues = [
        issue_forecasts(
            choice().setting.forecaster(),
            histories_of(features),
            [month],
            price_rule=RULE,
            method=METHOD,
            other=OtherData(features, RULE, choice().blocks),
        )[NUMBERS]
        for features in (planted(), changed)
    ]
    np.testing.assert_array_equal(issues[0].to_numpy(), issues[1].to_numpy())
    assert issues[0]["contribution_other"].any()


def test_two_blocks_correct_one_after_the_other() -> None:
    histories = histories_of(planted())
    forecast = choice().setting.forecaster().fit(histories).forecast(12)
    first = OtherData(planted(), RULE, {"exchange_rate": (1,)}).added_to(forecast, histories)
    both = OtherData(planted(), RULE, {"exchange_rate": (1,), "rain": (1,)})
    then = OtherData(planted(), RULE, {"rain": (1,)}).added_to(first, histories)
    np.testing.assert_allclose(both.added_to(forecast, histories).log_price, then.log_price, atol=1e-12)
    fits = both.fitted(forecast, histories)
    assert list(fits) == ["exchange_rate", "rain"]
    assert all(np.any(fit["coefficients"][0]) and not np.any(fit["coefficients"][1:]) for fit in fits.values())
