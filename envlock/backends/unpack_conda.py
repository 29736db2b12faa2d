"""Conda packages: both formats unpacked, and what rattler will read in them checked.

rattler links by `info/paths.json`, names launchers by `info/link.json` and believes
`info/index.json`; so each of them is held against what was unpacked before rattler sees it.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import zstandard
from msgspec import Struct

from envlock.backends.unpack import Tree, open_bz2, unpack_tar
from envlock.model.tree import EntryKind, TreeEntry

_WINDOW_BYTES = 1 << 28
"""Twice what zstd's highest level uses without `--long`; a larger one only eats memory."""
_IDENTIFIER = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ENTRY_POINT = re.compile(rf"\s*(?P<command>[\w.+-]+)\s*=\s*{_IDENTIFIER}\s*:\s*{_IDENTIFIER}\s*")
_PLACEHOLDER_BYTES = 1024
_KINDS = {
    "hardlink": EntryKind.FILE,
    "softlink": EntryKind.LINK,
    "directory": EntryKind.FOLDER,
}
_PARTS = re.compile(r"(?P<part>info|pkg)-.+\.tar\.zst")


class CondaIdentity(Struct, frozen=True, kw_only=True):
    """What a package calls itself."""

    name: str
    version: str
    build: str
    noarch: str | None


def unpack_conda(archive: Path, _: str, tree: Tree) -> None:
    """Unpack the newer format: a zip of two compressed tar archives."""
    with zipfile.ZipFile(archive) as outer:
        parts: dict[str, zipfile.ZipInfo] = {}
        for info in outer.infolist():
            match = _PARTS.fullmatch(info.filename)
            if match is None and info.filename != "metadata.json":
                raise tree.refuse(f"`{info.filename}` does not belong into a .conda file")
            part = match["part"] if match else "metadata"
            if part in parts:
                raise tree.refuse(f"it has two parts called `{part}`")
            parts[part] = info
        lacking = sorted({"info", "pkg", "metadata"} - parts.keys())
        if lacking:
            raise tree.refuse(f"it has no part called `{lacking[0]}`")
        _check_metadata(outer, parts["metadata"], tree)
        for part in ("info", "pkg"):
            with outer.open(parts[part]) as packed:
                _unpack_zstd(packed, tree)
    _check(tree)


def _unpack_zstd(packed: IO[bytes], tree: Tree) -> None:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    with decompressor.stream_reader(packed, read_across_frames=True) as stream:
        unpack_tar(stream, tree)


def _check_metadata(outer: zipfile.ZipFile, info: zipfile.ZipInfo, tree: Tree) -> None:
    if info.file_size > tree.limits.metadata_bytes:
        raise tree.refuse(f"`metadata.json` has {info.file_size:,} bytes")
    metadata = json.loads(outer.read(info))
    found = metadata.get("conda_pkg_format_version") if isinstance(metadata, dict) else None
    if found != 2:  # noqa: PLR2004 - the only one there is
        raise tree.refuse(f"expected version 2 of the .conda format, found {found!a}")


def unpack_bz2(archive: Path, _: str, tree: Tree) -> None:
    """Unpack the older format: one tar archive."""
    with open_bz2(archive) as stream:
        unpack_tar(stream, tree)
    _check(tree)


def read_conda_identity(root: Path) -> CondaIdentity:
    """Return what an unpacked package calls itself; it has been checked when it was unpacked."""
    index = json.loads((root / "info" / "index.json").read_bytes())
    return _identity(index)


def _identity(index: Mapping[str, Any]) -> CondaIdentity:
    noarch = index.get("noarch")
    return CondaIdentity(
        name=str(index["name"]),
        version=str(index["version"]),
        build=str(index["build"]),
        noarch=str(noarch) if noarch else None,
    )


# --- what rattler will read -----------------------------------------------------------------------


def _check(tree: Tree) -> None:
    tree.check_links()
    index = _read_object(tree, "info/index.json")
    if index is None:
        raise tree.refuse("it has no `info/index.json`")
    for key in ("name", "version", "build"):
        if not isinstance(index.get(key), str):
            raise tree.refuse(f"`info/index.json` does not say its {key}")
    paths = _read_object(tree, "info/paths.json")
    if paths is not None:
        _check_paths(tree, paths)
    elif tree.get("info/files") is not None:
        _check_files(tree)
    else:
        raise tree.refuse("it has neither `info/paths.json` nor `info/files`")
    link = _read_object(tree, "info/link.json")
    if link is not None:
        _check_entry_points(tree, link)


def _read_object(tree: Tree, path: str) -> Mapping[str, Any] | None:
    content = tree.read(path)
    if content is None:
        return None
    value = json.loads(content)
    if not isinstance(value, dict):
        raise tree.refuse(f"`{path}` is no JSON object")
    return value


def _check_paths(tree: Tree, paths: Mapping[str, Any]) -> None:
    rows = paths.get("paths")
    if not isinstance(rows, list):
        raise tree.refuse("`info/paths.json` has no list of paths")
    seen: set[str] = set()
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("_path"), str):
            raise tree.refuse("`info/paths.json` has a row without a path")
        path = row["_path"]
        if path in seen:
            raise tree.refuse(f"`info/paths.json` names `{path}` twice")
        seen.add(path)
        entry = tree.get(path)
        if entry is None:
            raise tree.refuse(f"`info/paths.json` names `{path}`, which is not in it")
        _check_row(tree, row, entry)


def _check_row(tree: Tree, row: Mapping[str, Any], entry: TreeEntry) -> None:
    kind = _KINDS.get(str(row.get("path_type", "hardlink")))
    if kind is not entry.kind:
        raise tree.refuse(f"`{entry.path}` is a {entry.kind.value}, not {row.get('path_type')!a}")
    if kind is EntryKind.FILE:
        expected = row.get("sha256")
        if expected is not None and expected != entry.sha256:
            raise tree.refuse(f"`{entry.path}` is not the file that `info/paths.json` names")
        size = row.get("size_in_bytes")
        if size is not None and size != entry.size_bytes:
            raise tree.refuse(f"`{entry.path}` has another size than `info/paths.json` names")
    placeholder = row.get("prefix_placeholder")
    if placeholder is not None:
        _check_placeholder(tree, entry, placeholder, row.get("file_mode"))


def _check_placeholder(tree: Tree, entry: TreeEntry, placeholder: object, mode: object) -> None:
    is_text = isinstance(placeholder, str) and placeholder.isprintable()
    if not is_text or not placeholder or len(str(placeholder).encode()) > _PLACEHOLDER_BYTES:
        raise tree.refuse(f"`{entry.path}` has a prefix that is none: {placeholder!a:.80}")
    if mode not in ("text", "binary"):
        raise tree.refuse(f"`{entry.path}` is rewritten as {mode!a}, not as text or binary")


def _check_files(tree: Tree) -> None:
    """Check the lists of packages built before 2017."""
    for path in _lines(tree, "info/files"):
        if tree.get(path) is None:
            raise tree.refuse(f"`info/files` names `{path}`, which is not in it")
    for line in _lines(tree, "info/has_prefix"):
        fields = line.split()
        path, placeholder, mode = (
            (fields[2].strip('"'), fields[0].strip('"'), fields[1])
            if len(fields) == 3  # noqa: PLR2004 - placeholder, mode, path
            else (line, "/opt/anaconda1anaconda2anaconda3", "text")
        )
        entry = tree.get(path)
        if entry is None:
            raise tree.refuse(f"`info/has_prefix` names `{path}`, which is not in it")
        _check_placeholder(tree, entry, placeholder, mode)


def _lines(tree: Tree, path: str) -> list[str]:
    content = tree.read(path) or b""
    return [line for line in content.decode().splitlines() if line.strip()]


def _check_entry_points(tree: Tree, link: Mapping[str, Any]) -> None:
    noarch = link.get("noarch")
    if not isinstance(noarch, dict):
        return
    points = noarch.get("entry_points") or []
    if not isinstance(points, list):
        raise tree.refuse("`info/link.json` has entry points that are no list")
    for point in points:
        match = _ENTRY_POINT.fullmatch(point) if isinstance(point, str) else None
        if match is None or match["command"] in (".", ".."):
            raise tree.refuse(f"`info/link.json` has an entry point that is none: {point!a:.120}")
