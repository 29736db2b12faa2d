"""The stories of `add`, `remove` and `pin`: read the stack, change its text, write it whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from envlock.errors import LockError
from envlock.formats.conda_lock import read_lock
from envlock.formats.requirement import parse_requirement
from envlock.formats.stack_edit import (
    add_dependency,
    find_dependency,
    pin_dependency,
    remove_dependency,
)
from envlock.formats.stack_rules import PYPI_NAMES, normal_name
from envlock.formats.stack_toml import LARGEST_BYTES, read_stack
from envlock.formats.stack_words import Path, format_key, quote
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, lock_path
from envlock.model.stack import FrameworkSource, Stack
from envlock.ports.workspace import Workspace


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
    """Set exact versions, such as `numpy==2.1.0`; all or none.

    A name alone gets the version that the lock beside the stack has. Raises as `add_to_stack` does,
    and `LockError` when the lock does not say one version.
    """
    parsed = [parse_requirement(text, pypi=pypi) for text in requirements]

    @cache
    def lock() -> Lock:
        return _lock_beside(path, workspace)

    def edit(text: str) -> str:
        for item in parsed:
            requirement = item
            if item.version == "*":
                stack = read_stack(text.encode(), path)
                key = find_dependency(text, item, platform=platform, file=path)
                version = _locked_version(stack, key, lock(), path)
                requirement = replace(item, version=version)
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


def _lock_beside(path: str, workspace: Workspace) -> Lock:
    place = lock_path(path)
    if not workspace.exists(place):
        raise LockError(
            f"{path}: has no lock to take a version from: {place} is missing",
            hints=[f"make it: `envlock solve {path}`", "or say the version: `NAME==VERSION`"],
        )
    return read_lock(workspace.read_bytes(place, limit_bytes=LOCK_LIMIT_BYTES), place)


def _locked_version(stack: Stack, key: Path, lock: Lock, path: str) -> str:
    """Return the one version that a lock has of the dependency at a key of a stack."""
    manager, name = _locked_name(stack, key)
    place, shown = lock_path(path), quote(name)
    same = normal_name if manager == "pip" else str
    held = {
        platform: {
            package.version
            for package in lock.packages_on(platform)
            if package.manager == manager and same(package.name) == same(name)
        }
        for platform in _platforms_of(stack, key)
    }
    missing = [platform for platform, versions in held.items() if not versions]
    if missing or not held:
        raise LockError(
            f"{place}: does not have {shown} for {' and '.join(missing) or 'any platform'}",
            hints=[f"lock the stack anew: `envlock solve {path}`", _say_it(name)],
        )
    versions = sorted({version for found in held.values() for version in found})
    if len(versions) > 1:
        told = ", ".join(f"{' and '.join(sorted(found))} on {on}" for on, found in held.items())
        raise LockError(
            f"{place}: has different versions of {shown}: {told}", hints=[_say_it(name)]
        )
    return versions[0]


def _say_it(name: str) -> str:
    return f"say the version: `{name}==VERSION`"


def _locked_name(stack: Stack, key: Path) -> tuple[str, str]:
    """Return the manager of the package that a key asks for, and its name in a lock."""
    table, name = str(key[-2]), str(key[-1])
    if table == "python":
        return "conda", "python"
    if table == "pypi-dependencies":
        return "pip", name
    asked = [*stack.frameworks, *(item for t in stack.targets.values() for item in t.frameworks)]
    sources = {item.where.key: item.source for item in asked}
    if sources.get(format_key(key)) is FrameworkSource.PYPI:
        return "pip", PYPI_NAMES[name]
    return "conda", name


def _platforms_of(stack: Stack, key: Path) -> list[str]:
    """Return the platforms that a key speaks for: not those with an entry of their own."""
    if key[0] == "target":
        return [str(key[1])]
    own = {item: format_key(("target", item.value, *key)) for item in stack.platforms}
    return [item.value for item, place in own.items() if place not in stack.where]


def _compare(before: Stack, after: Stack) -> tuple[Changed, ...]:
    keys = sorted({*before.inputs, *after.inputs})
    pairs = [(key, before.inputs.get(key), after.inputs.get(key)) for key in keys]
    return tuple(Changed(key=key, before=old, after=new) for key, old, new in pairs if old != new)
