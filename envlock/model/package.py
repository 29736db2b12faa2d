"""A conda package record, as a channel publishes it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Variant(NamedTuple):
    """What tells the builds of one name apart; light, since a question looks at thousands."""

    name: str
    version: str
    build: str
    channel: str
    """The channel's base URL, as in `Package`."""


class Package(Struct, frozen=True, kw_only=True):
    """One build of one package in one channel."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    channel: str
    """The channel's base URL, without a trailing slash and without credentials."""
    file_name: str
    md5: str | None
    sha256: str | None
    size_bytes: int | None
    timestamp_ms: int | None
    """When the build was made, in milliseconds since 1970 UTC, where the channel says."""
    depends: tuple[str, ...]
    constrains: tuple[str, ...]
    license: str | None = None

    @property
    def url(self) -> str:
        """Where the archive lies."""
        return f"{self.channel}/{self.subdir}/{self.file_name}"

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.build}"


class PackageSize(Struct, frozen=True, kw_only=True):
    """How large the archive of a locked package is."""

    name: str
    version: str
    manager: str
    """`conda` or `pypi`."""
    size_bytes: int | None
    """None: its source does not tell."""
