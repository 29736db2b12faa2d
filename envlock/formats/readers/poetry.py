"""poetry.lock, from Poetry 0.12's `[metadata.hashes]` to the format 2.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.origins import kind_of, parse_hash
from envlock.formats.readers.reach import normal
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

_KEY = "package"
_KNOWN = ("1.0", "1.1", "2.0", "2.1")


def read(content: bytes, file: str) -> Reading:
    """Read a lock of Poetry; see the package's contract."""
    notes = Notes()
    toml = read_toml(content, file, notes, (_KEY,))
    head = Table({k: v for k, v in toml.document.items() if k != _KEY}, notes, "the file")
    metadata = head.table("metadata")
    version = metadata.text("lock-version")
    if version and version not in _KNOWN:
        notes.add(
            OddityKind.UNKNOWN_FORMAT,
            f"envlock knows the formats 1.0 to 2.1, the file says {shown(version)}; it is read as "
            "2.1",
            line=toml.line_of(r"^lock-version\b"),
        )
    python = metadata.text("python-versions")
    files = _Files(metadata)
    settings = _settings(head, metadata)
    places: dict[str, NamedPlace] = {}
    rows = (_package(row, files, places) for row in toml.rows(_KEY, notes))
    packages = tuple(package for package in rows if package)
    _note_absent(packages, notes)
    return Reading(
        file=file,
        kind=FileKind.POETRY,
        format_version=version,
        packages=packages,
        places=tuple(places.values()),
        python=python,
        settings=settings,
        oddities=notes.oddities,
    )


def _settings(head: Table, metadata: Table) -> dict[str, str]:
    extras = {f"extra.{key}": str(value) for key, value in head.table("extras").items()}
    hashed = metadata.text("content-hash")
    metadata.skip("content-hash", "platform")
    metadata.close()
    head.close()
    return {**({"content-hash": hashed} if hashed else {}), **extras}


class _Files:
    """The files of every package, where they stand at the end: until format 1.1."""

    def __init__(self, metadata: Table) -> None:
        self._by_name: dict[str, list[Any]] = {}
        for key in ("hashes", "files"):
            for name, files in metadata.table(key).items():
                if isinstance(files, list):
                    self._by_name[normal(name)] = files
                else:
                    metadata.notes.odd(
                        f"`{key}` of the file: expected an array for {shown(name)}", subject=name
                    )

    def of(self, name: str) -> list[Any]:
        """Return a package's files, tables or (Poetry 0.12) plain digests."""
        return self._by_name.get(normal(name), [])


def _package(row: Row, files: _Files, places: dict[str, NamedPlace]) -> FoundPackage | None:
    table = row.table
    name = table.text("name")
    if not name:
        table.notes.odd("a package without a name is left out", line=table.line)
        return None
    version = table.text("version")
    groups = table.texts("groups")
    category = table.text("category")
    listed = table.take("files")
    rows = listed if isinstance(listed, list) else files.of(name)
    found = tuple(_found_files(row, rows))
    source = table.table("source")
    kind, address = source.text("type"), source.text("url")
    line = row.line_of(address)
    if kind == "legacy" and address and address not in places:
        places[address] = NamedPlace(address=address, kind="index", line=line)
    there = Origin(address=address, kind=OriginKind.OTHER, line=line)
    origins = tuple(_origins(source, kind, there, found))
    package = FoundPackage(
        name=name,
        ecosystem=Ecosystem.PYPI,
        version=version or None,
        environments=groups or ((category,) if category else ()),
        origins=origins,
        dependencies=tuple(_dependencies(table.table("dependencies"))),
        marker=_marker(table),
        index=address if kind == "legacy" else "",
        is_editable=table.is_set("develop"),
        line=table.line,
    )
    table.skip("description", "optional", "python-versions", "extras", "root", "platform")
    table.close()
    return package


def _marker(table: Table) -> str:
    """Return the marker; where each group has its own, all of them."""
    value = table.take("markers")
    if isinstance(value, dict):
        parts = dict.fromkeys(str(item) for item in value.values())
        return " or ".join(f"({item})" for item in parts) if len(parts) > 1 else "".join(parts)
    single = table.text("marker")
    return value if isinstance(value, str) else single


def _found_files(row: Row, rows: Iterable[Any]) -> Iterator[Origin]:
    table = row.table
    for value in rows:
        if isinstance(value, str) and parse_hash(value):
            yield Origin(address="", kind=OriginKind.OTHER, hashes=parse_hash(value))
            continue
        if not isinstance(value, dict):
            table.notes.odd(
                f"expected a file of the package, found {shown(value)}",
                line=table.line,
                subject=table.subject,
            )
            continue
        item = Table(value, table.notes, "a file", line=table.line, subject=table.subject)
        name, text = item.text("file") or item.text("url"), item.text("hash")
        hashes = parse_hash(text)
        if text and not hashes:
            table.notes.odd(
                f"{shown(text)} is no hash", line=row.line_of(text), subject=table.subject
            )
        size = item.number("size")
        item.skip("url", "upload-time", "upload_time")
        item.close()
        yield Origin(
            address=name,
            kind=kind_of(name),
            hashes=hashes,
            size_bytes=size,
            line=row.line_of(name),
        )


def _origins(
    source: Table, kind: str, there: Origin, files: tuple[Origin, ...]
) -> Iterator[Origin]:
    """Yield where a package comes from: the address of its source, or its files."""
    asked, resolved = source.text("reference"), source.text("resolved_reference")
    source.skip("subdirectory")
    source.close()
    if kind == "git":
        yield replace(there, kind=OriginKind.GIT, revision=resolved or asked)
    elif kind == "directory":
        yield replace(there, kind=OriginKind.FOLDER)
    elif kind in ("url", "file"):
        hashes = files[0].hashes if files else {}
        yield replace(there, kind=kind_of(there.address), hashes=hashes)
    else:
        if kind not in ("", "legacy"):
            source.notes.odd(
                f"the source {shown(kind)} is none that is known",
                line=source.line,
                subject=source.subject,
            )
        yield from files


def _dependencies(table: Table) -> Iterator[str]:
    """Yield `name`, what of it, and when, in the words of the file."""
    for name, value in table.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield f"{name} {item}"
            elif isinstance(item, dict):
                yield " ".join([name, *_words(item)])
            else:
                table.notes.odd(
                    f"the dependency {shown(name)} is {shown(item)}",
                    line=table.line,
                    subject=table.subject,
                )


def _words(value: Mapping[str, Any]) -> Iterator[str]:
    extras = value.get("extras")
    if isinstance(extras, list) and extras:
        yield f"[{','.join(map(str, extras))}]"
    place = next((key for key in ("git", "url", "path") if key in value), None)
    yield f"@ {value[place]}" if place else str(value.get("version", "*"))
    conditions = [
        *([str(value["markers"])] if "markers" in value else []),
        *([f"python {value['python']}"] if "python" in value else []),
    ]
    if conditions:
        yield "; " + " and ".join(conditions)
    if value.get("optional") is True:
        yield "(optional)"


def _note_absent(packages: Iterable[FoundPackage], notes: Notes) -> None:
    """Note dependencies without a row; under a condition Poetry leaves the row out itself."""
    rows = tuple(packages)
    names = {normal(package.name) for package in rows}
    for package in rows:
        for text in package.dependencies:
            name = text.partition(" ")[0]
            if normal(name) not in names and ";" not in text and not text.endswith("(optional)"):
                notes.add(
                    OddityKind.ABSENT,
                    f"{shown(package.name)} needs {shown(name)}, which no row describes",
                    line=package.line,
                    subject=name,
                )
