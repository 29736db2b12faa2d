"""Talk on stderr: what is being done, and for how long already."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from envlock.cli.table import format_bytes

if TYPE_CHECKING:
    from envlock.ports.artifacts import WantedArtifact

_FIRST_SECONDS = 0.4
"""Work that is done sooner shows nothing."""
_EVERY_SECONDS = 0.2


_talking: list[Talk] = []


def clear_line() -> None:
    """Take any step's line off the terminal before something else is printed."""
    for talk in _talking:
        talk.clear()


class Silence:
    """Hears everything and says nothing, notes included. Implements `Reporter`."""

    def step(self, message: str) -> None:
        """Say nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""


class Talk:
    """Tells a terminal how long a step takes; a file or pipe gets notes only.

    Whoever prints something else calls `clear_line` first.
    """

    def __init__(self) -> None:
        _talking.append(self)
        self._lock = threading.Lock()
        self._message = ""
        self._began = time.monotonic()
        self._watcher: threading.Thread | None = None

    def step(self, message: str) -> None:
        """Begin a step; on a terminal its line appears when it takes long."""
        self._message = message
        self._began = time.monotonic()
        if self._watcher is None and sys.stderr.isatty():
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()

    def note(self, message: str) -> None:
        """Say it at once."""
        self.clear()
        print(f"note: {message}", file=sys.stderr)

    def clear(self) -> None:
        """End the step and take its line off the terminal."""
        with self._lock:
            self._message = ""
            if self._watcher is not None:
                sys.stderr.write("\r\033[K")
                sys.stderr.flush()

    def describe(self, seconds: float) -> str:
        """Return the line of a step that has gone on for so long."""
        return f"{self._message} … {seconds:.0f} s"

    def _watch(self) -> None:
        while True:
            time.sleep(_EVERY_SECONDS)
            with self._lock:
                seconds = time.monotonic() - self._began
                if self._message and seconds > _FIRST_SECONDS:
                    sys.stderr.write(f"\r\033[K{self.describe(seconds)}")
                    sys.stderr.flush()


class SilentMeter:
    """Hears how far fetching has come and says nothing. Implements `FetchProgress`."""

    def begin(self, files: int, size_bytes: int | None) -> None:
        """Say nothing."""

    def received(self, size_bytes: int) -> None:
        """Say nothing."""

    def done(self, wanted: WantedArtifact) -> None:
        """Say nothing."""


class FetchMeter(Talk):
    """Tells a terminal how many files and bytes have come, and how fast."""

    def __init__(self) -> None:
        super().__init__()
        self._files = 0
        self._done = 0
        self._size_bytes: int | None = None
        self._received_bytes = 0
        self._count = threading.Lock()

    def begin(self, files: int, size_bytes: int | None) -> None:
        """Begin to count."""
        self._files, self._size_bytes = files, size_bytes
        self._done = self._received_bytes = 0
        self.step("fetching")

    def received(self, size_bytes: int) -> None:
        """Count some bytes."""
        with self._count:
            self._received_bytes += size_bytes

    def done(self, _: WantedArtifact, /) -> None:
        """Count a file."""
        self._done += 1
        if self._done == self._files:
            self.clear()

    def describe(self, seconds: float) -> str:
        """Return files, bytes and speed."""
        received = format_bytes(self._received_bytes)
        whole = f" of {format_bytes(self._size_bytes)}" if self._size_bytes else ""
        speed = format_bytes(int(self._received_bytes / max(seconds, 0.1)))
        return f"fetching {self._done} of {self._files} files, {received}{whole}, {speed}/s"
