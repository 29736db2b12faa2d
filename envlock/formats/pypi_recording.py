"""The text of a recording: all that package indexes answered while a stack was resolved.

One canonical JSON object. It holds answers, so a request that was never made has none in it; the
resolver that asked is named, since another one would ask for other things. Addresses are public
ones. The same answers give the same bytes, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from envlock.formats.canonical import format_canonical
from envlock.formats.secrets import public_address
from envlock.model.pypi import DistributionFile, Page
from envlock.model.stack import IndexFormat
from envlock.model.verdict import Kernels

FORMAT_VERSION = 1

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z")]
_FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\Z")]
_Moment = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\Z")]
_Uploaded = Annotated[str, Meta(pattern=r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z)?\Z")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIndex:
    """An index that was asked."""

    name: str
    url: str
    """Its public address; empty for the default index."""
    format: IndexFormat = IndexFormat.SIMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Questions and their answers."""

    identity: str
    """The resolver that asked."""
    as_of: str
    indexes: tuple[RecordedIndex, ...]
    pages: Mapping[str, Page | None] = field(default_factory=dict)
    """By project; None where its owner has no such project."""
    url_pages: Mapping[tuple[str, str], Page] = field(default_factory=dict)
    """By project and public address."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """By the digest of the file."""
    kernels: Mapping[str, Kernels | None] = field(default_factory=dict)
    """By the digest of the file."""


def format_recording(recording: Recording) -> bytes:
    """Return the canonical text of a recording."""
    pages: dict[str, dict[str, object]] = {}
    for name, page in recording.pages.items():
        if page is not None:
            pages.setdefault(page.index, {})[name] = [_row(file) for file in page.files]
    addresses: dict[str, dict[str, object]] = {}
    for (name, url), page in recording.url_pages.items():
        addresses.setdefault(name, {})[url] = {
            "index": page.index,
            "files": [_row(file) for file in page.files],
        }
    value = {
        "version": FORMAT_VERSION,
        "resolver": recording.identity,
        "as_of": recording.as_of,
        "indexes": [
            {"name": item.name, "url": item.url, "format": item.format.value}
            for item in recording.indexes
        ],
        "pages": pages,
        "absent": sorted(name for name, page in recording.pages.items() if page is None),
        "addresses": addresses,
        "metadata": dict(recording.metadata),
        "kernels": {key: msgspec.to_builtins(item) for key, item in recording.kernels.items()},
    }
    return f"{format_canonical(value)}\n".encode()


def _row(file: DistributionFile) -> Any:
    return msgspec.to_builtins(file)


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    file_name: _FileName
    url: Annotated[str, Meta(min_length=1)]
    sha256: _Digest
    size_bytes: Annotated[int, Meta(ge=0)] | None = None
    uploaded: _Uploaded = ""
    requires_python: str = ""
    yanked: str | None = None


class _Index(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    url: str
    format: IndexFormat


class _UrlPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    index: str
    files: list[_File]


class _Recording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    resolver: str
    as_of: _Moment
    indexes: list[_Index]
    pages: dict[str, dict[_Name, list[_File]]]
    absent: list[_Name]
    addresses: dict[_Name, dict[str, _UrlPage]]
    metadata: dict[_Digest, str]
    kernels: dict[_Digest, Kernels | None]


def parse_recording(content: bytes) -> Recording:
    """Read a recording; raises `ValueError` saying what is wrong with it and where."""
    try:
        value = msgspec.json.decode(content, type=_Recording)
        datetime.fromisoformat(value.as_of)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ValueError(f"not a recording of package indexes: {error}") from None
    names = [item.name for item in value.indexes]
    if len(set(names)) != len(names):
        raise _wrong("each index once", "indexes")
    pages: dict[str, Page | None] = dict.fromkeys(value.absent)
    for index, projects in value.pages.items():
        if index not in names:
            raise _wrong("the pages of indexes that it names", f"pages[{index[:80]!r}]")
        for name, files in projects.items():
            if name in pages:
                raise _wrong("one owner for each project", f"pages[{index!r}].{name}")
            pages[name] = _page(index, name, files, f"pages[{index!r}].{name}")
    url_pages = {
        (name, url): _page(item.index, name, item.files, f"addresses.{name}")
        for name, found in value.addresses.items()
        for url, item in found.items()
    }
    return Recording(
        identity=value.resolver,
        as_of=value.as_of,
        indexes=tuple(
            RecordedIndex(name=item.name, url=item.url, format=item.format)
            for item in value.indexes
        ),
        pages=pages,
        url_pages=url_pages,
        metadata=value.metadata,
        kernels=value.kernels,
    )


def _page(index: str, name: str, rows: list[_File], place: str) -> Page:
    keys = [(row.file_name, row.sha256) for row in rows]
    if keys != sorted(set(keys)):
        raise _wrong("each file once and in order", place)
    for at, row in enumerate(rows):
        if public_address(row.url) != row.url:
            raise _wrong("an address without credentials", f"{place}[{at}].url")
    files = tuple(
        DistributionFile(
            file_name=row.file_name,
            url=row.url,
            sha256=row.sha256,
            size_bytes=row.size_bytes,
            uploaded=row.uploaded,
            requires_python=row.requires_python,
            yanked=row.yanked,
        )
        for row in rows
    )
    return Page(index=index, name=name, files=files)


def _wrong(expected: str, place: str) -> ValueError:
    return ValueError(f"not a recording of package indexes: expected {expected} - at `$.{place}`")
