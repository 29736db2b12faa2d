"""Add, remove and pin change the file in one step, or not at all, and say what they changed."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, InputFileError, WorldError
from envlock.workflows.edit import (
    Changed,
    EditedStack,
    add_to_stack,
    pin_in_stack,
    remove_from_stack,
)
from fakes import FakeWorkspace

STACK = b"""\
[stack]
name = "a"
platforms = ["linux-64"]

[python]
version = "3.12.*"

[dependencies]
numpy = ">=2"   # arrays
"""


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace({"a.toml": STACK})


def test_adding_says_which_keys_are_new(workspace: FakeWorkspace):
    edited = add_to_stack("a.toml", ["pandas>=2", "conda-forge::scipy"], workspace)

    assert edited == EditedStack(
        path="a.toml",
        changes=(
            Changed(key="dependencies.pandas", before=None, after=">=2"),
            Changed(key="dependencies.scipy.channel", before=None, after="conda-forge"),
            Changed(key="dependencies.scipy.version", before=None, after="*"),
        ),
    )
    assert workspace.files["a.toml"] == STACK + (
        b'pandas = ">=2"\nscipy = { version = "*", channel = "conda-forge" }\n'
    )


def test_removing_says_which_keys_are_gone(workspace: FakeWorkspace):
    edited = remove_from_stack("a.toml", ["numpy"], workspace)

    assert edited.changes == (Changed(key="dependencies.numpy", before=">=2", after=None),)
    assert workspace.files["a.toml"].endswith(b"[dependencies]\n")


def test_pinning_says_what_it_was_before(workspace: FakeWorkspace):
    edited = pin_in_stack("a.toml", ["numpy==2.1.0"], workspace)

    assert edited.changes == (Changed(key="dependencies.numpy", before=">=2", after="==2.1.0"),)
    assert b'numpy = "==2.1.0"   # arrays\n' in workspace.files["a.toml"]


def test_a_pypi_package_and_a_platform_reach_their_table(workspace: FakeWorkspace):
    edited = add_to_stack("a.toml", ["rich"], workspace, pypi=True, platform="linux-64")

    assert [item.key for item in edited.changes] == ["target.linux-64.pypi-dependencies.rich"]


def test_nothing_is_written_when_nothing_changes():
    workspace = FakeWorkspace({"a.toml": STACK}, refuses="it is full")

    assert add_to_stack("a.toml", ["numpy"], workspace).changes == ()


def test_all_requirements_are_added_or_none(workspace: FakeWorkspace):
    with pytest.raises(EnvlockError, match=r"^expected a version such as"):
        add_to_stack("a.toml", ["pandas", "scipy>="], workspace)
    with pytest.raises(EnvlockError, match=r"^a\.toml: `pandas` is not in the stack$"):
        remove_from_stack("a.toml", ["numpy", "pandas"], workspace)

    assert workspace.files["a.toml"] == STACK


def test_a_disk_that_refuses_is_reported(workspace: FakeWorkspace):
    workspace.refuses = "it is full"

    with pytest.raises(WorldError, match=r"^a\.toml: cannot be written: it is full$"):
        add_to_stack("a.toml", ["pandas"], workspace)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "a.toml:1: expected UTF-8 text, found the byte 0xff at offset 0"),
        (b"#" * 1_000_001, "a.toml: too large"),
    ],
)
def test_a_file_that_is_no_stack_is_refused(content: bytes, message: str):
    workspace = FakeWorkspace({"a.toml": content})

    with pytest.raises(InputFileError) as caught:
        add_to_stack("a.toml", ["numpy"], workspace)

    assert str(caught.value) == message
