"""Threads that do one thing to many items, and what is said when some of them fail."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

from envlock.errors import EnvlockError

_SHOWN = 10
"""So many lines of a list; the rest is counted."""
_GRACE_SECONDS = 1.0
"""For threads to come to an end; one that waits for a silent server is left behind."""
_T = TypeVar("_T")


class StoppedError(Exception):
    """Something else failed, or someone had enough."""


class Crew:
    """Threads that do one thing to many items, until one fails or someone has had enough."""

    def __init__(self, jobs: int, interrupt: Callable[[], None] = lambda: None) -> None:
        self.stop = threading.Event()
        self._jobs = jobs
        self._interrupt = interrupt
        self._results: SimpleQueue[tuple[object, BaseException | None] | None] = SimpleQueue()

    def heed(self, _: int) -> None:
        """Raise where the work should end."""
        if self.stop.is_set():
            raise StoppedError

    def do(
        self,
        items: Sequence[_T],
        work: Callable[[_T], None],
        done: Callable[[_T], None] = lambda _: None,
    ) -> list[BaseException]:
        """Return the failures, the first one first; `done` is called in this thread."""
        todo = deque(items)
        count = min(max(1, self._jobs), len(items))
        # Daemons: whoever interrupts a program does not want to wait for a silent server.
        threads = [
            threading.Thread(target=self._loop, args=(todo, work), daemon=True)
            for _ in range(count)
        ]
        try:
            for thread in threads:
                thread.start()
            return self._listen(count, done)
        except BaseException:
            self._end(threads)
            raise

    def _loop(self, todo: deque[_T], work: Callable[[_T], None]) -> None:
        try:
            while todo and not self.stop.is_set():
                try:
                    item = todo.popleft()
                except IndexError:
                    return
                error = self._attempt(item, work)
                self._results.put((item, error))
                if error is not None:  # after it was put: nobody's being stopped comes before it
                    self.stop.set()
        finally:
            self._results.put(None)

    def _attempt(self, item: _T, work: Callable[[_T], None]) -> BaseException | None:
        try:
            work(item)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever called `do`
            return error
        return None

    def _listen(self, count: int, done: Callable[[_T], None]) -> list[BaseException]:
        failures: list[BaseException] = []
        deadline: float | None = None
        while count:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                found = self._results.get(timeout=left)
            except Empty:
                break
            if found is None:
                count -= 1
                continue
            item, error = found
            if error is None:
                done(item)  # type: ignore[arg-type]
            elif isinstance(error, EnvlockError) or deadline is None:
                failures.append(error)  # others come of being stopped
            if error is not None and deadline is None:
                deadline = time.monotonic() + _GRACE_SECONDS
                self._halt()
        return failures

    def _halt(self) -> None:
        self.stop.set()
        self._interrupt()

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        self._halt()
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))


def raise_first(errors: Sequence[BaseException]) -> None:
    """Raise the first failure, with the others in its message."""
    if not errors:
        return
    first, *others = errors
    if not isinstance(first, EnvlockError) or not others:
        raise first
    lines = [f"  {str(error).partition(chr(10))[0]}" for error in others]
    message = "\n".join([first.message, "Failed as well:", *bounded(lines)])
    raise type(first)(message, hints=first.hints, detail=first.detail)


def bounded(lines: Sequence[str]) -> list[str]:
    """Return so many lines as people read; the rest is counted."""
    if len(lines) <= _SHOWN:
        return list(lines)
    return [*lines[:_SHOWN], f"  and {len(lines) - _SHOWN:,} more"]
