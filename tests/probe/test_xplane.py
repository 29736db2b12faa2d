from __future__ import annotations

from pathlib import Path

import pytest

from envlock.probe.xplane import busy_seconds, watch_device


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def line(name: str, zero: int, *events: tuple[int, int]) -> bytes:
    """A line with its events, each with another number and a double beside what is read."""
    content = number(1, 7) + message(2, name.encode()) + number(3, zero)
    for start, length in events:
        inner = (
            number(1, 300) + number(2, start) + number(3, length) + varint(5 << 3 | 1) + bytes(8)
        )
        content += message(4, inner)
    return message(3, content)


def plane(name: str, *lines: bytes) -> bytes:
    return message(1, number(1, 2) + message(2, name.encode()) + b"".join(lines))


SECOND = 10**12


def test_streams_that_work_at_one_time_are_busy_once():
    space = plane(
        "/device:GPU:0",
        line("Stream #1", 0, (0, SECOND), (3 * SECOND, SECOND)),
        line("Stream #2", 0, (SECOND // 2, SECOND)),
    )

    assert busy_seconds(space) == 2.5


def test_a_line_begins_at_its_own_time():
    space = plane(
        "/device:GPU:0",
        line("Stream #1", 0, (0, SECOND)),
        line("Stream #2", 10**9, (0, SECOND)),
    )

    assert busy_seconds(space) == 2


def test_the_host_and_what_is_derived_from_streams_do_not_count():
    space = plane("/host:CPU", line("Stream", 0, (0, SECOND))) + plane(
        "/device:GPU:0", line("XLA Ops", 0, (0, SECOND))
    )

    assert busy_seconds(space) == 0


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_a_profile_that_was_cut_short_is_refused(cut: int):
    space = plane("/device:GPU:0", line("Stream #1", 0, (0, SECOND)))

    with pytest.raises(ValueError, match="no protocol buffer"):
        busy_seconds(space[:-cut])


def test_a_profile_is_read_where_it_was_written_and_then_removed():
    folders: list[Path] = []

    def start(folder: str) -> None:
        folders.append(Path(folder))

    def stop() -> None:
        inner = folders[0] / "plugins" / "profile" / "now"
        inner.mkdir(parents=True)
        content = plane("/device:GPU:0", line("Stream #1", 0, (0, SECOND)))
        (inner / "host.xplane.pb").write_bytes(content)

    busy, passed = watch_device(lambda: None, start, stop)

    assert busy == 1
    assert 0 <= passed < 60
    assert not folders[0].exists()
