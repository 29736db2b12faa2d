"""Why a recipe did not build, as a person is told."""

from __future__ import annotations

import pytest

from envlock.backends.recipe_faults import build_fault
from envlock.model.stack import Recipe, Where

RECIPE = Recipe(path="recipes/hello", where=Where("demo.toml", "recipe[0]", 7))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("curl: (6) Could not resolve host: files.example", "it reaches for the network"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "it reaches for the"),
        ("bash: connect: Network is unreachable", "it reaches for the network, which no build has"),
        ("touch: cannot touch '/usr/x': Read-only file system", "it writes outside of its own"),
        ("gcc: fatal error: cannot execute 'cc1': execvp", "it finds no compiler"),
        ("build.sh: line 2: gcc: command not found", "it finds no compiler"),
    ],
)
def test_what_a_build_says_tells_what_it_wanted(said: str, why: str):
    error = build_fault(RECIPE, "", f"+ something\n{said}\nScript failed with status 1\n")

    first, *rest = str(error).splitlines()
    assert first.startswith(f"demo.toml:7: recipe[0]: `recipes/hello` does not build: {why}")
    assert f"  {said}" in rest
    assert len(error.hints) == 1


def test_any_other_failure_shows_its_end_and_not_how_to_go_on_in_a_folder_that_is_gone():
    log = "".join(f"line {number}\n" for number in range(40))
    log += "make: *** [all] Error 2\nScript failed with status 2\n  cd /build/work\n"

    error = build_fault(RECIPE, "", log)

    shown = str(error).splitlines()
    assert shown[0] == "demo.toml:7: recipe[0]: `recipes/hello` does not build"
    assert shown[1:3] == ["  line 29", "  line 30"]
    assert shown[-2:] == [
        "  make: *** [all] Error 2",
        "Nothing of it stays, and no lock was written.",
    ]
    assert error.hints == ()


def test_a_log_cannot_steer_the_terminal():
    error = build_fault(RECIPE, "", "\x1b[2J gone\n")

    assert "\x1b" not in str(error)


def test_a_compiler_that_was_allowed_is_not_said_to_be_hidden():
    allowed = Recipe(path="recipes/hello", host_compiler=True, where=RECIPE.where)

    error = build_fault(allowed, "", "a.c:1: fatal error: stdio.h: No such file\n")

    assert error.hints == ()
