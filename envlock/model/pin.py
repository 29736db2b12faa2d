"""An index pin: the channel records that a solve may see, named by their digest."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Origin(StrEnum):
    """Where the records of a pin come from."""

    LIVE = "live"
    """Queried from the channels: all that the question could reach at that time."""
    OBSERVED = "observed"
    """Collected from published locks: real records, but a partial view of the channels."""


class PinPart(Struct, frozen=True, kw_only=True):
    """The records of one channel folder."""

    channel: str
    """The channel's base URL."""
    subdir: str
    sha256: str
    """Of the canonical repodata, uncompressed."""
    size_bytes: int
    records: int
    """0 where the channel has no such folder, or nothing in it that was asked for."""


class Pin(Struct, frozen=True, kw_only=True):
    """What a pin holds; its identity is the SHA-256 of this manifest in canonical JSON."""

    origin: Origin
    as_of: str
    """For a live pin the time of the query, for an observed one the newest record's; UTC ISO."""
    parts: tuple[PinPart, ...]
    """Ordered by channel and subdir."""
    asked: tuple[str, ...] = ()
    """The specs that the query started from, sorted: what is missing beyond them was not asked."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The base URLs that were asked, in order."""
        return tuple(dict.fromkeys(part.channel for part in self.parts))


class OpenPart(Struct, frozen=True, kw_only=True):
    """A part whose repodata lies on disk, uncompressed, for a solver to map."""

    part: PinPart
    path: str


class OpenPin(Struct, frozen=True, kw_only=True):
    """A pin that is ready to be solved from."""

    digest: str
    """64 hex digits."""
    pin: Pin
    parts: tuple[OpenPart, ...]
