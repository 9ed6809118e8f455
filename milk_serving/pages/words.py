"""The sentences of the pages, read from `words.toml`."""

import tomllib
from functools import cache
from importlib.resources import files

from milk_serving.pages.language import Language


class Words:
    """The sentences of one language; a sentence is asked for by its name, with the figures that stand in it."""

    def __init__(self, sentences: dict[str, str]) -> None:
        self._sentences = sentences

    def __call__(self, name: str, **figures: object) -> str:
        """A sentence; a name that is not there is a fault of the program, and so is a figure that is missing."""
        return self._sentences[name].format(**figures)


@cache
def all_sentences() -> dict[str, dict[str, str]]:
    """The sentences by language and name."""
    return tomllib.loads(files("milk_serving.pages").joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def words(language: Language) -> Words:
    """The words of a language."""
    return Words(all_sentences()[language])
