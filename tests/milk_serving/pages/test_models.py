"""What the page on models says, against the ledger."""

from typing import Any

import sqlalchemy as sa

from milk.publication.ledger import append_promotion
from milk.publication.publish_judged import publish_decision
from milk_serving.pages.language import Language
from milk_serving.pages.rendering import MODELS_PAGE, render
from tests.milk.publication.judged import stamp
from tests.milk_serving.pages.rows import ISSUE, card, decision, promotion, publish_issue, publish_year
from tests.milk_serving.pages.text import text_of

HOSTILE = "<img src=x onerror=alert(1)>"


def _page(store: sa.Engine, language: Language = "en") -> str:
    return render(MODELS_PAGE, store, language, ISSUE).decode()


def _said(store: sa.Engine, language: Language = "en") -> str:
    return text_of(_page(store, language))


def test_what_is_in_production_since_when_and_why(store: sa.Engine) -> None:
    publish_year(store)
    said = _said(store)
    assert "In production v-1 Since 5 November 2026, 09:00 Why v-1 beats the last value." in said
    assert "Who decided a run Was chosen with what was known before 1 November 2026" in said
    assert "Other data in the forecast none: the price alone" in said
    assert "half_lives_months 48 · 96" in said
    assert "rain Refused. Its ratio is 1.001." in said
    assert "Scores come from rolling origins." in said
    assert "__ASSET_JOB" not in said


def test_the_ratios_are_said_in_spanish_beside_the_reason_of_the_ledger(store: sa.Engine) -> None:
    publish_year(store)
    said = "Su error fue el 71 % del que se comete repitiendo el último precio a un mes, y el 83 % en promedio del año."
    assert _said(store, "es").count(f"{said} v-1 beats the last value.") == 2
    assert "Its error was" not in _said(store), "the English reason says it already"
    append_promotion(store, promotion("v-2", previous_version_id="v-1", numbers={"challenger_ratio_year": "none"}))
    assert "Por qué v-2 beats the last value." in _said(store, "es")


def test_a_version_that_was_kept_out_changes_nothing_but_the_history(store: sa.Engine) -> None:
    publish_year(store)
    refused = promotion("v-2", decision="kept", reason="v-2 is worse.", champion_version_id="v-1",
                        previous_version_id="v-1", actor_kind="person", actor="ana")  # fmt: skip
    append_promotion(store, refused)
    said = _said(store)
    assert "In production v-1 Since 5 November 2026, 09:00 Why v-1 beats the last value." in said
    history = said.partition("Every decision")[2]
    assert history.index("not promoted v-2 v-2 is worse.") < history.index("promoted v-1 v-1 beats the last value.")
    assert "a person ( ana ) · in production afterwards v-1 5 November" in history


def test_a_champion_whose_card_is_not_published_yet(store: sa.Engine) -> None:
    publish_year(store)
    append_promotion(store, promotion("v-2", previous_version_id="v-1"))
    said = _said(store)
    assert "In production v-2" in said
    assert "in production afterwards v-2 · before v-1" in said
    assert "The card of this version is not published." in said
    assert "Recipe combination" not in said


def test_an_empty_ledger(store: sa.Engine) -> None:
    publish_issue(store)
    said = _said(store)
    assert "The ledger is empty: what is shown is the model of the newest issue. v-1" in said
    assert "No decision is published yet." in said


def test_the_newest_decision_to_retrain(store: sa.Engine) -> None:
    publish_year(store)
    assert "No. Nothing speaks for a training. With the price of November 2026; decided on 5 November 2026." in _said(
        store
    )
    publish_decision(store, decision(decision="investigate", sentence="A jump."), stamp())
    assert "Hay que investigar antes. A jump." in _said(store, "es")
    assert "cusum 1,5" in _said(store, "es")


def test_nothing_of_card_or_ledger_becomes_markup(store: sa.Engine) -> None:
    hostile: dict[str, Any] = {
        "recipe": {"parameters": {HOSTILE: HOSTILE}, "interval": [HOSTILE], "blocks": {HOSTILE: 1}},
        "search": {"blocks": {HOSTILE: HOSTILE}},
        "notes": [HOSTILE],
    }
    publish_issue(store, cards=[card(**hostile)])
    append_promotion(store, promotion(reason=HOSTILE, actor=HOSTILE))
    publish_decision(store, decision(sentence=HOSTILE, numbers={HOSTILE: HOSTILE}), stamp())
    page = _page(store)
    assert "<img" not in page
    assert text_of(page).count(HOSTILE) >= 10


def test_a_card_of_another_program_is_no_fault(store: sa.Engine) -> None:
    publish_issue(store, cards=[card(recipe="x", search=None, notes="y")])
    append_promotion(store, promotion())
    said = _said(store)
    assert "In production v-1" in said
    assert "Settings that the search chose" not in said
