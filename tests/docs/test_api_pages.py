"""The pages of the API: the same questions in both languages, each of them one that the reader knows."""

import json
import re
from pathlib import Path

import httpx
import pytest

from docs.api_pages import PAGES, answer_text, curl_line, points

DESCRIPTION = json.loads((Path(__file__).parents[1] / "milk_serving" / "openapi.json").read_text(encoding="utf-8"))
DOCS = Path(__file__).parents[2] / "docs"
REQUIRED = {*range(1, 7), *range(8, 12), *range(13, 19), *range(20, 27)}


def _questions(language: str) -> list[str]:
    return re.findall(r"^\$ (curl .*)$", PAGES[language].read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("language", list(PAGES))
def test_each_page_asks_what_the_points_say(language: str) -> None:
    assert _questions(language) == [curl_line(point) for point in points()], "run docs/api_pages.py"
    text = PAGES[language].read_text(encoding="utf-8")
    assert [point["path"] for point in points() if point[language] not in text] == []


def test_every_required_point_is_shown() -> None:
    assert {int(number) for point in points() for number in point["number"].split(", ")} == REQUIRED


def test_every_question_is_one_that_is_described() -> None:
    beside = {"/openapi.json", "/metrics"}
    for point in points():
        path, _, query = point["path"].partition("?")
        known = re.sub(r"/[0-9]{4}-[0-9]{2}$", "/{target_month}", path)
        if known in beside:
            continue
        named = {parameter["name"] for parameter in DESCRIPTION["paths"][known]["get"].get("parameters", [])}
        assert {part.partition("=")[0] for part in query.split("&") if part} <= named, point["path"]


def test_every_route_of_the_reader_is_shown() -> None:
    shown = {re.sub(r"/[0-9]{4}-[0-9]{2}$", "/{target_month}", point["path"].partition("?")[0]) for point in points()}
    routes = {path for path in DESCRIPTION["paths"] if path.startswith("/v1/")}
    pages = [(DOCS / name).read_text(encoding="utf-8") for name in ("online.md", "online.es.md")]
    asked = {path for path in routes if all(path.partition("{")[0] in page for page in pages) and "online" in path}
    assert len(asked) == 2
    assert routes - shown - asked <= {"/v1/models/{version}"}


def test_a_long_answer_is_cut() -> None:
    answer = httpx.Response(200, json={"data": [{"a": 1}, {"a": 2}], "hash": "f" * 64, "said": "a " * 50})
    shown = json.loads(answer_text({"show": "body"}, answer))
    assert shown == {"data": [{"a": 1}, "..."], "hash": "ffffffffffff...", "said": "a " * 50}
