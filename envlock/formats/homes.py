"""Home folders carry people's names: what is handed on shows none of them."""

from __future__ import annotations

import re

HOME_SIGN = "~"
_NAME_END = r"(?![^/\\\s:;,\"'`()<>|\[\]{}=])"
_HOMES = re.compile(r"((?:/home|/Users|[A-Za-z]:[\\/]Users)[\\/])[^/\\\s:;,\"'`()<>|~]+")
_NO_HOME = ("", "/", "\\", ".")


def without_home(text: str, home: str) -> str:
    r"""Return a text with `~` in place of a home folder, and of everybody else's name.

    Of a folder below `/home`, `/Users` or `C:\Users` the name is replaced, whoever it belongs to:
    `/home/~/lib`. Applying it twice changes nothing more. A home of `/`, as containers have it,
    names nobody.
    """
    bare = home.rstrip("/\\")
    if bare not in _NO_HOME:
        text = re.sub(rf"(?<![\w.~-]){re.escape(bare)}{_NAME_END}", HOME_SIGN, text)
    return without_homes(text)


def without_homes(text: str) -> str:
    """Return a text without the names of home folders that can be told by their place."""
    return _HOMES.sub(rf"\1{HOME_SIGN}", text)
