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
    """The public address that records keep; no credentials."""
    location: str
    """The address that is asked: the channel's own, a mirror's, or a `file://` folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one question can reach on one platform: the specs to start from.

    Reaches of several stacks stay apart: from `cudnn 8.*` only the dependencies of those versions
    are followed, although another stack may need the others.
    """

    platform: Platform
    specs: tuple[str, ...]
    channels: tuple[str, ...] | None = None
    """URLs of the channels that the question reads; None is all that are asked."""

    def reads(self, url: str, subdir: str) -> bool:
        """Say whether a channel folder is among those that the question reads."""
        return subdir in self.platform.subdirs and (self.channels is None or url in self.channels)


class Index(Protocol):
    """The channels, live or as a folder of repodata."""

    def query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        """Return, by (channel URL, subdir), every record that a reach admits, in canonical form.

        Every folder that a reach reads is there; one that the channel does not have is empty. Of a
        name that a spec asks for, only the versions that the spec admits are there, unless it
        admits none: then all are, so that an error can say what there is. Raises `WorldError` when
        a channel does not answer, answers with an error, stalls, or sends something that is not
        repodata.
        """
        ...
