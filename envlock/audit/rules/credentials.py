"""EL107: passwords and tokens in a file that people share.

The message names the place and never the secret. A variable (`${TOKEN}`) in its place is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.shell import all_said, short
from envlock.audit.wording import count
from envlock.formats.secrets import HIDDEN, conceal, shows_secret
from envlock.model.finding import Severity


def _find(case: Case) -> Iterable[Hit]:
    found: dict[str, tuple[int, list[str]]] = {}
    for item in _texts(case):
        if item.text and shows_secret(item.text):
            hidden = _place(conceal(item.text))
            found.setdefault(hidden, (item.line, []))[1].append(item.told)
    for hidden, (line, whats) in found.items():
        several = list(dict.fromkeys(whats))
        others = f" and {count(len(several) - 1, 'other')}" if len(several) > 1 else ""
        yield Hit(
            message=f"{several[0]}{others} {'hold' if others else 'holds'} a credential: "
            f"`{hidden}`. Everybody who gets this file can use it.",
            line=line,
            subject=hidden,
        )


_SHOWN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*(?:/.*?" + re.escape(HIDDEN) + ")?")


def _place(hidden: str) -> str:
    """Return of an address what holds the secret, so that one login is told once."""
    found = _SHOWN.match(hidden)
    return found.group() if found else short(hidden, 120)


class _Text(NamedTuple):
    """A text of a file, and how to name it."""

    text: str
    line: int
    what: str
    name: str = ""

    @property
    def told(self) -> str:
        return f"{self.what} `{self.name}`" if self.name else self.what


def _texts(case: Case) -> Iterator[_Text]:
    for place in case.reading.places:
        yield _Text(place.address, place.line, f"the address of this {place.kind}")
    for package in case.reading.packages:
        name, line = package.name, package.line
        for origin in package.origins:
            yield _Text(origin.address, origin.line or line, "the address of", name)
        yield _Text(package.index, line, "the index of", name)
        yield _Text(package.wanted, line, "what is wanted of", name)
    for said in all_said(case.reading):
        what = "a setting" if said.instruction == "setting" else f"this `{said.instruction}`"
        yield _Text(said.text, said.line, what)
    for key, value in case.reading.facts.items():
        yield _Text(value, 0, "the fact", key)


RULE = Rule(
    code="EL107",
    name="credentials",
    title="passwords and tokens in the file",
    reason="A lock is committed, mirrored and sent around: a secret in it is public, also after "
    "it was taken out again, since the history keeps it.",
    remedy="revoke the credential now, then write a variable in its place (`${TOKEN}`), and keep "
    "the value in `~/.netrc`, a keyring or the build's secrets (`RUN --mount=type=secret`).",
    severity=Severity.ERROR,
    find=_find,
)
