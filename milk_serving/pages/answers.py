"""Answering a page: made once for each edition and language, kept, and not even read for who has it already."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from milk.errors import BadSetting, HomeRefused, MilkError
from milk.months import SANTIAGO, Month
from milk_serving.answers import Reader
from milk_serving.pages.headers import SECURITY
from milk_serving.pages.language import Language, chosen_language
from milk_serving.pages.rendering import Page, Static, program_digest, render, render_problem
from milk_serving.problems import problem_type
from milk_serving.store import Edition

HTML = "text/html; charset=utf-8"

# Kept by the browser, and asked for again each time: what is published shows at once, and costs a 304 otherwise.
PAGE_CACHING = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(slots=True)
class PageCache:
    """The finished pages, each under its name and language with the tag that it was made under: `app.state.pages`.

    There are as many as pages and languages: a newer one takes the place of the older.
    """

    kept: dict[tuple[str, Language], tuple[str, bytes]] = field(default_factory=dict)

    def get(self, page: Page, language: Language, tag: str) -> bytes | None:
        """The page, if it was made under this tag."""
        found = self.kept.get((page.name, language))
        return found[1] if found and found[0] == tag else None

    def keep(self, page: Page, language: Language, tag: str, body: bytes) -> None:
        """Keep a page."""
        self.kept[page.name, language] = tag, body


async def answer_page(request: Request, page: Page) -> Response:
    """A page, or what is wrong in words: a person asked, and not a program."""
    language = chosen_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    try:
        return await _answer(request, page, language)
    except MilkError as error:
        kind = problem_type(error)
        if kind is None:
            raise
        if isinstance(error, HomeRefused | BadSetting):
            request.app.state.reader.store.log_met(error)
        headers = SECURITY | {"Cache-Control": "no-store", "Vary": "Accept-Language", "Content-Language": language}
        if kind.retry_after is not None:
            headers["Retry-After"] = str(kind.retry_after)
        return Response(render_problem(page, kind, language), kind.status, headers=headers, media_type=HTML)


async def _answer(request: Request, page: Page, language: Language) -> Response:
    reader: Reader = request.app.state.reader
    cache: PageCache = request.app.state.pages
    # Asked before the rows are read: a page may be newer than the edition it is kept under, never older.
    edition = await reader.store.edition()
    today = Month.of(dt.datetime.now(SANTIAGO).date())
    stamp = "" if page.stamp is None else await run_in_threadpool(_stamp, reader, page)
    tag = _tag(page, language, edition, today, stamp)
    headers = SECURITY | PAGE_CACHING | {"ETag": tag, "Content-Language": language}
    if is_matched(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    body = cache.get(page, language, tag)
    if body is None:
        body = await run_in_threadpool(_rendered, reader, page, language, today)
        cache.keep(page, language, tag, body)
    return Response(body, headers=headers, media_type=HTML)


def answer_static(file: Static, digest: str) -> Response:
    """A file beside the pages; to be kept for ever only under the hash of its own content."""
    caching = FOR_EVER if digest == file.digest else "no-cache"
    return Response(file.body, headers=SECURITY | {"Cache-Control": caching}, media_type=file.media_type)


def is_matched(header: str, tag: str) -> bool:
    """Whether an If-None-Match names a tag; compared weakly, as RFC 9110 asks for it there."""
    named = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in named or tag.removeprefix("W/") in named


def _stamp(reader: Reader, page: Page) -> str:
    return "" if page.stamp is None else str(page.stamp(reader.store.engine()))


def _rendered(reader: Reader, page: Page, language: Language, today: Month) -> bytes:
    return render(page, reader.store.engine(), language, today)


def _tag(page: Page, language: Language, edition: Edition, today: Month, stamp: str) -> str:
    """The same from every worker, so without the number of the opening; weak, since it may be compressed on its way."""
    parts = (page.name, language, str(edition.publication), edition.made, str(today), stamp, program_digest())
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
