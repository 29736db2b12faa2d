"""What the address of a locked conda package says: its build and its channel."""

from __future__ import annotations

from envlock.model.lock import LockedPackage


def build_of(item: LockedPackage) -> str:
    """Return the build string, the last part of the archive's name; empty without an address."""
    name = item.url.rpartition("/")[2].removesuffix(".conda").removesuffix(".tar.bz2")
    return name.rpartition("-")[2]


def channel_of(item: LockedPackage) -> str:
    """Return the base URL of the channel that the archive lies in."""
    return item.url.rsplit("/", 2)[0]
