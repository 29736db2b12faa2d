"""Ask channels for their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from envlock.model.platform import Platform

Records = Mapping[str, Mapping[str, object]]
"""Repodata records by archive name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSource:
    """A channel and where its repodata is fetched from."""

    url: str
    """The address that records keep."""
    location: str
    """The address that is asked: the channel's own, a mirror's, or a `file://` folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one platform's question can reach: names and specs to start from."""

    platform: Platform
    specs: tuple[str, ...]


class Index(Protocol):
    """The channels, live or as a folder of repodata."""

    def query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        """Return, by (channel URL, subdir), every record that the specs can reach.

        A folder that the channel does not have is empty. Raises `WorldError` when a channel does
        not answer, answers with an error, stalls, or sends something that is not repodata.
        """
        ...
