"""EL901 to EL903: what came out otherwise the second time."""

from __future__ import annotations

import pytest

from envlock.audit.rule import Rule
from envlock.audit.rules import other_content, other_outcome, other_solution
from envlock.model.sight import Difference, Sight
from readings import case, judged, reading, remedies, seen, told

LOCK = reading(facts={"envlock/inputs": "{}"})


def resolved(*differences: Difference) -> list[str]:
    return told(other_solution.RULE, case(LOCK, sights=seen(Sight.RESOLVE, resolved=differences)))


def differing(field: str, was: str, now: str, subject: str = "numpy") -> Difference:
    return Difference(subject=subject, field=field, was=was, now=now, platform="linux-64")


def test_the_same_solution_has_no_finding():
    assert resolved() == []


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        (
            differing("version", "1.0", "2.0"),
            "numpy on linux-64 has the version `2.0` and not `1.0`",
        ),
        (
            differing("depends", "", "zlib >=1"),
            "numpy on linux-64 has the depends `zlib >=1` and not `none`",
        ),
        (
            differing("package", "numpy 1.0", ""),
            "numpy 1.0 is in the lock on linux-64 and not in the answer",
        ),
        (
            differing("package", "", "numpy 1.0"),
            "numpy 1.0 is in the answer on linux-64 and not in the lock",
        ),
    ],
)
def test_a_difference_names_the_package_the_field_and_the_platform(
    difference: Difference, message: str
):
    assert resolved(difference) == [f"error (numpy): Solved again from its pin, {message}."]


def test_a_head_that_names_another_version_is_a_note_with_its_own_remedy():
    item = Difference(subject="made-by", field="head", was="envlock 0", now="envlock 1")
    found = case(LOCK, sights=seen(Sight.RESOLVE, resolved=(item,)))

    assert told(other_solution.RULE, found) == [
        "note (made-by): Solved again from its pin, the lock's head says `made-by: envlock 1` and "
        "not `envlock 0`."
    ]
    assert remedies(other_solution.RULE, found) == [
        "solve it anew with this envlock to have its name in the head: `envlock solve STACK`."
    ]


def test_many_packages_that_differ_are_told_as_one():
    many = [differing("version", "1", "2", f"p{number}") for number in range(5)]

    assert resolved(*many) == [
        "error: Solved again from its pin, 5 packages differ on linux-64: `p0`, `p1`, `p2`, `p3` "
        "and `p4`."
    ]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (other_solution.RULE, "a second solve"),
        (other_content.RULE, "a second build"),
        (other_outcome.RULE, "a second verification"),
    ],
)
def test_a_level_that_was_not_reached_is_told(rule: Rule, what: str):
    (unlooked,) = judged(rule, LOCK).unlooked

    assert unlooked.what == what


# --- EL902 ----------------------------------------------------------------------------------------


def rebuilt(*differences: Difference) -> list[str]:
    return told(other_content.RULE, case(LOCK, sights=seen(Sight.REBUILD, rebuilt=differences)))


def test_the_same_content_has_no_finding():
    assert rebuilt() == []


def test_files_that_differ_are_told_as_one_and_each_receipt_by_itself():
    files = [differing("content", "a", "b", f"lib/{number}") for number in range(20)]
    receipt = differing("receipt", "1" * 64, "2" * 64, "a.receipt.json")

    assert rebuilt(*files, receipt) == [
        "error: Built twice on linux-64, 20 files differ: `lib/0`, `lib/1`, `lib/2` and 17 more.",
        "error (a.receipt.json): Built again on linux-64, the content is 222222222222…, and "
        "a.receipt.json is of the content 111111111111….",
    ]


# --- EL903 ----------------------------------------------------------------------------------------


def proven(*differences: Difference) -> list[str]:
    return told(other_outcome.RULE, case(LOCK, sights=seen(Sight.PROOF, proven=differences)))


def test_the_same_outcomes_have_no_finding():
    assert proven() == []


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("passed", "failed", "error (a): the check a is `failed`, and the receipt says `passed`"),
        ("passed", "", "error (a): the check a is `not looked at`, and the receipt says `passed`"),
        ("failed", "passed", "note (a): the check a is `passed`, and the receipt says `failed`"),
        ("not run", "passed", "note (a): the check a is `passed`, and the receipt says `not run`"),
    ],
)
def test_a_check_that_comes_out_otherwise_is_named(was: str, now: str, message: str):
    start, _, rest = message.partition(": ")

    assert proven(differing("outcome", was, now, "a")) == [
        f"{start}: Verified again on linux-64, {rest}."
    ]
