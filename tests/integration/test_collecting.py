"""The collector on a real store: what it keeps, what it lets go, and when it is killed midway."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.backends.store_gc import StoreCollector
from envlock.backends.store_locks import collector_lock, held
from envlock.backends.store_processes import running_from
from envlock.backends.store_trees import sweep, write_manifest
from envlock.model.keeping import Collecting, Collection, Depth
from envlock.model.tree import EntryKind, TreeEntry
from envlock.workflows.build import BuildRequest, rebuild_check
from envlock.workflows.care import CollectRequest, collect, verify
from fakes import FakeReporter
from tiny_store import TinyStore, here, tiny_store

KILLS = int(os.environ.get("ENVLOCK_GC_KILL_COUNT", "12"))
ROUNDS = int(os.environ.get("ENVLOCK_GC_RACE_COUNT", "3"))
TESTS = Path(__file__).parents[1]


@pytest.fixture
def tiny() -> Iterator[TinyStore]:
    with tiny_store() as tiny:
        yield tiny


def gc(tiny: TinyStore, **asked: object) -> Collection:
    collector = StoreCollector(tiny.store, tiny.profiles)
    return collector.collect(Collecting(**asked), FakeReporter())  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def disk_bytes(folder: Path) -> int:
    found = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for path in (folder, *folder.rglob("*"))
        for status in [path.lstat()]
    }
    return sum(found.values())


# --- roots ----------------------------------------------------------------------------------------


def test_old_generations_are_forgotten_and_their_environments_go(tiny: TinyStore):
    first = tiny.build("demo", "alpha", "beta 1")
    second = tiny.build("demo", "alpha", "beta 2")
    tiny.clock = "2027-06-01T00:00:00Z"

    would = collect(CollectRequest(is_dry=True, older_than="30d"), tiny.care())
    before = disk_bytes(tiny.store.layout.root)
    done = collect(CollectRequest(older_than="30d"), tiny.care())

    assert would.holdings == done.holdings
    assert done.holdings.environments == (first.label,)
    assert [each.number for each in done.generations] == [1]
    assert [each.number for each in tiny.profiles.generations("demo")] == [2]
    assert tiny.store.environments() == (second,)
    assert would.freed_bytes == done.freed_bytes == before - disk_bytes(tiny.store.layout.root)


def test_an_out_link_keeps_an_environment_until_it_points_elsewhere(
    tiny: TinyStore, tmp_path: Path
):
    kept = tiny.build("demo", "alpha")
    tiny.store.add_out_link(str(tmp_path / "result"), kept)
    tiny.build("demo", "beta")
    tiny.profiles.remove(tiny.profiles.generations("demo")[0])

    assert gc(tiny).holdings.environments == ()
    (tmp_path / "result").unlink()
    (tmp_path / "result").symlink_to("/etc")
    found = gc(tiny)

    assert found.links == (str(tmp_path / "result"),)
    assert found.holdings.environments == (kept.label,)
    assert gc(tiny).links == ()


def test_a_link_to_an_out_link_keeps_it_too(tiny: TinyStore, tmp_path: Path):
    kept = tiny.build("demo", "alpha")
    tiny.store.add_out_link(str(tmp_path / "result"), kept)
    (tmp_path / "result").unlink()
    (tmp_path / "middle").symlink_to(f"{kept.path}/bin")
    (tmp_path / "result").symlink_to("middle")
    forget_all(tiny)

    assert gc(tiny).holdings.environments == ()


def forget_all(tiny: TinyStore) -> None:
    """What nobody can ask for: no profile at all."""
    for link in tiny.store.layout.profiles.iterdir():
        link.unlink()


def test_an_out_link_is_not_forgotten_while_it_is_being_made(tiny: TinyStore, tmp_path: Path):
    built = tiny.build("demo", "alpha")
    made = threading.Thread(target=tiny.store.add_out_link, args=(str(tmp_path / "result"), built))

    with held(collector_lock(tiny.store.layout)):
        made.start()
        made.join(0.2)
        with tiny.store.database() as database:
            roots = database.roots()
        assert made.is_alive()
        assert roots == ()
    made.join()

    assert (tmp_path / "result").readlink() == Path(built.path)


def test_a_process_that_runs_from_the_store_keeps_its_environment(tiny: TinyStore):
    built = tiny.build("demo", "alpha")
    forget_all(tiny)
    running = subprocess.Popen(
        [f"{built.path}/bin/python", "-c", "import time; print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        running.stdout.readline()
        assert gc(tiny).holdings.environments == ()
    finally:
        running.kill()
        running.communicate()

    assert gc(tiny).holdings.environments == (built.label,)


def test_a_shell_that_stands_in_an_environment_keeps_it(tiny: TinyStore):
    built = tiny.build("demo", "alpha")
    forget_all(tiny)
    with subprocess.Popen(["sleep", "60"], cwd=f"{built.path}/lib") as standing:
        try:
            assert running_from(tiny.store.layout.environments).labels == {built.label}
        finally:
            standing.kill()


def test_processes_that_refuse_are_counted_and_the_kernels_own_are_not(tmp_path: Path):
    label = "a" * 32 + "-demo"
    for name, command in (("10", b"python\0"), ("11", b""), ("12", b"x\0")):
        (tmp_path / name / "fd").mkdir(parents=True)
        (tmp_path / name / "cmdline").write_bytes(command)
        (tmp_path / name / "maps").write_text(f"7f /envlock/store/{label}/lib/x.so\n")
    (tmp_path / "self").mkdir()

    found = running_from(Path("/envlock/store"), tmp_path)

    assert found.labels == {label}
    assert (found.unseen, found.has_looked) == (0, True)
    assert not running_from(Path("/envlock/store"), tmp_path / "nothing").has_looked


# --- leftovers ------------------------------------------------------------------------------------


def test_what_a_killed_builder_left_is_swept(tiny: TinyStore):
    kept = tiny.build("demo", "alpha")
    layout = tiny.store.layout
    gone = "f" * 31
    for path in (
        *(layout.environments / f".{gone}-demo", layout.environments / f".{gone}-demo.cache"),
        *(layout.environments / ("b" * 32 + "-left"), layout.trees / f".{gone}-rebuild"),
        *(layout.trees / f".{'e' * 32}-removed", layout.trees / f"artifact-{'d' * 64}"),
    ):
        (path / "inner").mkdir(parents=True)
        (path / "inner" / "file").write_bytes(b"left")
        (path / "inner").chmod(0o555)
        path.chmod(0o555)
    (layout.temporary_roots / ("f" * 32)).write_text("b" * 32 + "-left\n")
    stray = next(layout.manifests.iterdir())
    (stray / f".{'c' * 64}-{'0' * 32}").write_bytes(b"left")
    (layout.locks / "anything.lock").touch()

    found = gc(tiny)

    assert found.leftovers == 7
    assert names(layout.environments) == [kept.label]
    assert [name for name in names(layout.trees) if not name.startswith(("art", "byte"))] == []
    assert names(layout.temporary_roots) == []
    assert names(layout.locks) == ["gc.lock"]
    assert gc(tiny).leftovers == 0
    assert verify([], Depth.FULL, tiny.care()).damages == ()


def test_what_a_running_builder_is_making_stays(tiny: TinyStore):
    layout = tiny.store.layout
    digest, label = "d" * 64, "b" * 32 + "-demo"
    with tiny.store.needs() as needs, held(layout.locks / f"{label}.lock"):
        needs.add([label, digest])
        making = [
            *(layout.environments / label, layout.environments / f".{needs.name[:31]}-demo"),
            *(layout.trees / f"artifact-{digest}", layout.trees / f".{needs.name[:31]}-rebuild"),
        ]
        for path in making:
            path.mkdir()

        assert gc(tiny).leftovers == 0
        assert all(path.is_dir() for path in making)
        assert (layout.locks / f"{label}.lock").exists()

    assert gc(tiny).leftovers == 4


def test_a_manifest_stays_from_the_moment_that_it_is_written(tiny: TinyStore):
    entry = TreeEntry(path="a", kind=EntryKind.FILE, sha256="a" * 64)
    with tiny.store.needs() as needs:
        digest = write_manifest(tiny.store.layout, [entry], needs.add)

        assert gc(tiny).holdings.manifests == ()
    assert gc(tiny).holdings.manifests == (digest,)


def test_parts_of_downloads_go_when_nobody_went_on_with_them_for_a_day(tiny: TinyStore):
    folder = tiny.store.artifacts.root / "partial"
    folder.mkdir()
    yesterday = time.time() - 90_000
    for name in ("a" * 64, "b" * 64):
        (folder / name).write_bytes(b"part")
    os.utime(folder / ("a" * 64), (yesterday, yesterday))

    gc(tiny)
    assert names(folder) == ["b" * 64]

    gc(tiny, drops_downloads=True)
    assert names(folder) == []


def test_what_has_let_its_downloads_go_is_rebuilt_and_built_beside(tiny: TinyStore):
    lock = tiny.lock("demo", "alpha", "beta 1")
    built = tiny.build_lock(lock).environment
    gone = gc(tiny, drops_downloads=True).holdings.artifacts

    sibling = tiny.build("sibling", "alpha", "beta 2")

    assert len(gone) == 2
    assert tiny.store.find(built.label) == built
    assert tiny.store.find(sibling.label) is not None
    assert not set(gone) & set(tiny.store.artifacts.names())

    request = BuildRequest(lock=str(lock), platform=here(), python=sys.executable)
    with tiny.store.needs() as needs:
        assert rebuild_check(request, tiny.tools(), needs) == (built, ())
    assert set(gone) <= set(tiny.store.artifacts.names())


# --- waiting --------------------------------------------------------------------------------------


def test_a_collector_does_not_wait_for_a_builder(tiny: TinyStore):
    tiny.build("demo", "alpha")
    label = "b" * 32 + "-slow"
    with tiny.store.needs() as needs, tiny.store.building(label, FakeReporter()):
        needs.add([label])
        began = time.monotonic()
        gc(tiny)

    assert time.monotonic() - began < 30


def test_a_builder_does_not_wait_while_a_collector_removes(
    tiny: TinyStore, monkeypatch: pytest.MonkeyPatch
):
    """Removing takes long; the collector has let go of its lock by then."""
    tiny.build("demo", "alpha")
    tiny.build("demo", "beta")
    tiny.profiles.remove(tiny.profiles.generations("demo")[0])
    added = []

    class Watching(FakeReporter):
        def step(self, message: str) -> None:
            super().step(message)
            if message == "removing what nothing needs":
                with tiny.store.needs() as needs:
                    needs.add(["x"])
                    added.append(message)

    StoreCollector(tiny.store, tiny.profiles).collect(Collecting(), Watching())

    assert added == ["removing what nothing needs"]


# --- kills ----------------------------------------------------------------------------------------

_CHILD = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tiny_store import TinyStore
from envlock.workflows.care import CollectRequest, collect, repair
from envlock.workflows.profiles import switch
tiny = TinyStore(Path({folder!r}))
seen, last = 0, {last}
EVENTS = {{"os.rename", "os.remove", "os.rmdir", "os.chmod", "os.utime", "os.symlink", "os.link",
          "os.mkdir", "open", "fcntl.flock", "sqlite3.connect", "ctypes.dlsym"}}
def die(event, arguments):
    global seen
    if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
        return  # reading changes nothing, and how much there is in /proc varies
    if event in EVENTS:
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
{action}
sys.stdout.write(str(seen))
sys.stdout.flush()
"""
ACTIONS = {
    "gc": "collect(CollectRequest(keep=1, drops_downloads=True), tiny.care())",
    "switch": "switch('demo', 1, tiny.care())",
    "repair": "repair([], tiny.care(), tiny.mending())",
}


@pytest.fixture(scope="module")
def pristine() -> Iterator[tuple[Path, Path]]:
    """A store with something to do for everybody, and a copy to begin from each time."""
    with tiny_store() as tiny:
        copy = tiny.folder.with_name(f"{tiny.folder.name}-copy")
        try:
            prepare(tiny, copy)
            yield tiny.folder, copy
        finally:
            sweep(copy)


def prepare(tiny: TinyStore, copy: Path) -> None:
    tiny.build("demo", "alpha", "beta 1")
    built = tiny.build("demo", "alpha", "beta 2")
    place = Path(built.path) / "pyvenv.cfg"
    place.chmod(0o644)
    place.write_bytes(b"tampered")
    tree = next(each for each in tiny.store.layout.trees.glob("artifact-*/alpha"))
    tree.chmod(0o755)
    (tree / "extra.py").write_bytes(b"")
    shutil.copytree(tiny.folder, copy, symlinks=True, copy_function=copy_or_link({}))


def copy_or_link(known: dict[int, str]):
    """Copy as `cp -a` does: what was one file stays one file."""

    def copy(source: str, target: str, *, follow_symlinks: bool = False) -> None:
        inode = os.lstat(source).st_ino
        if inode in known and not Path(source).is_symlink():
            os.link(known[inode], target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)
            known[inode] = target

    return copy


def begin_again(folder: Path, copy: Path) -> None:
    sweep(folder)
    shutil.copytree(copy, folder, symlinks=True, copy_function=copy_or_link({}))


def run_child(folder: Path, action: str, last: int) -> subprocess.CompletedProcess[str]:
    script = _CHILD.format(tests=str(TESTS), folder=str(folder), last=last, action=ACTIONS[action])
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.repetition
@pytest.mark.parametrize("action", ACTIONS)
def test_a_kill_at_any_point_leaves_a_store_that_is_whole(action: str, pristine, tmp_path: Path):
    folder, copy = pristine
    begin_again(folder, copy)
    whole = run_child(folder, action, 0)
    assert whole.returncode == 0, whole.stderr
    points = int(whole.stdout)
    chance = random.Random(4)
    chosen = sorted(chance.sample(range(1, points + 1), min(points, KILLS // len(ACTIONS))))
    for point in chosen:
        begin_again(folder, copy)
        killed = run_child(folder, action, point)
        assert killed.returncode == -signal.SIGKILL, (point, killed.stderr)

        check_after_kill(TinyStore(folder), action, point)
    sys.stderr.write(f"\n{action}: killed at {len(chosen)} of {points} points\n")


def check_after_kill(tiny: TinyStore, action: str, point: int) -> None:
    """Nothing is worse than it was; the next run finishes, and another finds nothing to do."""
    current = [each for each in tiny.profiles.generations("demo") if each.is_current]
    assert len(current) == 1, point
    assert tiny.store.find(current[0].label) is not None, point
    damaged = {each.name for each in verify([], Depth.FULL, tiny.care()).damages}
    assert damaged <= TAMPERED(tiny), (point, damaged)

    again = run_child(tiny.folder, action, 0)
    assert again.returncode == 0, (point, again.stderr)
    collect(CollectRequest(keep=1), tiny.care())
    assert collect(CollectRequest(), tiny.care()).leftovers == 0, point
    left = [name for name in names(tiny.store.layout.environments) if name.startswith(".")]
    assert left == [], point
    if action == "repair":
        assert verify([], Depth.FULL, tiny.care()).damages == (), point


def TAMPERED(tiny: TinyStore) -> set[str]:  # noqa: N802
    """The two things that were changed before anybody was killed."""
    trees = {path.parent.name for path in tiny.store.layout.trees.glob("artifact-*/alpha")}
    return trees | {each.label for each in tiny.store.environments()}


# --- races ----------------------------------------------------------------------------------------

_BUILDER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tiny_store import TinyStore
from envlock.model.keeping import Depth
tiny = TinyStore(Path({folder!r}))
for turn in range({rounds}):
    number = ({builder} + turn) % 3
    with tiny.store.needs() as needs:
        from envlock.workflows.build import BuildRequest, build
        from tiny_store import here
        request = BuildRequest(lock=str(tiny.folder / f"lock{{number}}.conda-lock.yml"),
                               platform=here(), python=sys.executable, profile=f"p{builder}")
        built = build(request, tiny.tools(), needs).environment
        left = list(Path(built.path).glob("lib/python*/site-packages/alpha/__init__.py"))
        assert len(left) == 1, built
        assert tiny.store.find(built.label) is not None, built
"""


@pytest.mark.repetition
def test_builders_and_collectors_do_not_disturb_each_other(tiny: TinyStore):
    """Old generations go as soon as they are old, so that every key is built again and again."""
    for number in range(3):
        tiny.lock(f"lock{number}", "alpha", f"beta {number}")
    builders = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                _BUILDER.format(
                    tests=str(TESTS), folder=str(tiny.folder), rounds=ROUNDS, builder=builder
                ),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        for builder in range(3)
    ]
    collections = 0
    while any(each.poll() is None for each in builders):
        collect(CollectRequest(keep=1, drops_downloads=True), tiny.care())
        collections += 1
    said = [each.communicate(timeout=60)[1] for each in builders]

    assert [each.returncode for each in builders] == [0, 0, 0], said
    assert collections > 0
    current = {each.label for each in tiny.profiles.generations() if each.is_current}
    collect(CollectRequest(keep=1), tiny.care())
    assert {each.label for each in tiny.store.environments()} == current
    assert verify([], Depth.FULL, tiny.care()).damages == ()
