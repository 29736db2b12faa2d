"""CIFAR-10's archive: the six batches and nothing else come out of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock.backends.training_data import unpack_cifar
from envlock.errors import ArchiveError

BATCHES = {
    f"cifar-10-batches-py/{name}": name.encode()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
}


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_the_six_batches_are_unpacked_and_nothing_else(tmp_path: Path):
    others = {"../escaped": b"", "cifar-10-batches-py/readme.html": b"", "data_batch_1": b"other"}
    archive = pack(tmp_path / "a.tar.gz", {**others, **BATCHES})
    (tmp_path / "here").mkdir()

    folder = unpack_cifar(archive, tmp_path / "here")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name.rpartition("/")[2]: content for name, content in BATCHES.items()
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "here"]


def test_a_missing_batch_is_named(tmp_path: Path):
    some = {name: content for name, content in BATCHES.items() if "batch_3" not in name}
    archive = pack(tmp_path / "a.tar.gz", some)

    with pytest.raises(ArchiveError) as caught:
        unpack_cifar(archive, tmp_path)

    assert str(caught.value) == (
        "cifar-10-python.tar.gz: cannot be trained on: "
        "expected cifar-10-batches-py/data_batch_3 in it, found none\nNothing was verified."
    )


def test_a_link_in_place_of_a_batch_is_refused(tmp_path: Path):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(member)

    with pytest.raises(ArchiveError, match="test_batch is no batch of 10,000 pictures"):
        unpack_cifar(path, tmp_path)


@pytest.mark.parametrize("cut", [0, 10, 100, 200])
def test_what_is_no_whole_archive_is_refused(tmp_path: Path, cut: int):
    path = pack(tmp_path / "a.tar.gz", {name: content * 9000 for name, content in BATCHES.items()})
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(ArchiveError, match=r"cifar-10-python\.tar\.gz: cannot be trained on: "):
        unpack_cifar(path, tmp_path)
