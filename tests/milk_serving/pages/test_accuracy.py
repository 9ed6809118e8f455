"""What the page on accuracy says, against the store."""

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa

from milk.publication.publish_judged import publish_scorecard
from milk_serving.pages.language import Language
from milk_serving.pages.rendering import ACCURACY_PAGE, render
from tests.milk.publication.judged import stamp
from tests.milk_serving.pages.rows import (
    ISSUE,
    card,
    forecast,
    issue,
    judged,
    publish_issue,
    publish_year,
    statistics,
)
from tests.milk_serving.pages.text import text_of


def _page(store: sa.Engine, language: Language = "en") -> str:
    return render(ACCURACY_PAGE, store, language, ISSUE).decode()


def _said(store: sa.Engine, language: Language = "en") -> str:
    return text_of(_page(store, language))


def test_the_backtest_by_horizon_against_the_baselines(store: sa.Engine) -> None:
    publish_year(store)
    said = _said(store)
    assert "Months forecast: November 2016 to October 2026." in said
    # Errors of horizon 1: the recipe, season and drift, last value, drift, season; see the rows.
    assert "1 5.0 17.0 8.0 14.0 11.0 119" in said
    assert "1 72% (62\u201382) 72% (62\u201382)" in said
    assert "12 75% 96% 132.0 119" in said


def test_live_forecasts_with_their_sample_size(store: sa.Engine) -> None:
    publish_year(store)
    said = _said(store)
    assert "all 3 6 +1.0% 5.0 \u2014 83% 100% Too few months yet" in said
    first = issue(ISSUE + (-1)).forecasts[0]
    span = f"{first.lower_80:.0f}\u2013{first.upper_80:.0f}"
    came = f"Oct 2026 Oct 2026 {first.price:.1f} {span} {first.price + 5.5:.1f} +5.5 inside 80%"
    assert came in said
    # Of a month that several issues forecast, the nearest one; a month once.
    assert said.count("Oct 2026 Oct 2026") == said.count("Oct 2026 Sep 2026") + 1 == 1


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "Nothing to object"),
        ({"is_biased": True}, "Biased"),
        ({"is_outside_80": True, "is_worse_than_last_value": True},
         "The 80% interval does not hold, worse than repeating the last price"),
    ],
)  # fmt: skip
def test_what_is_found_is_said_in_the_language_of_the_reader(
    store: sa.Engine, changed: dict[str, bool], verdict: str
) -> None:
    publish_issue(store, issue(ISSUE + (-3)), issue())
    row = statistics(1, is_judged=True, months_judged=30, coverage_80_low=0.6, coverage_80_high=0.96, **changed)
    publish_scorecard(store, [judged(3)], [row], stamp())
    said = _said(store)
    assert f"83% (60\u201396) 100% {verdict}" in said
    assert row.finding not in said


def test_the_newest_judgement_counts(store: sa.Engine) -> None:
    publish_issue(store, issue(ISSUE + (-3)), issue())
    publish_scorecard(store, [judged(3)], [statistics(0)], stamp())
    publish_scorecard(store, [judged(3, observed=999.5, is_inside_80=False)], [statistics(0, forecasts=77)], stamp())
    said = _said(store)
    assert "999.5" in said
    assert "all 3 77" in said
    assert "inside 95%" in said
    assert "inside 80%" not in said


def test_without_anything_judged_it_says_so(store: sa.Engine) -> None:
    publish_issue(store)
    said = _said(store)
    assert "The price of no month that was forecast in time is known yet." in said
    assert "Verdict" not in said


def test_hindcasts_count_nowhere(store: sa.Engine) -> None:
    publish_issue(store, issue(ISSUE + (-1), kind="hindcast"), issue(kind="hindcast"))
    assert "The price of no month that was forecast in time is known yet." in _said(store)


@pytest.mark.parametrize(
    "content",
    [
        {"scores": {}, "windows": {}},
        {"scores": {"against": []}, "windows": ["2016-11"]},
        {"scores": {"against": {"last_value": "x"}}, "windows": {"evaluation_first": "<b>", "evaluation_last": 7}},
        {"scores": {"against": {"last_value": [{"horizon_months": 1, "ratio": None}, 3]}}},
    ],
)
def test_a_card_of_another_program_is_no_fault(store: sa.Engine, content: dict[str, Any]) -> None:
    publish_issue(store, cards=[card(**content)])
    said = _said(store)
    assert "Against the baselines" not in said
    assert "Whether the intervals hold" in said


def test_without_scores_the_page_stands(store: sa.Engine) -> None:
    publish_issue(store, cards=[dataclasses.replace(card(), scores=())])
    said = _said(store)
    assert "Of this model no tests are published." in said
    assert "Whether the intervals hold" not in said


def test_in_spanish(store: sa.Engine) -> None:
    publish_year(store)
    said = _said(store, "es")
    assert "todos 3 6 +1,0 % 5,0 \u2014 83 % 100 % Aún son pocos meses" in said
    assert f"oct 2026 oct 2026 {forecast(0, issue=ISSUE + (-1)).price:.1f}".replace(".", ",") in said
