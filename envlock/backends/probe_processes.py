"""All processes of one probe, however it forks: found by a mark in their environment, and ended.

A child that makes a session of its own leaves its parent's process group, and one whose parent has
died is adopted by another; the environment that it was started with stays. Where the system shows
no processes, the group is what there is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "ENVLOCK_PROBE"
_PROC = Path("/proc")
_ROUNDS = 200
_PAUSE_SECONDS = 0.02
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Family:
    """The processes that descend from one child which was started with a mark."""

    def __init__(self, leader: int, token: str) -> None:
        self._leader = leader
        self._mark = f"{MARK}={token}".encode()

    def members(self) -> tuple[int, ...]:
        """Return the numbers of those that still run, the leader with them, ordered."""
        return tuple(sorted(set(self._look())))

    def takes_more_than(self, limit_bytes: int) -> bool:
        """Say whether all of them together hold more memory; what two share is counted once.

        That exact count walks every page, so it is made only where the quick one, which counts
        shared pages for each, is beyond the limit.
        """
        members = self.members()
        if sum(map(_resident_bytes, members)) <= limit_bytes:
            return False
        return sum(map(_proportional_bytes, members)) > limit_bytes

    def end(self) -> bool:
        """Kill all of them; say whether none is left.

        They are stopped first, so that none can fork while the others are killed.
        """
        for _ in range(_ROUNDS):
            with contextlib.suppress(OSError):
                os.killpg(self._leader, signal.SIGKILL)
            found = [pid for pid in self.members() if not _has_ended(pid)]
            if not found:
                return True
            for sign in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with contextlib.suppress(OSError):
                        os.kill(pid, sign)
            time.sleep(_PAUSE_SECONDS)
        return False

    def _look(self) -> Iterator[int]:
        own = os.getpid()
        for name in _names():
            pid = int(name)
            if pid != own and (pid == self._leader or self._is_marked(name)):
                yield pid

    def _is_marked(self, name: str) -> bool:
        try:
            return self._mark in (_PROC / name / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is somebody else's
            return False


def _names() -> list[str]:
    try:
        return [name for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - many, often
    except OSError:
        return []


def _resident_bytes(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def _proportional_bytes(pid: int) -> int:
    """Return what a process holds, with its part of what it shares."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return _resident_bytes(pid)


def _has_ended(pid: int) -> bool:
    """Say whether a process is gone, or only waits for its parent to hear of its end."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state in "ZX"
