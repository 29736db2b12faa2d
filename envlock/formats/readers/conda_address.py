"""What the address of a conda package says: its name, version, build and folder."""

from __future__ import annotations

import re

from msgspec import Struct

from envlock.formats.readers.origins import fragment_hashes, has_scheme, kind_of
from envlock.model.reading import Origin, OriginKind

_ENDINGS = (".conda", ".tar.bz2")
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SUBDIR = re.compile(r"noarch|(?:linux|osx|win|emscripten|wasi|freebsd|zos)-[a-z0-9_]+")
_GIT_AT = re.compile(r"(?<=[^/:])@(?P<revision>[^@/#?]+)(?:[#?]|$)")
_GIT_ASKED = re.compile(r"[?&](?:rev|tag|branch)=(?P<revision>[^&#]+)")
_GIT_FOUND = re.compile(r"#(?P<revision>[0-9a-fA-F]{7,64})$")


class CondaName(Struct, frozen=True, kw_only=True):
    """What the name of an archive says."""

    name: str
    version: str
    build: str
    subdir: str = ""


def is_conda_archive(address: str) -> bool:
    """Say whether an address ends as the archives of conda packages do."""
    return _path(address).endswith(_ENDINGS)


def conda_name(address: str) -> CondaName | None:
    """Return what an address says, percent signs decoded; None where it is no conda archive."""
    path = unquote(_path(address))
    ending = next((ending for ending in _ENDINGS if path.endswith(ending)), None)
    if ending is None:
        return None
    folder, _, file = path.removesuffix(ending).replace("\\", "/").rpartition("/")
    parts = file.rsplit("-", 2)
    if len(parts) < 3 or not all(parts):  # noqa: PLR2004 - name, version and build
        return None
    subdir = folder.rpartition("/")[2]
    return CondaName(
        name=parts[0],
        version=parts[1],
        build=parts[2],
        subdir=subdir if _SUBDIR.fullmatch(subdir) else "",
    )


def conda_origin(address: str, hashes: dict[str, str], line: int, size: int | None) -> Origin:
    """Return where a conda package comes from: an archive, or a folder or repository of source."""
    if is_conda_archive(address):
        return Origin(
            address=address, kind=OriginKind.CONDA, hashes=hashes, line=line, size_bytes=size
        )
    return pypi_origin(address, hashes, line, size)


def pypi_origin(address: str, hashes: dict[str, str], line: int, size: int | None) -> Origin:
    """Return where a PyPI package comes from; hashes that only its fragment says are added."""
    kind = kind_of(address)
    if kind is OriginKind.OTHER and (not has_scheme(address) or address.startswith("file:")):
        kind = OriginKind.FOLDER
    return Origin(
        address=address,
        kind=kind,
        hashes={**fragment_hashes(address), **hashes},
        revision=git_revision(address) if kind is OriginKind.GIT else "",
        size_bytes=size,
        line=line,
    )


def git_revision(address: str) -> str:
    """Return the commit, branch or tag that a git address names; the commit where it has both."""
    for pattern in (_GIT_FOUND, _GIT_ASKED, _GIT_AT):
        if match := pattern.search(address):
            return unquote(match["revision"])
    return ""


def unquote(text: str) -> str:
    """Return an address with what is percent-encoded in it decoded: `1%21` -> `1!`."""
    if "%" not in text:
        return text
    return _ENCODED.sub(
        lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), text
    )


def _path(address: str) -> str:
    return address.partition("?")[0].partition("#")[0]
