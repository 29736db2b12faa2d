"""Tiny packages and locks that build in a fraction of a second, and what they come to.

A wheel of a few lines, a conda package with a placeholder in it, and a package called `python`
that is this test's own Python behind a script of one line: enough to walk every road of a build.
"""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import zstandard

from envlock.cli.store_wiring import this_platform
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead

PYTHON = ".".join(map(str, sys.version_info[:2]))
PLACEHOLDER = "/opt/a_place_that_is_long_enough_for_every_prefix" + "_placehold" * 12
_ZIP_TIME = (2024, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packed:
    """One archive on the disk, as a lock names it."""

    name: str
    version: str
    manager: str
    path: Path

    def row(self, needs: Sequence[str] = ()) -> LockedPackage:
        return LockedPackage(
            name=self.name,
            version=self.version,
            manager=self.manager,
            platform=this_platform().value,
            url=self.path.as_uri(),
            md5=None,
            sha256=sha256(self.path.read_bytes()).hexdigest(),
            dependencies=dict.fromkeys(needs, "*"),
        )


def make_wheel(folder: Path, name: str, files: Mapping[str, bytes], version: str = "1.0") -> Packed:
    """A pure wheel with one launcher called as the package is."""
    info = f"{name}-{version}.dist-info"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n".encode(),
    }
    rows = [
        f"{path},sha256={urlsafe_b64encode(sha256(content).digest()).decode().rstrip('=')},"
        f"{len(content)}\n"
        for path, content in members.items()
    ]
    members[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, _ZIP_TIME), content)
    return Packed(name, version, "pip", path)


def make_conda(
    folder: Path,
    name: str,
    files: Mapping[str, bytes],
    version: str = "1.0",
    *,
    programs: Sequence[str] = (),
) -> Packed:
    """A `.conda` package; files that hold the placeholder are rewritten when it is linked."""
    stem = f"{name}-{version}-0"
    rows = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": sha256(content).hexdigest(),
            "size_in_bytes": len(content),
            **(
                {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
                if PLACEHOLDER.encode() in content
                else {}
            ),
        }
        for path, content in files.items()
    ]
    index = {
        "name": name,
        "version": version,
        "build": "0",
        "build_number": 0,
        "depends": [],
        "subdir": this_platform().value,
    }
    info = {
        "info/index.json": json.dumps(index).encode(),
        "info/paths.json": json.dumps({"paths": rows, "paths_version": 1}).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.conda"
    with zipfile.ZipFile(path, "w") as archive:
        members = {
            "metadata.json": b'{"conda_pkg_format_version": 2}',
            f"info-{stem}.tar.zst": _tar(info, ()),
            f"pkg-{stem}.tar.zst": _tar(files, programs),
        }
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, _ZIP_TIME), content)
    return Packed(name, version, "conda", path)


def _tar(files: Mapping[str, bytes], programs: Sequence[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o755 if path in programs else 0o644
            archive.addfile(member, io.BytesIO(content))
    return zstandard.ZstdCompressor().compress(packed.getvalue())


def make_python(folder: Path) -> Packed:
    """A conda package `python`: a script that is this Python."""
    program = f"bin/python{PYTHON}"
    script = f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n'.encode()
    version = ".".join(map(str, sys.version_info[:3]))
    return make_conda(folder, "python", {program: script}, version, programs=[program])


def write_lock(path: Path, *packages: Packed, host_python: bool = False) -> Path:
    """Write a lock of these packages; `host_python` adds the row of a Python nobody fetches."""
    rows = [package.row() for package in packages]
    if host_python:
        python = LockedPackage(
            name="python",
            version=f"{PYTHON}.0",
            manager="conda",
            platform=this_platform().value,
            url=f"https://channel.invalid/python-{PYTHON}.0-0.conda",
            md5=None,
            sha256="0" * 64,
            dependencies={},
        )
        rows.append(python)
    head = LockHead(
        channels=("conda-forge",),
        platforms=(this_platform().value,),
        sources=("environment.yml",),
        content_hash={},
        facts={},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(format_lock(Lock(head=head, packages=tuple(rows))))
    return path


def module_of(name: str, lines: int = 3) -> dict[str, bytes]:
    """A package of two files, whose `main` prints its name."""
    text = f"def main():\n    print({name!r})\n" + "".join(
        f"value_{at} = {name!r} * {at}\n" for at in range(lines)
    )
    return {f"{name}/__init__.py": text.encode(), f"{name}/data.txt": name.encode() * 20}


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """What lies under a folder, read without any of the code under test: all but the owner."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            mode, time = stat.S_IMODE(status.st_mode), int(status.st_mtime)
            if stat.S_ISLNK(status.st_mode):
                seen: tuple[object, ...] = ("link", str(path.readlink()), time)
            elif stat.S_ISDIR(status.st_mode):
                seen = ("folder", mode, time)
            else:
                seen = ("file", mode, time, sha256(path.read_bytes()).hexdigest())
            found[path.relative_to(root).as_posix()] = seen
    return found
