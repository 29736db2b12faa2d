"""How a command that has started others is ended from outside."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_BY_SIGNAL = 128


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let a signal end a command once: what it has started is ended first, and undisturbed.

    By default SIGTERM and SIGHUP end a process where it stands, and a probe, which has a session of
    its own, would run on; a second Ctrl-C ends the ending. A signal that is ignored, as under
    `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():  # no other may set them
        yield
        return
    before = {each: signal.getsignal(each) for each in _ENDING}
    ours = [each for each, how in before.items() if how not in (signal.SIG_IGN, None)]
    for each in ours:
        signal.signal(each, _leave)
    try:
        yield
    finally:
        for each in ours:
            if signal.getsignal(each) is _leave:  # else the process is about to leave
                signal.signal(each, before[each])


def _leave(number: int, _: object) -> NoReturn:
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    print(f"ended by {signal.Signals(number).name}; nothing was half-written", file=sys.stderr)
    raise SystemExit(_BY_SIGNAL + number)
