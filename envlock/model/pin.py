"""An index pin: the channel records that a solve may see, named by their digest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Where the records of a pin come from."""

    LIVE = "live"
    """Queried from the channels: all that the question could reach at that time."""
    OBSERVED = "observed"
    """Collected from published locks: real records, but a partial view of the channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPart:
    """The records of one channel folder."""

    channel: str
    """The channel's base URL."""
    subdir: str
    sha256: str
    """Of the canonical repodata, uncompressed."""
    size_bytes: int
    records: int
    """0 where the channel has no such folder, or nothing in it that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a pin holds; its identity is the SHA-256 of this manifest in canonical JSON."""

    origin: Origin
    as_of: str
    """For a live pin the time of the query, for an observed one the newest record's; UTC ISO."""
    parts: tuple[PinPart, ...]
    """Ordered by channel and subdir."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The base URLs that were asked, in order."""
        return tuple(dict.fromkeys(part.channel for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPart:
    """A part whose repodata lies on disk, uncompressed, for a solver to map."""

    part: PinPart
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPin:
    """A pin that is ready to be solved from."""

    digest: str
    """64 hex digits."""
    pin: Pin
    parts: tuple[OpenPart, ...]
