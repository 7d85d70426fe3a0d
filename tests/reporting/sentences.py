"""What a page says, sentence by sentence, whether it is folded or not."""

import re
from collections import Counter
from html.parser import HTMLParser

_VOID = {"br", "col", "hr", "img", "input", "meta"}
_INLINE = {"a", "abbr", "b", "code", "em", "i", "span", "strong"}
_UNREAD = {"script", "style", "svg"}
_OF_ONE_THING = {"facts", "map", "name"}
"""Classes of what says a figure or a name of one variant or image, which may be another's too."""

_ON_PURPOSE = "which is not shown to be better than chance."
"""Beside every figure of a variant that is not recommended."""

_END = re.compile(r"(?<=[.!?:;])\s+")
_MIN_CHARACTERS = 40


class _Blocks(HTMLParser):
    """Texts of a page, one for each block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = [""]
        self.open: list[tuple[str, bool]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attrs).get("class") or "").split())
        if tag not in _VOID:
            self.open.append((tag, tag in _UNREAD or bool(classes & _OF_ONE_THING)))
        self._end_block(tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()
        self._end_block(tag)

    def handle_data(self, data: str) -> None:
        if not any(unread for _, unread in self.open):
            self.found[-1] += data

    def _end_block(self, tag: str) -> None:
        if tag not in _INLINE:
            self.found.append("")


def repeated_sentences(page: str) -> list[str]:
    """Return the longer sentences that a page's text says more than once."""
    body = page[page.index("<body") : page.index("</body>")]
    texts = (" ".join(text.split()) for text in _Blocks(body).found)
    counts = Counter(sentence for text in texts for sentence in _END.split(text))
    return [
        text
        for text, n in counts.items()
        if n > 1 and len(text) > _MIN_CHARACTERS and not text.endswith(_ON_PURPOSE)
    ]
