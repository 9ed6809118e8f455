"""The card as a page: everything that a reviewer asks, and nothing that breaks the page."""

from dataclasses import replace
from pathlib import Path

import pytest

from milk.home.layout import Home
from milk.models.card import card_markdown
from milk.models.version import ModelVersion
from milk.steps.staging import stage_version
from tests.milk.models.versions import version_in
from tests.milk.steps.homes import sample_training


@pytest.fixture
def plain(tmp_path: Path) -> ModelVersion:
    return version_in(tmp_path)


def test_a_card_tells_recipe_data_search_scores_and_software(tmp_path: Path) -> None:
    version = stage_version(Home(tmp_path), sample_training())
    page = card_markdown(version, history=["2026-11-05: promoted. It was better."])
    assert page.startswith(f"# Model version {version.version_id}\n")
    assert "**Synthetic data: no use for any decision.**" in page
    for said in (
        version.sha256,
        "- recipe: combination",
        "- forecast_origin: 2026-10",
        "- search_last_origin: 2020-11",
        f"- key: {version.card['search']['key']}",
        "- numpy: ",
        "| months ahead | RMSE | ratio to the last value | 80 % held | 95 % held | forecasts | 95 % interval of the ",
        "- 2026-11-05: promoted. It was better.",
    ):
        assert said in page, said
    scores = version.card["scores"]["by_horizon"]["milk"]
    own = version.card["scores"]["against"]["last_value"][0]
    rows = [line for line in page.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == len(scores) == 12
    assert rows[0] == (
        f"| 1 | {scores[0]['rmse']:.2f} | {scores[0]['ratio']:.3f} | {scores[0]['coverage_80']:.0%} | "
        f"{scores[0]['coverage_95']:.0%} | 60 | {own['ratio_low']:.3f} to {own['ratio_high']:.3f} |"
    )


def test_a_card_as_small_as_it_may_be(plain: ModelVersion) -> None:
    page = card_markdown(plain)
    assert "- ratio_year: 0.9" in page
    assert "| months ahead" not in page
    assert "In the ledger" not in page
    assert page.endswith("## Notes\n")


def test_a_text_of_a_card_begins_no_heading_of_its_own(plain: ModelVersion) -> None:
    hostile = replace(plain, card={**plain.card, "notes": ["# not a heading\n## nor this", "| nor | a table |"]})
    page = card_markdown(hostile, history=["a\n# b"])
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        f"# Model version {plain.version_id}",
        *(f"## {name}" for name in ("Recipe", "Data", "Search", "Scores, rolling origin", "Software", "Notes")),
        "## In the ledger",
    ]


@pytest.mark.parametrize("by_horizon", [None, [], {"milk": "x"}, {"milk": [{"rmse": "x"}]}, {"milk": [1]}])
def test_a_table_that_is_none_is_left_out(plain: ModelVersion, by_horizon: object) -> None:
    scores = {**plain.card["scores"], "by_horizon": by_horizon}
    assert "- ratio_year: 0.9" in card_markdown(replace(plain, card={**plain.card, "scores": scores}))
