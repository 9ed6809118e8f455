"""Both languages say the same, all that is said is used, and all that is used is there."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args

from milk.months import Kind
from milk.publication.judged_schema import Verdict
from milk.publication.schema import ActorKind, Decision
from milk_serving import pages
from milk_serving.pages.accuracy import FLAGS, MODELS
from milk_serving.pages.causes import CAUSES
from milk_serving.pages.rendering import PAGES
from milk_serving.pages.words import all_sentences
from milk_serving.problems import STORE_PROBLEMS

ROOM = Path(pages.__file__).parent
SOURCES = [file for file in ROOM.rglob("*") if file.suffix in (".py", ".html")]
SAID = re.compile(r"""say\(\s*f?["']([a-z_0-9]+)(["'{])""")
FAMILIES = {
    "cause_": CAUSES,
    "why_": CAUSES,
    "model_": MODELS,
    "finding_": FLAGS,
    "kind_": get_args(Kind),
    "decision_": get_args(Decision),
    "actor_": get_args(ActorKind),
    "retrain_": get_args(Verdict),
    "problem_": [kind.name.replace("-", "_") for kind in STORE_PROBLEMS],
    "todo_": [kind.name.replace("-", "_") for kind in STORE_PROBLEMS],
    "title_": [page.name for page in PAGES],
    "nav_": [page.name for page in PAGES],
}
"""The sentences that are asked for by a name that is put together."""


def _used() -> set[str]:
    """The names asked for in code and templates; a name that ends in an underscore is the head of a family."""
    found = {name for file in SOURCES for name, _end in SAID.findall(file.read_text(encoding="utf-8"))}
    # Names that are chosen before they are said.
    chosen = {"fine", "too_few", "fresh_late", "fresh_current"}
    return found | chosen


def _fields(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_figures() -> None:
    spanish, english = all_sentences()["es"], all_sentences()["en"]
    assert list(spanish) == list(english)
    assert {name for name in spanish if _fields(spanish[name]) != _fields(english[name])} == set()
    assert {name for name, text in spanish.items() if text == english[name]} <= {"nav_api", "col_rmse", "retrain_hold"}


def test_every_sentence_is_used_and_every_one_that_is_used_is_there() -> None:
    used = _used()
    heads = {name for name in used if name.endswith("_")}
    assert heads <= set(FAMILIES)
    assert set(FAMILIES) == heads
    wanted = (used - heads) | {head + str(one) for head, ones in FAMILIES.items() for one in ones}
    assert wanted == set(all_sentences()["es"])
