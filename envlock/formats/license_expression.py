"""Licences as SPDX writes them: `MIT OR (GPL-3.0-only AND BSD-2-Clause)`, held against a policy.

`packaging` knows the identifiers and the grammar; what an expression asks is worked out here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_LONGEST = 1_000
"""Characters; the longest real one has about 300."""
_DEEPEST = 20
_TOKENS = re.compile(r"[()]|[^\s()]+")
_OLD_NAMES = re.compile(r"(?P<base>(?:A|L)?GPL-[0-9.]+|GFDL-[0-9.]+)(?P<later>\+?)")
"""Identifiers that SPDX gave up, since `GPL-2.0` did not say whether later versions count."""


class NoExpressionError(ValueError):
    """The text is no licence expression."""


def parse_license(text: str) -> str:
    """Return an expression as SPDX writes it. Raises `NoExpressionError`."""
    from packaging.licenses import (  # noqa: PLC0415 - 900 identifiers, for whoever has a policy
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    if len(text) > _LONGEST or text.count("(") > _DEEPEST:
        raise NoExpressionError(f"{len(text):,} characters")
    try:
        written = canonicalize_license_expression(text)
    except InvalidLicenseExpression as error:
        raise NoExpressionError(str(error)) from error
    return " ".join(map(_current, _TOKENS.findall(written))).replace("( ", "(").replace(" )", ")")


def parse_identifier(text: str) -> str:
    """Return a policy's identifier as SPDX writes it; what SPDX does not know stays as it is."""
    try:
        return parse_license(text)
    except NoExpressionError:
        return text


def offending(expression: str, is_allowed: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the licences of a parsed expression that stand in the way; empty where none does.

    Of a choice one licence must be allowed, of a conjunction all. A licence with an exception is
    asked about as a whole, `GPL-3.0-only WITH GCC-exception-3.1`.
    """
    return _Reader(_TOKENS.findall(expression), is_allowed).choice()


def _current(token: str) -> str:
    match = _OLD_NAMES.fullmatch(token)
    if match is None:
        return token
    return f"{match['base']}-{'or-later' if match['later'] else 'only'}"


class _Reader:
    """Reads an expression from left to right; each method returns what stands in the way."""

    def __init__(self, tokens: list[str], is_allowed: Callable[[str], bool]) -> None:
        self._tokens = tokens
        self._is_allowed = is_allowed
        self._at = 0

    def choice(self) -> tuple[str, ...]:
        found = [self._conjunction()]
        while self._take("OR"):
            found.append(self._conjunction())
        if not all(found):
            return ()
        return tuple(dict.fromkeys(name for names in found for name in names))

    def _conjunction(self) -> tuple[str, ...]:
        found = list(self._one())
        while self._take("AND"):
            found += self._one()
        return tuple(dict.fromkeys(found))

    def _one(self) -> tuple[str, ...]:
        if self._take("("):
            inner = self.choice()
            self._take(")")
            return inner
        name = self._next()
        if self._take("WITH"):
            name = f"{name} WITH {self._next()}"
        return () if self._is_allowed(name) else (name,)

    def _take(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]
