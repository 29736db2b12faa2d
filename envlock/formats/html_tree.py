"""A small tree of HTML elements, so that no text can reach a page unescaped.

The standard library's elements are written as HTML; every text and every attribute passes through
`printable`, since a page must neither be steered (a right-to-left override turns a file name
around) nor hold what UTF-8 cannot.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from xml.etree.ElementTree import Element, SubElement, tostring

from envlock.formats.plain import printable

Content = str | Element | None
"""What an element can hold; None leaves nothing."""


def element(tag: str, *children: Content, **attributes: str | None) -> Element:
    """Return an element; `class_` names `class`, `aria_label` names `aria-label`.

    An attribute that is None is left out. Line breaks in text stay.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), printable(value))
    for child in children:
        add(made, child)
    return made


def add(parent: Element, child: Content) -> None:
    """Put one more thing into an element, after all that it holds."""
    if child is None:
        return
    if isinstance(child, Element):
        parent.append(child)
        return
    text = "\n".join(map(printable, child.split("\n")))
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def dotted(name: str, tag: str = "span", behind: str = ".") -> Element:
    """Return a dotted name, or a path, that a browser breaks behind a dot or a slash first."""
    made = Element(tag)
    for place, part in enumerate(name.split(behind)):
        if place:
            add(made, behind)
            add(made, Element("wbr"))
        add(made, part)
    return made


def document(title: str, style: str, body: Iterable[Content]) -> str:
    """Return a whole page that runs nothing and asks for nothing beyond itself."""
    root = Element("html", {"lang": "en"})
    head = SubElement(root, "head")
    add(head, element("meta", charset="utf-8"))
    policy = Element("meta", {"http-equiv": "Content-Security-Policy", "content": _policy(style)})
    add(head, policy)
    for name, content in _META:
        add(head, element("meta", name=name, content=content))
    add(head, element("title", title))
    # An icon of no bytes: a browser that is told of none asks the server for one.
    add(head, element("link", rel="icon", href="data:,"))
    SubElement(head, "style").text = style
    add(root, element("body", *body))
    text = tostring(root, encoding="unicode", method="html")
    return f"<!doctype html>\n{text}\n"


_META = (
    ("viewport", "width=device-width, initial-scale=1"),
    ("color-scheme", "light dark"),
    ("referrer", "no-referrer"),
)


def _policy(style: str) -> str:
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def section(name: str, title: str, content: Iterable[Content]) -> Element | None:
    """Return a section; None when there is nothing to say."""
    held = [each for each in content if each is not None]
    if not held:
        return None
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *held, id=name, aria_labelledby=f"{name}-title")


def contents(sections: Iterable[Element]) -> Element:
    """Return the links to the sections of a page."""
    items = (
        element("li", element("a", each[0].text, href=f"#{each.get('id')}")) for each in sections
    )
    return element("nav", element("ul", *items), aria_label="Sections")
