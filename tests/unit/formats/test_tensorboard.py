"""Event files, read back by a reader of this test's own, and by TensorBoard where it is there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.formats.tensorboard import crc32c, events_name, format_events
from envlock.model.receipt import Curve
from reports import HOSTILE, rich_receipt

NOON = 1_795_000_000.5
CURVE = Curve(
    name="pytorch.training.rnn", losses=(2.0, 1.0, 0.5), accuracies=(0.25, 0.75), steps=300
)
CONTROL = Curve(
    name="jax.training.rnn",
    losses=(float("nan"), 1e300),
    accuracies=(),
    steps=2,
    control="shuffled-labels",
)


def records(content: bytes) -> Iterator[bytes]:
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield content[12 : 12 + length]
        content = content[16 + length :]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_checksum_is_that_of_rfc_3720(content: bytes, expected: int):
    assert crc32c(content) == expected


def test_the_bytes_are_those_that_tensorboards_own_writer_makes():
    curve = Curve(name="a", losses=(0.5,), accuracies=(), steps=300)

    content = format_events(rich_receipt(curves=(curve,)), 1.0)

    assert content.hex() == (
        "1800000000000000a37f4b22"  # 24 bytes follow
        "09000000000000f03f"  # wall time 1.0
        "1a0d627261696e2e4576656e743a32"  # brain.Event:2
        "86bf577a"
        "1d00000000000000602fdf23"
        "09000000000000f03f"
        "10ac02"  # step 300
        "2a0f0a0d0a06612f6c6f7373150000003f"  # a/loss 0.5
        "7293e18e"
    ), "as TensorBoard 2.21 writes it"


def test_there_is_one_event_for_each_point():
    content = format_events(rich_receipt(curves=(CURVE,)), NOON)

    assert len(list(records(content))) == 1 + 3 + 2
    assert content.count(b"pytorch.training.rnn/loss") == 3
    assert content.count(b"pytorch.training.rnn/accuracy") == 2


def test_the_same_receipt_and_time_give_the_same_bytes():
    assert format_events(rich_receipt(), NOON) == format_events(rich_receipt(), NOON)


def test_the_name_is_one_that_tensorboard_looks_for():
    assert events_name(NOON) == "events.out.tfevents.1795000000.envlock"


def test_tensorboard_reads_what_was_written(tmp_path: Path):
    loader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed",
    )
    receipt = rich_receipt(
        curves=(CURVE, CONTROL, Curve(name=HOSTILE, losses=(1.0,), accuracies=(), steps=1))
    )
    (tmp_path / events_name(NOON)).write_bytes(format_events(receipt, NOON))

    events = loader.EventAccumulator(str(tmp_path))
    events.Reload()

    def read(tag: str) -> list[tuple[float, int, str]]:
        return [(e.wall_time, e.step, str(e.value)) for e in events.Scalars(tag)]

    assert len(events.Tags()["scalars"]) == 4
    assert read("pytorch.training.rnn/loss") == [
        (NOON, 100, "2.0"),
        (NOON, 200, "1.0"),
        (NOON, 300, "0.5"),
    ]
    assert read("pytorch.training.rnn/accuracy") == [(NOON, 0, "0.25"), (NOON, 300, "0.75")]
    assert read("jax.training.rnn (shuffled-labels)/loss") == [(NOON, 1, "nan"), (NOON, 2, "inf")]
