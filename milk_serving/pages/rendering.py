"""From what is published to the bytes of a page: content, template, words."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from jinja2 import Environment, PackageLoader, StrictUndefined

from milk.months import Month
from milk.publication.read_page import accuracy_record, models_record, newest_decision_number, year_ahead
from milk.series import SERIES_ID
from milk_serving.pages.accuracy import accuracy_content
from milk_serving.pages.formats import Formats
from milk_serving.pages.language import LANGUAGES, Language
from milk_serving.pages.models import models_content
from milk_serving.pages.words import Words, words
from milk_serving.pages.year_ahead import year_ahead_content
from milk_serving.problems import ProblemType

STATIC_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

Content = Callable[[sa.Engine, Language, Words, Month], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        name: of its template, and of its sentences.
        address: relative, so that the pages may lie below any path of a proxy.
        content: reads the store and says what the template fills in.
        stamp: what its content rests on besides the newest publication; asked for at each request.
    """

    name: str
    address: str
    content: Content
    stamp: Callable[[sa.Engine], object] | None = None


def _year_ahead(store: sa.Engine, language: Language, say: Words, today: Month) -> dict[str, Any]:
    return year_ahead_content(year_ahead(store, SERIES_ID), language, say, today)


def _accuracy(store: sa.Engine, language: Language, say: Words, _today: Month) -> dict[str, Any]:
    return accuracy_content(accuracy_record(store, SERIES_ID), language, say)


def _models(store: sa.Engine, language: Language, say: Words, _today: Month) -> dict[str, Any]:
    return models_content(models_record(store, SERIES_ID), language, say)


YEAR_AHEAD_PAGE = Page("year_ahead", "./", _year_ahead)
ACCURACY_PAGE = Page("accuracy", "accuracy", _accuracy)
# A promotion is no publication: without its number the page would show the champion of before.
MODELS_PAGE = Page("models", "models", _models, lambda store: newest_decision_number(store, SERIES_ID))
PAGES = (YEAR_AHEAD_PAGE, ACCURACY_PAGE, MODELS_PAGE)


@dataclass(frozen=True, slots=True)
class Static:
    """A file beside the pages."""

    body: bytes
    media_type: str
    digest: str


@cache
def static_files() -> dict[str, Static]:
    """The files beside the pages by name; read once, as they are part of the program."""
    found = {}
    for file in files("milk_serving.pages").joinpath("static").iterdir():
        media_type = STATIC_TYPES.get(file.name.rpartition(".")[2])
        if media_type:
            body = file.read_bytes()
            found[file.name] = Static(body, media_type, _digest(body))
    return found


@cache
def program_digest() -> str:
    """The hash of all that makes a page of what is published: another program makes other pages of the same."""
    sums = hashlib.sha256()
    for file in sorted(_all_files(files("milk_serving.pages")), key=lambda file: str(file)):
        sums.update(file.read_bytes())
    return sums.hexdigest()


def render(page: Page, store: sa.Engine, language: Language, today: Month) -> bytes:
    """A page from the store.

    Raises:
        MilkError: the store has nothing to show, or does not answer.
    """
    say = words(language)
    content = page.content(store, language, say, today)
    return _filled(page.name, page, language, content)


def render_problem(page: Page, kind: ProblemType, language: Language) -> bytes:
    """What stands in the place of a page that cannot be made: what is wrong, and what to do."""
    return _filled("problem", page, language, {"kind": kind.name, "formats": Formats(language)})


def _filled(template: str, page: Page, language: Language, content: dict[str, Any]) -> bytes:
    common = {"say": words(language), "language": language, "languages": LANGUAGES, "page": page, "pages": PAGES}
    text = _environment().get_template(f"{template}.html").render(common | content)
    return text.encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("milk_serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static_address
    return environment


def _static_address(name: str) -> str:
    """The address of a file, with the hash of its content: it may be kept for ever."""
    return f"static/{static_files()[name].digest}/{name}"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _all_files(folder: Any) -> list[Any]:  # noqa: ANN401  # because a resource has no public type in Python 3.11
    found = []
    for file in folder.iterdir():
        if file.is_dir() and file.name != "__pycache__":
            found += _all_files(file)
        elif file.is_file():
            found.append(file)
    return found
