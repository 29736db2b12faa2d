"""Reading a page as a browser does, as far as these tests need it."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "wbr", "br"}


class Page(HTMLParser):
    """A parsed page: its elements in order, and what each holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[int] = []
        self.texts: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{self.elements[place][0]}> is not closed" for place in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        place = len(self.elements)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append("")
        if tag not in _VOID:
            self.open.append(place)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.elements[self.open[-1]][0] != tag:
            self.faults.append(f"</{tag}> closes nothing")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for place in self.open:
            self.texts[place] += data

    def all(self, tag: str, class_: str = "") -> list[str]:
        """The texts of the elements of a kind."""
        return [
            " ".join(self.texts[place].split())
            for place, (name, attributes) in enumerate(self.elements)
            if name == tag and (not class_ or class_ in attributes.get("class", "").split())
        ]

    def attributes(self, tag: str) -> list[dict[str, str]]:
        """The attributes of the elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]
