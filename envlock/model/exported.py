"""What an export is made from."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from envlock.model.platform import Platform
from envlock.model.store import Artifact


class ExportedArtifact(Struct, frozen=True, kw_only=True):
    """One artifact of a lock, and what another builder has to know of it beside."""

    artifact: Artifact
    tar_bytes: Mapping[str, int] = {}
    """Of a `.conda` file: what its halves `info` and `pkg` unpack to."""
    is_bootstrap: bool = False
    """Whether Python cannot run without it."""


class ExportedHalf(Struct, frozen=True, kw_only=True):
    """One platform of a lock."""

    python: str
    """As `3.11`."""
    artifacts: tuple[ExportedArtifact, ...]


class ExportedLock(Struct, frozen=True, kw_only=True):
    """A lock, ready to be written down for another builder."""

    name: str
    halves: Mapping[Platform, ExportedHalf]
    left_out: Mapping[str, str]
    """By platform: why it is not among them."""
