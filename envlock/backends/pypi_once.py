"""Questions that are asked once, whoever asks and however many ask at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar, cast

_T = TypeVar("_T")


class Once:
    """Answers by key. A question that failed may be asked again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[Hashable, Future[Any]] = {}

    def get(self, key: Hashable, ask: Callable[[], _T]) -> _T:
        """Return the answer of a key; the first who wants it asks, and others wait."""
        with self._lock:
            future = self._answers.get(key)
            is_first = future is None
            if future is None:
                future = self._answers[key] = Future()
        if is_first:
            try:
                future.set_result(ask())
            except BaseException as error:
                with self._lock:
                    del self._answers[key]
                future.set_exception(error)
                raise
        return cast("_T", future.result())

    def put(self, key: Hashable, answer: object) -> None:
        """Give the answer of a key before anybody asks."""
        future: Future[Any] = Future()
        future.set_result(answer)
        with self._lock:
            self._answers.setdefault(key, future)
