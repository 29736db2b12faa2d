"""Talk on stderr: what is being done, and for how long already."""

from __future__ import annotations

import sys
import threading
import time

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

    def _watch(self) -> None:
        while True:
            time.sleep(_EVERY_SECONDS)
            with self._lock:
                seconds = time.monotonic() - self._began
                if self._message and seconds > _FIRST_SECONDS:
                    sys.stderr.write(f"\r\033[K{self._message} … {seconds:.0f} s")
                    sys.stderr.flush()
