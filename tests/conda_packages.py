"""Real conda packages and channels of them, made on the spot: both formats, every kind of entry."""

from __future__ import annotations

import bz2
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path

import zstandard

PLACEHOLDER = "/placehold" + "_placehold" * 24
"""As conda-build pads it: 250 bytes, longer than any prefix."""
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file or link of a package."""

    content: bytes = b""
    target: str | None = None
    """What a symbolic link points to; None for a file."""
    is_folder: bool = False
    """An empty folder."""
    is_executable: bool = False
    placeholder: str | None = None
    """What the prefix takes the place of; None for a file that does not know its prefix."""
    file_mode: str = "text"

    def row(self, path: str) -> dict[str, object]:
        """Return the member's row of `paths.json`."""
        if self.target is not None:
            return {"_path": path, "path_type": "softlink"}
        if self.is_folder:
            return {"_path": path, "path_type": "directory"}
        prefix = {"prefix_placeholder": self.placeholder, "file_mode": self.file_mode}
        return {
            "_path": path,
            "path_type": "hardlink",
            "sha256": sha256(self.content).hexdigest(),
            "size_in_bytes": len(self.content),
            **(prefix if self.placeholder else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A package in a channel, and what the channel says of it."""

    path: Path
    record: Mapping[str, object]

    @property
    def sha256(self) -> str:
        return str(self.record["sha256"])


def script(text: str, *, placeholder: str | None = PLACEHOLDER) -> Member:
    """Return a program that may name its prefix."""
    return Member(content=text.encode(), is_executable=True, placeholder=placeholder)


def pack(  # a package names all of this
    channel: Path,
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    members: Mapping[str, Member],
    depends: Sequence[str] = (),
    noarch: str | None = None,
    entry_points: Sequence[str] = (),
    ending: str = ".conda",
    is_of_2016: bool = False,
) -> Packed:
    """Write a package into a channel; the same arguments give the same bytes.

    `is_of_2016` leaves `paths.json` away: `info/files` and `info/has_prefix` stand for it.
    """
    subdir = "noarch" if noarch else "linux-64"
    index: dict[str, object] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "subdir": subdir,
        **({"noarch": noarch} if noarch else {}),
    }
    info = {"info/index.json": Member(content=_json(index))}
    info |= _old_lists(members) if is_of_2016 else {"info/paths.json": _paths(members)}
    if noarch == "python":
        link = {"noarch": {"type": "python", "entry_points": list(entry_points)}}
        info["info/link.json"] = Member(content=_json({**link, "package_metadata_version": 1}))
    path = channel / subdir / f"{name}-{version}-{build}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    archive = _bz2(info, members) if ending == ".tar.bz2" else _conda(path.name, info, members)
    path.write_bytes(archive)
    digests = {
        "md5": md5(archive, usedforsecurity=False).hexdigest(),
        "sha256": sha256(archive).hexdigest(),
    }
    return Packed(path=path, record={**index, **digests, "size": len(archive)})


def write_channel(channel: Path, packed: Iterable[Packed]) -> None:
    """Write the `repodata.json` of both subdirs."""
    for subdir in ("linux-64", "noarch"):
        mine = [each for each in packed if each.record["subdir"] == subdir]
        tables = {
            "packages": {e.path.name: e.record for e in mine if e.path.suffix == ".bz2"},
            "packages.conda": {e.path.name: e.record for e in mine if e.path.suffix != ".bz2"},
        }
        folder = channel / subdir
        folder.mkdir(parents=True, exist_ok=True)
        repodata = {"info": {"subdir": subdir}, **tables, "repodata_version": 1}
        (folder / "repodata.json").write_bytes(_json(repodata))


def read_channel(channel: Path) -> tuple[Packed, ...]:
    """Return the packages that `write_channel` has listed."""
    return tuple(
        Packed(path=channel / subdir / name, record=record)
        for subdir in ("linux-64", "noarch")
        for table in ("packages", "packages.conda")
        for name, record in json.loads((channel / subdir / "repodata.json").read_bytes())[
            table
        ].items()
    )


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()


def _paths(members: Mapping[str, Member]) -> Member:
    rows = [member.row(path) for path, member in sorted(members.items())]
    return Member(content=_json({"paths": rows, "paths_version": 1}))


def _old_lists(members: Mapping[str, Member]) -> dict[str, Member]:
    files = "".join(f"{path}\n" for path in sorted(members))
    prefixes = "".join(
        f"{member.placeholder} {member.file_mode} {path}\n"
        for path, member in sorted(members.items())
        if member.placeholder
    )
    found = {"info/files": Member(content=files.encode())}
    return {**found, "info/has_prefix": Member(content=prefixes.encode())} if prefixes else found


def _conda(file_name: str, info: Mapping[str, Member], members: Mapping[str, Member]) -> bytes:
    stem = file_name.removesuffix(".conda")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as outer:
        for part, content in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{stem}.tar.zst", zstandard.compress(_tar(members), 3)),
            (f"info-{stem}.tar.zst", zstandard.compress(_tar(info), 3)),
        ):
            outer.writestr(zipfile.ZipInfo(part, _TIME), content)
    return target.getvalue()


def _bz2(info: Mapping[str, Member], members: Mapping[str, Member]) -> bytes:
    return bz2.compress(_tar({**info, **members}))


def _tar(members: Mapping[str, Member]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, member in sorted(members.items()):
            header = tarfile.TarInfo(path)
            header.mode = 0o755 if member.is_executable else 0o644
            if member.target is not None:
                header.type, header.linkname = tarfile.SYMTYPE, member.target
                archive.addfile(header)
            elif member.is_folder:
                header.type, header.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(header)
            else:
                header.size = len(member.content)
                archive.addfile(header, io.BytesIO(member.content))
    return target.getvalue()
