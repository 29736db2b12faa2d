"""The lines that a probe writes, and the checks that it times.

JSON has no NaN and no infinity, and a check that comes to one has not come to a number. So a line
that holds one is not written: its check broke, and the `broke` line says which number it was.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

T = TypeVar("T")
LONGEST_ERROR = 2000


class NotANumberError(ValueError):
    """A check came to NaN or to infinity."""


class Report:
    """Writes lines, one JSON object each, and keeps the seconds of every check."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self.seconds: dict[str, float] = {}

    def write(self, kind: str, **fields: Any) -> None:
        """Write one line; raises `NotANumberError` when a field is NaN or infinite."""
        for name, value in fields.items():
            _refuse_no_number(name, value)
        text = json.dumps({"kind": kind, **fields}, allow_nan=False, separators=(",", ":"))
        self._lines.write(text + "\n")
        self._lines.flush()

    def check(self, name: str, do: Callable[[], T]) -> T | None:
        """Do one check and time it; when it raises, say so in a line and return None."""
        started = time.perf_counter()
        try:
            return do()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  # a framework may raise anything
            self.write("broke", check=name, error=describe_error(error))
            return None
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 4)


def describe_error(error: BaseException) -> str:
    """Give kind and message, at most a few lines."""
    text = "{}: {}".format(type(error).__name__, error).strip()
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][:6]
    return "\n".join(lines)[:LONGEST_ERROR]


def _refuse_no_number(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotANumberError("{} came to {}".format(name, value))
    if isinstance(value, (list, tuple)):
        for each in value:
            _refuse_no_number(name, each)
    if isinstance(value, dict):
        for key, each in value.items():
            _refuse_no_number("{}.{}".format(name, key), each)
