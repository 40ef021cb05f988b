"""A page of HTML taken apart: whether it is well formed, what it shows, and what it would load or run."""

import re
from collections import Counter
from html.parser import HTMLParser

_VOID = {"meta", "img", "input", "br", "hr", "link", "circle", "line"}


class Page(HTMLParser):
    """A page; building it fails when tags are not balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def images(self) -> dict[str, int]:
        """Media type → pictures inside the page."""
        sources = [value for tag, name, value in self.attributes if (tag, name) == ("img", "src")]
        return dict(Counter(re.match(r"data:([^;]*);base64,", each)[1] for each in sources))  # type: ignore[index]


def hostile_free(shown: Page) -> None:
    """No script, nothing loaded from elsewhere, no raw control character, and HOSTILE stands there as text."""
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(shown.tags)
    for _, name, value in shown.attributes:
        assert not name.startswith("on") and name not in ("href", "srcset", "action")
        assert name != "src" or value.startswith("data:image/")
    assert "url(" not in shown.source and "@import" not in shown.source
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown.source)
    assert r"<script>alert(1)</script>\n\x00\u202e" in shown.text
