"""Look at a machine."""

from __future__ import annotations

from typing import Protocol

from envlock.model.host import Host


class HostProbe(Protocol):
    """Sees one machine as it is now. It observes; what a stack makes of it is judged elsewhere."""

    def observe(self) -> Host:
        """Return the machine, with whatever is wrong with it as problems.

        A machine without a GPU or a driver is a machine, too: what is not there is None. Raises
        `WorldError` only where no stack could be locked for the machine at all.
        """
        ...
