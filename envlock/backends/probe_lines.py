"""The lines of a probe, read as they come and held to what a probe may say."""

from __future__ import annotations

import msgspec

from envlock.model.probe import ProbeLine

LONGEST_LINE_BYTES = 4 << 20
"""A process with all its libraries is some hundred kilobytes."""
MOST_BYTES = 64 << 20
_SHOWN = 120


class GarbledError(Exception):
    """What came is no line of a probe."""


class LineReader:
    """Takes bytes, gives lines."""

    def __init__(self) -> None:
        self._rest = b""
        self._read_bytes = 0
        self._decoder: msgspec.json.Decoder[ProbeLine] = msgspec.json.Decoder(ProbeLine)

    def take(self, content: bytes) -> list[ProbeLine]:
        """Return the lines that are whole now. Raises `GarbledError`."""
        self._read_bytes += len(content)
        if self._read_bytes > MOST_BYTES:
            raise GarbledError(f"it wrote more than {MOST_BYTES >> 20} MB")
        *whole, self._rest = (self._rest + content).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise GarbledError(f"a line is longer than {LONGEST_LINE_BYTES >> 20} MB")
        return [self._read(line) for line in whole]

    def end(self) -> None:
        """Hear that nothing more comes. Raises `GarbledError` for half a line."""
        if self._rest:
            raise GarbledError(f"its last line is cut short: {_shown(self._rest)}")

    def _read(self, line: bytes) -> ProbeLine:
        try:
            return self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise GarbledError(f"a line is none of a probe: {_shown(line)} ({error})") from None


def _shown(line: bytes) -> str:
    text = ascii(line[:_SHOWN].decode("utf-8", "replace"))
    return text + ("…" if len(line) > _SHOWN else "")
