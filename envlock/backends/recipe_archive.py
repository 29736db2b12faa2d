"""A built package as canonical bytes: what is left of the moment and the machine is taken out.

Two builds by rattler-build differ in the time: in `info/index.json`, in the time of every file of
the archives, in those of the zip. `info/about.json` names the channel's folder. The files
themselves are left as they are; where they differ, it is the recipe's doing.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from envlock.errors import RecipeError

_DAY = (1980, 1, 1, 0, 0, 0)
_LEVEL = 15
_SHOWN = 5
_TEXT = re.compile(rb"[ -~]{0,300}")
_INDEX = "info/index.json"
_ABOUT = "info/about.json"


def canonical_package(package: Path, forbidden: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return a `.conda` file in its canonical bytes, and its `info/index.json`.

    Raises `RecipeError` where a file holds `forbidden`, the path of the store: it would look for
    its toolchain on another machine, and be other bytes there.
    """
    stem = package.name.removesuffix(".conda")
    with zipfile.ZipFile(package) as outer:
        halves = {half: _members(outer.read(f"{half}-{stem}.tar.zst")) for half in ("pkg", "info")}
    index = json.loads(halves["info"][_INDEX][1])
    index.pop("timestamp", None)
    halves["info"][_INDEX][1] = _json(index)
    if _ABOUT in halves["info"]:
        about = json.loads(halves["info"][_ABOUT][1])
        about.pop("channels", None)
        halves["info"][_ABOUT][1] = _json(about)
    _refuse_paths_of_the_store(package.name, halves["pkg"], forbidden)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as outer:
        outer.writestr(zipfile.ZipInfo("metadata.json", _DAY), b'{"conda_pkg_format_version":2}')
        for half, members in halves.items():
            packed = zstandard.ZstdCompressor(_LEVEL).compress(_tar(members))
            outer.writestr(zipfile.ZipInfo(f"{half}-{stem}.tar.zst", _DAY), packed)
    return target.getvalue(), index


def _members(packed: bytes) -> dict[str, list[Any]]:
    content = zstandard.ZstdDecompressor().stream_reader(packed).read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: [member, _content(archive, member)] for member in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() else None
    return b"" if file is None else file.read()


def _tar(members: dict[str, list[Any]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, (found, content) in sorted(members.items()):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = found.type, found.linkname
            member.mode = 0o755 if found.mode & 0o100 else 0o644
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def _refuse_paths_of_the_store(name: str, members: dict[str, list[Any]], forbidden: bytes) -> None:
    found = sorted(_holding(members, forbidden))
    if found:
        rest = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise RecipeError(
            "\n".join(
                [
                    f"`{name}` remembers the toolchain that it was built with, by its path",
                    *(f"  {path}" for path in found[:_SHOWN]),
                    *rest,
                    "The package was discarded; nothing was locked.",
                ]
            ),
            hints=[
                (
                    "in a script's first line or a run path, write $PREFIX for "
                    "$ENVLOCK_TOOLCHAIN; compile with $CFLAGS, which take the path out"
                )
            ],
        )


def _holding(members: dict[str, list[Any]], forbidden: bytes) -> Iterator[str]:
    """Yield each file that holds the path, with the text that it stands in."""
    for name, (member, content) in members.items():
        for text in (content, member.linkname.encode()):
            place = text.find(forbidden)
            if place >= 0:
                found = _TEXT.match(text, place)
                yield f"{name}: {found[0].decode() if found else ''}"
                break


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()
