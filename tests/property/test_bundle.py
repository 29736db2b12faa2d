"""A bundle with any byte changed, cut short or made longer is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle_house import LOCK, digest, verify, whole, write
from envlock.errors import EnvlockError
from envlock.formats.tar_blocks import format_header

FLIPS = 200


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "demo.tar"
    write(path, whole())
    verify(path)
    return path


def is_refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        verify(path)
    except EnvlockError:
        return True
    return False


def test_random_flips_of_one_bit_are_all_refused(bundle: Path, tmp_path: Path):
    whole_content = bundle.read_bytes()
    chance = random.Random(20260131)
    taken = []
    for _ in range(FLIPS):
        content = bytearray(whole_content)
        place, bit = chance.randrange(len(content)), chance.randrange(8)
        content[place] ^= 1 << bit
        if not is_refused(tmp_path / "flipped.tar", bytes(content)):
            taken.append((place, bit))

    assert taken == []


def test_every_byte_that_carries_nothing_has_to_be_zero(bundle: Path, tmp_path: Path):
    content = bundle.read_bytes()
    lock = content.index(format_header(LOCK, len(whole()[LOCK])))
    padding = [lock - 1, lock + 500, len(content) - 1, len(content) - 1024]
    assert [content[place] for place in padding] == [0, 0, 0, 0]

    for place in padding:
        changed = content[:place] + b"\1" + content[place + 1 :]
        assert is_refused(tmp_path / "padded.tar", changed), place


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_bundle_of_another_length_is_refused(bundle: Path, tmp_path: Path, data: st.DataObject):
    content = bundle.read_bytes()
    length = data.draw(st.integers(0, len(content) - 1))
    more = data.draw(st.binary(min_size=1, max_size=1024))

    assert is_refused(tmp_path / "short.tar", content[:length])
    assert is_refused(tmp_path / "long.tar", content + more)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_blocks_in_another_order_are_refused(bundle: Path, tmp_path: Path, data: st.DataObject):
    content = bundle.read_bytes()
    blocks = [content[at : at + 512] for at in range(0, len(content), 512)]
    moved = b"".join(data.draw(st.permutations(blocks)))

    assert moved == content or is_refused(tmp_path / "moved.tar", moved)


@given(st.permutations(list(whole().items())))
def test_the_order_of_what_is_packed_never_counts(items: list[tuple[str, bytes]]):
    import tempfile  # noqa: PLC0415 - a folder for each example

    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.tar", Path(folder) / "b.tar"
        assert write(first, whole()) == write(second, dict(items))
        assert digest(first.read_bytes()) == digest(second.read_bytes())
