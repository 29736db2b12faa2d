"""Tiny wheels and conda packages, made in the test, and a lock of them that can be built."""

from __future__ import annotations

import base64
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import zstandard

from envlock.cli.store_wiring import this_platform
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead

Made = tuple[str, bytes]
"""A file name and what the file holds."""


def wheel(
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    entry_points: Mapping[str, str] | None = None,
) -> Made:
    """A wheel of text files; `entry_points` are console scripts."""
    info = f"{name}-{version}.dist-info"
    contents = {
        **(files or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if entry_points:
        lines = [f"{command} = {target}\n" for command, target in entry_points.items()]
        contents[f"{info}/entry_points.txt"] = "".join(["[console_scripts]\n", *lines])
    rows = [f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in contents.items()]
    contents[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{name}-{version}-py3-none-any.whl", made.getvalue()


def _digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def conda_package(
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    programs: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> Made:
    """A conda package of text files; those in `programs` may be executed."""
    links = links or {}
    contents = {path: text.encode() for path, text in (files or {}).items()}
    rows = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for path, content in sorted(contents.items())
    ]
    rows += [{"_path": path, "path_type": "softlink"} for path in links]
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": [],
        "subdir": "noarch",
        "noarch": "generic",
    }
    info = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": rows, "paths_version": 1}).encode(),
    }
    stem = f"{name}-{version}-0"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr(f"info-{stem}.tar.zst", _packed(info, (), {}))
        archive.writestr(f"pkg-{stem}.tar.zst", _packed(contents, programs, links))
    return f"{stem}.conda", made.getvalue()


def _packed(
    contents: Mapping[str, bytes], programs: Sequence[str], links: Mapping[str, str]
) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, content in contents.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755 if path in programs else 0o644
            archive.addfile(entry, io.BytesIO(content))
        for path, target in links.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return zstandard.ZstdCompressor().compress(made.getvalue())


def write_lock(folder: Path, artifacts: Sequence[Made], *, name: str = "demo") -> Path:
    """Write the files, and a lock that names them by `file:`; returns the lock's path.

    A lock of wheels gets a row for the Python that runs the test, which nothing fetches: it is to
    be built with `--python`.
    """
    place = folder / "artifacts"
    place.mkdir(parents=True, exist_ok=True)
    platform = this_platform().value
    rows = []
    for file_name, content in artifacts:
        (place / file_name).write_bytes(content)
        ending = ".whl" if file_name.endswith(".whl") else ".conda"
        parts = file_name.removesuffix(ending).split("-")
        rows.append(
            _row(
                parts[0] if ending == ".whl" else "-".join(parts[:-2]),
                parts[1] if ending == ".whl" else parts[-2],
                manager="pip" if ending == ".whl" else "conda",
                platform=platform,
                url=f"file://{place / file_name}",
                digest=sha256(content).hexdigest(),
            )
        )
    if any(row.manager == "pip" for row in rows):
        version = ".".join(map(str, sys.version_info[:3]))
        url = f"https://conda.example/{platform}/python-{version}-0.conda"
        rows.append(
            _row("python", version, manager="conda", platform=platform, url=url, digest="0" * 64)
        )
    head = LockHead(
        channels=("conda-forge",),
        platforms=(platform,),
        sources=(f"{name}.toml",),
        content_hash={},
        facts={"envlock/stack": name},
    )
    path = folder / f"{name}.conda-lock.yml"
    path.write_bytes(format_lock(Lock(head=head, packages=tuple(rows))))
    return path


def _row(
    name: str, version: str, *, manager: str, platform: str, url: str, digest: str
) -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager=manager,
        platform=platform,
        url=url,
        md5=None,
        sha256=digest,
        dependencies={},
    )
