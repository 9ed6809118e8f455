"""What a page says, without its markup."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing that is open"

    def handle_data(self, data: str) -> None:
        if "svg" not in self.open:
            self.words.append(data)


def _parsed(page: str) -> _Text:
    parser = _Text()
    parser.feed(page)
    parser.close()
    assert parser.open == [], "something is left open"
    return parser


def text_of(page: str) -> str:
    """The words outside of drawings, blanks and line ends alike; fails where a tag is not closed in its order."""
    return " ".join(" ".join(_parsed(page).words).split())


def links_of(page: str) -> list[str]:
    """Every address that a page names."""
    return _parsed(page).links
