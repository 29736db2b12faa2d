"""A disk that is full, has no inodes, cannot be written to, or fails: told, and nothing is lost."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from crash_points import (
    Ended,
    Point,
    copy_store,
    faults,
    leftovers,
    let_a_day_pass,
    remove,
    why_not_here,
)
from crash_stage import (
    Stage,
    nothing,
    open_stage,
    with_garbage,
    with_one,
    with_two_generations,
)

COUNT = int(os.environ.get("ENVLOCK_DISK_FULL_COUNT", "16"))
"""Sizes over all scenes, and as many failing calls."""
SEED = int(os.environ.get("ENVLOCK_CRASH_SEED", "4"))
PAGE = 4096
LARGE = "size=64m"

Scene = tuple[Callable[[Stage], None], Callable[[Stage], list[str]]]
SCENES: dict[str, Scene] = {
    "first build": (nothing, lambda stage: stage.build("one")),
    "second build": (with_one, lambda stage: stage.build("two")),
    "conda build": (with_one, lambda stage: stage.build("mix")),
    "gc": (with_garbage, lambda _: ["gc"]),
    "switch": (with_two_generations, lambda _: ["switch", "demo", "1"]),
}


class Disk:
    """A disk of its own, whose size a test says."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        return not subprocess.run(command, check=False, capture_output=True).returncode

    def change(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self.place)]
        subprocess.run(command, check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.place)], check=True)

    def used(self) -> tuple[int, int]:
        """Pages and inodes."""
        status = os.statvfs(self.place)
        return status.f_blocks - status.f_bfree, status.f_files - status.f_ffree


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage("disk/s") as opened:
        disk = Disk(opened.home.parent)
        disk.place.mkdir()
        if os.getuid() or not disk.mount(LARGE):
            pytest.skip("needs the right to mount a small disk")
        try:
            opened.learn()
            yield opened
        finally:
            disk.unmount()


@pytest.fixture
def disk(stage: Stage) -> Iterator[Disk]:
    disk = Disk(stage.home.parent)
    yield disk
    disk.change(f"rw,{LARGE},nr_inodes=100000")


def set_up(stage: Stage, scene: str) -> tuple[Path, list[str], tuple[int, int]]:
    """Make what a scene begins with; return a copy, the command, and what the command takes."""
    remove(stage.home)
    stage.out_link.unlink(missing_ok=True)
    prepare, command = SCENES[scene]
    prepare(stage)
    before = stage.folder / "before"
    remove(before)
    if stage.home.exists():
        copy_store(stage.home, before)
    start = used_by(stage, before)
    stage.run(*command(stage))
    if not (before / "reserve").exists():  # as on a small disk, where nothing is set aside
        (stage.home / "reserve").unlink()
    end = Disk(stage.home.parent).used()
    return before, command(stage), (end[0] - start[0], end[1] - start[1])


def used_by(stage: Stage, before: Path) -> tuple[int, int]:
    """Put the beginning back, and return what it takes of the disk."""
    remove(stage.home)
    if before.exists():
        copy_store(before, stage.home)
    return Disk(stage.home.parent).used()


def spread(least: int, most: int, count: int) -> list[int]:
    """So many numbers between two, evenly, each once."""
    step = max(1.0, (most - least) / max(1, count - 1))
    return sorted({round(least + step * at) for at in range(count)} & set(range(least, most + 1)))


def look(stage: Stage) -> list[str]:
    """Look at a copy: a database on a full disk cannot even be read."""
    copy = stage.folder / "looked at"
    if not stage.home.exists():
        return []
    copy_store(stage.home, copy)
    return faults(copy, stage.reference) if (copy / "profiles").exists() else []


def is_told(ended: Ended) -> bool:
    """Say whether a failure is an error of the world, in words and with what can be done."""
    text = ended.output
    named = re.search(r"disk is full|No space left|disk I/O error|unable to open|full", text)
    return bool(ended.status == 4 and text.startswith("error: ") and named and "hint: " in text)


def check_recovery(stage: Stage, command: Sequence[str], what: str) -> None:
    """With room again the same command succeeds, and nothing half-made outlives a collection."""
    again = stage.commands.run(*command)
    assert again.status == 0, f"{what}: {again.output}"
    assert look(stage) == [], what
    let_a_day_pass(stage.home)
    collected = stage.commands.run("gc")
    assert collected.status == 0, f"{what}: {collected.output}"
    assert look(stage) == [], what
    assert leftovers(stage.home) == [], what


def check_old_environment(stage: Stage, what: str) -> None:
    """What was built before runs, whatever state the disk is in."""
    for program in (stage.home / "store").glob("*-one/bin/aaa"):
        done = subprocess.run([program], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "aaa\n"), f"{what}: {done.stderr}"


@pytest.mark.repetition
@pytest.mark.parametrize("what", ["pages", "inodes"])
@pytest.mark.parametrize("scene", SCENES)
def test_a_disk_without_room_is_told_and_the_store_holds_what_it_held(
    stage: Stage, disk: Disk, scene: str, what: str
):
    before, command, taken = set_up(stage, scene)
    disk.change(f"{LARGE},nr_inodes=100000")
    is_pages = what == "pages"
    most = taken[0] + 40 if is_pages else taken[1] + 6  # and what the database takes in between
    count = -(-COUNT // (len(SCENES) * 2))
    began, told, sizes = time.monotonic(), 0, spread(0, max(most, 8), count)

    for extra in sizes:
        start = used_by(stage, before)
        limit = f"size={(start[0] + max(extra, 1)) * PAGE}" if is_pages else LARGE
        disk.change(f"{limit},nr_inodes={100_000 if is_pages else start[1] + max(extra, 1)}")
        ended = stage.commands.run(*command)
        size = f"{extra} {what}"
        assert ended.status == 0 or is_told(ended), f"{size}: {ended.status} {ended.output}"
        told += ended.status != 0
        assert look(stage) == [], size
        check_old_environment(stage, size)
        disk.change(f"{LARGE},nr_inodes=100000")
        check_recovery(stage, command, size)

    if scene == "gc":
        assert told == 0, "what frees space cannot wait for space"
    seconds = time.monotonic() - began
    figures = f"{scene}, {what}: {len(sizes)} sizes, {told} told, {seconds:.0f} s"
    print(figures)  # noqa: T201 - for whoever runs it with `-s`


@pytest.mark.parametrize("scene", SCENES)
def test_a_disk_that_cannot_be_written_to_is_told(stage: Stage, disk: Disk, scene: str):
    _, command, _ = set_up(stage, scene)
    disk.change("ro")

    ended = stage.commands.run(*command)

    assert ended.status == 4, ended.output
    named = r"error: .*(Read-only file system|readonly database|unable to open database file)"
    assert re.match(named, ended.output)
    check_old_environment(stage, scene)
    disk.change("rw")
    check_recovery(stage, command, scene)


FAILING = re.compile(
    r"fsync|fdatasync|syncfs|rename.*|link.*|symlink.*|pwrite64|write|mkdir.*|openat|ftruncate"
)


@pytest.mark.repetition
@pytest.mark.parametrize("scene", SCENES)
def test_a_disk_that_fails_at_any_call_is_told(stage: Stage, disk: Disk, scene: str):
    reason = why_not_here()
    if reason:
        pytest.skip(reason)
    before, command, _ = set_up(stage, scene)
    used_by(stage, before)
    points = [
        point
        for point in stage.commands.trace(stage.home, *command)
        if FAILING.fullmatch(point.call)
    ]
    count = min(-(-COUNT // len(SCENES)), len(points))
    began, told = time.monotonic(), 0

    for point in chosen(points, count):
        used_by(stage, before)
        ended = stage.commands.fail(point, "EIO", *command)
        assert ended.status in (0, 4), f"{point}: {ended.status} {ended.output}"
        told += ended.status == 4
        assert "Traceback" not in ended.output, str(point)
        assert look(stage) == [], str(point)
        check_recovery(stage, command, str(point))

    seconds = time.monotonic() - began
    figures = f"{scene}: {len(points)} calls, {count} failed, {told} told, {seconds:.0f} s"
    print(figures)  # noqa: T201 - for whoever runs it with `-s`


@pytest.mark.parametrize("count", ["1", "1+"])
def test_a_file_with_a_prefix_that_rattler_could_not_write_is_noticed(
    stage: Stage, disk: Disk, count: str
):
    """rattler overlooks that error: the file comes out empty, and linking succeeds."""
    reason = why_not_here()
    if reason:
        pytest.skip(reason)
    before, command, _ = set_up(stage, "conda build")
    used_by(stage, before)
    (path,) = {
        point.path
        for point in stage.commands.trace(stage.home, *command)
        if point.call == "write" and point.path.endswith("-mix/share/a.txt")
    }
    used_by(stage, before)

    ended = stage.commands.fail(Point("write", path, count), "ENOSPC", *command)

    assert ended.is_reached
    if count == "1":  # it writes once more when it closes the file, and that went well
        assert ended.status == 0, ended.output
    else:
        assert ended.output == (
            "error: `share/a.txt` was not written whole: the disk is full, or failing\n"
            "Nothing was installed; the store holds what it held before.\n\n"
            "hint: free space (`envlock gc`), then run it again\n"
        )
        assert look(stage) == []
    check_recovery(stage, ["gc"], count)


def chosen(points: Sequence[Point], count: int) -> list[Point]:
    return random.Random(SEED).sample(list(points), count)
