"""What NVML says of the GPUs while a probe works, asked by a child that may hang or crash."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from envlock.backends.host_nvml import NVML_PLACES
from envlock.model.probe import DriverSample

_PROGRAM = Path(__file__).with_name("pynvml_watch.py")
_LEAVING_SECONDS = 2.0


class RawDevice(Struct, frozen=True, kw_only=True):
    """One GPU at one moment, as the child writes it."""

    uuid: str = ""
    pci_id: str = ""
    name: str = ""
    utilisation_percent: int = -1
    processes: tuple[tuple[int, int], ...] = ()
    """Process and bytes. In a container the numbers can be those of another namespace."""


_DECODER = msgspec.json.Decoder(list[RawDevice])


class DeviceWatch:
    """Keeps the highest that was seen of every GPU."""

    def __init__(self, members: Callable[[], Iterable[int]], program: Path = _PROGRAM) -> None:
        """Begin to watch; `members` returns the processes whose memory counts."""
        self._members = members
        self._samples: dict[str, DriverSample] = {}
        self._child = self._start(program)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _start(self, program: Path) -> subprocess.Popen[bytes] | None:
        try:
            return subprocess.Popen(  # noqa: S603 - our own file and interpreter
                [sys.executable, "-P", str(program), *NVML_PLACES],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return None

    def end(self) -> tuple[DriverSample, ...]:
        """Stop watching and return what was seen, ordered; nothing where NVML told nothing."""
        if self._child is not None:
            if self._child.stdin is not None:
                with suppress(OSError):
                    self._child.stdin.close()
            self._thread.join(_LEAVING_SECONDS)
            self._child.kill()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_LEAVING_SECONDS)
        return tuple(self._samples[uuid] for uuid in sorted(self._samples))

    def _listen(self) -> None:
        if self._child is None or self._child.stdout is None:
            return
        with self._child.stdout as lines:
            for line in lines:
                try:
                    devices = _DECODER.decode(line)
                except msgspec.MsgspecError:
                    return
                members = frozenset(self._members())
                for device in devices:
                    self._keep(device, members)

    def _keep(self, device: RawDevice, members: frozenset[int]) -> None:
        held = [size for pid, size in device.processes if pid in members]
        key = device.uuid or device.pci_id
        before = self._samples.get(key) or DriverSample(
            uuid=device.uuid, pci_id=device.pci_id, name=device.name
        )
        self._samples[key] = replace(
            before,
            utilisation_percent=max(before.utilisation_percent, device.utilisation_percent),
            process_memory_bytes=max(before.process_memory_bytes, sum(held) if held else -1),
        )
