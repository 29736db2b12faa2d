"""Conda packages: both formats unpacked, and what rattler will read in them checked.

rattler links by `info/paths.json`, names launchers by `info/link.json` and believes
`info/index.json`; so each of them is held against what was unpacked before rattler sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import zstandard
from msgspec import Struct

from envlock.backends.unpack_tar import Bzip2Stream, unpack_tar
from envlock.backends.unpack_tree import Content, Tree
from envlock.backends.unpack_zip import ZipMember, open_member, read_zip
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.conda_paths import placed
from envlock.store.reserved import is_reserved, is_reserved_command

_WINDOW_BYTES = 1 << 27
"""What zstd's highest level uses, and the most that other readers take without being told to."""
_IDENTIFIER = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ENTRY_POINT = re.compile(
    rf"[ \t]*(?P<command>\w[\w.+-]*)[ \t]*=[ \t]*{_IDENTIFIER}[ \t]*:[ \t]*{_IDENTIFIER}[ \t]*"
)
_IDENTITY = {
    "name": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.!+]*"),
    "build": re.compile(r"[A-Za-z0-9_.+]+"),
}
_IDENTITY_SIGNS = 256
_SITE = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)*")
_SITE_SIGNS = 128
_PLACEHOLDER = re.compile(r"(?:/|[A-Za-z]:[/\\]|%).{7,}")
"""A path, and not so short that replacing it makes a file many times as long."""
_PLACEHOLDER_BYTES = 1024
_KINDS = {
    "hardlink": EntryKind.FILE,
    "softlink": EntryKind.LINK,
    "directory": EntryKind.FOLDER,
}
_PARTS_PER_ENTRY = 16
_FEW_PARTS = 10_000
"""Objects and lists of JSON take a hundred times their text when they are read."""
_HALVES = ("info", "pkg")
_ANY_SITE = "lib/python3/site-packages"


class CondaIdentity(Struct, frozen=True, kw_only=True):
    """What a package calls itself, and what rattler makes of it beyond its paths."""

    name: str
    version: str
    build: str
    is_noarch_python: bool
    site: str | None
    """Where a package `python` says that packages go (CEP 17)."""
    commands: Mapping[str, str]
    """The launchers that rattler writes for it, and what each calls."""


def unpack_conda(archive: IO[bytes], file_name: str, tree: Tree) -> None:
    """Unpack the newer format: a zip of two compressed tar archives."""
    stem = file_name.removesuffix(".conda")
    names = {"metadata.json": "metadata"}
    names |= {f"{half}-{stem}.tar.zst": half for half in _HALVES}
    parts: dict[str, ZipMember] = {}
    for member in read_zip(archive, tree):
        part = names.get(member.name)
        if part is None:
            raise tree.refuse(f"`{member.name:.200}` does not belong into a .conda file")
        if part in parts:
            raise tree.refuse(f"it has two parts called `{part}`")
        parts[part] = member
    lacking = sorted({"metadata", *_HALVES} - parts.keys())
    if lacking:
        raise tree.refuse(f"it has no part called `{lacking[0]}`")
    _check_metadata(archive, parts["metadata"], tree)
    for half in _HALVES:
        unpack_zstd(open_member(archive, parts[half], tree), tree, half)
    _check(tree)


def unpack_zstd(packed: Content, tree: Tree, half: str = "") -> None:
    """Unpack a tar archive under zstd; `half` is as `unpack_tar` accepts it."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    with decompressor.stream_reader(packed, read_across_frames=True) as stream:  # type: ignore[arg-type]
        unpack_tar(stream, tree, half)


def _check_metadata(archive: IO[bytes], member: ZipMember, tree: Tree) -> None:
    if member.size_bytes > tree.limits.header_bytes:
        raise tree.refuse(f"`metadata.json` has {member.size_bytes:,} bytes")
    metadata = _parse(open_member(archive, member, tree).read(member.size_bytes + 1))
    found = metadata.get("conda_pkg_format_version") if isinstance(metadata, dict) else None
    if found != 2:  # noqa: PLR2004 - the only one there is
        raise tree.refuse(f"expected version 2 of the .conda format, found {found!a:.80}")


def unpack_bz2(archive: IO[bytes], _: str, tree: Tree) -> None:
    """Unpack the older format: one tar archive."""
    unpack_tar(Bzip2Stream(archive), tree)
    _check(tree)


def read_conda_identity(root: Path) -> CondaIdentity:
    """Return what an unpacked package calls itself; it has been checked when it was unpacked."""
    index = _parse((root / "info" / "index.json").read_bytes())
    link = root / "info" / "link.json"
    points = _entry_points(_parse(link.read_bytes())) if link.is_file() else []
    named = index.get("python_site_packages_path")
    return CondaIdentity(
        name=str(index["name"]),
        version=str(index["version"]),
        build=str(index["build"]),
        is_noarch_python=index.get("noarch") == "python",
        site=named if isinstance(named, str) and named else None,
        commands={
            command.strip(): called.strip()
            for command, _, called in (str(point).partition("=") for point in points)
        },
    )


# --- what rattler will read -----------------------------------------------------------------------


def _check(tree: Tree) -> None:
    tree.check_links()
    index = _read_object(tree, "info/index.json")
    if index is None:
        raise tree.refuse("it has no `info/index.json`")
    _check_index(tree, index)
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
    _check_places(tree, index)


def _parse(content: bytes) -> Any:
    """Parse JSON as strict readers do: UTF-8, and no name twice. Raises `ValueError`."""
    return json.loads(content.decode(), object_pairs_hook=_without_twins)


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object of JSON has a name twice")
    return found


def _read_object(tree: Tree, path: str) -> Mapping[str, Any] | None:
    content = tree.read(path)
    if content is None:
        return None
    if content.count(b"{") + content.count(b"[") > _PARTS_PER_ENTRY * tree.count() + _FEW_PARTS:
        raise tree.refuse(f"`{path}` is far longer than what it is about")
    value = _parse(content)
    if not isinstance(value, dict):
        raise tree.refuse(f"`{path}` is no JSON object")
    return value


def _check_index(tree: Tree, index: Mapping[str, Any]) -> None:
    for key, form in _IDENTITY.items():
        value = index.get(key)
        if not isinstance(value, str):
            raise tree.refuse(f"`info/index.json` does not say its {key}")
        if len(value) > _IDENTITY_SIGNS or not form.fullmatch(value) or set(value) == {"."}:
            raise tree.refuse(f"`info/index.json` has a {key} that is none: {value!a:.80}")
    site = index.get("python_site_packages_path")
    if site is not None and not (
        isinstance(site, str) and len(site) <= _SITE_SIGNS and _SITE.fullmatch(site)
    ):
        raise tree.refuse(f"`info/index.json` has a folder for packages that is none: {site!a:.80}")


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
            raise tree.refuse(f"`info/paths.json` names `{path:.200}` twice")
        seen.add(path)
        entry = tree.get(path)
        if entry is None:
            raise tree.refuse(f"`info/paths.json` names {path!a:.200}, which is not in it")
        _check_row(tree, row, entry)


def _check_row(tree: Tree, row: Mapping[str, Any], entry: TreeEntry) -> None:
    kind = _KINDS.get(str(row.get("path_type", "hardlink")))
    if kind is not entry.kind:
        raise tree.refuse(
            f"`{entry.path}` is a {entry.kind.value}, not {row.get('path_type')!a:.80}"
        )
    if not isinstance(row.get("no_link", False), bool):
        raise tree.refuse(f"`{entry.path}` may or may not be linked: {row['no_link']!a:.80}")
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
    is_path = is_text and _PLACEHOLDER.fullmatch(str(placeholder))
    if not is_path or len(str(placeholder).encode()) > _PLACEHOLDER_BYTES:
        raise tree.refuse(f"`{entry.path}` has a prefix that is none: {placeholder!a:.80}")
    if mode not in ("text", "binary"):
        raise tree.refuse(f"`{entry.path}` is rewritten as {mode!a:.80}, not as text or binary")
    if entry.kind is not EntryKind.FILE:
        raise tree.refuse(f"`{entry.path}` is a {entry.kind.value} and cannot be rewritten")


def _check_files(tree: Tree) -> None:
    """Check the lists of packages built before 2017."""
    for path in _lines(tree, "info/files"):
        if tree.get(path) is None:
            raise tree.refuse(f"`info/files` names {path!a:.200}, which is not in it")
    for line in _lines(tree, "info/has_prefix"):
        fields = line.split()
        path, placeholder, mode = (
            (fields[2].strip('"'), fields[0].strip('"'), fields[1])
            if len(fields) == 3  # noqa: PLR2004 - placeholder, mode, path
            else (line, "/opt/anaconda1anaconda2anaconda3", "text")
        )
        entry = tree.get(path)
        if entry is None:
            raise tree.refuse(f"`info/has_prefix` names {path!a:.200}, which is not in it")
        _check_placeholder(tree, entry, placeholder, mode)


def _lines(tree: Tree, path: str) -> list[str]:
    content = tree.read(path) or b""
    return [line for line in content.decode().split("\n") if line.strip()]


def _check_entry_points(tree: Tree, link: Mapping[str, Any]) -> None:
    seen: set[str] = set()
    for point in _entry_points(link):
        match = _ENTRY_POINT.fullmatch(point) if isinstance(point, str) else None
        if match is None:
            raise tree.refuse(f"`info/link.json` has an entry point that is none: {point!a:.120}")
        command = match["command"]
        if is_reserved_command(command) or command in seen:
            raise tree.refuse(
                f"`info/link.json` has an entry point that it may not: {point!a:.120}"
            )
        seen.add(command)


def _entry_points(link: Any) -> Sequence[object]:
    """Return entry points as they stand there. Raises `ValueError` where they are no list."""
    noarch = link.get("noarch") if isinstance(link, dict) else None
    points = noarch.get("entry_points") if isinstance(noarch, dict) else None
    if points is None:
        return []
    if not isinstance(points, list):
        raise ValueError("`info/link.json` has entry points that are no list")  # noqa: TRY004 - bad content, as a decoder says it
    return points


def _check_places(tree: Tree, index: Mapping[str, Any]) -> None:
    """Refuse files where they would take over the environment or its Python."""
    is_noarch_python = index.get("noarch") == "python"
    for entry in tree.entries():
        if entry.kind is EntryKind.FOLDER or entry.path.startswith("info/"):
            continue
        path = placed(entry.path, _ANY_SITE, is_noarch_python=is_noarch_python)
        if is_reserved(path, index["name"]):
            raise tree.refuse(f"`{entry.path}` is not its to bring")
