"""The fast road to YAML: the plain form that tools write, parsed in Rust.

Only lines of a few simple shapes go this way: a key, a value on the same line, a dash. On those
YAML 1.1 and 1.2, and any two parsers, agree. All else (tags, anchors, block scalars, escapes,
numbers in odd spellings, letters beyond ASCII) is declined, and `envlock.formats.yaml_text` reads
it; that is also what this road is held to, by a contract test.
"""

from __future__ import annotations

import re
from typing import Any

from envlock.formats.yaml_text import is_too_deep

_QUOTED = r"""(?:'(?:[^'\n]|'')*+'|"[^"\\\n]*+")"""
_KEY = rf"(?:[A-Za-z0-9_][A-Za-z0-9_.@/+~-]*+|{_QUOTED})"
_ODD_NUMBER = (
    r"(?:0[0-9]++|0[xX][0-9a-fA-F_]*+|0[oObB][0-9_]*+"
    r"|(?=[0-9a-fA-FxXoObB]*+_)[0-9_][0-9a-fA-FxXoObB_]*+)"
    r"(?=[ \n]|\Z)"
)
_ODD_WORD = r"(?:True|TRUE|False|FALSE|\.\.\.)(?=[ \n]|\Z)"
_PLAIN = (
    rf"(?!{_ODD_NUMBER}|{_ODD_WORD})[A-Za-z0-9_/.$=^(~<]"
    r"[^:#\n]*+(?:(?::(?=[^ \n])|(?<! )#)[^:#\n]*+)*+"
)
_VALUE = rf"(?:{_QUOTED}|\[ *\]|\{{ *\}}|{_PLAIN})"
_GAP = r"(?: ++|(?=\n|\Z))"
_COMMENT = r"(?:(?<![^ \n])#[^\n]*+)?"
_LINE = rf" *+(?:-{_GAP})*+(?:{_KEY}:{_GAP})?(?:{_VALUE})? *+{_COMMENT}"
_SIMPLE = re.compile(rf"(?:{_LINE}\n)*+{_LINE}")


class _DeclinedError(ValueError):
    """A value that this road does not leave as the text that it was."""


def parse_plain(text: str) -> dict[str, Any] | list[Any] | None:
    """Return the tables, lists and texts of a text in the plain form; None for any other."""
    is_printable = text.isascii() and text.replace("\n", " ").isprintable()
    if not is_printable or not _SIMPLE.fullmatch(text) or is_too_deep(text):
        return None
    import yaml_rs  # noqa: PLC0415 - only what is no lock of ours needs it

    try:
        root: dict[str, Any] | list[Any] = yaml_rs.loads(text, parse_datetime=False)
        _settle(root)
    except (yaml_rs.YAMLDecodeError, _DeclinedError):
        return None
    return root


def _settle(value: Any) -> None:
    """Turn whole numbers and truth values back into the texts that they were."""
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise _DeclinedError
            if type(item) is not str and item is not None:
                value[key] = _settled(item)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            if type(item) is not str and item is not None:
                value[at] = _settled(item)
    else:
        raise _DeclinedError


def _settled(item: Any) -> Any:
    if item is True or item is False:
        return "true" if item else "false"
    if type(item) is int:
        return str(item)
    _settle(item)
    return item
