from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from conda_packages import Member, pack
from envlock.backends.conda_measure import CondaMeasure
from envlock.errors import ArchiveError
from envlock.model.store import Artifact, ArtifactKind
from fakes_store import make_artifact


def artifact(file_name: str) -> Artifact:
    return make_artifact("demo", file_name=file_name, kind=ArtifactKind.CONDA)


def measure(path: Path) -> dict[str, int]:
    return dict(CondaMeasure(lambda _: str(path)).tar_bytes(artifact(path.name)))


def unpacked(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {
            name.partition("-")[0]: len(
                zstandard.ZstdDecompressor().decompressobj().decompress(archive.read(name))
            )
            for name in archive.namelist()
            if name.endswith(".zst")
        }


def test_the_halves_are_as_large_as_what_they_unpack_to(tmp_path: Path):
    packed = pack(tmp_path, "demo", members={"share/a": Member(content=b"x" * 3_000_000)})

    assert measure(packed.path) == unpacked(packed.path)
    assert measure(packed.path)["pkg"] > 3_000_000


def test_a_half_of_several_streams_is_measured_to_its_end(tmp_path: Path):
    path = tmp_path / "demo-1.0-0.conda"
    streams = [zstandard.compress(b"a" * 512), zstandard.compress(b"b" * 1024)]
    write(path, info=zstandard.compress(bytes(512)), pkg=b"".join(streams))

    assert measure(path) == {"info": 512, "pkg": 1536}


def test_the_older_format_has_no_halves(tmp_path: Path):
    packed = pack(tmp_path, "demo", members={}, ending=".tar.bz2")

    assert measure(packed.path) == {}


def write(path: Path, **halves: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for half, content in halves.items():
            archive.writestr(f"{half}-{path.name.removesuffix('.conda')}.tar.zst", content)


def refusal(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        measure(path)
    return str(caught.value)


def test_a_half_that_is_no_whole_blocks_is_refused(tmp_path: Path):
    path = tmp_path / "demo-1.0-0.conda"
    write(path, info=zstandard.compress(bytes(512)), pkg=zstandard.compress(bytes(1000)))

    assert refusal(path) == (
        "`demo-1.0-0.conda` is refused: `pkg` has 1,000 bytes, which are no whole blocks\n"
        "Nothing was written."
    )


def test_a_half_that_unpacks_without_end_is_refused(tmp_path: Path):
    path = tmp_path / "demo-1.0-0.conda"
    write(path, info=zstandard.compress(bytes(512)), pkg=zstandard.compress(bytes(70 << 20)))

    assert refusal(path) == (
        "`demo-1.0-0.conda` is refused: `pkg-demo-1.0-0.tar.zst` unpacks to more than 67,108,864 "
        "bytes\nNothing was written."
    )


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path):
    path = tmp_path / "demo-1.0-0.conda"
    path.write_bytes(b"<html>")

    assert refusal(path) == (
        "`demo-1.0-0.conda` is refused: File is not a zip file\nNothing was written."
    )


def test_a_file_without_one_of_the_halves_is_refused(tmp_path: Path):
    path = tmp_path / "demo-1.0-0.conda"
    target = io.BytesIO()
    tarfile.open(fileobj=target, mode="w").close()
    write(path, info=zstandard.compress(target.getvalue()))

    assert "There is no item named 'pkg-demo-1.0-0.tar.zst' in the archive" in refusal(path)
