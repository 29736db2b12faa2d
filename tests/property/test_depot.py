"""Of what a depot gives, no byte can change and be taken."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.depot_intake import DepotIntake
from envlock.backends.signing import load_private_key, load_public_key, make_key
from envlock.cli.progress import SilentMeter
from envlock.errors import DepotError
from envlock.formats.depot_entry import format_entry, read_entry_file
from envlock.formats.dsse import Envelope, Signature, add_signature, format_envelope
from envlock.model.depot import DepotBytecode, DepotEntry, DepotObject
from envlock.workflows.pull import Trust, check_signatures

digests = st.binary(max_size=4).map(lambda content: sha256(content).hexdigest())
keys = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
sizes = st.integers(0, 2**40)
objects = st.builds(DepotObject, file_name=texts, sha256=digests, size_bytes=sizes)
bytecode = st.builds(
    DepotBytecode,
    tree=digests.map(lambda digest: f"bytecode-{digest}-{digest[:32]}"),
    tree_sha256=digests,
    sha256=digests,
    size_bytes=sizes,
)
entries = st.builds(
    DepotEntry,
    key=keys,
    name=texts,
    platform=st.sampled_from(["linux-64", "osx-arm64"]),
    content_sha256=digests,
    tree_sha256=digests,
    derivation_key=keys,
    prefix_bytes=st.integers(1, 200),
    size_bytes=sizes,
    artifacts=st.lists(objects, max_size=4).map(tuple),
    bytecode=st.lists(bytecode, max_size=2).map(tuple),
    serial=st.integers(0, 2**62),
    pushed_at=st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)),
    envlock_version=texts,
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("keys") / "key"
    make_key(path)
    return load_private_key(str(path)), load_public_key(f"{path}.pub")


def signed(entry: DepotEntry, key) -> bytes:
    envelope = Envelope(payload=format_entry(entry), signatures=())
    signature = Signature(keyid=key.keyid, sig=key.sign(envelope.signed_bytes))
    return format_envelope(add_signature(envelope, signature))


@given(entry=entries)
def test_an_entry_is_read_as_it_was_written(entry: DepotEntry, signer):
    key, public = signer

    plain = read_entry_file(format_entry(entry), "a")
    file = read_entry_file(signed(entry, key), "a")

    assert plain.entry == file.entry == entry
    assert plain.envelope is None
    assert check_signatures(file, Trust(keys=(public,)), "a depot") == public.keyid


@given(entry=entries, place=st.integers(0), mask=st.integers(1, 255))
def test_whatever_byte_of_a_signed_entry_changes_it_is_refused(
    entry: DepotEntry, place: int, mask: int, signer
):
    key, public = signer
    content = bytearray(signed(entry, key))
    content[place % len(content)] ^= mask

    with pytest.raises(DepotError):
        check_signatures(read_entry_file(bytes(content), "a"), Trust(keys=(public,)), "a depot")


@given(entry=entries, end=st.integers(0))
def test_an_entry_that_was_cut_off_is_refused(entry: DepotEntry, end: int, signer):
    key, public = signer
    content = signed(entry, key)
    cut = content[: end % len(content)]

    with pytest.raises(DepotError):
        check_signatures(read_entry_file(cut, "a"), Trust(keys=(public,)), "a depot")


@given(content=st.binary(max_size=400))
def test_anything_else_is_refused_as_no_entry(content: bytes):
    with pytest.raises(DepotError):
        read_entry_file(content, "a")


class OneObject:
    """A depot with one object in it, whose size is told as one likes."""

    title = "a depot"

    def __init__(self, content: bytes, size: int) -> None:
        self._content = content
        self._size = size

    def size_of(self, sha256: str) -> int | None:
        return self._size

    def read(self, sha256: str, offset: int) -> Iterator[bytes]:
        for at in range(offset, len(self._content), 7):
            yield self._content[at : at + 7]


@given(
    content=st.binary(min_size=1, max_size=100),
    place=st.integers(0),
    mask=st.integers(1, 255),
    begun=st.integers(0, 120),
)
def test_whatever_byte_of_an_object_changes_it_is_refused_and_nothing_of_it_stays(
    content: bytes, place: int, mask: int, begun: int
):
    wanted = DepotObject(
        file_name="a.whl", sha256=sha256(content).hexdigest(), size_bytes=len(content)
    )
    changed = bytearray(content)
    changed[place % len(content)] ^= mask
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "partial").mkdir()
        (root / "partial" / wanted.sha256).write_bytes(bytes(changed[:begun]))
        folder = ArtifactFolder(root)

        with pytest.raises(DepotError):
            DepotIntake(OneObject(bytes(changed), len(content)), folder).take(  # type: ignore[arg-type]
                [wanted], SilentMeter()
            )

        assert folder.names() == ()
        assert list((root / "partial").iterdir()) == []


@given(content=st.binary(max_size=100), more=st.binary(max_size=30), less=st.integers(0, 100))
def test_an_object_that_is_longer_or_shorter_than_was_told_is_refused(
    content: bytes, more: bytes, less: int
):
    wanted = DepotObject(
        file_name="a.whl", sha256=sha256(content).hexdigest(), size_bytes=len(content)
    )
    given_bytes = content[: max(0, len(content) - less)] if less else content + more
    if given_bytes == content:
        return
    with TemporaryDirectory() as name:
        folder = ArtifactFolder(Path(name))
        for told in {len(content), len(given_bytes)}:  # an honest depot, and one that lies
            with pytest.raises(DepotError):
                DepotIntake(OneObject(given_bytes, told), folder).take(  # type: ignore[arg-type]
                    [wanted], SilentMeter()
                )
        assert folder.names() == ()
