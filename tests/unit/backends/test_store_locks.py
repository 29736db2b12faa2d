"""Locks between processes, and what the collector learns of those that are alive."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envlock.backends.store_layout import StoreLayout, open_layout
from envlock.backends.store_locks import (
    TemporaryRoot,
    acquire,
    collector_lock,
    held,
    is_network,
    live_names,
    try_acquire,
)
from envlock.errors import WorldError

HOLD = """\
import os, sys
from pathlib import Path
from envlock.backends.store_locks import acquire
held = acquire(Path(sys.argv[1]), shared=sys.argv[2] == "shared")
print("held", flush=True)
sys.stdin.read()
"""
NEED = """\
import os, sys
from pathlib import Path
from envlock.backends.store_layout import StoreLayout
from envlock.backends.store_locks import TemporaryRoot
root = TemporaryRoot(StoreLayout(Path(sys.argv[1]))).__enter__()
root.add(["label", "digest"])
if sys.argv[2] == "exec":
    root.keep_over_exec()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-c", "import sys; print(1, flush=True); input()"])
print(1, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path) -> StoreLayout:
    return open_layout(tmp_path / "store")


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is where the test wants it."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


def waits(act: Callable[[], object], until: Callable[[], object]) -> bool:
    """Say whether something is done only after something else was."""
    done = threading.Event()
    thread = threading.Thread(target=lambda: (act(), done.set()))
    thread.start()
    came_early = done.wait(0.15)
    until()
    thread.join(10)
    return not came_early and done.is_set()


def test_who_finds_a_lock_held_by_another_process_says_so_once_and_waits(tmp_path: Path):
    path, told = tmp_path / "lock", []
    with process(HOLD, path, "alone") as other:
        assert try_acquire(path) is None

        def take() -> None:
            os.close(acquire(path, waiting=lambda: told.append("waiting")))

        assert waits(take, other.kill)
    assert told == ["waiting"]


def test_a_lock_ends_with_its_holder_by_whatever_death(tmp_path: Path):
    path = tmp_path / "lock"
    with process(HOLD, path, "alone") as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()

        descriptor = try_acquire(path)

    assert descriptor is not None
    os.close(descriptor)


def test_several_may_share_a_lock_and_none_of_them_has_it_alone(tmp_path: Path):
    path = tmp_path / "lock"
    with process(HOLD, path, "shared"), held(path, shared=True):
        assert try_acquire(path) is None


def test_a_lock_whose_file_was_removed_while_it_was_waited_for_is_taken_anew(tmp_path: Path):
    path = tmp_path / "lock"
    first = acquire(path)
    found: list[int] = []

    def remove() -> None:
        path.unlink()
        os.close(first)

    assert waits(lambda: found.append(acquire(path)), remove)
    assert os.fstat(found[0]).st_ino == path.stat().st_ino
    assert try_acquire(path) is None
    os.close(found[0])


def test_a_lock_that_is_not_there_is_not_made_by_trying(tmp_path: Path):
    assert try_acquire(tmp_path / "lock") is None
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_replaced_counts_as_held_by_nobody_one_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "lock"
    path.touch()
    flock = fcntl.flock

    def replaced_meanwhile(descriptor: int, kind: int) -> None:
        flock(descriptor, kind)
        path.unlink()
        path.touch()

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)

    assert try_acquire(path) is None


def test_a_lock_that_the_disk_refuses_is_told(tmp_path: Path):
    (tmp_path / "folder").touch()
    path = tmp_path / "folder" / "lock"

    with pytest.raises(WorldError) as told:
        acquire(path)

    assert str(told.value) == (
        f"{path}: the lock cannot be taken: Not a directory\nNothing was changed."
    )


# --- temporary roots ------------------------------------------------------------------------------


def test_what_a_running_process_needs_is_known_to_the_collector(layout: StoreLayout):
    with process(NEED, layout.root, "stay") as other:
        (name,) = [path.name for path in layout.temporary_roots.iterdir()]

        assert live_names(layout, on_network=False) == {"label", "digest", name}

        other.kill()
        other.wait()
        assert live_names(layout, on_network=False) == frozenset()
        assert list(layout.temporary_roots.iterdir()) == []


def test_what_a_process_needs_stays_needed_by_the_program_that_takes_it_over(layout: StoreLayout):
    with process(NEED, layout.root, "exec") as other:
        assert live_names(layout, on_network=False) > {"label", "digest"}

        other.kill()
        other.wait()
        assert live_names(layout, on_network=False) == frozenset()


def test_a_program_that_is_merely_started_does_not_hold_what_its_parent_needs(layout: StoreLayout):
    with TemporaryRoot(layout) as root:
        root.add(["label"])
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    assert live_names(layout, on_network=False) == frozenset()
    child.communicate(b"\n")


def test_on_a_network_disk_a_root_lives_for_a_day_though_nobody_seems_to_hold_it(
    layout: StoreLayout,
):
    fresh, old = layout.temporary_roots / "fresh", layout.temporary_roots / "old"
    fresh.write_text("one\n", encoding="utf-8")
    old.write_text("two\n", encoding="utf-8")
    os.utime(old, (0, 0))

    assert live_names(layout, on_network=True) == {"one", "fresh"}
    assert [path.name for path in layout.temporary_roots.iterdir()] == ["fresh"]


def test_to_need_something_waits_for_a_collection_that_runs(layout: StoreLayout):
    collecting = acquire(collector_lock(layout))
    with TemporaryRoot(layout) as root:
        assert waits(lambda: root.add(["label"]), lambda: os.close(collecting))
        assert "label" in live_names(layout, on_network=False)


def test_needs_that_the_disk_takes_only_a_part_of_are_refused(layout: StoreLayout):
    """The kernel writes what fits and says how much that was; the rest was needed too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TemporaryRoot(layout) as root:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        try:
            with pytest.raises(WorldError, match="the lock cannot be taken: File too large"):
                root.add(["a" * 8, "b" * 8])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_root_is_used_inside_of_its_with_only(layout: StoreLayout):
    with pytest.raises(AssertionError, match="outside of its `with`"):
        TemporaryRoot(layout).add(["label"])


@pytest.mark.parametrize(
    ("kind", "expected"), [("ext4", False), ("nfs4", True), ("fuse.sshfs", True), ("tmpfs", False)]
)
def test_a_network_disk_is_known_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, kind: str, *, expected: bool
):
    mounts = f"disk / ext4 rw 0 0\nserver:/x /far\\040away {kind} rw 0 0\nproc /far/x nfs4 rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)

    assert is_network(Path("/far away/store")) is expected
    assert is_network(Path("/far awaystore")) is False
