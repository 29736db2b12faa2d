"""Files that are not what they should be: exit 2 (4 for the disk), a message, nothing written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.backends.pins import DiskPins
from envlock.cli.main import main
from tiny import make_stack, record

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"
"""
CHANNELS = {"conda-forge": {"linux-64": [record("python", "3.11.9")]}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stack and its pin; the working directory is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    make_stack(Path(), STACK, CHANNELS)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert not Path("demo.conda-lock.yml").exists()
    return status, err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "demo.toml:"),
        (STACK.replace('"3.11.*"', '"3.11.*').encode(), "demo.toml:7: "),
        (STACK.encode() + b'version = "3.12.*"\n', "demo.toml:8: python.version: "),
        (STACK.replace('"3.11.*"', "3.11").encode(), "demo.toml:7: python.version: "),
        (b"\xff\xfe" + STACK.encode(), "demo.toml:1: "),
        (STACK.encode() + b"\x00", "demo.toml:8: "),
        (b"{}" * 100, "demo.toml:1: "),
    ],
    ids=["empty", "invalid TOML", "duplicate key", "number", "not UTF-8", "NUL", "JSON"],
)
def test_a_stack_that_is_no_stack_is_refused_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
):
    (folder / "demo.toml").write_bytes(content)

    status, err = refused(capsys, "solve", "demo.toml")

    assert status == 2
    assert err.startswith(f"error: {told}")


def test_a_number_where_a_string_belongs_says_how_to_write_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "demo.toml").write_text(STACK.replace('"3.11.*"', "3.11"), "utf-8")

    status, err = refused(capsys, "solve", "demo.toml")

    assert status == 2
    assert err == (
        "error: demo.toml:7: python.version: expected a string, found the float 3.11\n\n"
        'hint: quote it: `version = "3.11"`\n'
    )


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "huge.toml").write_bytes(b"#" * 50_000_000)
    (folder / "folder.toml").mkdir()

    assert refused(capsys, "solve", "absent.toml") == (
        2,
        "error: absent.toml: there is no such file\n",
    )
    assert refused(capsys, "solve", "folder.toml") == (
        2,
        "error: folder.toml: expected a file, found a folder\n",
    )
    assert refused(capsys, "solve", "huge.toml") == (
        2,
        "error: huge.toml: expected at most 1,000,000 bytes, found 50,000,000\n\n"
        "hint: is this really the file you meant?\n",
    )


def test_what_is_no_stack_by_its_name_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert refused(capsys, "solve", "demo.conda-lock.yml") == (
        2,
        "error: demo.conda-lock.yml: expected the name of a stack file, which ends in `.toml`\n\n"
        "hint: that is a lock: `envlock show demo.conda-lock.yml` reads it\n",
    )
    assert refused(capsys, "solve", "new\nline.toml")[0] == 2


def test_a_pipe_is_refused_and_does_not_hang(folder: Path, capsys: pytest.CaptureFixture[str]):
    os.mkfifo(folder / "pipe.toml")

    assert refused(capsys, "solve", "pipe.toml") == (
        2,
        "error: pipe.toml: expected a file, found a device or a pipe\n",
    )


def test_a_stack_without_a_pin_is_told_how_to_get_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "demo.toml").write_text(STACK.replace('"demo"', '"other"'), "utf-8")

    assert refused(capsys, "solve", "demo.toml") == (
        2,
        "error: demo.toml: stack `other` has no index pin to solve from\n\n"
        "hint: ask the channels once: `envlock index pin demo.toml`\n",
    )


def pin_folder() -> Path:
    return next(path for path in Path("pins").iterdir() if path.is_dir())


def test_a_forged_manifest_is_found_by_its_digest(folder: Path, capsys: pytest.CaptureFixture[str]):
    manifest = pin_folder() / "pin.json"
    forged = json.loads(manifest.read_text("utf-8"))
    forged["as_of"] = "2030-01-01T00:00:00Z"
    manifest.write_text(json.dumps(forged), "utf-8")

    status, err = refused(capsys, "solve", "demo.toml")

    assert status == 2
    assert "digest mismatch\n  expected sha256: " in err
    assert "\n  found    sha256: " in err


def test_a_truncated_part_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    part = pin_folder() / "conda-forge" / "linux-64" / "repodata.json.zst"
    part.write_bytes(part.read_bytes()[:-20])

    status, err = refused(capsys, "solve", "demo.toml")

    assert status == 2
    assert str(part) in err


def test_a_missing_pin_folder_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(pin_folder())

    status, err = refused(capsys, "solve", "demo.toml")

    assert status == 2
    assert "there is no such index pin\nNothing was solved; no lock was written.\n" in err


def test_a_lock_that_was_edited_by_hand_is_stale_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["solve", "-q", "demo.toml"]) == 0
    lock = folder / "demo.conda-lock.yml"
    lock.write_text(lock.read_text("utf-8").replace("3.11.9", "3.11.8"), "utf-8")

    status = main(["solve", "--check", "demo.toml"])

    out, _ = capsys.readouterr()
    assert status == 1
    assert out == (
        "demo.conda-lock.yml: stale\n"
        "  the package section no longer matches its digest: it was edited, cut short or merged\n"
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB; mounting one takes root."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (it takes root on Linux)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"0" * 512)


def test_a_full_disk_leaves_the_old_lock(
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(small_disk)
    make_stack(Path(), STACK, CHANNELS)
    Path("demo.conda-lock.yml").write_text("old\n", "utf-8")
    fill(Path("ballast"))

    status = main(["solve", "demo.toml"])

    _, err = capsys.readouterr()
    assert status == 4
    assert err == (
        "error: demo.conda-lock.yml: cannot be written: No space left on device\n"
        "Nothing was written; what was there is unchanged.\n\n"
        "hint: free space or choose a folder that you may write to, then run it again\n"
    )
    assert Path("demo.conda-lock.yml").read_text("utf-8") == "old\n"
    assert not [path for path in Path().iterdir() if path.name.startswith(".demo")]


def test_a_read_only_folder_is_exit_4(
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(small_disk)
    make_stack(Path(), STACK, CHANNELS)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    status = main(["solve", "demo.toml"])

    _, err = capsys.readouterr()
    assert status == 4
    assert err.startswith("error: demo.conda-lock.yml: cannot be written: Read-only file system\n")


def test_an_unwritable_cache_does_not_stop_a_solve(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (folder / "blocked").write_text("a file where the cache should be", "utf-8")
    monkeypatch.setenv("ENVLOCK_CACHE", str(folder / "blocked"))

    assert main(["solve", "-q", "demo.toml"]) == 0


def test_the_ledger_names_only_full_digests(folder: Path):
    pins = DiskPins(folder / "pins", folder / "cache")

    digest = pins.assigned("demo")

    assert digest is not None
    assert len(digest) == 64
