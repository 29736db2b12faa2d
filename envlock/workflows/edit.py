"""The stories of `add`, `remove` and `pin`: read the stack, change its text, write it whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envlock.formats.stack_edit import (
    Requirement,
    add_dependency,
    parse_requirement,
    pin_dependency,
    remove_dependency,
)
from envlock.formats.stack_toml import LARGEST_BYTES, read_stack
from envlock.model.stack import Stack
from envlock.ports.workspace import Workspace

__all__ = [
    "Changed",
    "EditedStack",
    "Requirement",
    "add_to_stack",
    "parse_requirement",
    "pin_in_stack",
    "remove_from_stack",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One key that says something else now; None where it is not there."""

    key: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedStack:
    """A stack file after an edit; without changes it was not written."""

    path: str
    changes: tuple[Changed, ...]
    """By key."""


def add_to_stack(
    path: str,
    requirements: Sequence[str],
    workspace: Workspace,
    *,
    pypi: bool = False,
    platform: str | None = None,
) -> EditedStack:
    """Add requirements, such as `numpy>=2`; all of them or none.

    Raises `EnvlockError` for what cannot be read or added, `WorldError` when the disk refuses.
    Then the file is what it was.
    """
    parsed = [parse_requirement(text, pypi=pypi) for text in requirements]

    def edit(text: str) -> str:
        for requirement in parsed:
            text = add_dependency(text, requirement, platform=platform, file=path)
        return text

    return _edit(path, workspace, edit)


def remove_from_stack(
    path: str,
    names: Sequence[str],
    workspace: Workspace,
    *,
    pypi: bool = False,
    platform: str | None = None,
) -> EditedStack:
    """Remove dependencies by name; all of them or none. Raises as `add_to_stack` does."""

    def edit(text: str) -> str:
        for name in names:
            text = remove_dependency(text, name, pypi=pypi, platform=platform, file=path)
        return text

    return _edit(path, workspace, edit)


def pin_in_stack(
    path: str,
    requirements: Sequence[str],
    workspace: Workspace,
    *,
    pypi: bool = False,
    platform: str | None = None,
) -> EditedStack:
    """Set exact versions, such as `numpy==2.1.0`; all or none. Raises as `add_to_stack` does."""
    parsed = [parse_requirement(text, pypi=pypi) for text in requirements]

    def edit(text: str) -> str:
        for requirement in parsed:
            text = pin_dependency(text, requirement, platform=platform, file=path)
        return text

    return _edit(path, workspace, edit)


def _edit(path: str, workspace: Workspace, edit: Callable[[str], str]) -> EditedStack:
    content = workspace.read_bytes(path, limit_bytes=LARGEST_BYTES)
    before = read_stack(content, path)
    edited = edit(content.decode()).encode()
    if edited != content:
        workspace.write_bytes(path, edited)
    return EditedStack(path=path, changes=_compare(before, read_stack(edited, path)))


def _compare(before: Stack, after: Stack) -> tuple[Changed, ...]:
    keys = sorted({*before.inputs, *after.inputs})
    pairs = [(key, before.inputs.get(key), after.inputs.get(key)) for key in keys]
    return tuple(Changed(key=key, before=old, after=new) for key, old, new in pairs if old != new)
