"""A record of `conda-meta`: one conda package of an environment, and the files that it linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envlock.errors import EnvlockError
from envlock.formats.strict_json import parse_json
from envlock.model.installed import InstalledPackage, RecordedFile
from envlock.model.reading import Ecosystem, Origin, OriginKind

_HASH_DIGITS = {"sha256": 64, "md5": 32}
_LAUNCHERS = ("unix_python_entry_point", "windows_python_entry_point_script", "pyc_file")
"""Written when it was linked; the record tells nothing of their content."""
_NOT_PLACED = ("directory", "linked_package_record")


def read_conda_meta(content: bytes, record: str) -> InstalledPackage:
    """Read one record. Raises `EnvlockError` that says why it is none."""
    data, faults = parse_json(content, record)
    if faults:
        raise EnvlockError("; ".join(map(str, faults)))
    if not isinstance(data, dict) or not all(_text(data, key) for key in ("name", "version")):
        raise EnvlockError(f"{record}: expected a package with `name` and `version`")
    hashes = {key: value for key in _HASH_DIGITS if (value := _hash(data, key))}
    return InstalledPackage(
        name=_text(data, "name"),
        version=_text(data, "version"),
        ecosystem=Ecosystem.CONDA,
        record=record,
        build=_text(data, "build") or _text(data, "build_string"),
        subdir=_text(data, "subdir"),
        origins=tuple(_origins(data, hashes)),
        sha256=hashes.get("sha256", ""),
        md5=hashes.get("md5", ""),
        dependencies=_texts(data, "depends"),
        constrains=_texts(data, "constrains"),
        license=_text(data, "license"),
        installer="conda",
        files=tuple(_files(data)),
    )


def _origins(data: Mapping[str, Any], hashes: Mapping[str, str]) -> Iterator[Origin]:
    url = _text(data, "url")
    if url and not url.startswith("urn:"):  # the store names archives by their digest alone
        yield Origin(address=url, kind=OriginKind.CONDA, hashes=hashes)


def _files(data: Mapping[str, Any]) -> Iterator[RecordedFile]:
    """Yield the files; of one that holds its prefix only `sha256_in_prefix` tells the content."""
    paths = data.get("paths_data")
    rows = paths.get("paths") if isinstance(paths, dict) else None
    if not isinstance(rows, list):
        listed = _texts(data, "files")
        yield from (RecordedFile(path=path) for path in listed if _is_inside(path))
        return
    for row in rows:
        if not isinstance(row, dict) or row.get("path_type") in _NOT_PLACED:
            continue
        path, kind = _text(row, "_path"), row.get("path_type")
        if not _is_inside(path):
            continue
        is_open = kind in (*_LAUNCHERS, "softlink")
        holds_prefix = bool(row.get("prefix_placeholder"))
        placed = _hash(row, "sha256_in_prefix", "sha256")
        plain = "" if holds_prefix else _hash(row, "sha256")
        size = row.get("size_in_bytes")
        has_size = isinstance(size, int) and not isinstance(size, bool) and not holds_prefix
        yield RecordedFile(
            path=path,
            sha256="" if is_open else placed or plain,
            size_bytes=size if has_size and not is_open else None,
        )


def _is_inside(path: str) -> bool:
    """Say whether a path is one of the environment's; there is nothing to hold others against."""
    return bool(path) and not path.startswith("/") and ".." not in path.split("/")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _hash(data: Mapping[str, Any], key: str, kind: str = "") -> str:
    text = _text(data, key).lower()
    is_hex = len(text) == _HASH_DIGITS[kind or key] and not text.strip("0123456789abcdef")
    return text if is_hex else ""
