"""Which language a reader gets: the one asked for, else the one that the browser prefers, else Spanish."""

from typing import Final, Literal, get_args

Language = Literal["es", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT: Final[Language] = "es"
MOST_RANGES = 20
"""No browser sends more; a header of thousands is read no further."""


def chosen_language(asked: str | None, accepted: str) -> Language:
    """The language of a page.

    Args:
        asked: the value of `?lang=`; one that is no language here counts as not given.
        accepted: the header Accept-Language, as RFC 9110 has it; what cannot be read of it is passed over.
    """
    if found := _known(asked or ""):
        return found
    ranges = [_range(part) for part in accepted.split(",")[:MOST_RANGES]]
    # A stable sort: of equal weights the first named wins, as browsers mean it.
    for name, weight in sorted(ranges, key=lambda one: -one[1]):
        if weight <= 0:
            break
        if name == "*":
            return DEFAULT
        if found := _known(name):
            return found
    return DEFAULT


def _known(text: str) -> Language | None:
    """The language of a tag such as `es-CL`."""
    name = text.strip().lower().partition("-")[0]
    return next((language for language in LANGUAGES if language == name), None)


def _range(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    key, _, value = parameter.partition("=")
    if key.strip().lower() != "q":
        return name.strip(), 1.0
    try:
        weight = float(value)
    except ValueError:
        return "", 0.0
    # Also refuses NaN, which compares with nothing.
    return name.strip(), weight if 0 <= weight <= 1 else 0.0
