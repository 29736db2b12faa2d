"""A new stack is written once, and only when it is one."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, InputFileError
from envlock.formats.stack_template import StackChoices, render_stack
from envlock.model.platform import Platform
from envlock.workflows.init import init_stack
from fakes import FakeWorkspace

CHOICES = StackChoices(name="a", platforms=(Platform.LINUX_64,), python="3.12", cuda="12.9")


def test_a_new_stack_is_written_and_returned():
    workspace = FakeWorkspace()

    stack = init_stack(CHOICES, "stacks/a.toml", workspace)

    assert workspace.files == {"stacks/a.toml": render_stack(CHOICES).encode()}
    assert stack.name == "a"
    assert stack.python.where.file == "stacks/a.toml"


def test_a_file_that_exists_is_not_overwritten():
    workspace = FakeWorkspace({"a.toml": b"mine"})

    with pytest.raises(EnvlockError) as caught:
        init_stack(CHOICES, "a.toml", workspace)

    assert str(caught.value) == (
        "a.toml: expected a new file, found one that exists\nNothing was written."
    )
    assert caught.value.hints == ("choose another path, or change that stack with `envlock add`",)
    assert workspace.files == {"a.toml": b"mine"}


def test_choices_that_make_no_stack_are_refused():
    workspace = FakeWorkspace()
    choices = StackChoices(name="A b", platforms=(), python="3.12", framework="torch")

    with pytest.raises(InputFileError) as caught:
        init_stack(choices, "a.toml", workspace)

    assert str(caught.value).splitlines() == [
        (
            "a.toml:6: stack.name: expected a name of lower-case letters, digits, `.`, `_` "
            "and `-`, found `A b`"
        ),
        "a.toml:8: stack.platforms: expected at least one entry, found an empty array",
        "a.toml:23: frameworks.torch: unknown key",
        "Nothing was written.",
    ]
    assert workspace.files == {}
