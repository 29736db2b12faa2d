"""Learning curves as a TensorBoard event file.

The format is small enough to be written by hand, so that a report needs neither TensorBoard nor
protobuf nor NumPy. A file is a chain of TFRecords, and each holds one `Event` message:

    length (uint64) · masked CRC-32C of the length · the message · masked CRC-32C of the message

Numbers are little-endian. Of `event.proto` and `summary.proto` four fields of `Event` (wall time 1,
step 2, file version 3, summary 5) and two of `Summary.Value` (tag 1, simple value 2) are needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from envlock.formats.learning import Point, accuracy_points, curve_title, loss_points
from envlock.formats.plain import printable
from envlock.model.receipt import Receipt

_FILE_VERSION = b"brain.Event:2"
_POLYNOMIAL = 0x82F63B78
"""Of CRC-32C (Castagnoli), bits reversed."""
_MASK = 0xA282EAD8
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def events_name(wall_time: float) -> str:
    """Return a file name that TensorBoard takes for an event file."""
    return f"events.out.tfevents.{int(wall_time):010d}.envlock"


def format_events(receipt: Receipt, wall_time: float) -> bytes:
    """Return an event file with loss and accuracy of each training; `wall_time` is in seconds."""
    events = [_event(wall_time, 0, 3, _FILE_VERSION)]
    for tag, points in _scalars(receipt):
        events += [_event(wall_time, point.step, 5, _summary(tag, point.value)) for point in points]
    return b"".join(map(_record, events))


def _scalars(receipt: Receipt) -> Iterator[tuple[str, Iterable[Point]]]:
    for curve in receipt.curves:
        title = printable(curve_title(curve))
        yield f"{title}/loss", loss_points(curve)
        yield f"{title}/accuracy", accuracy_points(curve)


def _event(wall_time: float, step: int, what: int, content: bytes) -> bytes:
    time = _key(1, _FIXED_64) + struct.pack("<d", wall_time)
    at = _key(2, _VARINT) + _varint(step) if step else b""  # as protobuf leaves out zeros
    return time + at + _text(what, content)


def _summary(tag: str, value: float) -> bytes:
    number = _key(2, _FIXED_32) + struct.pack("<f", _as_float32(value))
    return _text(1, _text(1, tag.encode()) + number)


def _as_float32(value: float) -> float:
    """Return what a float32 can hold: beyond its range it is infinite."""
    try:
        struct.pack("<f", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value


def _text(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits to a byte
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _record(message: bytes) -> bytes:
    length = struct.pack("<Q", len(message))
    return length + _checksum(length) + message + _checksum(message)


def _checksum(content: bytes) -> bytes:
    crc = crc32c(content)
    masked = ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
    return struct.pack("<I", masked)


def _table() -> Iterator[int]:
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        yield value


_TABLE = tuple(_table())


def crc32c(content: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of some bytes."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
