"""pylock.toml, the lock format of PEP 751."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import kind_of
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

_KEY = "packages"


def read(content: bytes, file: str) -> Reading:
    """Read a lock of PEP 751; see the package's contract."""
    notes = Notes()
    toml = read_toml(content, file, notes, (_KEY,))
    head = Table({k: v for k, v in toml.document.items() if k != _KEY}, notes, "the file")
    version = head.text("lock-version")
    if version.partition(".")[0] != "1":
        notes.add(
            OddityKind.UNKNOWN_FORMAT,
            f"the standard has version 1.0, the file says {shown(version)}; it is read as 1.0",
            line=toml.line_of(r"^lock-version\b"),
        )
    python = head.text("requires-python")
    settings = _settings(head)
    places: dict[str, NamedPlace] = {}
    rows = (_package(row, places) for row in toml.rows(_KEY, notes))
    packages = tuple(package for package in rows if package)
    _hold_against_the_standard(toml.document, notes)
    return Reading(
        file=file,
        kind=FileKind.PYLOCK,
        format_version=version,
        packages=packages,
        places=tuple(places.values()),
        python=python,
        settings=settings,
        oddities=notes.oddities,
    )


def _settings(head: Table) -> dict[str, str]:
    lists = {
        key: "; ".join(head.texts(key))
        for key in ("environments", "extras", "dependency-groups", "default-groups")
    }
    settings = {"created-by": head.text("created-by"), **lists}
    head.skip("tool")
    head.close()
    return {key: value for key, value in settings.items() if value}


def _package(row: Row, places: dict[str, NamedPlace]) -> FoundPackage | None:
    table = row.table
    name = table.text("name")
    if not name:
        table.notes.odd("a package without a name is left out", line=table.line)
        return None
    version = table.text("version")
    index = table.text("index")
    if index and index not in places:
        places[index] = NamedPlace(address=index, kind="index", line=row.line_of(index))
    folder = table.table("directory") if "directory" in table else None
    is_editable = folder is not None and folder.is_set("editable")
    path = folder.text("path") if folder else ""
    origins = tuple(_origins(row, path))
    package = FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version or None,
        origins=origins,
        dependencies=tuple(_dependencies(table.tables("dependencies"))),
        marker=table.text("marker"),
        index=index,
        is_editable=is_editable,
        is_project=path == ".",
        line=table.line,
    )
    if folder:
        folder.skip("subdirectory")
        folder.close()
    table.skip("requires-python", "attestation-identities", "tool")
    table.close()
    return package


def _origins(row: Row, folder: str) -> Iterator[Origin]:
    table = row.table
    if folder:
        yield Origin(address=folder, kind=OriginKind.FOLDER, line=row.line_of(folder))
    for vcs in _one(table, "vcs"):
        address = vcs.text("url") or vcs.text("path")
        kind = vcs.text("type")
        commit, asked = vcs.text("commit-id"), vcs.text("requested-revision")
        vcs.skip("path", "subdirectory")
        vcs.close()
        yield Origin(
            address=address,
            kind=OriginKind.GIT if kind in ("git", "") else OriginKind.OTHER,
            revision=commit or asked,
            line=row.line_of(address),
        )
    yield from _files(row, _one(table, "archive"), None)
    yield from _files(row, _one(table, "sdist"), OriginKind.SDIST)
    yield from _files(row, table.tables("wheels"), OriginKind.WHEEL)


def _one(table: Table, key: str) -> Iterable[Table]:
    return [table.table(key)] if key in table else []


def _files(row: Row, files: Iterable[Table], kind: OriginKind | None) -> Iterator[Origin]:
    for table in files:
        name, url, path = table.text("name"), table.text("url"), table.text("path")
        address = url or path or name
        hashes = table.table("hashes")
        size = table.number("size")
        table.skip("upload-time", "subdirectory")
        table.close()
        yield Origin(
            address=address,
            kind=kind or kind_of(address),
            hashes={key: hashes.text(key) for key in hashes},
            size_bytes=size,
            line=row.line_of(address),
        )


def _dependencies(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        name = table.text("name")
        version = table.text("version")
        table.skip("index", "marker", "vcs", "directory", "archive", "sdist", "wheels")
        table.close()
        if name:
            yield f"{name} =={version}" if version else name


def _hold_against_the_standard(document: Mapping[str, Any], notes: Notes) -> None:
    """Note what `packaging` refuses in a document: it knows the standard by heart."""
    try:
        from packaging.pylock import Pylock, PylockValidationError  # noqa: PLC0415 - since 26
    except ImportError:  # an older `packaging`: the reader's own notes must do
        return
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        notes.odd(f"the standard does not allow it: {shown(str(error)).strip('`')}")
