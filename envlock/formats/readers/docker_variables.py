"""Variables of a Dockerfile: what `ARG` and `ENV` set, as far as the file says it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*"|['"\\])+""", re.DOTALL)
_REFERENCE = re.compile(
    r"\\\$|\$(?:\{(?P<long>\w+)(?::?(?P<how>[-+])(?P<other>[^{}]*))?\}|(?P<short>\w+))"
)
_LONGEST = 4000
"""Characters; variables that hold each other could grow without end."""


def split_words(text: str) -> list[str]:
    """Split the arguments of an instruction, quotes kept."""
    return [match.group() for match in _WORD.finditer(text)]


def assignments(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the names and values of `ENV` and `ARG`; None for `ARG NAME` without a value.

    `ENV NAME value words` is the old form, with one variable.
    """
    words = split_words(text)
    if words and "=" not in words[0] and len(words) > 1:
        yield words[0], _bare(text.split(None, 1)[1])
        return
    for word in words:
        name, equals, value = word.partition("=")
        yield name, _bare(value) if equals else None


def _bare(value: str) -> str:
    if len(value) > 1 and value[0] in "\"'" and value.endswith(value[0]):
        value = value[1:-1]
    return re.sub(r"\\([\"' \\])", r"\1", value)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the variables that are known; the others stay as they are."""

    def value_of(found: re.Match[str]) -> str:
        name = found["long"] or found["short"]
        if not name:
            return found.group()
        value = values.get(name)
        if found["how"] == "-":
            return value or found["other"]
        if found["how"] == "+":
            return found["other"] if value else ""
        return found.group() if value is None else value

    if "$" not in text:
        return text
    result = _REFERENCE.sub(value_of, text)
    return result if len(result) <= _LONGEST else text
