"""What comes out of a build, as canonical bytes."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from envlock.backends.recipe_archive import canonical_package
from envlock.backends.unpack import unpack
from envlock.errors import RecipeError

STORE = b"/opt/store"
FILES = {"lib/one.txt": b"one\n", "bin/run": b"#!/bin/sh\n"}


def tar(members: Mapping[str, bytes], moment: int, mode: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size, header.mtime, header.uid = len(content), moment, moment
            header.mode = mode | (0o111 if name.startswith("bin/") else 0)
            archive.addfile(header, io.BytesIO(content))
    return zstandard.compress(target.getvalue())


def package(folder: Path, moment: int, files: Mapping[str, bytes] = FILES) -> Path:
    """Write a package as a builder leaves it: it tells when and where it was made."""
    folder.mkdir()
    paths = [
        {"_path": name, "path_type": "hardlink", "size_in_bytes": len(content)}
        for name, content in files.items()
    ]
    index = {
        "name": "one",
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "depends": ["data"],
        "subdir": "linux-64",
        "timestamp": moment,
    }
    info = {
        "info/index.json": json.dumps(index).encode(),
        "info/about.json": json.dumps({"channels": [f"file:///tmp/{moment}"]}).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
    }
    path = folder / "one-1.0-0.conda"
    mode = 0o600 if moment % 2 else 0o664
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        outer.writestr("info-one-1.0-0.tar.zst", tar(info, moment, mode))
        outer.writestr("pkg-one-1.0-0.tar.zst", tar(files, moment, mode))
    return path


def test_two_builds_are_the_same_bytes_whenever_and_by_whomever(tmp_path: Path):
    first, index = canonical_package(package(tmp_path / "a", 1_700_000_001), STORE)
    second, _ = canonical_package(package(tmp_path / "b", 1_800_000_000), STORE)

    assert first == second
    assert index["depends"] == ["data"]
    assert "timestamp" not in index


def test_what_comes_out_is_a_package_that_can_be_unpacked(tmp_path: Path):
    content, _ = canonical_package(package(tmp_path / "a", 1_700_000_001), STORE)
    (tmp_path / "tree").mkdir()

    unpack(io.BytesIO(content), "one-1.0-0.conda", tmp_path / "tree")

    assert (tmp_path / "tree" / "lib" / "one.txt").read_bytes() == b"one\n"
    assert (tmp_path / "tree" / "bin" / "run").stat().st_mode & 0o111


def test_a_file_that_differs_stays_different(tmp_path: Path):
    first, _ = canonical_package(package(tmp_path / "a", 1), STORE)
    other, _ = canonical_package(package(tmp_path / "b", 1, {"lib/one.txt": b"two\n"}), STORE)

    assert first != other


def test_a_file_that_names_the_store_is_refused_with_what_it_says(tmp_path: Path):
    files = {**FILES, "lib/two.so": b"\0\0/opt/store/abc-toolchain/lib\0rest"}

    with pytest.raises(RecipeError) as refused:
        canonical_package(package(tmp_path / "a", 1, files), STORE)

    assert str(refused.value) == (
        "`one-1.0-0.conda` remembers the toolchain that it was built with, by its path\n"
        "  lib/two.so: /opt/store/abc-toolchain/lib\n"
        "The package was discarded; nothing was locked."
    )
