"""Wheels: unpacked, and every file held against RECORD, as the format asks installers to do."""

from __future__ import annotations

import configparser
import io
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from hashlib import file_digest
from pathlib import Path
from typing import IO

from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from msgspec import Struct
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envlock.backends.unpack_tree import Tree
from envlock.backends.unpack_zip import open_member, read_zip
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.reserved import is_reserved, is_reserved_command

_DIGESTS = ("sha256", "sha384", "sha512")
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_SCHEMES = ("purelib", "platlib", "scripts", "headers", "data")
_IDENTIFIER = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_OBJECT = re.compile(rf"(?P<module>{_IDENTIFIER})\s*:\s*(?P<attr>{_IDENTIFIER})\s*(?:\[.*\])?")
_NO_SECTION = "\n"
"""Of values that every section inherits: nobody but `configparser` knows of it."""
_COMMAND = re.compile(r"\w[\w.+ -]*")


class WheelLayout(Struct, frozen=True, kw_only=True):
    """What an installer has to know of an unpacked wheel."""

    dist_info: str
    data_folder: str | None
    console_scripts: tuple[tuple[str, str, str], ...]
    """Command, module, attribute."""
    gui_scripts: tuple[tuple[str, str, str], ...]


def unpack_wheel(archive: IO[bytes], file_name: str, tree: Tree) -> None:
    """Unpack a wheel and check it."""
    for member in read_zip(archive, tree):
        if member.is_folder:
            tree.add_folder(member.name)
        else:
            tree.add_file(
                member.name,
                open_member(archive, member, tree),
                member.size_bytes,
                is_executable=member.is_executable,
            )
    _check(file_name, tree)


# --- checks ---------------------------------------------------------------------------------------


def _check(file_name: str, tree: Tree) -> None:
    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise tree.refuse(f"its name is none for a wheel: {error}") from None
    info = _find_info(tree, name, version)
    wheel = _headers(tree, f"{info}/WHEEL")
    if not str(wheel.get("Wheel-Version", "")).startswith("1."):
        raise tree.refuse(f"expected version 1 of the wheel format in `{info}/WHEEL`")
    metadata = _headers(tree, f"{info}/METADATA")
    if canonicalize_name(metadata.get("Name", "")) != name:
        raise tree.refuse(f"`{info}/METADATA` names the distribution {metadata.get('Name')!a}")
    if _version(metadata.get("Version", "")) != version:
        raise tree.refuse(f"`{info}/METADATA` names the version {metadata.get('Version')!a}")
    _check_data(tree)
    _check_record(tree, info)
    points = tree.read(f"{info}/entry_points.txt", tree.limits.header_bytes)
    if points is not None:
        for _ in _entry_points(points.decode(), tree):
            pass


def _find_info(tree: Tree, name: str, version: Version) -> str:
    found = {
        entry.path.partition("/")[0]
        for entry in tree.files()
        if entry.path.partition("/")[0].endswith(".dist-info")
    }
    if len(found) != 1:
        raise tree.refuse(f"expected one .dist-info folder, found {len(found)}")
    info = found.pop()
    stem, _, number = info.removesuffix(".dist-info").partition("-")
    if canonicalize_name(stem) != name or _version(number) != version:
        raise tree.refuse(f"`{info}` is of another distribution than its name says")
    return info


def _version(text: str) -> Version | None:
    try:
        return Version(text.replace("_", "+"))
    except InvalidVersion:
        return None


def _headers(tree: Tree, path: str) -> Mapping[str, str]:
    content = tree.read(path)
    if content is None:
        raise tree.refuse(f"it has no `{path}`")
    headers = HeaderParser().parsestr(content.decode())
    for name in ("Name", "Version", "Wheel-Version"):
        if len(headers.get_all(name, [])) > 1:
            raise tree.refuse(f"`{path}` says twice what its {name} is")
    return dict(headers)


def _check_data(tree: Tree) -> None:
    folders = {
        entry.path.split("/")[0]
        for entry in tree.files()
        if entry.path.split("/")[0].endswith(".data")
    }
    if len(folders) > 1:
        raise tree.refuse(f"it has {len(folders)} .data folders")
    for entry in tree.files():
        parts = entry.path.split("/")
        if parts[0] not in folders:
            continue
        if len(parts) < 3 or parts[1] not in _SCHEMES:  # noqa: PLR2004 - folder, scheme, file
            raise tree.refuse(f"`{entry.path}` belongs to no known scheme")
        _check_place(entry.path, parts[1], "/".join(parts[2:]), tree)


def _check_place(path: str, scheme: str, rest: str, tree: Tree) -> None:
    """Refuse files where they would take over the environment, its Python or another wheel."""
    target = {"scripts": f"bin/{rest}", "data": rest}.get(scheme, "")
    is_record = any(part.endswith(".dist-info") for part in rest.split("/"))
    if is_record or (target and is_reserved(target, "")):
        raise tree.refuse(f"`{path}` is not its to bring")


def _check_record(tree: Tree, info: str) -> None:
    content = tree.read(f"{info}/RECORD")
    if content is None:
        raise tree.refuse(f"it has no `{info}/RECORD`")
    rows: set[str] = set()
    for row in _record_rows(content.decode(), tree):
        if row.path in rows:
            raise tree.refuse(f"RECORD names `{row.path}` twice")
        rows.add(row.path)
        entry = tree.get(row.path)
        if entry is None:
            raise tree.refuse(f"RECORD names `{row.path}`, which is not in it")
        if entry.kind is EntryKind.FILE and row.path not in _unhashed(info):
            _check_row(tree, row, entry)
    for entry in tree.files():
        if entry.path not in rows and entry.path not in _unhashed(info):
            raise tree.refuse(f"RECORD does not name `{entry.path}`")


def _unhashed(info: str) -> tuple[str, ...]:
    return tuple(f"{info}/{name}" for name in _UNHASHED)


def _record_rows(text: str, tree: Tree) -> Iterator[RecordEntry]:
    try:
        for elements in parse_record_file(io.StringIO(text, newline="")):
            yield RecordEntry.from_elements(*elements)
    except InvalidRecordEntry as error:
        raise tree.refuse(f"RECORD cannot be read: {error}") from None


def _check_row(tree: Tree, row: RecordEntry, entry: TreeEntry) -> None:
    if row.hash_ is None or row.hash_.name not in _DIGESTS:
        raise tree.refuse(f"RECORD has no strong digest of `{row.path}`")
    expected = urlsafe_b64decode(row.hash_.value + "=" * (-len(row.hash_.value) % 4)).hex()
    found = entry.sha256
    if row.hash_.name != "sha256":
        with (tree.root / row.path).open("rb") as file:
            found = file_digest(file, row.hash_.name).hexdigest()
    if expected != found or row.size not in (None, entry.size_bytes):
        raise tree.refuse(f"`{row.path}` is not the file that RECORD names")


def is_wheel_of(file_name: str, name: str, version: str) -> bool:
    """Say whether a wheel's file name, which has been checked, is that of a distribution."""
    found, number, _, _ = parse_wheel_filename(file_name)
    return (found, number) == (canonicalize_name(name), _version(version))


# --- for the linker -------------------------------------------------------------------------------


def read_wheel_layout(root: Path) -> WheelLayout:
    """Return what an installer has to know; the wheel has been checked when it was unpacked."""
    names = [path.name for path in root.iterdir()]
    info = next(name for name in names if name.endswith(".dist-info"))
    points = root / info / "entry_points.txt"
    text = points.read_text(encoding="utf-8") if points.is_file() else ""
    found = list(_entry_points(text, None))
    return WheelLayout(
        dist_info=info,
        data_folder=next((name for name in names if name.endswith(".data")), None),
        console_scripts=tuple(point[1:] for point in found if point[0] == "console_scripts"),
        gui_scripts=tuple(point[1:] for point in found if point[0] == "gui_scripts"),
    )


def _entry_points(text: str, tree: Tree | None) -> Iterator[tuple[str, str, str, str]]:
    parser = configparser.ConfigParser(
        delimiters=("=",), interpolation=None, strict=False, default_section=_NO_SECTION
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        if tree is None:
            return
        raise tree.refuse(f"its entry points cannot be read: {error}") from None
    for section in ("console_scripts", "gui_scripts"):
        for command, value in parser.items(section) if parser.has_section(section) else ():
            match = _OBJECT.fullmatch(value.strip())
            is_command = _COMMAND.fullmatch(command) and not is_reserved_command(command)
            if match is None or not is_command:
                if tree is None:
                    continue
                raise tree.refuse(f"an entry point is none: {command!a:.80} = {value!a:.80}")
            yield section, command, match["module"], match["attr"]
