"""Where a wheel's files go in an environment, and what is written anew for it."""

from __future__ import annotations

import csv
import stat
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.link_files import Linker
from envlock.backends.link_wheel import PythonPlace, WheelLinker
from envlock.backends.store_trees import Known, seal_tree
from envlock.backends.unpack import unpack
from tiny_store import make_wheel

SITE = "lib/python3.11/site-packages"
DATA = "demo-1.0.data"
INFO = "demo-1.0.dist-info"
SHARED = b"shared\n"


def place_in(prefix: str) -> PythonPlace:
    return PythonPlace(prefix=prefix, version="3.11", program="bin/python3.11", site=SITE)


def link(folder: Path, files: Mapping[str, bytes], prefix: str = "/store/key-demo") -> Path:
    """Unpack a wheel with these files, link it, and return the staging folder."""
    archive = folder / "demo-1.0-py3-none-any.whl"
    archive.write_bytes(make_wheel("demo", files=files))
    tree, staging = folder / "tree", folder / "staging"
    with archive.open("rb") as file:
        unpack(file, archive.name, tree)
    staging.mkdir()
    linker = Linker(str(staging), Known())
    WheelLinker(tree, "artifact-demo", seal_tree(tree)).link(linker, place_in(prefix))
    linker.finish()
    return staging


def rows_of(staging: Path) -> dict[str, tuple[str, str]]:
    with (staging / SITE / INFO / "RECORD").open(newline="") as file:
        return {path: (digest, size) for path, digest, size in csv.reader(file)}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("demo/deep/module.py", f"{SITE}/demo/deep/module.py"),
        (f"{DATA}/purelib/pure.py", f"{SITE}/pure.py"),
        (f"{DATA}/platlib/plat.so", f"{SITE}/plat.so"),
        (f"{DATA}/headers/demo.h", "include/site/python3.11/demo/demo.h"),
        (f"{DATA}/data/share/man/man1/demo.1", "share/man/man1/demo.1"),
        (f"{DATA}/scripts/demo.bin", "bin/demo.bin"),
        (f"{INFO}/licenses/LICENSE", f"{SITE}/{INFO}/licenses/LICENSE"),
        ("None/a.py", f"{SITE}/None/a.py"),
    ],
)
def test_each_scheme_has_its_place(tmp_path: Path, path: str, target: str):
    staging = link(tmp_path, {path: b"content\n"})

    assert (staging / target).read_bytes() == b"content\n"


def test_a_wheels_own_files_are_links_to_its_tree(tmp_path: Path):
    staging = link(tmp_path, {})

    linked, sealed = staging / SITE / "demo/data.bin", tmp_path / "tree/demo/data.bin"
    assert linked.read_bytes() == sealed.read_bytes()
    assert stat.S_IMODE(linked.stat().st_mode) == 0o444


@pytest.mark.parametrize("first", [b"#!python", b"#!pythonw", b"#!python -E"])
def test_the_first_line_of_a_script_names_the_environments_python(tmp_path: Path, first: bytes):
    staging = link(tmp_path, {f"{DATA}/scripts/run": first + b"\nprint(1)\n"})

    script = staging / "bin/run"
    assert script.read_bytes() == b"#!/store/key-demo/bin/python3.11\nprint(1)\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o755


def test_another_first_line_stays(tmp_path: Path):
    staging = link(tmp_path, {f"{DATA}/scripts/run": b"#!/bin/sh\necho 1\n"})

    assert (staging / "bin/run").read_bytes() == b"#!/bin/sh\necho 1\n"


def test_the_script_in_the_tree_stays_as_it_was(tmp_path: Path):
    link(tmp_path, {f"{DATA}/scripts/run": b"#!python\nprint(1)\n"})

    sealed = tmp_path / "tree" / DATA / "scripts/run"
    assert sealed.read_bytes() == b"#!python\nprint(1)\n"


def test_an_entry_point_becomes_a_launcher(tmp_path: Path):
    staging = link(tmp_path, {})

    launcher = staging / "bin/demo-tool"
    text = launcher.read_text()
    assert text.startswith("#!/store/key-demo/bin/python3.11\n")
    assert "from demo import main" in text
    assert stat.S_IMODE(launcher.stat().st_mode) == 0o755


def test_a_prefix_too_long_for_the_kernel_goes_through_a_shell(tmp_path: Path):
    prefix = "/" + "long/" * 40 + "key-demo"

    staging = link(tmp_path, {}, prefix)

    lines = (staging / "bin/demo-tool").read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert f"{prefix}/bin/python3.11" in lines[1]


def test_record_names_every_file_with_its_digest(tmp_path: Path):
    staging = link(tmp_path, {f"{DATA}/data/share/demo.txt": SHARED})

    rows = rows_of(staging)
    files = {path for path in staging.rglob("*") if path.is_file()}
    assert {(staging / SITE / path).resolve() for path in rows} == files
    digest, size = rows["demo/data.bin"]
    content = (staging / SITE / "demo/data.bin").read_bytes()
    assert digest == f"sha256={_urlsafe(content)}"
    assert size == str(len(content))
    assert rows["../../../share/demo.txt"] == (f"sha256={_urlsafe(SHARED)}", "7")


def _urlsafe(content: bytes) -> str:
    return urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")


def test_record_is_the_same_under_every_prefix(tmp_path: Path):
    files = {f"{DATA}/scripts/run": b"#!python\n"}
    records = []
    for name, prefix in (("one", "/a"), ("two", "/quite/another/prefix")):
        (tmp_path / name).mkdir()
        staging = link(tmp_path / name, files, prefix)
        records.append((staging / SITE / INFO / "RECORD").read_bytes())

    assert records[0] == records[1]
    assert b"../../../bin/run,,\n" in records[0]
    assert b"../../../bin/demo-tool,,\n" in records[0]


def test_record_is_ordered_and_ends_lines_as_unix_does(tmp_path: Path):
    staging = link(tmp_path, {"b.py": b"", "a.py": b""})

    content = (staging / SITE / INFO / "RECORD").read_bytes()
    paths = [row[0] for row in csv.reader(content.decode().splitlines())]
    assert paths == sorted(paths)
    assert b"\r" not in content


def test_the_installer_is_named(tmp_path: Path):
    staging = link(tmp_path, {f"{INFO}/INSTALLER": b"somebody else\n"})

    assert (staging / SITE / INFO / "INSTALLER").read_bytes() == b"envlock\n"
    assert rows_of(staging)[f"{INFO}/INSTALLER"] == ("", "")


def test_signatures_over_the_old_record_are_left_out(tmp_path: Path):
    staging = link(tmp_path, {f"{INFO}/RECORD.jws": b"signed\n"})

    assert not (staging / SITE / INFO / "RECORD.jws").exists()
    assert f"{INFO}/RECORD.jws" not in rows_of(staging)


def test_the_sources_are_told_with_their_places(tmp_path: Path):
    archive = tmp_path / "demo-1.0-py3-none-any.whl"
    archive.write_bytes(make_wheel("demo", files={f"{DATA}/purelib/pure.py": b"x = 1\n"}))
    with archive.open("rb") as file:
        unpack(file, archive.name, tmp_path / "tree")
    (tmp_path / "staging").mkdir()
    wheel = WheelLinker(tmp_path / "tree", "artifact-demo", seal_tree(tmp_path / "tree"))

    placed = wheel.link(Linker(str(tmp_path / "staging"), Known()), place_in("/p"))

    assert placed[f"{DATA}/purelib/pure.py"] == f"{SITE}/pure.py"
    assert placed["demo/__init__.py"] == f"{SITE}/demo/__init__.py"
    assert f"{INFO}/RECORD" not in placed
