"""How long a GPU was busy, from the profile that TensorFlow and JAX write: an XSpace message.

Of its protocol buffers only this is read, by their field numbers (xplane.proto):
XSpace.planes 1; XPlane.name 2, .lines 3; XLine.name 2, .timestamp_ns 3, .events 4; XEvent.offset_ps
2, .duration_ps 3. A GPU's plane is called `/device:GPU:0`, and a line of it is a CUDA stream.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

PLANE = "/device:GPU:"
STREAM = "Stream"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def watch_device(
    go: Callable[[], None], start: Callable[[str], Any], stop: Callable[[], Any]
) -> tuple[float, float]:
    """Run `go` under a profiler: seconds that GPUs were busy, and seconds that passed.

    Zero seconds busy when the profiler saw no GPU: that proves nothing, and says so.
    """
    folder = tempfile.mkdtemp(prefix="envlock-probe-")
    try:
        start(folder)
        started = time.perf_counter()
        try:
            go()
        finally:
            passed = time.perf_counter() - started
            stop()
        return sum(busy_seconds(content) for content in _profiles(folder)), passed
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def busy_seconds(space: bytes, plane_name: str = PLANE, line_name: str = STREAM) -> float:
    """Seconds in which at least one stream of a GPU did something; raises `ValueError`."""
    spans: list[tuple[int, int]] = []
    for plane in _messages(space, 1):
        if not _text(plane, 2).startswith(plane_name):
            continue
        for line in _messages(plane, 3):
            if _text(line, 2).startswith(line_name):
                spans += _events(line)
    return _union(spans) / 1e12


def _profiles(folder: str) -> Iterator[bytes]:
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True)):
        with open(path, "rb") as file:
            yield file.read()


def _events(line: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each event, in picoseconds."""
    zero = _number(line, 3) * 1000
    for event in _messages(line, 4):
        start = zero + _number(event, 2)
        yield start, start + _number(event, 3)


def _union(spans: list[tuple[int, int]]) -> int:
    total, reached = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _messages(message: bytes, wanted: int) -> Iterator[bytes]:
    for field, value in _fields(message):
        if field == wanted and isinstance(value, bytes):
            yield value


def _text(message: bytes, wanted: int) -> str:
    return next(_messages(message, wanted), b"").decode("utf-8", "replace")


def _number(message: bytes, wanted: int) -> int:
    for field, value in _fields(message):
        if field == wanted and isinstance(value, int):
            return value
    return 0


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Each field of a message: its number, and its whole number or its bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in {FIXED64, FIXED32}:
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError("no protocol buffer: a field of kind {}".format(kind))
        if place + size > len(message):
            raise ValueError("no protocol buffer: it ends inside a field")
        if kind == BYTES:
            yield key >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while place < len(message) and shift < 70:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("no protocol buffer: it ends inside a number")
