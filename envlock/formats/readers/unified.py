"""The rows of the unified format: conda-lock's, and pixi's before its fourth version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from envlock.errors import LockError
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.formats.readers.conda_address import (
    CondaName,
    conda_name,
    conda_origin,
    is_conda_archive,
    pypi_origin,
)
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.table import Table
from envlock.formats.readers.yaml_text import YamlFile, as_text
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    OddityKind,
    Origin,
    Reading,
)

_ROW = "the row"
_SILENT = (
    "optional",
    "source",
    "arch",
    "build_number",
    "noarch",
    "timestamp",
    "purls",
    "license_family",
    "track_features",
    "features",
    "python_site_packages_path",
    "requires_python",
    "extras",
)
"""Keys that are known and that a reading has no place for."""
_MANAGERS = {"conda": Ecosystem.CONDA, "pip": Ecosystem.PYPI, "pypi": Ecosystem.PYPI}
_DEPENDENCY = re.compile(r"(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)")


def read_unified(yaml: YamlFile, file: str, kind: FileKind, known: str, notes: Notes) -> Reading:
    """Return the reading of a file with the tables `metadata` and `package`.

    `known` holds the versions of the format that are read without a note. Raises `LockError` where
    both tables are missing.
    """
    if not yaml.root.keys() & {"metadata", "package"}:
        found = ", ".join(map(shown, list(yaml.root)[:5]))
        raise LockError(
            f"{file}: expected the tables `metadata` and `package`, found {found}",
            hints=["is it a lock of another tool? `--as KIND` names its format"],
        )
    root = Table(yaml.root, notes, "the file")
    version = root.text("version")
    if version not in known.split():
        said = f"version {shown(version)} of the format is not" if version else "no version is"
        notes.add(
            OddityKind.UNKNOWN_FORMAT,
            f"{said} known; it is read as version {known[-1]}",
            line=yaml.line_of("version:") if version else 0,
        )
    metadata = root.table("metadata")
    platforms = metadata.texts("platforms")
    places = tuple(_channels(metadata, yaml))
    facts, settings = _told(metadata)
    rows = root.take("package")
    if rows is not None and not isinstance(rows, list):
        notes.odd(f"`package`: expected a list, found {shown(rows)}", line=yaml.line_of("package:"))
    root.close()
    packages = tuple(
        package
        for line, row in yaml.rows("package")
        if (package := _package(row, line, notes)) is not None
    )
    note_absent(packages, notes)
    return Reading(
        file=file,
        kind=kind,
        format_version=version,
        packages=packages,
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in platforms),
        places=places,
        facts=facts,
        settings=settings,
        oddities=notes.oddities,
    )


def _channels(metadata: Table, yaml: YamlFile) -> Iterator[NamedPlace]:
    """Yield the channels, as texts or as tables with an address."""
    channels = metadata.take("channels")
    after = yaml.line_of("channels:")
    if channels is not None and not isinstance(channels, list):
        metadata.notes.odd(f"`channels`: expected a list, found {shown(channels)}", line=after)
        return
    addresses = [item.get("url") if isinstance(item, dict) else item for item in channels or ()]
    lines = yaml.lines_of((item for item in addresses if isinstance(item, str)), after)
    for item, address in zip(channels or (), addresses, strict=True):
        if not isinstance(address, str):
            metadata.notes.odd(f"{shown(item)} is no channel", line=after)
            continue
        line = lines.get(address, after)
        yield NamedPlace(address=address, kind="channel", line=line)
        if isinstance(item, dict):
            extra = Table(item, metadata.notes, "a channel", line=line)
            extra.skip("url", "used_env_vars")
            extra.close()


def _told(metadata: Table) -> tuple[dict[str, str], dict[str, str]]:
    """Return envlock's facts, and what else the metadata says as text."""
    facts: dict[str, str] = {}
    settings: dict[str, str] = {}
    for key, value in metadata.table("custom_metadata").items():
        (facts if key.startswith(FACT_PREFIX) else settings)[key] = as_text(value)
    for key, value in metadata.table("content_hash").items():
        settings[f"content-hash {key}"] = as_text(value)
    for key, value in metadata.items():
        settings[key.replace("_", "-")] = as_text(value)
    return facts, settings


def _package(value: Any, line: int, notes: Notes) -> FoundPackage | None:
    if not isinstance(value, dict):
        notes.odd(f"{shown(value)} stands where a package should", line=line)
        return None
    row = Table(value, notes, _ROW, line=line)
    address = row.text("url")
    named = conda_name(address)
    name = row.text("name") or (named.name if named else "")
    if not name:
        notes.odd("a package has no name, and its address says none", line=line)
        return None
    row.subject = name
    for key in ("version", "platform", "url"):
        if not value.get(key):
            notes.odd(f"the row has no `{key}`", line=line, subject=name)
    if not value.get("name"):
        notes.odd("the row has no `name`; the address says it", line=line, subject=name)
    ecosystem = _ecosystem(row, address, name)
    is_conda = ecosystem is Ecosystem.CONDA
    if named and is_conda:
        note_mismatch(name, value.get("version"), named, line, notes)
    platform, category = row.text("platform"), row.text("category")
    found = FoundPackage(
        name=name,
        ecosystem=ecosystem,
        version=row.text("version") or (named.version if named else None),
        build=row.text("build") or (named.build if named and is_conda else ""),
        subdir=row.text("subdir") or (named.subdir if named and is_conda else ""),
        platforms=(platform,) if platform else (),
        environments=(category or "main",),
        origins=(_origin(row, address, line, is_conda=is_conda),) if address else (),
        dependencies=(*_dependencies(row, "dependencies"), *_dependencies(row, "requires_dist")),
        constrains=_dependencies(row, "constrains"),
        license=row.text("license"),
        line=line,
    )
    row.skip(*_SILENT)
    row.close()
    return found


def note_mismatch(name: str, version: Any, named: CondaName, line: int, notes: Notes) -> None:
    """Note a row whose address is another package's: a bad merge shifts them against each other."""
    if name != named.name or version not in (None, "", named.version):
        notes.odd(
            f"the row is {shown(name)} {version or ''}".rstrip()
            + f", but its address is of {shown(named.name)} {named.version}",
            line=line,
            subject=name,
        )


def _ecosystem(row: Table, address: str, name: str) -> Ecosystem:
    manager = row.text("manager") or row.text("kind")
    row.skip("kind")
    if manager in _MANAGERS:
        return _MANAGERS[manager]
    guess = Ecosystem.CONDA if is_conda_archive(address) else Ecosystem.PYPI
    said = f"the manager {shown(manager)} is not known" if manager else "the row has no `manager`"
    row.notes.odd(f"{said}; it is read as a {guess.value} package", line=row.line, subject=name)
    return guess


def _origin(row: Table, address: str, line: int, *, is_conda: bool) -> Origin:
    hashes = {
        key: value for key, value in row.table("hash").items() if isinstance(value, str) and value
    }
    size = whole(row.text("size"))
    return (conda_origin if is_conda else pypi_origin)(address, hashes, line, size)


def whole(text: str) -> int | None:
    """Return a whole number, None for a text that is none."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None  # noqa: PLR2004


def _dependencies(row: Table, key: str) -> tuple[str, ...]:
    """Return dependencies, which are a table of names and specs, or a list of texts."""
    value = row.take(key)
    if isinstance(value, dict):
        return tuple(
            f"{name} {spec or ''}".rstrip()
            if spec is None or isinstance(spec, str)
            else f"{name} {as_text(spec)}".rstrip()
            for name, spec in value.items()
        )
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    if value is not None:
        row.notes.odd(
            f"`{key}` is neither a table nor a list: {shown(value)}",
            line=row.line,
            subject=row.subject,
        )
    return ()


# --- what is referred to and not there ------------------------------------------------------------


def note_absent(packages: Iterable[FoundPackage], notes: Notes) -> None:
    """Note what packages need on a platform where no row describes it.

    Virtual packages are the machine's. A PyPI package is also what conda brings under its name. A
    row that names no platform counts for all of them.
    """
    packages = tuple(packages)
    conda, pypi = _names(packages)
    absent: dict[str, dict[str, list[str]]] = {}
    lines: dict[str, int] = {}
    for package in packages:
        is_conda = package.ecosystem is Ecosystem.CONDA
        names = conda if is_conda else pypi
        needed = {_needed(dependency, is_conda=is_conda) for dependency in package.dependencies}
        for platform in package.platforms:
            for name in needed - names[platform] - names[_EVERYWHERE]:
                lines.setdefault(name, package.line)
                absent.setdefault(name, {}).setdefault(platform, []).append(package.name)
    for name, users in sorted(absent.items()):
        who = list(dict.fromkeys(user for of_one in users.values() for user in of_one))
        more = f" and {len(who) - _NAMED} more" if len(who) > _NAMED else ""
        notes.add(
            OddityKind.ABSENT,
            f"no row describes {shown(name)} for {', '.join(users)}, which "
            f"{', '.join(map(shown, who[:_NAMED]))}{more} {'need' if who[1:] else 'needs'}",
            line=lines[name],
            subject=name,
        )


_NAMED = 3
_EVERYWHERE = ""


def _needed(dependency: str, *, is_conda: bool) -> str:
    """Return the name of what is needed; of no virtual package, and of nothing with a marker."""
    match = _DEPENDENCY.match(dependency)
    if match is None or match["name"].startswith("__"):
        return _VIRTUAL
    if is_conda:
        return match["name"].lower()
    return _VIRTUAL if ";" in dependency else canonicalize_name(match["name"])


_VIRTUAL = "__"
_Names = Mapping[str, set[str]]


def _names(packages: Iterable[FoundPackage]) -> tuple[_Names, _Names]:
    """Return by platform what satisfies conda packages, and what satisfies PyPI packages."""
    conda: dict[str, set[str]] = {_EVERYWHERE: {_VIRTUAL}}
    pypi: dict[str, set[str]] = {_EVERYWHERE: {_VIRTUAL}}
    for package in packages:
        for platform in package.platforms or (_EVERYWHERE,):
            mine, either = conda.setdefault(platform, set()), pypi.setdefault(platform, set())
            either.add(canonicalize_name(package.name))
            if package.ecosystem is Ecosystem.CONDA:
                mine.add(package.name.lower())
    return conda, pypi
