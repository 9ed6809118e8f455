"""How the pages are answered: language, cache, tag, headers, and what is said where there is no page."""

import re
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy import event

from milk.publication.ledger import append_promotion
from milk.settings import Settings
from milk_serving.answers import Reader
from milk_serving.app import create_app
from milk_serving.pages.answers import FOR_EVER, is_matched
from milk_serving.pages.headers import SECURITY
from milk_serving.pages.rendering import static_files
from tests.milk_serving.client import Client, serving
from tests.milk_serving.pages.rows import ISSUE, issue, promotion, publish_issue
from tests.milk_serving.pages.text import links_of, text_of

PATHS = ["/", "/accuracy", "/models"]


def _ask(client: Client, url: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask() -> httpx.Response:
        return await client._http.get(url, headers=named)

    return client._portal.call(ask)


@pytest.fixture
def statements(app: FastAPI, client: Client, store: sa.Engine) -> Iterator[list[str]]:
    """The statements that the reader sends to the store from now on; something is published, and the look is over."""
    publish_issue(store)
    append_promotion(store, promotion())
    assert client.get("/").status_code == 200
    reader: Reader = app.state.reader
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        sent.append(statement)

    event.listen(reader.store.engine(), "before_cursor_execute", note)
    yield sent
    event.remove(reader.store.engine(), "before_cursor_execute", note)


def _asked_rows(sent: list[str]) -> list[str]:
    """The questions of pages; the look for a newer edition asks none of these tables."""
    return [one for one in sent if re.search(r"FROM (issues|forecasts|scores|model_cards|observed_prices)", one)]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_in_the_language_of_the_browser_or_the_one_asked_for(
    client: Client, store: sa.Engine, path: str
) -> None:
    publish_issue(store)
    for url, accepted, language in [
        (path, "", "es"),
        (path, "en-GB,en;q=0.9", "en"),
        (f"{path}?lang=en", "es", "en"),
        (f"{path}?lang=fr&utm_source=x", "en", "en"),
    ]:
        answer = _ask(client, url, Accept_Language=accepted)
        assert (answer.status_code, answer.headers["content-language"]) == (200, language)
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["vary"] == "Accept-Language"
        # The switch offers both, and every way onwards keeps the language.
        links = links_of(answer.text)
        assert {"?lang=es", "?lang=en"} <= set(links)
        assert {f"./?lang={language}", f"accuracy?lang={language}", f"models?lang={language}"} <= set(links)


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_guarded(client: Client, store: sa.Engine, path: str) -> None:
    publish_issue(store)
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?! src=\"static/)", answer.text)


def test_a_page_is_made_once(client: Client, statements: list[str]) -> None:
    first = client.get("/")
    assert client.get("/").content == first.content
    assert _asked_rows(statements) == []
    assert client.get("/?lang=en").status_code == 200
    assert _asked_rows(statements) != []
    statements.clear()
    assert client.get("/?lang=en").status_code == 200
    assert _asked_rows(statements) == []


@pytest.mark.parametrize("path", PATHS)
def test_who_has_a_page_gets_no_second_copy_and_the_store_is_not_read(
    client: Client, statements: list[str], path: str
) -> None:
    tag = client.get(path).headers["etag"]
    statements.clear()
    answer = _ask(client, path, If_None_Match=f'"x", {tag}')
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert answer.headers["vary"] == "Accept-Language"
    assert _asked_rows(statements) == []
    assert _ask(client, f"{path}?lang=en", If_None_Match=tag).status_code == 200


def test_the_tag_is_the_same_from_every_worker_and_changes_with_a_publication(
    client: Client, store: sa.Engine, settings: Settings
) -> None:
    publish_issue(store)
    first = client.get("/")
    with serving(create_app(settings)) as other:
        assert other.get("/").headers["etag"] == first.headers["etag"]
    publish_issue(store, issue(ISSUE + 1))
    with serving(create_app(settings)) as other:
        second = other.get("/")
    assert second.headers["etag"] != first.headers["etag"]
    assert "Diciembre de 2026" in text_of(second.text)


def test_a_promotion_without_a_publication_shows_at_once(client: Client, store: sa.Engine) -> None:
    publish_issue(store)
    append_promotion(store, promotion())
    first = client.get("/models")
    append_promotion(store, promotion("v-2", previous_version_id="v-1"))
    second = client.get("/models")
    assert second.headers["etag"] != first.headers["etag"]
    assert "En producción v-2" in text_of(second.text)


@pytest.mark.parametrize("path", PATHS)
def test_where_nothing_is_published_a_page_says_what_to_do(client: Client, store: sa.Engine, path: str) -> None:
    answer = _ask(client, path, Accept_Language="en")
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["cache-control"]) == (
        503,
        "30",
        "no-store",
    )
    said = text_of(answer.text)
    assert "There are no forecasts yet" in said
    assert "make run" in said
    assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    publish_issue(store)
    with serving(create_app(Settings(home=_home(store)))) as other:
        assert other.get(path).status_code == 200


def _home(store: sa.Engine) -> str:
    return str(store.url.database).removesuffix("/milk.db")


def test_no_address_is_made_of_what_the_client_calls_the_host(client: Client, store: sa.Engine) -> None:
    assert "evil.example" not in client.get("/", host="evil.example").text
    publish_issue(store)
    assert "evil.example" not in client.get("/models", host="evil.example").text


def test_without_a_store_the_page_is_in_words(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 503
    assert "Todavía no hay pronósticos" in text_of(answer.text)


def test_a_store_that_cannot_be_read_is_no_affair_of_the_client(client: Client, settings: Settings) -> None:
    settings.home_path.mkdir()
    (settings.home_path / "milk.db").write_text("no database" * 100, encoding="utf-8")
    answer = _ask(client, "/", Accept_Language="en")
    assert answer.status_code == 503
    said = text_of(answer.text)
    assert "The store of forecasts cannot be read" in said
    assert str(settings.home_path) not in answer.text


def test_only_other_series_is_nothing_to_show(client: Client, store: sa.Engine) -> None:
    publish_issue(store, issue(series_id="cl_goat_milk"), observed=(), cards=())
    assert client.get("/").status_code == 503


def test_files_beside_the_pages_are_kept_for_ever_under_their_hash(client: Client, store: sa.Engine) -> None:
    publish_issue(store)
    addresses = [link for link in links_of(client.get("/").text) if link.startswith("static/")]
    assert sorted(address.rpartition("/")[2] for address in addresses) == ["page.css", "page.js", "sign.svg"]
    for address in addresses:
        answer = client.get(f"/{address}")
        name = address.rpartition("/")[2]
        assert answer.content == static_files()[name].body
        assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_EVER)
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_older_hash_is_answered_and_not_kept(client: Client) -> None:
    answer = client.get("/static/0000/page.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["/static/0/none.css", "/static/0/..%2Fwords.toml", "/static/page.css"])
def test_nothing_else_lies_beside_the_pages(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:milk:problem:not-found")


@pytest.mark.parametrize(
    ("header", "is_held"),
    [("", False), ('W/"a"', True), ('"a"', True), ('"b", W/"a"', True), ("*", True), ('"b"', False), ("a", False)],
)
def test_tags_are_compared_weakly(header: str, is_held: bool) -> None:
    assert is_matched(header, 'W/"a"') is is_held


def test_the_pages_are_no_part_of_the_description(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert not {"/", "/accuracy", "/models", "/static/{digest}/{name}"} & set(paths)
