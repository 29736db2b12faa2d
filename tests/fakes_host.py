"""An in-memory stand-in for the host probe, and the recorded machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from envlock.formats.host import read_host
from envlock.model.host import Host
from envlock.model.platform import Platform

RECORDED = Path(__file__).with_name("hosts")


@dataclass
class FakeHostProbe:
    """Sees what it is told to. Implements `ports.host_probe.HostProbe`."""

    host: Host = field(
        default_factory=lambda: Host(name="this machine", platform=Platform.LINUX_64, glibc="2.35")
    )

    def observe(self) -> Host:
        return self.host


def recorded(name: str) -> Host:
    """A machine of `tests/hosts`."""
    path = RECORDED / f"{name}.json"
    return read_host(path.read_bytes(), str(path))
