"""Pins on disk: what is written, what is refused when it is read, and who may be in the way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from envlock.backends import pins as pins_module
from envlock.backends.pins import REPODATA, DiskPins, cache_folder
from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import (
    NAME_DIGITS,
    format_manifest,
    make_pin,
    parse_manifest,
    pin_digest,
)
from envlock.model.pin import Origin, Pin
from fakes_index import FakePins
from sample_pins import NOW, OTHER, OTHER_REPODATAS, PIN, REPODATAS, URL

pytest.importorskip("resource", reason="pipes, modes and limits are Unix things")


@pytest.fixture
def disk(tmp_path: Path) -> DiskPins:
    return DiskPins(tmp_path / "pins", tmp_path / "cache")


# What it writes


def place_of(disk: DiskPins, digest: str) -> Path:
    return disk.folder / digest[:NAME_DIGITS]


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_pin_is_a_tree_of_channels_with_a_manifest(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)

    assert files_of(place_of(disk, digest)) == [
        "pin.json",
        "tiny-2/linux-64/repodata.json.zst",
        "tiny/linux-64/repodata.json.zst",
        "tiny/noarch/repodata.json.zst",
    ]
    assert [path.name for path in disk.folder.iterdir()] == [digest[:NAME_DIGITS]]


def test_what_is_opened_is_the_repodata_itself(disk: DiskPins) -> None:
    opened = disk.open(disk.keep(PIN, REPODATAS), ["linux-64", "noarch"])

    assert {
        (item.part.channel, item.part.subdir): Path(item.path).read_bytes() for item in opened.parts
    } == REPODATAS


def test_the_ledger_is_a_file_that_people_can_read(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)

    disk.assign_all(["torch", "jax"], digest)

    assert (disk.folder / "pins.toml").read_text() == (
        "# Which index pin each stack of the folder above solves from.\n"
        "# Written by `envlock index pin` and `envlock index update`.\n"
        "version = 1\n\n[stacks]\n"
        f'"jax" = "sha256:{digest}"\n'
        f'"torch" = "sha256:{digest}"\n'
    )


def test_a_pin_can_be_shared_by_a_group(disk: DiskPins) -> None:
    before = os.umask(0o022)
    try:
        place = place_of(disk, disk.keep(PIN, REPODATAS))
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in [place, *place.rglob("*")]}
    assert modes == {0o755, 0o644}


def test_a_manifest_that_would_not_read_back_is_not_written(disk: DiskPins) -> None:
    unordered = Pin(origin=PIN.origin, as_of=NOW, parts=PIN.parts[::-1])

    with pytest.raises(ValueError, match="in order"):
        disk.keep(unordered, REPODATAS)

    assert not disk.folder.exists()


# What it refuses to read


def damage(disk: DiskPins, digest: str, act: Callable[[Path], object]) -> PinError:
    """Do something to a kept pin, and return the error of opening it."""
    disk.keep(PIN, REPODATAS)
    act(place_of(disk, digest))
    with pytest.raises(PinError) as caught:
        disk.open(digest, ["linux-64"])
    assert caught.value.message.endswith("Nothing was solved; no lock was written.")
    return caught.value


DIGEST = pin_digest(PIN)
LINUX = f"tiny/linux-64/{REPODATA}"
LINUX_SHA256 = sha256(REPODATAS[URL, "linux-64"]).hexdigest()
PACKED_SIZE = len(REPODATAS[URL, "linux-64"])


def forge_record(place: Path) -> None:
    content = zstandard.decompress((place / LINUX).read_bytes())
    (place / LINUX).write_bytes(zstandard.compress(content.replace(b"3.12", b"3.13")))


def forge_manifest(place: Path) -> None:
    manifest = place / "pin.json"
    manifest.write_text(manifest.read_text().replace('"live"', '"observed"'))


def truncate(place: Path) -> None:
    (place / LINUX).write_bytes((place / LINUX).read_bytes()[:-20])


def bomb(place: Path) -> None:
    (place / LINUX).write_bytes(zstandard.compress(b"0" * 50_000_000))


def window_bomb(place: Path) -> None:
    """A frame that is 9 bytes long and asks for a window of 1 GiB."""
    magic, descriptor, window, last_raw_block = b"\x28\xb5\x2f\xfd", b"\0", b"\xa0", b"\x01\0\0"
    (place / LINUX).write_bytes(magic + descriptor + window + last_raw_block)


def swap(place: Path) -> None:
    noarch = place / f"tiny/noarch/{REPODATA}"
    (place / LINUX).rename(place / "aside")
    noarch.rename(place / LINUX)
    (place / "aside").rename(noarch)


DAMAGES = [
    (forge_record, LINUX, "digest mismatch\n  expected sha256: "),
    (
        forge_manifest,
        "pin.json",
        f"digest mismatch\n  expected sha256: {DIGEST}\n  found    sha256: ",
    ),
    (truncate, LINUX, f"expected {PACKED_SIZE:,} bytes unpacked, found "),
    (bomb, LINUX, f"expected {PACKED_SIZE:,} bytes unpacked, found more than {PACKED_SIZE:,}\n"),
    (
        window_bomb,
        LINUX,
        "cannot be unpacked: zstd decompress error: Frame requires too much memory for decoding\n",
    ),
    (swap, LINUX, "expected "),
    (lambda place: (place / LINUX).unlink(), LINUX, "the file is missing\n"),
    (lambda place: (place / LINUX).write_bytes(b"<html>"), LINUX, "cannot be unpacked: "),
    (
        lambda place: (place / "pin.json").write_bytes(b'{"version": 1'),
        "pin.json",
        "cannot be read: not a pin manifest: Input data was truncated\n",
    ),
    (
        lambda place: (place / "pin.json").write_bytes(b"[" * 3_000_000),
        "pin.json",
        "cannot be read: not a pin manifest: ",
    ),
]


@pytest.mark.parametrize(("act", "file", "problem"), DAMAGES)
def test_a_damaged_or_forged_pin_is_never_opened(
    disk: DiskPins, act: Callable[[Path], object], file: str, problem: str
) -> None:
    error = damage(disk, DIGEST, act)

    assert error.message.startswith(f"{place_of(disk, DIGEST) / file}: {problem}")
    assert error.hints == (
        "restore the pin from version control, or make a new one: `envlock index pin STACK`",
    )
    assert f"repodata/{LINUX_SHA256}.json" not in files_of(disk._cache._folder)


def test_a_missing_pin_says_how_to_get_it(disk: DiskPins) -> None:
    error = damage(disk, DIGEST, shutil.rmtree)

    assert error.message == (
        f"{place_of(disk, DIGEST)}: there is no such index pin\n"
        "Nothing was solved; no lock was written."
    )
    assert error.hints == (
        "restore it from version control, or make one: `envlock index pin STACK`",
    )


def test_a_pipe_in_place_of_a_file_is_not_waited_for(disk: DiskPins) -> None:
    def act(place: Path) -> None:
        (place / LINUX).unlink()
        os.mkfifo(place / LINUX)

    error = damage(disk, DIGEST, act)

    assert "the file is missing" in error.message


def test_a_manifest_cannot_lead_out_of_the_pin(disk: DiskPins) -> None:
    value = json.loads(format_manifest(PIN))
    for part in value["parts"]:
        part["channel"] = "https://x.example/.."
    value["parts"] = value["parts"][:1]
    pin = parse_manifest(json.dumps(value).encode())

    digest = FakePins().keep(pin, {})
    place = place_of(disk, digest)
    place.mkdir(parents=True)
    (place / "pin.json").write_bytes(json.dumps(value).encode())
    with pytest.raises(PinError, match="the file is missing") as caught:
        disk.open(digest, [pin.parts[0].subdir])

    assert str(place / "channel") in caught.value.message


def test_a_damaged_pin_is_replaced_when_it_is_kept_again(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)
    forge_record(place_of(disk, digest))

    disk.keep(PIN, REPODATAS)

    assert dict(disk.repodata(digest)) == REPODATAS
    assert len(list(disk.folder.iterdir())) == 1


def test_folders_that_are_not_pins_are_passed_over(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)
    other = place_of(disk, disk.keep(OTHER, OTHER_REPODATAS)) / "pin.json"
    other.write_text(other.read_text().replace('"observed"', '"live"'))
    (disk.folder / "notes").mkdir()
    (disk.folder / "notes/pin.json").write_text("not JSON")
    shutil.copytree(place_of(disk, digest), disk.folder / "copy")

    assert disk.kept() == (digest,)


BROKEN_LEDGERS = [
    ("[stacks", "Expected ']' at the end of a table declaration (at end of document)"),
    ("stacks = 3", "stacks: expected a table"),
    ("[stacks]\ntorch = 3", "stacks.torch: expected `sha256:` and 64 hex digits"),
    ('[stacks]\ntorch = "sha256:../../x"', "stacks.torch: expected `sha256:` and 64 hex digits"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN_LEDGERS)
def test_a_broken_ledger_is_not_taken_for_an_empty_one(
    disk: DiskPins, text: str, problem: str
) -> None:
    disk.folder.mkdir()
    path = disk.folder / "pins.toml"
    path.write_text(text)

    for act in (lambda: disk.assigned("torch"), lambda: disk.assign("jax", DIGEST)):
        with pytest.raises(PinError) as caught:
            act()
        assert caught.value.message == f"{path}: cannot be read: {problem}"

    assert path.read_text() == text


# Its cache


def test_a_poisoned_cache_is_never_used(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)
    [path] = [Path(part.path) for part in disk.open(digest, ["noarch"]).parts]
    for content in (b"x" * len(path.read_bytes()), b"", b"x" * 5_000_000):
        path.write_bytes(content)

        [again] = disk.open(digest, ["noarch"]).parts

        assert Path(again.path).read_bytes() == REPODATAS[URL, "noarch"]


def test_a_part_that_is_unpacked_is_not_unpacked_again(disk: DiskPins) -> None:
    digest = disk.keep(PIN, REPODATAS)
    [part] = disk.open(digest, ["noarch"]).parts
    before = Path(part.path).stat()

    disk.open(digest, ["noarch"])

    assert Path(part.path).stat().st_ino == before.st_ino


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    disk = DiskPins(tmp_path / "pins", tmp_path / "file")

    [part] = disk.open(disk.keep(PIN, REPODATAS), ["noarch"]).parts

    private = Path(part.path).parent
    assert Path(part.path).read_bytes() == REPODATAS[URL, "noarch"]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_temporary_folder_that_others_may_write_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_to_all = tmp_path / f"envlock-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    disk = DiskPins(tmp_path / "pins", tmp_path / "file")

    [part] = disk.open(disk.keep(PIN, REPODATAS), ["noarch"]).parts

    assert Path(part.path).parent != open_to_all


def test_no_room_anywhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    disk = DiskPins(tmp_path / "pins", tmp_path / "file")
    digest = disk.keep(PIN, REPODATAS)
    monkeypatch.setattr("envlock.backends.pin_cache._private_folder", lambda: tmp_path / "file")

    with pytest.raises(WorldError) as caught:
        disk.open(digest, ["noarch"])

    assert caught.value.message == (
        f"{tmp_path / 'file'}: an index pin cannot be unpacked there, nor in a temporary folder\n"
        f"It needs {len(REPODATAS[URL, 'noarch']):,} bytes. "
        "Nothing was solved; no lock was written."
    )


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"ENVLOCK_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/envlock"),
        ({}, "/home/me/.cache/envlock"),
    ],
)
def test_the_cache_lies_where_the_user_wants_it(
    environment: Mapping[str, str], folder: str
) -> None:
    assert cache_folder(environment, lambda: Path("/home/me")) == Path(folder)


def test_a_user_without_a_home_has_a_cache_too() -> None:
    def homeless() -> Path:
        raise RuntimeError

    assert cache_folder({}, homeless).name == "envlock"


# When the disk refuses, and when two write at once


BIG, BIG_REPODATAS = make_pin(
    Origin.LIVE,
    NOW,
    {
        (URL, "noarch"): {
            f"p-{number}-0.conda": {"name": os.urandom(16).hex()} for number in range(99)
        }
    },
)


def test_a_full_disk_leaves_nothing_behind(disk: DiskPins) -> None:
    """In a process of its own: its limit must not hold for the log of the tests."""
    program = """
        import os, resource, sys
        from pathlib import Path
        from envlock.backends.pins import DiskPins
        from envlock.errors import WorldError
        from envlock.formats.index_pin import make_pin
        from envlock.model.pin import Origin
        rows = {f"p-{n}-0.conda": {"name": os.urandom(16).hex()} for n in range(99)}
        place = ("https://conda.anaconda.org/tiny", "noarch")
        pin, repodatas = make_pin(Origin.LIVE, "2026-01-31T12:00:00Z", {place: rows})
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))  # as a full disk refuses
        try:
            DiskPins(Path(sys.argv[1]), Path(sys.argv[2])).keep(pin, repodatas)
        except WorldError as error:
            print(error.message, end="")
    """

    done = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(program), disk.folder, disk._cache._folder],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.stderr == ""
    assert done.stdout == (
        f"{disk.folder}: a pin cannot be written there: File too large\n"
        "Nothing was written; what was there is unchanged."
    )
    assert not disk.folder.exists()


def test_a_disk_that_fills_up_leaves_the_other_pins_and_the_ledger(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mounted)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        disk = DiskPins(mounted / "pins", tmp_path / "cache")
        disk.assign("torch", disk.keep(OTHER, OTHER_REPODATAS))
        before = files_of(mounted)
        (mounted / "filler").touch()
        with contextlib.suppress(OSError), (mounted / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"0" * 4096)
        with pytest.raises(WorldError, match="No space left on device"):
            disk.keep(BIG, BIG_REPODATAS)
        assert files_of(mounted) == sorted([*before, "filler"])
        assert disk.assigned("torch") == disk.kept()[0]
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "pins").touch()
    disk = DiskPins(tmp_path / "pins", tmp_path / "cache")

    with pytest.raises(WorldError) as kept:
        disk.keep(PIN, REPODATAS)
    with pytest.raises(WorldError) as assigned:
        disk.assign("torch", DIGEST)

    assert kept.value.message == (
        f"{tmp_path / 'pins'}: a pin cannot be written there: File exists\n"
        "Nothing was written; what was there is unchanged."
    )
    assert assigned.value.message == f"{tmp_path / 'pins'}: cannot be made: File exists"


def test_what_a_killed_process_left_is_swept_away(disk: DiskPins) -> None:
    disk.folder.mkdir()
    for name, age_seconds in (("old", 7200), ("new", 10)):
        (disk.folder / f".pin-{name}").mkdir()
        moment = (disk.folder / f".pin-{name}").stat().st_mtime - age_seconds
        os.utime(disk.folder / f".pin-{name}", (moment, moment))

    disk.keep(PIN, REPODATAS)

    assert sorted(path.name for path in disk.folder.glob(".pin-*")) == [".pin-new"]


def test_a_twin_that_was_faster_is_left_in_place(
    disk: DiskPins, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = DiskPins(disk.folder, disk._cache._folder)
    write = pins_module._write_pin

    def write_late(folder: Path, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> None:
        write(folder, pin, repodata)
        monkeypatch.undo()
        twin.keep(pin, repodata)

    monkeypatch.setattr(pins_module, "_write_pin", write_late)

    digest = disk.keep(PIN, REPODATAS)

    assert dict(disk.repodata(digest)) == REPODATAS
    assert len(list(disk.folder.iterdir())) == 1


def test_a_place_that_is_taken_by_something_else_is_told(disk: DiskPins) -> None:
    disk.folder.mkdir()
    place_of(disk, DIGEST).write_text("a file, not a pin")

    disk.keep(PIN, REPODATAS)

    assert dict(disk.repodata(DIGEST)) == REPODATAS


def test_many_processes_can_keep_and_assign_at_once(tmp_path: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from contract_pin import DiskPins, PIN, REPODATAS
        disk = DiskPins(Path(sys.argv[1]) / "pins", Path(sys.argv[1]) / "cache")
        for turn in range(5):
            digest = disk.keep(PIN, REPODATAS)
            disk.assign(f"{sys.argv[2]}-{turn}", digest)
            disk.open(digest, ["noarch"])
    """
    maker = """
        from envlock.backends.pins import DiskPins
        from envlock.formats.index_pin import make_pin
        from envlock.model.pin import Origin
        ROWS = {f"p-{n}-0.conda": {"name": "p", "version": str(n)} for n in range(2000)}
        URL = "https://conda.anaconda.org/tiny"
        PIN, REPODATAS = make_pin(Origin.LIVE, "2026-01-31T12:00:00Z", {(URL, "noarch"): ROWS})
    """
    (tmp_path / "contract_pin.py").write_text(textwrap.dedent(maker))

    def start(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), name],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        done = list(pool.map(start, "abcd"))

    assert [item.stderr for item in done] == [""] * 4
    disk = DiskPins(tmp_path / "pins", tmp_path / "cache")
    assert len(disk.kept()) == 1
    assert len(disk.assignments()) == 20
    assert sorted(path.name for path in disk.folder.iterdir()) == sorted(
        ["pins.toml", disk.kept()[0][:NAME_DIGITS]]
    )
