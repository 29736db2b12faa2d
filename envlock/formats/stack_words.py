"""How the keys and values of a stack are named to people: short, without secrets, safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Self

Path = tuple[str | int, ...]
"""Keys and positions from the root of a file to one place in it."""


class WrittenFloat(float):
    """A float that remembers how the file writes it: `12.10` is not `12.1` to a reader."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Keep the text beside the number."""
        self = super().__new__(cls, text)
        self.text = text
        return self


def format_key(path: Path) -> str:
    """Return a path as a dotted key, as TOML writes it: `target.win-64`, `gpu.compute[1]`."""
    return _join(path, _write_key)


def show_key(path: Path) -> str:
    """Return a path as a dotted key for people: like `quote`, safe to print whatever it is."""
    return _join(path, _show_key)


def quote(text: str) -> str:
    """Return text between back quotes: without secrets, short, harmless for a terminal."""
    return f"`{_printable(_shorten(redact(text)))}`"


def redact(text: str) -> str:
    """Return one value with everything hidden that may be a login, a token or a query."""
    # Only a value that is named to people is looked at, and only files with faults name any.
    from envlock.formats.secrets import redact_value  # noqa: PLC0415

    return redact_value(text)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one most likely means."""
    words = list(known)
    word = word[:_SHORT].lower()
    alias = _ALIASES.get(word)
    if alias in words:
        return alias
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else None


_SHORT = 80
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ALIASES = {
    "torch": "pytorch",
    "tf": "tensorflow",
    "keras": "tensorflow",
    "jaxlib": "jax",
    "linux": "linux-64",
    "linux-x86_64": "linux-64",
    "linux-arm64": "linux-aarch64",
    "macos": "osx-arm64",
    "darwin": "osx-arm64",
    "osx-aarch64": "osx-arm64",
    "windows": "win-64",
}


def _shorten(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _join(path: Path, form: Callable[[str], str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{form(part)}" for part in path)
    return text.removeprefix(".")


def _write_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _show_key(key: str) -> str:
    shown = _shorten(redact(key))
    return shown if _BARE_KEY.fullmatch(shown) else f'"{_printable(shown)}"'


def listed_words(words: Sequence[str], last: str) -> str:
    """Return words between back quotes, the last two joined by a word: `a`, `b` or `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
