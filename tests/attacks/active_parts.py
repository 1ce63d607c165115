"""What a browser would run or load from a page."""

from __future__ import annotations

from html.parser import HTMLParser


class _Reader(HTMLParser):
    """Collect whatever in a page is active, or leads out of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag in ("script", "style")
        if tag in ("iframe", "object", "embed", "form", "base", "meta", "link", "svg", "math", "video", "audio"):
            self.found.add(f"<{tag} {sorted((name, value or '') for name, value in attrs)}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "href", "action", "style", "background", "poster"):
                self.found.add(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.found.add(data.strip())


def active_parts(page: str) -> set[str]:
    """Return scripts, styles, handlers, links, and whatever else of a page runs or is loaded."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found
