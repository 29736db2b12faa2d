"""Which key of a stack a dependency has, or gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envlock.errors import EnvlockError
from envlock.formats.stack_rules import PYPI_NAMES, normal_name
from envlock.formats.stack_words import Path, closest, format_key, quote
from envlock.model.stack import Stack


def find_scope(stack: Stack, platform: str | None, file: str) -> Path:
    """Return the table that holds the dependencies of a platform, or of all."""
    if platform is None:
        return ()
    known = [item.value for item in stack.platforms]
    if platform in known:
        return ("target", platform)
    near = closest(platform, known)
    raise EnvlockError(
        f"{file}: {quote(platform)} is not one of the stack's platforms",
        hints=[f"did you mean `{near}`?" if near else f"it has {', '.join(known)}"],
    )


def find_home(document: Mapping[str, Any], name: str, scope: Path, *, pypi: bool) -> Path:
    """Return the key that a dependency has or gets."""
    if name == "python" and not pypi:
        if scope:
            raise EnvlockError("Python is one for all platforms", hints=["leave the platform out"])
        return ("python", "version")
    if not pypi and name in PYPI_NAMES.values() and name not in PYPI_NAMES:
        raise EnvlockError(
            f"{quote(name)} is PyPI's name; conda's channels call it `{_framework(name)}`",
            hints=[f"add `{_framework(name)}`, or `{name}` from PyPI with `--pypi`"],
        )
    framework = _framework(name) if pypi else name
    if framework in PYPI_NAMES:
        return (*scope, "frameworks", framework)
    table = (*scope, "pypi-dependencies" if pypi else "dependencies")
    return _same_name(document, table, name) or (*table, name)


def _framework(name: str) -> str:
    """Return the framework that PyPI knows by a name, else the name."""
    names = {pypi: framework for framework, pypi in PYPI_NAMES.items()}
    return names.get(normal_name(name), name)


def _same_name(document: Mapping[str, Any], table: Path, name: str) -> Path | None:
    """Return the key of a table that means a package; PyPI's names are compared normalised."""
    keys = value_at(document, table) or {}
    if table[-1] == "pypi-dependencies":
        found = [key for key in keys if normal_name(key) == normal_name(name)]
    else:
        found = [key for key in keys if key == name]
    return (*table, found[0]) if found else None


def find_existing(
    document: Mapping[str, Any], name: str, scope: Path, file: str, *, pypi: bool
) -> Path:
    """Return the key of a dependency that is there."""
    if name == "python" and not pypi:
        return ("python", "version")
    tables = ("frameworks", "pypi-dependencies") if pypi else _TABLES
    for table in tables:
        asked = _framework(name) if table == "frameworks" and pypi else name
        if found := _same_name(document, (*scope, table), asked):
            return found
    raise _not_there(document, name, scope, file)


_TABLES = ("frameworks", "dependencies", "pypi-dependencies")


def _not_there(document: Mapping[str, Any], name: str, scope: Path, file: str) -> EnvlockError:
    place = f"[{format_key(scope)}]" if scope else "the stack"
    for other in [(), *(("target", key) for key in document.get("target", {}))]:
        if other != scope and name in _names(document, other):
            held = f"[{format_key(other)}] has it" if other else "all platforms have it"
            flag = f"give `--platform {other[1]}`" if other else "leave the platform out"
            return EnvlockError(f"{file}: {quote(name)} is not in {place} - {held}", hints=[flag])
    near = closest(name, _names(document, scope))
    return EnvlockError(
        f"{file}: {quote(name)} is not in {place}",
        hints=[f"did you mean `{near}`?"] if near else [],
    )


def _names(document: Mapping[str, Any], scope: Path) -> list[str]:
    return [key for table in _TABLES for key in value_at(document, (*scope, table)) or {}]


def value_at(document: Mapping[str, Any], path: Path) -> Any:
    """Return what a document has at a path, None for nothing."""
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
