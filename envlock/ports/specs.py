"""Ask whether a package is what another one needs."""

from __future__ import annotations

from typing import Protocol

from envlock.model.lock import LockedPackage


class Specs(Protocol):
    """Reads the requirements that stand in locks."""

    def admits(self, spec: str, package: LockedPackage, *, asker: str) -> bool | None:
        """Say whether a locked package is what a spec such as `>=1.2,<2.0a0 py311*` admits.

        `asker` is the manager of the package that asks: `conda` writes match specs without the
        name, `pip` writes PEP 440 specifiers. None when one of the two cannot be read.
        """
        ...
