"""The packages whose post-link script may run."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError
from envlock.formats.stack_toml import read_stack

HEAD = '[stack]\nname = "s"\nplatforms = ["linux-64"]\n[python]\nversion = "3.11.*"\n'


def test_nobody_is_allowed_a_script_by_itself():
    stack = read_stack(HEAD.encode(), "a.toml")

    assert stack.link_scripts == ()
    assert not [key for key in stack.inputs if "build" in key]


def test_packages_are_allowed_by_name_in_any_order():
    one, other = (
        read_stack(f"{HEAD}[build]\nlink-scripts = {names}\n".encode(), "a.toml")
        for names in ('["b", "a"]', '["a", "b"]')
    )

    assert one.link_scripts == other.link_scripts == ("a", "b")
    assert one.inputs == other.inputs


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ('["a", "a"]', "a.toml:7: build.link-scripts[1]: `a` is named twice"),
        ('["../a"]', "a.toml:7: build.link-scripts[0]: expected a conda package name"),
        ('["*"]', "a.toml:7: build.link-scripts[0]: expected a conda package name"),
        ("true", "a.toml:7: build.link-scripts: expected"),
    ],
)
def test_what_names_no_package_or_one_twice_is_refused(names: str, problem: str):
    with pytest.raises(InputFileError) as refused:
        read_stack(f"{HEAD}[build]\nlink-scripts = {names}\n".encode(), "a.toml")

    assert str(refused.value).startswith(problem)
