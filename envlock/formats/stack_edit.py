"""Change one dependency in the text of a stack, and not a byte besides.

Text goes in, text comes out; comments, blank lines, order, indentation and line ends (LF, CRLF,
none at the end) stay. `stack_home` says which key an edit means, this room what it shall say,
`stack_document` writes it with tomlkit, `stack_guard` sees to it that nothing else has changed.
Every result is read with `read_stack` before it is returned: an edit cannot break a stack.
"""

from __future__ import annotations

import re
import tomllib

from envlock.errors import EnvlockError, InputFileError
from envlock.formats.requirement import Requirement, refuse_foreign_parts, wanted_keys
from envlock.formats.stack_guard import drop_key, set_key
from envlock.formats.stack_home import find_existing, find_home, find_scope, value_at
from envlock.formats.stack_toml import read_stack
from envlock.formats.stack_words import Path, quote

_EXACT = re.compile(r"(?:==)?\s*(?P<version>[0-9A-Za-z][0-9A-Za-z._+!]*)")


def add_dependency(
    text: str, requirement: Requirement, *, platform: str | None = None, file: str = "stack"
) -> str:
    """Return the text with a dependency in it; one that is there gets what is new about it.

    A framework's name goes to [frameworks], `python` to [python]. `file` is the name that messages
    carry. Raises `EnvlockError`, and `InputFileError` where the stack is at fault or would be.
    """
    refuse_foreign_parts(requirement)
    scope = find_scope(read_stack(text.encode(), file), platform, file)
    document = tomllib.loads(text)
    path = find_home(document, requirement.name, scope, pypi=requirement.pypi)
    if path == ("python", "version"):
        if requirement.channel or requirement.build:
            raise EnvlockError("[python] holds a version only", hints=["give a version only"])
        return _checked(_write(text, path, {"version": requirement.version}, file), file)
    is_framework = path[-2] == "frameworks"
    if is_framework and (requirement.channel or requirement.build or requirement.extras):
        raise EnvlockError(
            f"{quote(requirement.name)} is a framework: envlock chooses its build, channel and "
            "extras",
            hints=["give a version only"],
        )
    wanted = wanted_keys(requirement, from_pypi=requirement.pypi and is_framework)
    return _checked(_write(text, path, wanted, file), file)


def remove_dependency(
    text: str, name: str, *, pypi: bool = False, platform: str | None = None, file: str = "stack"
) -> str:
    """Return the text without a dependency; all its other lines stay, comments too.

    Raises `EnvlockError` when it is not there, and `InputFileError` where the stack is at fault.
    """
    scope = find_scope(read_stack(text.encode(), file), platform, file)
    if name == "python" and not pypi:
        raise EnvlockError(
            f"{file}: every stack needs Python", hints=["change its version instead"]
        )
    path = find_existing(tomllib.loads(text), name, scope, file, pypi=pypi)
    return _checked(drop_key(text, path, file), file)


def find_dependency(
    text: str, requirement: Requirement, *, platform: str | None = None, file: str = "stack"
) -> Path:
    """Return the key of a dependency that is there. Raises as `remove_dependency` does."""
    scope = find_scope(read_stack(text.encode(), file), platform, file)
    return find_existing(tomllib.loads(text), requirement.name, scope, file, pypi=requirement.pypi)


def pin_dependency(
    text: str, requirement: Requirement, *, platform: str | None = None, file: str = "stack"
) -> str:
    """Return the text with a dependency at exactly one version.

    Raises `EnvlockError` when it is not there or the version is a range, and `InputFileError`
    where the stack is at fault.
    """
    name = requirement.name
    exact = _EXACT.fullmatch(requirement.version)
    if exact is None:
        raise EnvlockError(
            f"expected one version to pin {quote(name)} to, found {quote(requirement.version)}",
            hints=[f"write it as `{name}==2.1.0`; a range can be added instead"],
        )
    path = find_dependency(text, requirement, platform=platform, file=file)
    version = f"=={exact['version']}"
    return _checked(_write(text, path, {"version": version}, file), file)


def _checked(text: str, file: str) -> str:
    """Return the text if it is a stack; else say that nothing came of the edit."""
    try:
        read_stack(text.encode(), file)
    except InputFileError as error:
        state = "The edit was not made: the stack would be at fault."
        raise InputFileError(error.faults, state=state) from None
    return text


def _write(text: str, path: Path, wanted: dict[str, object], file: str) -> str:
    """Return the text with the wanted keys at a path, in the form that is there already."""
    current = value_at(tomllib.loads(text), path)
    if current is not None and wanted.get("version") == "*":
        wanted = {key: value for key, value in wanted.items() if key != "version"}
    if isinstance(current, dict):
        for key, value in wanted.items():
            if current.get(key) != value:
                text = set_key(text, (*path, key), value, file)
        return text
    full = wanted if current is None else {"version": current, **wanted}
    value = full if len(full) > 1 else full["version"]
    return text if value == current else set_key(text, path, value, file)
