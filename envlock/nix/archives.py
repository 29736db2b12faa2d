"""Archives unpacked: the two halves of a conda package, the older format, wheels."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile

from .rewrite import LinkError
from .tree import is_inside

_HALVES = ("info", "pkg")


def unpack_conda(place: str, target: str) -> None:
    """Unpack a conda package: a `.tar.bz2`, or the folder that Nix has unpacked a `.conda` to."""
    if os.path.isdir(place):
        for half in _HALVES:
            _unpack_tar(os.path.join(place, half + ".tar"), target)
    else:
        _unpack_tar(place, target)


def _unpack_tar(place: str, target: str) -> None:
    with tarfile.open(place) as archive:
        members = archive.getmembers()
        for member in members:
            if member.name.strip("/.") and not is_inside(_plain(member.name)):
                raise LinkError("%s: `%s` leads out of it" % (place, member.name))
            if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
                raise LinkError("%s: `%s` is a device" % (place, member.name))
            member.mode |= 0o700 if member.isdir() else 0o600
        if hasattr(tarfile, "tar_filter"):
            archive.extractall(target, members=members, filter="tar")
        else:
            archive.extractall(target, members=members)


def _plain(name: str) -> str:
    name = name[2:] if name.startswith("./") else name
    return name.rstrip("/")


def unpack_wheel(place: str, target: str) -> None:
    """Unpack a wheel; a file's mode says only whether it may be run."""
    with zipfile.ZipFile(place) as archive:
        for member in archive.infolist():
            name = member.filename.rstrip("/")
            if not is_inside(name):
                raise LinkError("%s: `%s` leads out of it" % (place, member.filename))
            path = os.path.join(target, name)
            if member.is_dir():
                os.makedirs(path, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            os.chmod(path, 0o755 if (member.external_attr >> 16) & 0o111 else 0o644)
