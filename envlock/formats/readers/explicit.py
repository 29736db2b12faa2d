"""Lists of conda: `conda list --explicit` and `--export`, and what conda-lock and pixi write so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from envlock.errors import LockError
from envlock.formats.readers.conda_address import conda_name
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import parse_hash
from envlock.formats.readers.pip_lines import read_lines
from envlock.formats.readers.text import decode
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)

_LIMIT_BYTES = 5_000_000
_LIMIT_LINES = 50_000
"""Ten thousands of packages."""
_EXPLICIT = "@EXPLICIT"
_PLATFORM = re.compile(r"#[ \t]*platform:[ \t]*(\S+)[ \t]*")
_INPUT_HASH = re.compile(r"#[ \t]*input_hash:[ \t]*(\S+)[ \t]*")
_PIP = re.compile(r"#[ \t]*pip[ \t]+(?=\S+[ \t]*@|\S+==)")
"""How conda-lock and its kin keep the pip half in such a file."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[/\\~.]|[A-Za-z]:[/\\]")
_EXPORTED = re.compile(r"(?P<name>[^\s=]+)=(?P<version>[^\s=]+)(?:=(?P<build>[^\s=]+))?")
_FROM_PIP = "pypi"
"""Builds of conda's list that mean that pip installed it: `pypi_0`, `pypi`."""


def read(content: bytes, file: str) -> Reading:
    """Read a list of conda's; see the package's contract."""
    notes = Notes()
    text = decode(content, file, notes, limit_bytes=_LIMIT_BYTES, limit_lines=_LIMIT_LINES)
    rows = [(at, line.strip()) for at, line in enumerate(text.split("\n"), start=1)]
    platform = next((found[1] for _, row in rows if (found := _PLATFORM.fullmatch(row))), "")
    packages = [
        package
        for at, row in rows
        for package in _packages(row, at, (platform,) if platform else (), notes)
    ]
    is_explicit = any(row == _EXPLICIT for _, row in rows)
    if not packages and not is_explicit:
        raise LockError(
            f"{file}: expected a list of conda's, found no line `{_EXPLICIT}` and no package",
            hints=["write it anew: `conda list --explicit --sha256`"],
        )
    first = next((item for item in packages if item.origins and not is_explicit), None)
    if first and first.ecosystem is Ecosystem.CONDA:
        notes.add(
            OddityKind.NOT_CANONICAL,
            f"the line `{_EXPLICIT}` is missing before the addresses",
            line=first.line,
        )
    hashed = next((found[1] for _, row in rows if (found := _INPUT_HASH.fullmatch(row))), "")
    return Reading(
        file=file,
        kind=FileKind.EXPLICIT,
        packages=tuple(packages),
        platforms=(FoundPlatform(name=platform, subdir=platform),) if platform else (),
        settings={"input-hash": hashed} if hashed else {},
        oddities=notes.oddities,
    )


def _packages(
    row: str, line: int, platforms: tuple[str, ...], notes: Notes
) -> Iterator[FoundPackage]:
    """Yield the package of a row; a comment holds one where pip's half is kept in comments."""
    if pip := _PIP.match(row):
        found = read_lines([(line, row[pip.end() :])], notes).packages
        yield from (replace(package, platforms=platforms) for package in found)
    elif not row or row.startswith("#") or row == _EXPLICIT:
        return
    elif _ADDRESS.match(row):
        yield _from_address(row, line, platforms, notes)
    elif exported := _EXPORTED.fullmatch(row):
        build = exported["build"] or ""
        is_pypi = build.partition("_")[0] == _FROM_PIP
        yield FoundPackage(
            name=exported["name"],
            ecosystem=Ecosystem.PYPI if is_pypi else Ecosystem.CONDA,
            version=exported["version"],
            build="" if is_pypi else build,
            wanted=row,
            platforms=platforms,
            line=line,
        )
    else:
        notes.odd(f"{shown(row)} is no address of a package", line=line)


def _from_address(row: str, line: int, platforms: tuple[str, ...], notes: Notes) -> FoundPackage:
    address, _, fragment = row.partition("#")
    hashes = parse_hash(fragment.strip())
    found = conda_name(address)
    file = address.partition("?")[0].replace("\\", "/").rpartition("/")[2]
    if fragment and not hashes:
        notes.odd(f"{shown(fragment)} is no hash", line=line, subject=file)
    if found is None:
        notes.odd(f"{shown(file)} is no file name of a conda package", line=line, subject=file)
    return FoundPackage(
        name=found.name if found else file or address,
        ecosystem=Ecosystem.CONDA,
        version=found.version if found else None,
        build=found.build if found else "",
        subdir=found.subdir if found else "",
        platforms=platforms,
        origins=(Origin(address=address, kind=OriginKind.CONDA, hashes=hashes, line=line),),
        line=line,
    )
