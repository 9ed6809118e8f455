"""The page on the accuracy says what the backtest says, in both languages, and first of all what speaks against it."""

import re
import string
from functools import cache

import numpy as np
import pandas as pd
import pytest

from milk.accuracy_report.page import accuracy_page, mean_scores
from milk.accuracy_report.words import Language, words
from milk.evaluation.backtest import RECIPE, TargetWindow, run_backtest
from milk.evaluation.score_table import score_table
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.recipe import Setting
from milk.months import Month
from tests.builders import RULE, price_features, random_walk, sample_features

LANGUAGES: tuple[Language, ...] = ("en", "es")
WINDOW = TargetWindow(Month(2018, 1), Month(2025, 12))


@cache
def backtests() -> dict[int, pd.DataFrame]:
    return {
        lag: run_backtest(
            sample_features(), WINDOW, price_rule=RULE.later_by(lag), method=IntervalMethod(), setting=Setting()
        )
        for lag in (0, 2)
    }


def page(language: Language, *, is_synthetic: bool = True) -> str:
    return accuracy_page(backtests(), language=language, unit="CLP/L", is_synthetic=is_synthetic, command="milk ...")


def table_under(text: str, title: str) -> list[list[str]]:
    """The cells of the first table after a title, head and rule left out."""
    part = text[text.index(title) :]
    lines = re.findall(r"^\| (.*) \|$", part, flags=re.MULTILINE)[2:]
    return [line.split(" | ") for line in lines]


def test_both_languages_have_the_same_sentences_with_the_same_figures() -> None:
    english, spanish = words("en"), words("es")
    assert english.keys() == spanish.keys()
    for name, sentence in english.items():
        assert figures_of(sentence) == figures_of(spanish[name]), name


def figures_of(sentence: str) -> set[str]:
    return {field for _text, field, _format, _conversion in string.Formatter().parse(sentence) if field}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_part_and_no_open_figure(language: Language) -> None:
    text = page(language)
    for title in ("short", "horizons", "baselines", "loses", "periods", "months", "means", "leak"):
        assert f"## {words(language)[title]}" in text
    assert "{" not in text
    assert re.search(r"\bnan\b", text) is None
    assert words(language)["synthetic"] in text
    assert words(language)["synthetic"] not in page(language, is_synthetic=False)


def test_the_figures_are_those_of_the_score_table() -> None:
    scores = score_table(backtests()[0], by="horizon_months")
    own = scores[scores["model"] == RECIPE].set_index("horizon_months")
    rows = table_under(page("en"), "## By horizon")[:12]
    for row in rows:
        horizon = int(row[0])
        assert row[3] == f"{own['ratio_last_value'][horizon]:.3f}"
        assert row[10] == f"{own['coverage_80'][horizon]:.3f}"
        assert int(row[-1]) == own["forecasts"][horizon] == 96


def test_a_late_price_has_a_table_of_its_own_with_two_more_horizons() -> None:
    rows = table_under(page("en"), f"## By horizon: {words('en')['lag_2']}")
    assert [row[0] for row in rows[:14]] == [str(horizon) for horizon in range(1, 15)]


@pytest.mark.parametrize("lag", [0, 2])
def test_the_mean_of_the_next_months_is_scored_from_the_issue_month_on(lag: int) -> None:
    scores = mean_scores(backtests()[lag], lag=lag).set_index("months")
    own = backtests()[lag].query("model == 'milk'")
    for months in (3, 12):
        rows = own[own["horizon_months"] == months + lag]
        error = rows["mean_prediction"] - rows["mean_observed"]
        assert scores["rmse"][months] == pytest.approx(np.sqrt((error**2).mean()))
        held = (rows["mean_lower_80"] <= rows["mean_observed"]) & (rows["mean_observed"] <= rows["mean_upper_80"])
        assert scores["coverage_80"][months] == pytest.approx(held.mean())
        assert scores["forecasts"][months] == 96


def test_where_the_recipe_loses_the_page_says_so() -> None:
    # Of a random walk nothing can be known: whoever does not repeat the last price pays for it.
    features = price_features(random_walk(260, seed=11))
    last = Month.of(features["month"].max())
    window = TargetWindow(last + (-95), last)
    noisy = Setting((24.0,), 1.0, 0.0)
    table = run_backtest(features, window, price_rule=RULE, method=IntervalMethod(), setting=noisy)
    text = accuracy_page({0: table}, language="en", unit="CLP/L", is_synthetic=True, command="milk ...")
    worse = re.search(r"It errs \*\*more\*\* than `last_value` at the horizons ([\d, ]+)\.", text)
    assert worse is not None
    scores = score_table(table, by="horizon_months").query("model == 'milk'").set_index("horizon_months")
    expected = scores.index[scores["ratio_last_value"] >= 1]
    assert worse.group(1) == ", ".join(str(horizon) for horizon in expected)
    assert "beats `last_value` beyond chance" not in text
