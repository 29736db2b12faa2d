"""Licence expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.license_expression import (
    NoExpressionError,
    offending,
    parse_identifier,
    parse_license,
)

NAMES = ("MIT", "ISC", "Zlib")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("apache-2.0 and (mit or isc)", "Apache-2.0 AND (MIT OR ISC)"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("LicenseRef-Ours", "LicenseRef-Ours"),
    ],
)
def test_an_expression_is_written_as_spdx_does(text, expected):
    assert parse_license(text) == expected


@pytest.mark.parametrize(
    "text", ["", "BSD 3-Clause", "MIT OR", "MIT/ISC", "(" * 50 + "MIT" + ")" * 50, "MIT " * 300]
)
def test_anything_else_is_refused(text):
    with pytest.raises(NoExpressionError):
        parse_license(text)


def test_a_policy_may_name_what_spdx_does_not_know():
    assert parse_identifier("gpl-3.0") == "GPL-3.0-only"
    assert parse_identifier("Our own licence") == "Our own licence"


def test_what_stands_in_the_way_is_named():
    allowed = {"MIT"}.__contains__

    assert offending("MIT AND ISC", allowed) == ("ISC",)
    assert offending("MIT OR ISC", allowed) == ()
    assert offending("ISC OR Zlib", allowed) == ("ISC", "Zlib")
    assert offending("(MIT AND ISC) OR (MIT AND MIT)", allowed) == ()
    assert offending("MIT WITH LLVM-exception", allowed) == ("MIT WITH LLVM-exception",)


EXPRESSIONS = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda parts: f"({' '.join(parts)})"
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.sets(st.sampled_from(NAMES)))
def test_a_licence_is_free_exactly_where_logic_says_so(expression, allowed):
    python = expression.replace("AND", "and").replace("OR", "or")
    said = eval(python, {name: name in allowed for name in NAMES})  # noqa: S307 - made above

    assert (offending(parse_license(expression), allowed.__contains__) == ()) is bool(said)
