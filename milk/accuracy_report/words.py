"""The sentences of the accuracy page, read from `words.toml`."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "es"]


@cache
def words(language: Language) -> dict[str, str]:
    """The sentences of a language, by their names."""
    text = files("milk.accuracy_report").joinpath("words.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)[language])
