"""Processes that run from the store, whether or not anybody holds a root for them.

As Nix does on Linux: which program a process runs, which files it has mapped or open, where it
stands, and what its command line and its first environment name. Whoever starts a Python of the
store by its path, or has a shell with it on its `PATH`, is found here and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_LINKS = ("exe", "cwd", "root")
_LABEL = rb"/([a-z2-7]{32}-[A-Za-z0-9][A-Za-z0-9._+-]{0,127})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What running processes were found to use."""

    labels: frozenset[str]
    unseen: int
    """Processes of others that could not be looked at."""
    has_looked: bool
    """False where the system does not say what runs."""


def running_from(folder: Path, proc: Path = Path("/proc")) -> Running:
    """Return the labels of the environments in a folder that processes use."""
    pattern = re.compile(re.escape(os.fsencode(folder)) + _LABEL)
    try:
        processes = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return Running(labels=frozenset(), unseen=0, has_looked=False)
    labels: set[str] = set()
    unseen = 0
    for name in processes:
        sight = _Sight(f"{proc}/{name}")
        labels.update(match.decode() for text in sight.texts() for match in pattern.findall(text))
        unseen += sight.was_refused
    return Running(labels=frozenset(labels), unseen=unseen, has_looked=bool(processes))


class _Sight:
    """A look at one process, which may end, or refuse, at any moment."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.was_refused = False

    def texts(self) -> Iterator[bytes]:
        command = self._read("cmdline")
        if not command:  # the kernel's own, or one that has ended
            return
        yield command
        for name in ("maps", "environ"):
            yield self._read(name)
        yield from self._follow(_LINKS)
        yield from self._follow(f"fd/{name}" for name in self._open_files())

    def _read(self, name: str) -> bytes:
        return self._try(lambda: Path(self._place, name).read_bytes(), b"")

    def _follow(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            yield os.fsencode(self._try(partial(os.readlink, f"{self._place}/{name}"), ""))

    def _open_files(self) -> list[str]:
        return self._try(lambda: os.listdir(f"{self._place}/fd"), [])

    def _try(self, look: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return look()
        except PermissionError:
            self.was_refused = True
        except OSError:
            pass  # it has ended
        return otherwise
