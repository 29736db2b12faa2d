"""METADATA of wheels and source archives: where it lies, and the part of it that resolvers need.

Live and replayed sources hand out the same reduced text, so a resolver cannot tell them apart. The
order of the requirements is the file's own.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32
from pathlib import Path
from typing import IO

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from envlock.formats.secrets import Secrets, public_address

METADATA_LIMIT_BYTES = 4_000_000
_FIELDS = (
    "Metadata-Version",
    "Name",
    "Version",
    "Requires-Python",
    "Provides-Extra",
    "Requires-Dist",
)
_LINE_LIMIT = 50_000
"""No distribution needs so many others; a text that says so is a bomb for the resolver."""
_STATIC_SINCE = Version("2.2")
"""The first version of METADATA in which a source archive says what a build may change."""
_NEEDS = {"requires-dist", "provides-extra", "requires-python"}
_ADDRESS = re.compile(r"\w[\w+.-]*://[^\s;'\"]+")
BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    tarfile.TarError,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # an encrypted member
    OverflowError,
)
"""What a damaged or hostile archive makes the standard library raise."""


class BadMetadataError(ValueError):
    """A distribution does not say what it is, or says something else; says what."""


def reduce_metadata(content: bytes, file_name: str, secrets: Secrets) -> str:
    """Return the part of a METADATA that a resolver needs, for one file.

    Raises `BadMetadataError` when it is none, or another distribution's.
    """
    if len(content) > METADATA_LIMIT_BYTES:
        raise BadMetadataError(f"METADATA of more than {METADATA_LIMIT_BYTES:,} bytes")
    message = _headers(content)
    lines: list[str] = []
    for field in _FIELDS:
        values = (_clean(str(value)) for value in message.get_all(field) or ())
        lines += [f"{field}: {value}" for value in values if value]
    if len(lines) > _LINE_LIMIT:
        raise BadMetadataError(f"METADATA with {len(lines):,} requirements")
    _check_identity(message.get("Name"), message.get("Version"), file_name)
    lasting = secrets.lasting
    public = (
        _ADDRESS.sub(lambda found: public_address(found.group(), secrets), line)
        if "://" in line
        else line
        for line in lines
    )
    return "".join(f"{lasting.replace(line)}\n" for line in public)


def _headers(content: bytes) -> Message:
    """Return the headers alone: descriptions are long, and nobody reads them here."""
    found = re.search(rb"\r?\n\r?\n", content)
    head = content[: found.end()] if found else content
    return HeaderParser(policy=compat32).parsestr(head.decode("utf-8", "replace"))


def _clean(value: str) -> str:
    return " ".join(value.split())


def _check_identity(name: str | None, version: str | None, file_name: str) -> None:
    if not name or not version:
        raise BadMetadataError("METADATA without a name and a version")
    named, versioned = identity_in(file_name)
    shown = f"{_clean(name)[:80]} {_clean(version)[:80]}"
    try:
        is_same = canonicalize_name(_clean(name)) == named and Version(_clean(version)) == versioned
    except InvalidVersion:
        is_same = False
    if not is_same:
        raise BadMetadataError(f"METADATA of another distribution: {shown}")


def identity_in(file_name: str) -> tuple[str, Version]:
    """Return name and version of a wheel's or source archive's name. Raises `ValueError`."""
    if file_name.endswith(".whl"):
        name, version, _, _ = parse_wheel_filename(file_name)
        return name, version
    return parse_sdist_filename(file_name)


def read_wheel_metadata(archive: zipfile.ZipFile, file_name: str) -> bytes:
    """Return the METADATA of an opened wheel. Raises `BadMetadataError` and `BAD_ARCHIVE`."""
    name, version = identity_in(file_name)
    found = [
        info
        for info in archive.infolist()
        if info.filename.count("/") == 1 and info.filename.endswith(".dist-info/METADATA")
    ]
    own = [info for info in found if _is_own(info.filename, name, version)] or found
    if not own:
        raise BadMetadataError("a wheel without METADATA")
    if len(own) > 1:
        raise BadMetadataError(f"a wheel with {len(own)} METADATA files")
    if own[0].file_size > METADATA_LIMIT_BYTES:
        raise BadMetadataError(f"METADATA of {own[0].file_size:,} bytes")
    with archive.open(own[0]) as member:
        return _read_bounded(member)


def _is_own(path: str, name: str, version: Version) -> bool:
    folder = path.partition("/")[0].removesuffix(".dist-info")
    found, _, text = folder.rpartition("-")
    try:
        return canonicalize_name(found) == name and Version(text) == version
    except InvalidVersion:
        return False


def read_static_metadata(path: Path) -> bytes | None:
    """Return the METADATA that a source archive promises for its wheel, None if it does not.

    Raises `BadMetadataError` and `BAD_ARCHIVE`.
    """
    content = _read_pkg_info(path)
    if content is None:
        return None
    message = _headers(content)
    try:
        version = Version(str(message.get("Metadata-Version", "0")))
    except InvalidVersion:
        return None
    dynamic = {str(value).strip().lower() for value in message.get_all("Dynamic") or ()}
    return content if version >= _STATIC_SINCE and not dynamic & _NEEDS else None


def _read_pkg_info(path: Path) -> bytes | None:
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if _is_pkg_info(info.filename):
                    with archive.open(info) as member:
                        return _read_bounded(member)
        return None
    with tarfile.open(path, "r:gz") as tar:
        for count, entry in enumerate(tar):
            if count > _LINE_LIMIT:
                raise BadMetadataError(f"an archive of more than {_LINE_LIMIT:,} files")
            if entry.isreg() and _is_pkg_info(entry.name):
                content = tar.extractfile(entry)
                return _read_bounded(content) if content else None
    return None


def _is_pkg_info(path: str) -> bool:
    return path.removeprefix("./").count("/") == 1 and path.endswith("/PKG-INFO")


def _read_bounded(member: IO[bytes]) -> bytes:
    content = member.read(METADATA_LIMIT_BYTES + 1)
    if len(content) > METADATA_LIMIT_BYTES:
        raise BadMetadataError(f"METADATA of more than {METADATA_LIMIT_BYTES:,} bytes")
    return content
