"""EL603: licences against a policy."""

from __future__ import annotations

import pytest

from envlock.audit.rules.licenses import RULE
from envlock.model.finding import AuditPolicy
from envlock.model.reading import FoundPackage
from envlock.model.sight import Sight
from readings import case, conda, reading, seen, told, wheel


def of(*rows: FoundPackage, allowed=(), denied=()):
    policy = AuditPolicy(allowed_licenses=allowed, denied_licenses=denied)
    return case(reading(*rows), policy=policy, sights=seen(Sight.LICENSES))


def test_a_denied_licence_is_an_error():
    found = of(
        conda("readline", "8.2", license="GPL-3.0-only", line=4),
        conda("gettext", "0.25", license="LGPL-2.1-or-later AND GPL-3.0-only", line=9),
        denied=("GPL-3.0-only",),
    )

    assert told(RULE, found) == [
        "error at 4 (readline): readline 8.2 is under GPL-3.0-only, and the policy does not allow "
        "GPL-3.0-only.",
        "error at 9 (gettext): gettext 0.25 is under LGPL-2.1-or-later AND GPL-3.0-only, and the "
        "policy does not allow GPL-3.0-only.",
    ]


def test_what_is_not_among_the_allowed_ones_is_an_error():
    found = of(wheel("a", "1.0", license="MPL-2.0"), allowed=("MIT", "BSD-3-Clause"))

    assert told(RULE, found) == [
        "error (a): a 1.0 is under MPL-2.0, and the policy does not allow MPL-2.0."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "mit",
        "MIT OR GPL-3.0-only",
        "(GPL-3.0-only AND BSD-2-Clause) OR MIT",
        "GPL-2.0+",
        "Apache-2.0 WITH LLVM-exception",
        "Our own licence",
    ],
)
def test_what_the_policy_allows_is_left_alone(text):
    allowed = ("MIT", "GPL-2.0-or-later", "Apache-2.0", "Our own licence")

    assert told(RULE, of(wheel("a", license=text), allowed=allowed)) == []


def test_an_exception_takes_a_licence_out_of_what_is_denied():
    libgcc = conda("libgcc", "15.1", license="GPL-3.0-only WITH GCC-exception-3.1")

    assert told(RULE, of(libgcc, denied=("GPL-3.0-only",))) == []
    whole = of(libgcc, denied=("GPL-3.0-only WITH GCC-exception-3.1",))
    assert told(RULE, whole) == [
        "error (libgcc): libgcc 15.1 is under GPL-3.0-only WITH GCC-exception-3.1, and the policy "
        "does not allow GPL-3.0-only WITH GCC-exception-3.1."
    ]


def test_what_says_nothing_or_no_expression_is_a_note():
    found = of(
        conda("a", license="MIT, BSD", line=2), wheel("b", "2.0", line=3), denied=("GPL-3.0-only",)
    )

    assert told(RULE, found) == [
        "note at 2 (a): the licence of a 1.0, `MIT, BSD`, is no SPDX expression: it cannot be held "
        "against the policy.",
        "note at 3 (b): the file does not say the licence of b 2.0.",
    ]


def test_one_package_of_many_platforms_is_told_once_and_many_packages_as_one():
    found = of(
        *(conda(name, license="MIT") for name in "abcd"),
        conda("a", license="MIT", platforms=["win-64"]),
        denied=("MIT",),
    )

    assert told(RULE, found) == [
        "error: the policy does not allow MIT, under which 4 packages are: `a`, `b`, `c` and `d`."
    ]
