"""EL801 to EL803: what differs of an installed environment."""

from __future__ import annotations

import pytest

from envlock.audit.rule import Rule
from envlock.audit.rules import altered_file, drifted_package, foreign_file
from envlock.model.installed import FileDrift, FileProblem
from envlock.model.sight import Difference, Sight
from readings import case, judged, reading, seen, told

RULES = (drifted_package.RULE, altered_file.RULE, foreign_file.RULE)


def said(rule: Rule, **sights: object) -> list[str]:
    return told(rule, case(reading(), sights=seen(Sight.PREFIX, prefix="env", **sights)))


def drift(field: str, was: str, now: str, subject: str = "numpy") -> Difference:
    return Difference(subject=subject, field=field, was=was, now=now, platform="linux-64")


def gone(path: str, owner: str = "numpy", problem: FileProblem = FileProblem.MISSING) -> FileDrift:
    return FileDrift(path=path, problem=problem, owner=owner)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_environment_as_it_was_installed_has_no_finding(rule: Rule):
    assert said(rule) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_nothing_is_said_where_no_environment_was_looked_at(rule: Rule):
    (unlooked,) = judged(rule, reading()).unlooked

    assert unlooked.what == "an installed environment"


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        (
            drift("missing", "numpy 1.0", ""),
            "error (numpy): numpy 1.0 should be in env, and is missing.",
        ),
        (
            drift("extra", "", "numpy 1.0"),
            "warning (numpy): numpy 1.0 is in env, and should not be there.",
        ),
        (
            drift("extra", "", "pip 25", "pip"),
            "note (pip): pip 25 is in env, and should not be there.",
        ),
        (
            drift("build", "a_0", "b_0"),
            "error (numpy): numpy in env has the build `b_0` and should have `a_0`.",
        ),
        (
            drift("md5", "a" * 32, "b" * 32),
            "error (numpy): numpy in env was installed from a file of md5 bbbbbbbbbbbb…, and "
            "should be that of aaaaaaaaaaaa….",
        ),
    ],
)
def test_a_package_that_differs_is_named_with_both_sides(difference: Difference, message: str):
    assert said(drifted_package.RULE, drift=(difference,)) == [message]


@pytest.mark.parametrize("field", ["missing", "extra", "version", "build", "sha256", "md5"])
def test_many_packages_that_differ_alike_are_told_as_one(field: str):
    many = tuple(drift(field, "1", "2", f"p{number}") for number in range(20))

    (found,) = said(drifted_package.RULE, drift=many)

    assert found.endswith(": `p0`, `p1`, `p10` and 17 more.")
    assert "20 packages " in found


def test_ten_thousand_lost_files_are_one_finding_for_each_package():
    files = tuple(gone(f"lib/{number}") for number in range(10_000))

    assert said(altered_file.RULE, files=files) == [
        "error (numpy): 10,000 files of numpy in env are not as installed: `lib/0` is gone, "
        "`lib/1` is gone, `lib/2` is gone and 9,997 more."
    ]


def test_files_that_were_only_touched_are_worth_a_note():
    assert said(altered_file.RULE, files=(gone("lib/a", problem=FileProblem.TOUCHED),)) == [
        "note (numpy): 1 file of numpy in env is not as installed: `lib/a` was touched."
    ]


def test_an_altered_file_that_no_record_names_is_told_too():
    assert said(altered_file.RULE, files=(gone("pyvenv.cfg", owner=""),)) == [
        "error: 1 file of no package in env is not as installed: `pyvenv.cfg` is gone."
    ]


def test_files_of_nobody_matter_more_where_they_are_run_or_imported():
    foreign = FileProblem.FOREIGN
    paths = ("bin/x", "lib/python3.11/site-packages/y/z.py", "share/doc/w", "top")
    files = tuple(gone(path, "", foreign) for path in paths)

    assert said(foreign_file.RULE, files=files) == [
        "warning (bin/): 1 file below env belongs to no package: `bin/x`.",
        "warning (lib/python3.11/site-packages/y/): 1 file below env belongs to no package: "
        "`lib/python3.11/site-packages/y/z.py`.",
        "note (share/): 1 file below env belongs to no package: `share/doc/w`.",
        "note (top): 1 file below env belongs to no package: `top`.",
    ]
