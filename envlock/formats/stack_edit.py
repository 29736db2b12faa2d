"""Change one dependency in the text of a stack, and not a byte besides.

Text goes in, text comes out. The edit is a splice at the place of one key, found with the scanner
of `stack_toml`; so comments, blank lines, order, indentation and line ends (LF, CRLF, none at the
end) stay without anybody having to restore them. tomlkit was tried first: it puts a new key below
the comment that belongs to the next table, mixes LF into CRLF files, adds a last line break, and
cannot remove a dotted key. It judges this module in the tests instead.

Every result is read with `read_stack` before it is returned: an edit cannot break a stack.
`remove_dependency` takes back what `add_dependency` wrote, so a table that adding had to make,
known by the comment in its header, goes when it is empty again.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envlock.errors import EnvlockError, InputFileError
from envlock.formats.stack_schema import (
    CONDA_NAME,
    CONDA_VERSION,
    PYPI_NAME,
    PYPI_SPECIFIERS,
    Path,
    closest,
    format_key,
    quote,
)
from envlock.formats.stack_toml import (
    PYPI_NAMES,
    Piece,
    normal_name,
    read_header,
    read_key,
    read_stack,
    split_pieces,
)
from envlock.model.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What somebody asks for on the command line."""

    name: str
    version: str = "*"
    channel: str | None = None
    build: str | None = None
    extras: tuple[str, ...] = ()
    pypi: bool = False
    """Whether it is a package of PyPI; else of a conda channel."""


def parse_requirement(text: str, *, pypi: bool = False) -> Requirement:
    """Read `numpy`, `numpy>=2`, `numpy >=2,<3`, `pytorch=2.5` or `conda-forge::numpy`.

    With `pypi` also `jax[cuda12]>=0.4`, without it also a build: `pytorch=2.5.1=*cuda*`. A single
    `=` means any release of that series, as in conda. Raises `EnvlockError`.
    """
    channel, _, rest = text.strip().rpartition("::")
    match = _REQUIREMENT.match(rest)
    if match is None:
        raise _unreadable(text, "a package's name first")
    if not re.search(PYPI_NAME if pypi else CONDA_NAME, match["name"]):
        raise _unreadable(text, _LOWER if not pypi else "a PyPI package name")
    version, build = _parse_version(text, match["rest"].strip())
    extras = tuple(part.strip() for part in (match["extras"] or "").split(",") if part.strip())
    requirement = Requirement(
        name=match["name"],
        version=version,
        channel=channel or None,
        build=build,
        extras=extras,
        pypi=pypi,
    )
    _refuse_foreign_parts(requirement)
    if pypi and not re.search(PYPI_SPECIFIERS, version):
        raise _unreadable(text, "PEP 440 specifiers such as `>=4.40,<5`")
    return requirement


_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)(?:\[(?P<extras>[A-Za-z0-9._, -]*)\])?"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_WITH_BUILD = re.compile(
    r"={1,2}(?P<version>[^=<>!~,|\s]+)=(?P<build>[^=\s]+)|"
    r"(?P<range>\S+)\s+(?P<other>[^=<>!~,|\s]+)"
)
_SERIES = re.compile(r"=\s*(?P<version>[0-9A-Za-z][0-9A-Za-z._+!]*?)(?:\.?\*)?")
_EXACT = re.compile(r"(?:==)?\s*(?P<version>[0-9A-Za-z][0-9A-Za-z._+!]*)")
_LOWER = "a conda package name: lower-case letters, digits, `-`, `_` and `.`"


def _parse_version(text: str, rest: str) -> tuple[str, str | None]:
    """Return the version and the build of what follows the name."""
    if not rest:
        return "*", None
    if series := _SERIES.fullmatch(rest):
        return f"{series['version']}.*", None
    if re.search(CONDA_VERSION, rest):
        return rest.replace(" ", ""), None
    parts = _WITH_BUILD.fullmatch(rest)
    version = (parts["version"] or parts["range"]) if parts else ""
    if parts is None or not re.search(CONDA_VERSION, version):
        raise _unreadable(text, "a version such as `2.1.*` or `>=2,<3` after the name")
    return version, parts["build"] or parts["other"]


def _unreadable(text: str, expected: str) -> EnvlockError:
    hints = ["write it as `numpy`, `numpy>=2`, `pytorch=2.5` or `conda-forge::numpy`"]
    return EnvlockError(f"expected {expected}, found {quote(text)}", hints=hints)


def _refuse_foreign_parts(requirement: Requirement) -> None:
    """Refuse the parts that only the other half of the solve has."""
    name = quote(requirement.name)
    if requirement.pypi and (requirement.channel or requirement.build):
        raise EnvlockError(f"{name}: a package from PyPI has no conda channel and no build")
    if requirement.extras and not requirement.pypi:
        raise EnvlockError(
            f"{name}: a conda package has no extras", hints=["take it from PyPI with `--pypi`"]
        )


# --- the three edits ----------------------------------------------------------------------------


def add_dependency(
    text: str, requirement: Requirement, *, platform: str | None = None, file: str = "stack"
) -> str:
    """Return the text with a dependency in it; one that is there gets what is new about it.

    A framework's name goes to [frameworks], `python` to [python]. `file` is the name that messages
    carry. Raises `EnvlockError`, and `InputFileError` where the stack is at fault or would be.
    """
    _refuse_foreign_parts(requirement)
    scope = _scope(read_stack(text.encode(), file), platform, file)
    document = tomllib.loads(text)
    path = _home(document, requirement.name, scope, pypi=requirement.pypi)
    if path[-1] == "version":
        return _checked(_set(text, path, _toml(requirement.version)), file)
    is_framework = path[-2] == "frameworks"
    if is_framework and (requirement.channel or requirement.build or requirement.extras):
        raise EnvlockError(
            f"{quote(requirement.name)} is a framework: envlock chooses its build, channel and "
            "extras",
            hints=["give a version only"],
        )
    wanted = _wanted(requirement, from_pypi=requirement.pypi and is_framework)
    return _checked(_write(text, document, path, wanted), file)


def remove_dependency(
    text: str, name: str, *, pypi: bool = False, platform: str | None = None, file: str = "stack"
) -> str:
    """Return the text without a dependency; all its other lines stay, comments too.

    Raises `EnvlockError` when it is not there, and `InputFileError` where the stack is at fault.
    """
    scope = _scope(read_stack(text.encode(), file), platform, file)
    if name == "python" and not pypi:
        raise EnvlockError(
            f"{file}: every stack needs Python", hints=["change its version instead"]
        )
    path = _existing(tomllib.loads(text), name, scope, file, pypi=pypi)
    return _checked(_drop_made_table(_remove(text, path), path[:-1]), file)


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
    scope = _scope(read_stack(text.encode(), file), platform, file)
    document = tomllib.loads(text)
    path = _existing(document, name, scope, file, pypi=requirement.pypi)
    version = f"=={exact['version']}"
    if path[-1] == "version":
        return _checked(_set(text, path, _toml(version)), file)
    return _checked(_write(text, document, path, {"version": version}), file)


def _checked(text: str, file: str) -> str:
    """Return the text if it is a stack; else say that nothing came of the edit."""
    try:
        read_stack(text.encode(), file)
    except InputFileError as error:
        state = "The edit was not made: the stack would be at fault."
        raise InputFileError(error.faults, state=state) from None
    return text


# --- where a dependency lives -------------------------------------------------------------------


def _scope(stack: Stack, platform: str | None, file: str) -> Path:
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


def _home(document: Mapping[str, Any], name: str, scope: Path, *, pypi: bool) -> Path:
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
    keys = _value_at(document, table) or {}
    if table[-1] == "pypi-dependencies":
        found = [key for key in keys if normal_name(key) == normal_name(name)]
    else:
        found = [key for key in keys if key == name]
    return (*table, found[0]) if found else None


def _existing(
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
    return [key for table in _TABLES for key in _value_at(document, (*scope, table)) or {}]


def _value_at(document: Mapping[str, Any], path: Path) -> Any:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


# --- what is written ----------------------------------------------------------------------------


def _wanted(requirement: Requirement, *, from_pypi: bool) -> dict[str, object]:
    """Return the keys of a dependency's table that an edit sets."""
    parts = {
        "version": requirement.version,
        "from": "pypi" if from_pypi else None,
        "build": requirement.build,
        "channel": requirement.channel,
        "extras": list(requirement.extras),
    }
    return {key: value for key, value in parts.items() if value}


def format_requirement(requirement: Requirement) -> str:
    """Return a conda requirement as the line of [dependencies] that asks for it."""
    wanted = _wanted(requirement, from_pypi=False)
    value = wanted if len(wanted) > 1 else requirement.version
    return f"{format_key((requirement.name,))} = {_toml(value)}"


def _write(text: str, document: Mapping[str, Any], path: Path, wanted: dict[str, object]) -> str:
    """Return the text with the wanted keys at a path, in the form that is there already."""
    current = _value_at(document, path)
    if current is not None and wanted.get("version") == "*":
        wanted = {key: value for key, value in wanted.items() if key != "version"}
    if isinstance(current, dict):
        for key, value in wanted.items():
            if current.get(key) != value:
                text = _set(text, (*path, key), _toml(value))
        return text
    full = wanted if current is None else {"version": current, **wanted}
    value = full if len(full) > 1 else full["version"]
    return text if value == current else _set(text, path, _toml(value))


def _toml(value: object) -> str:
    """Return a value as TOML; JSON's strings and arrays are TOML's too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


# --- splices ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A header, a `key = value` line, or an entry of an inline table, as a span of the text."""

    path: Path
    table: Path
    """The table that it stands under: what a dotted key goes on from."""
    start: int
    end: int
    """Of a line: behind its line break. Of an entry: behind its value."""
    value: tuple[Piece, ...]
    """Empty in a header."""

    @property
    def is_inline_table(self) -> bool:
        return bool(self.value) and self.value[0][0] == "{"

    @property
    def value_start(self) -> int:
        return self.value[0][2]

    @property
    def value_end(self) -> int:
        text, _, start = self.value[-1]
        return start + len(text)


def _items(text: str) -> list[_Item]:
    """Return the headers and `key = value` lines of a TOML text, in order."""
    pieces = split_pieces(text)
    arrays: dict[Path, int] = {}
    table: Path = ()
    items: list[_Item] = []
    for piece in pieces:
        start = text.rfind("\n", 0, piece[2]) + 1
        if piece[0] == "[":
            table = read_header(pieces, arrays)
            end = text.find("\n", start) + 1 or len(text)
            items.append(_Item(path=table, table=table, start=start, end=end, value=()))
        elif piece[0] != "\n":
            path = table + read_key(piece, pieces)
            value = tuple(_rest_of_value(pieces))
            end = text.find("\n", value[-1][2] + len(value[-1][0])) + 1 or len(text)
            items.append(_Item(path=path, table=table, start=start, end=end, value=value))
    return items


def _rest_of_value(pieces: Iterator[Piece]) -> Iterator[Piece]:
    depth = 0
    for piece in pieces:
        if piece[0] == "\n" and not depth:
            return
        depth += (piece[0] in "[{") - (piece[0] in "]}")
        if piece[0] != "\n":
            yield piece


def _entries(item: _Item) -> list[_Item]:
    """Return the entries of an inline table."""
    groups: list[list[Piece]] = [[]]
    depth = 0
    for piece in item.value[1:-1]:
        depth += (piece[0] in "[{") - (piece[0] in "]}")
        if piece[0] == "," and not depth:
            groups.append([])
        else:
            groups[-1].append(piece)
    return [_entry(item.path, group) for group in groups if group]


def _entry(table: Path, group: Sequence[Piece]) -> _Item:
    pieces = iter(group)
    first = next(pieces)
    path = table + read_key(first, pieces)
    value = tuple(pieces)
    end = value[-1][2] + len(value[-1][0])
    return _Item(path=path, table=table, start=first[2], end=end, value=value)


def _find(items: Sequence[_Item], path: Path) -> _Item | None:
    """Return the line or inline entry that gives a key its value."""
    for item in items:
        if item.value and item.path == path:
            return item
        if item.is_inline_table and path[: len(item.path)] == item.path:
            return _find(_entries(item), path)
    return None


def _set(text: str, path: Path, value: str) -> str:
    """Replace the value of a key, or write the key."""
    item = _find(_items(text), path)
    if item:
        return text[: item.value_start] + value + text[item.value_end :]
    return _insert(text, path, value)


def _insert(text: str, path: Path, value: str) -> str:
    """Write a key that is not there: into its table, in the form that the table has."""
    items = _items(text)
    table = path[:-1]
    inline = _inline_around(items, path)
    if inline:
        return _insert_entry(text, inline, f"{format_key(path[len(inline.path) :])} = {value}")
    last = _last_line(items, table)
    if last:
        line = f"{format_key(path[len(last.table) :])} = {value}"
        indent = _INDENT.match(text, last.start) if last.value else None
        return _insert_lines(text, last.end, [f"{indent[0] if indent else ''}{line}"])
    lines = ["", _made_header(table), f"{format_key(path[-1:])} = {value}"]
    return _insert_lines(text, _end_of_section(items, table), lines)


_INDENT = re.compile(r"[ \t]*")
_ORDER = (
    "stack",
    "python",
    "gpu",
    "fleet",
    "frameworks",
    "dependencies",
    "pypi-dependencies",
    "pypi-index",
    "target",
    "artifacts",
    "verify",
    "audit",
)
_MADE = {
    "frameworks": "envlock knows their GPU builds and checks",
    "dependencies": "conda match specs",
    "pypi-dependencies": "PEP 508 requirements, wheels only",
}
"""The comment in the header of a table that adding made, and that removing may take back."""


def _made_header(table: Path) -> str:
    return f"[{format_key(table)}]  # {_MADE.get(str(table[-1]), 'made by envlock')}"


def _inline_around(items: Sequence[_Item], path: Path) -> _Item | None:
    """Return the innermost inline table that a key is in, or would have to be in."""
    for size in range(len(path) - 1, 0, -1):
        item = _find(items, path[:size])
        if item and item.is_inline_table:
            return item
    return None


def _last_line(items: Sequence[_Item], table: Path) -> _Item | None:
    """Return the line that a table's new key goes below, None when the table must be made."""
    dotted: _Item | None = None
    for position, item in enumerate(items):
        if not item.value and item.path == table:
            return _end_of(items, position)
        if item.value and item.path[: len(table)] == table and len(item.table) < len(table):
            dotted = item
    return dotted


def _end_of(items: Sequence[_Item], position: int) -> _Item:
    """Return the last line of the section that an item is in."""
    following = itertools.takewhile(lambda item: item.value, items[position + 1 :])
    return [items[position], *following][-1]


def _end_of_section(items: Sequence[_Item], table: Path) -> int:
    """Return the offset where a new table goes: behind the tables that usually come before it."""
    rank = _ORDER.index(str(table[0]))
    before = [
        position for position, item in enumerate(items) if _ORDER.index(str(item.path[0])) <= rank
    ]
    same = [position for position in before if items[position].path[:2] == table[:2]]
    return _end_of(items, (same or before)[-1]).end


def _insert_lines(text: str, at: int, lines: Sequence[str]) -> str:
    """Write whole lines at the start of a line, or behind a last line without a line break."""
    ending = _line_break(text, at)
    if text[:at].endswith("\n"):
        new = "".join(f"{line}{ending}" for line in lines)
    else:
        new = "".join(f"{ending}{line}" for line in lines)
    return text[:at] + new + text[at:]


def _line_break(text: str, at: int) -> str:
    """Return the line break that the line above uses, or the first of the text."""
    end = at if text[:at].endswith("\n") else text.find("\n") + 1
    return "\r\n" if text[:end].endswith("\r\n") else "\n"


def _insert_entry(text: str, table: _Item, entry: str) -> str:
    entries = _entries(table)
    if entries:
        at = entries[-1].end
        return f"{text[:at]}, {entry}{text[at:]}"
    start, end = table.value_start + 1, table.value_end - 1
    blank = text[start:end]
    return f"{text[:start]}{blank}{entry}{blank}{text[end:]}"


def _remove(text: str, path: Path) -> str:
    """Cut everything that a key or table is written with."""
    items = _items(text)
    lines = [item for item in items if item.path[: len(path)] == path]
    for item in reversed(lines):
        text = _cut_lines(text, item.start, item.end)
    inline = None if lines else _inline_around(items, path)
    return _remove_entries(text, inline, path) if inline else text


def _remove_entries(text: str, table: _Item, path: Path) -> str:
    entries = _entries(table)
    found = [at for at, entry in enumerate(entries) if entry.path[: len(path)] == path]
    text = _cut_entry(text, table, entries, found[0])
    return _remove(text, path) if len(found) > 1 else text


def _cut_lines(text: str, start: int, end: int) -> str:
    if end >= len(text) and not text.endswith("\n"):
        start -= len(_line_break(text, start)) if start else 0
    return text[:start] + text[end:]


def _cut_entry(text: str, table: _Item, entries: Sequence[_Item], at: int) -> str:
    entry = entries[at]
    if at > 0:
        return text[: entries[at - 1].end] + text[entry.end :]
    end = entries[1].start if len(entries) > 1 else table.value_end - 1
    return text[: entry.start] + text[end:]


def _drop_made_table(text: str, table: Path) -> str:
    """Take back a table that adding made, once nothing is left in it."""
    items = _items(text)
    for position, item in enumerate(items):
        line = text[item.start : item.end].rstrip("\r\n")
        if line == _made_header(table) and _end_of(items, position) is item:
            above = text.rfind("\n", 0, max(item.start - 1, 0)) + 1
            start = item.start if text[above : item.start].strip() else above
            return _cut_lines(text, start, item.end)
    return text
