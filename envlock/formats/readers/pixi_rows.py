"""The rows of a pixi.lock from its fourth version on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from envlock.formats.readers.conda_address import conda_name, conda_origin, pypi_origin, unquote
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.table import Table
from envlock.formats.readers.unified import note_mismatch, whole
from envlock.model.reading import Ecosystem, FoundPackage, Origin, OriginKind

_KINDS = ("conda", "pypi", "conda_source", "source")
"""The keys by which rows and references name a package, from version 5 on."""
_SOURCE = re.compile(r"(?P<name>[^\[\s@]+)(?:\[(?P<hash>[^\]]*)\])?\s+@\s+(?P<place>.+)", re.DOTALL)
_HASHES = ("sha256", "md5")
_SILENT = (
    "arch",
    "build_number",
    "experimental_extra_depends",
    "extra_depends",
    "features",
    "file_name",
    "input",
    "legacy_bz2_md5",
    "legacy_bz2_size",
    "license_family",
    "noarch",
    "platform",
    "purls",
    "python_site_packages_path",
    "requires_python",
    "run_exports",
    "timestamp",
    "track_features",
    "variants",
)
"""Keys that are known and that a reading has no place for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the list, before it is known who refers to it."""

    reference: tuple[str, str]
    """What environments refer to it by: the kind and the address."""
    found: FoundPackage
    identity: Mapping[str, str]
    """What else tells rows of one address apart."""
    builders: tuple[tuple[str, str], ...] = ()
    """The rows that are needed to build it, as references."""

    @property
    def name(self) -> str:
        """The package's name."""
        return self.found.name

    @property
    def subdir(self) -> str:
        """The package's channel folder."""
        return self.found.subdir

    @property
    def line(self) -> int:
        """Where the row begins."""
        return self.found.line

    def package(
        self,
        platforms: tuple[str, ...],
        environments: tuple[str, ...],
        places: tuple[tuple[str, str], ...] = (),
    ) -> FoundPackage:
        """Return the package as it is used."""
        return replace(self.found, platforms=platforms, environments=environments, places=places)


def reference_of(item: Any) -> tuple[str, str] | None:
    """Return the kind and the address of a reference, which may be one text; None for others."""
    if isinstance(item, str):
        word, _, rest = item.partition(": ")
        item = {word: rest}
    for kind in _KINDS if isinstance(item, dict) else ():
        address = item.get(kind)
        if isinstance(address, str) and address:
            return kind, address
    return None


def package_of(value: Any, line: int, notes: Notes) -> Row | None:
    """Return a row of the list; None, and a note, for one that nothing can be made of."""
    if not isinstance(value, dict):
        notes.odd(f"{shown(value)} stands where a package should", line=line)
        return None
    row = Table(value, notes, "the row", line=line)
    reference = reference_of(value)
    kind, address = reference or (row.text("kind"), row.text("url") or row.text("path"))
    row.skip(kind)
    row.skip("kind", "url", "path")
    if kind not in _KINDS or not address:
        said = f"a package of the kind {shown(kind)}" if kind else f"the row {shown(dict(value))}"
        reason = "it has no address" if kind in _KINDS else "no such kind is known"
        notes.odd(f"{said} cannot be read: {reason}", line=line)
        return None
    found = _pypi(row, address) if kind == "pypi" else _conda(row, address, kind)
    builders = tuple(_builders(row))
    row.skip(*_SILENT)
    row.close()
    if found is None:
        return None
    keys = ("name", "version", "build", "subdir")
    identity = {key: value[key] for key in keys if isinstance(value.get(key), str)}
    return Row(reference=(kind, address), found=found, identity=identity, builders=builders)


def _builders(row: Table) -> Iterator[tuple[str, str]]:
    for key in ("build_packages", "host_packages"):
        items = row.take(key)
        for item in items if isinstance(items, list) else [items] if items else []:
            reference = reference_of(item)
            if reference is None:
                row.notes.odd(f"`{key}`: {shown(item)} is no package", line=row.line)
            else:
                yield reference


def _conda(row: Table, address: str, kind: str) -> FoundPackage | None:
    source = _SOURCE.fullmatch(address) if kind != "conda" else None
    named = conda_name(address)
    said_name, said_version = row.text("name"), row.text("version")
    name = said_name or (named.name if named else "") or (source["name"] if source else "")
    if not name:
        row.notes.odd(f"neither the row nor {shown(address)} says a name", line=row.line)
        return None
    row.subject = name
    if named:
        note_mismatch(name, said_version, named, row.line, row.notes)
    place = source["place"] if source else address
    origin = conda_origin(place, _hashes(row), row.line, whole(row.text("size")))
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.CONDA,
        version=said_version or (named.version if named else None),
        build=row.text("build") or (named.build if named else ""),
        subdir=row.text("subdir") or (named.subdir if named else ""),
        origins=(origin, *_sources(row)),
        dependencies=row.texts("depends"),
        constrains=row.texts("constrains"),
        index=row.text("channel"),
        license=row.text("license"),
        line=row.line,
    )


def _pypi(row: Table, address: str) -> FoundPackage | None:
    name = row.text("name") or _wheel_part(address, 0)
    if not name:
        row.notes.odd(f"neither the row nor {shown(address)} says a name", line=row.line)
        return None
    row.subject = name
    origin = pypi_origin(address, _hashes(row), row.line, whole(row.text("size")))
    return FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=row.text("version") or _wheel_part(address, 1) or None,
        origins=(origin,),
        dependencies=row.texts("requires_dist"),
        index=row.text("index") or row.text("index_url"),
        license=row.text("license"),
        is_editable=row.text("editable") == "true",
        line=row.line,
    )


def _wheel_part(address: str, at: int) -> str:
    """Return the name or the version that the file name of a wheel says; empty for no wheel."""
    file = re.split(r"[?#]", address, maxsplit=1)[0].rpartition("/")[2]
    parts = file.removesuffix(".whl").split("-")
    return unquote(parts[at]) if file.endswith(".whl") and len(parts) > 1 else ""


def _hashes(row: Table) -> dict[str, str]:
    hashes = {key: row.text(key) for key in _HASHES}
    return {key: value for key, value in hashes.items() if value}


def _sources(row: Table) -> Iterator[Origin]:
    """Yield the source code that a package is built from, where its row says more of it."""
    for key in ("source", "package_build_source"):
        value = row.take(key)
        if isinstance(value, dict):
            yield from _source(value, row)
        elif isinstance(value, str):
            yield conda_origin(value, {}, row.line, None)
    for _, value in row.table("sources").items():  # noqa: PERF102 - a reader, not a dictionary
        if isinstance(value, dict):
            yield from _source(value, row)
        else:
            row.notes.odd(f"{shown(value)} is no source", line=row.line, subject=row.subject)


def _source(value: Mapping[str, Any], row: Table) -> Iterator[Origin]:
    source = Table(value, row.notes, "a source", line=row.line, subject=row.subject)
    git, url, path = source.text("git"), source.text("url"), source.text("path")
    revision = source.text("rev") or source.text("tag") or source.text("branch")
    hashes = _hashes(source)
    source.skip("subdirectory", "rev", "tag", "branch")
    source.close()
    if git:
        yield Origin(address=git, kind=OriginKind.GIT, revision=revision, line=row.line)
    elif url:
        origin = pypi_origin(url, hashes, row.line, None)
        yield replace(origin, revision=revision or origin.revision)
    elif path:
        yield Origin(address=path, kind=OriginKind.FOLDER, line=row.line)
