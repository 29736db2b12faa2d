"""A lock: the packages of every platform, and the head that says how they came about."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class LockHead(Struct, frozen=True, kw_only=True):
    """The metadata of a unified lock; `facts` are envlock's own, empty in a foreign lock."""

    channels: tuple[str, ...]
    platforms: tuple[str, ...]
    sources: tuple[str, ...]
    content_hash: Mapping[str, str]
    facts: Mapping[str, str]


class LockedPackage(Struct, frozen=True, kw_only=True):
    """One package as a unified lock writes it; `manager` is `conda` or `pip`."""

    name: str
    version: str
    manager: str
    platform: str
    url: str
    md5: str | None
    sha256: str | None
    dependencies: Mapping[str, str]
    category: str = "main"


class Lock(Struct, frozen=True, kw_only=True):
    """A unified lock in memory."""

    head: LockHead
    packages: tuple[LockedPackage, ...]

    def packages_on(self, platform: str) -> tuple[LockedPackage, ...]:
        """Return the packages locked for one platform."""
        return tuple(item for item in self.packages if item.platform == platform)


LOCK_LIMIT_BYTES = 64_000_000
"""No lock is larger: the largest seen, of 2,900 packages, has 1.5 MB."""


def lock_path(stack_path: str) -> str:
    """Return where the lock of a stack lies: `stacks/a.toml` -> `stacks/a.conda-lock.yml`."""
    return stack_path.removesuffix(".toml") + ".conda-lock.yml"


def stack_of(path: str) -> str:
    """Return the stack that a path means: itself, or the stack that would lie beside a lock."""
    return path if path.endswith(".toml") else path.removesuffix(".conda-lock.yml") + ".toml"


def lock_of(path: str) -> str:
    """Return the lock that a path means: itself, or the lock beside a stack."""
    return lock_path(path) if path.endswith(".toml") else path
