"""uv.lock, of version 1 and every revision so far, and uv's first locks with `[[distribution]]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import kind_of, parse_hash
from envlock.formats.readers.reach import Node, Want, reach
from envlock.formats.readers.table import Table
from envlock.formats.readers.toml_text import Row, read_toml
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    NamedPlace,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)

_KEYS = ("package", "distribution")
_FOLDERS = ("editable", "virtual", "directory")
_SOURCES = ("registry", "git", "url", "path", *_FOLDERS)
_OLD_SOURCES: Mapping[str, str] = {"direct": "url"}
_GROUPS = ("dev-dependencies", "dependency-groups")


def read(content: bytes, file: str) -> Reading:
    """Read a lock of uv; see the package's contract."""
    notes = Notes()
    toml = read_toml(content, file, notes, _KEYS)
    rest = {key: value for key, value in toml.document.items() if key not in _KEYS}
    head = Table(rest, notes, "the file")
    version = head.take("version")
    if version != 1:
        notes.add(
            OddityKind.UNKNOWN_FORMAT,
            f"uv writes version 1, the file says {shown(version)}; it is read as version 1",
            line=toml.line_of(r"^version\b"),
        )
    revision = head.number("revision")
    python = head.text("requires-python")
    settings, roots, members = _head_parts(head)
    lock = _Lock(notes, members)
    for key in _KEYS:
        for row in toml.rows(key, notes):
            lock.add(row)
    return Reading(
        file=file,
        kind=FileKind.UV,
        format_version=f"{version}.{revision}" if revision else str(version or ""),
        packages=reach(lock.nodes, roots, notes),
        places=tuple(lock.places.values()),
        python=python,
        settings=settings,
        oddities=notes.oddities,
    )


def _head_parts(head: Table) -> tuple[dict[str, str], tuple[Want, ...], frozenset[str]]:
    """Return the settings, what a script asks for, and the names of the workspace's projects."""
    settings: dict[str, str] = {}
    for key in ("resolution-markers", "supported-markers", "required-markers"):
        if values := head.texts(key):
            settings[key] = "; ".join(values)
    if (conflicts := head.take("conflicts")) is not None:
        settings["conflicts"] = str(conflicts)
    settings |= {key: str(value) for key, value in head.table("options").items()}
    manifest = head.table("manifest")
    members = frozenset(manifest.texts("members"))
    roots = tuple(_wants(manifest.tables("requirements")))
    settings |= {key: str(value) for key, value in manifest.items()}
    head.close()
    return settings, roots, members


class _Lock:
    """The packages, gathered row by row."""

    def __init__(self, notes: Notes, members: frozenset[str]) -> None:
        self.nodes: list[Node] = []
        self.places: dict[str, NamedPlace] = {}
        self._notes = notes
        self._members = members

    def add(self, row: Row) -> None:
        """Read a row."""
        table = row.table
        name = table.text("name")
        if not name:
            self._notes.odd("a package without a name is left out", line=table.line)
            return
        version = table.text("version")
        source = _source(table)
        index = source.address if source.kind == "registry" else ""
        if index and index not in self.places:
            line = row.line_of(index)
            self.places[index] = NamedPlace(address=index, kind="index", line=line)
        wants = tuple(_wants(table.tables("dependencies")))
        extras = _grouped(table.table("optional-dependencies"))
        groups = {
            key: part
            for name in _GROUPS
            if name in table
            for key, part in _grouped(table.table(name)).items()
        }
        markers = table.texts("resolution-markers")
        package = FoundPackage(
            name=name,
            ecosystem=Ecosystem.PYPI,
            version=version or None,
            origins=tuple(_origins(row, source)),
            dependencies=(
                *(want.text for want in wants),
                *(want.text_under(extra) for extra, part in extras.items() for want in part),
            ),
            marker=" or ".join(f"({item})" for item in markers)
            if markers[1:]
            else "".join(markers),
            index=index,
            is_editable=source.kind == "editable",
            is_project=self._is_project(name, source),
            line=table.line,
        )
        table.skip("metadata")
        table.close()
        self.nodes.append(Node(package=package, wants=wants, extras=extras, groups=groups))

    def _is_project(self, name: str, source: _Source) -> bool:
        if source.kind not in _FOLDERS:
            return False
        return name in self._members if self._members else source.address == "."


class _Source(NamedTuple):
    kind: str
    address: str
    subdirectory: str = ""


def _source(table: Table) -> _Source:
    """Read `source`, a table, or a text such as `registry+https://…` in uv's first locks."""
    value = table.take("source")
    if isinstance(value, str):
        kind, _, address = value.partition("+")
        return _known(table, _OLD_SOURCES.get(kind, kind), address)
    if not isinstance(value, dict):
        table.notes.odd(
            f"expected a table `source`, found {shown(value)}",
            line=table.line,
            subject=table.subject,
        )
        return _Source("", "")
    inner = Table(value, table.notes, "a source", line=table.line, subject=table.subject)
    kind = next((kind for kind in _SOURCES if kind in inner), "")
    address = inner.text(kind) if kind else ""
    subdirectory = inner.text("subdirectory")
    if kind:
        inner.close()
        return _Source(kind, address, subdirectory)
    return _known(table, next((key for key, _ in inner.items()), ""), "")


def _known(table: Table, kind: str, address: str) -> _Source:
    if kind not in _SOURCES:
        table.notes.odd(
            f"the source {shown(kind)} is none that is known",
            line=table.line,
            subject=table.subject,
        )
    return _Source(kind, address)


def _origins(row: Row, source: _Source) -> Iterator[Origin]:
    """Yield where a package comes from: a folder, a commit, or its files."""
    line = row.table.line
    if source.kind in _FOLDERS:
        yield Origin(address=source.address, kind=OriginKind.FOLDER, line=line)
    elif source.kind == "git":
        revision = source.address.partition("#")[2]
        yield Origin(address=source.address, kind=OriginKind.GIT, revision=revision, line=line)
    files = [
        *_files(row, source, _one(row.table, "sdist"), OriginKind.SDIST),
        *_files(row, source, row.table.tables("wheels"), OriginKind.WHEEL),
    ]
    yield from files
    if source.kind in ("url", "path") and not files:
        yield Origin(address=source.address, kind=kind_of(source.address), line=line)


def _one(table: Table, key: str) -> Iterable[Table]:
    return [table.table(key)] if key in table else []


def _files(row: Row, source: _Source, files: Iterable[Table], kind: OriginKind) -> Iterator[Origin]:
    for table in files:
        written = table.text("url") or table.text("path") or table.text("filename")
        direct = source.address if source.kind in ("url", "path") else ""
        text = table.text("hash")
        hashes = parse_hash(text)
        if text and not hashes:
            table.notes.odd(
                f"{shown(text)} is no hash", line=row.line_of(text), subject=table.subject
            )
        size = table.number("size")
        table.skip("upload-time", "zstd", "url", "path", "filename")
        table.close()
        yield Origin(
            address=direct or written,
            kind=kind,
            hashes=hashes,
            size_bytes=size,
            line=row.line_of(written or text),
        )


def _grouped(table: Table) -> dict[str, tuple[Want, ...]]:
    """Read the lists of `optional-dependencies` or of dependency groups."""
    return {key: tuple(_wants(table.tables(key))) for key in table}


def _wants(tables: Iterable[Table]) -> Iterator[Want]:
    for table in tables:
        name = table.text("name")
        extras = table.texts("extra") + table.texts("extras")
        version, marker = table.text("version"), table.text("marker")
        specifier = table.text("specifier")
        table.skip("source", "editable", "index", "virtual", "directory", "git", "url", "path")
        table.skip("conflict", "subdirectory")
        table.close()
        if name:
            yield Want(
                name=name,
                specifier=f"=={version}" if version else specifier,
                version=version,
                extras=extras,
                marker=marker,
            )
        else:
            table.notes.odd("a dependency has no name", line=table.line, subject=table.subject)
