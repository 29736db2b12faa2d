"""Talk on stderr: what is being done, and for how long already."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from envlock.cli.table import format_bytes

if TYPE_CHECKING:
    from envlock.ports.artifacts import WantedArtifact

_FIRST_SECONDS = 0.4
"""Work that is done sooner shows nothing."""
_EVERY_SECONDS = 0.2
_SPEED_SECONDS = 5.0
"""A speed is that of the last seconds: what has come to a halt is seen to have done so."""
_COLUMNS = 80
"""Where a terminal does not say how wide it is."""
_ECHO = 2
"""Room for the `^C` that a terminal shows when somebody has had enough."""

_talking: list[Talk] = []


def fit(line: str, columns: int) -> str:
    """Return a line that ends before a terminal's last column: one that wraps cannot be erased."""
    return line if len(line) < columns else line[: max(0, columns - 2)] + "…"


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def clear_line() -> bool:
    """Take any step's line off the terminal before something else is printed.

    Say whether there was one.
    """
    shown = [talk.clear() for talk in _talking]
    return any(shown)


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
        self._is_shown = False

    def step(self, message: str) -> None:
        """Begin a step; on a terminal its line appears when it takes long.

        Two that wrote to one line in turn would flicker: whatever another one tells has ended.
        """
        for other in _talking:
            if other is not self:
                other.clear()
        self._message = message
        self._began = time.monotonic()
        if self._watcher is None and sys.stderr.isatty():
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()

    def note(self, message: str) -> None:
        """Say it at once."""
        self.clear()
        print(f"note: {message}", file=sys.stderr)

    def clear(self) -> bool:
        """End the step and take its line off the terminal; say whether there was one."""
        with self._lock:
            self._message = ""
            was_shown, self._is_shown = self._is_shown, False
            if was_shown:
                sys.stderr.write("\r\033[K")
                sys.stderr.flush()
        return was_shown

    def describe(self, seconds: float) -> str:
        """Return the line of a step that has gone on for so long."""
        return f"{self._message} … {seconds:.0f} s"

    def _watch(self) -> None:
        while True:
            time.sleep(_EVERY_SECONDS)
            with self._lock:
                seconds = time.monotonic() - self._began
                if self._message and seconds > _FIRST_SECONDS:
                    line = fit(self.describe(seconds), _columns() - _ECHO)
                    sys.stderr.write(f"\r\033[K{line}")
                    sys.stderr.flush()
                    self._is_shown = True


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
        self._seen: deque[tuple[float, int]] = deque()
        """Seconds and bytes of the last looks."""

    def begin(self, files: int, size_bytes: int | None) -> None:
        """Begin to count."""
        self._files, self._size_bytes = files, size_bytes
        self._done = self._received_bytes = 0
        self._seen = deque([(0.0, 0)])
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
        speed = format_bytes(self._speed(seconds))
        return f"fetching {self._done} of {self._files} files, {received}{whole}, {speed}/s"

    def _speed(self, seconds: float) -> int:
        """Return the bytes per second of the last seconds; less than nothing is told as nothing."""
        self._seen.append((seconds, self._received_bytes))
        while len(self._seen) > 2 and seconds - self._seen[1][0] >= _SPEED_SECONDS:  # noqa: PLR2004 - now, and one that is old enough
            self._seen.popleft()
        since, received = self._seen[0]
        return max(0, int((self._received_bytes - received) / max(seconds - since, 0.1)))


class ByteMeter(Talk):
    """Tells a terminal how many bytes of a whole have passed, and how fast."""

    def __init__(self, verb: str, size_bytes: int, *, is_quiet: bool = False) -> None:
        super().__init__()
        self._size_bytes = size_bytes
        self._passed_bytes = 0
        if not is_quiet:
            self.step(verb)

    def heed(self, size_bytes: int) -> None:
        """Count some bytes."""
        self._passed_bytes += size_bytes

    def describe(self, seconds: float) -> str:
        """Return bytes and speed."""
        passed, whole = format_bytes(self._passed_bytes), format_bytes(self._size_bytes)
        speed = format_bytes(int(self._passed_bytes / max(seconds, 0.1)))
        return f"{self._message} {passed} of {whole}, {speed}/s"
