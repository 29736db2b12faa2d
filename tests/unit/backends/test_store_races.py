"""What another process may do between any two steps, done there on purpose."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from envlock.backends import disk_store
from envlock.backends.artifact_fetcher import ArtifactFetcher
from envlock.backends.disk_store import DiskStore
from envlock.backends.files import DiskWorkspace
from envlock.backends.interpreters import HostInterpreters
from envlock.backends.store_database import StoreDatabase
from envlock.backends.store_keeping import DiskKeeping
from envlock.backends.store_locks import acquire, collector_lock
from envlock.backends.store_profiles import DiskProfiles
from envlock.cli.progress import Silence, SilentMeter
from envlock.cli.store_wiring import this_platform
from envlock.model.keeping import Collecting
from envlock.model.store import Environment
from envlock.store.address import split_label
from envlock.workflows.build import Build, BuildRequest, BuildTools, build
from tiny_builds import make_wheel, module_of, snapshot, write_lock

HOST = {"PATH": os.environ["PATH"]}


class Workshop:
    """A store and all that builds in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DiskStore(folder / "s", lambda: "2026-01-01T00:00:00Z")
        self.profiles = DiskProfiles(self.store.layout)
        wheel = make_wheel(folder, "aaa", module_of("aaa"))
        self.lock = write_lock(folder / "demo.conda-lock.yml", wheel, host_python=True)

    def build(self) -> Build:
        tools = BuildTools(
            workspace=DiskWorkspace(),
            store=self.store,
            profiles=self.profiles,
            artifacts=ArtifactFetcher(self.store.artifacts, {}, self.folder),
            interpreters=HostInterpreters(HOST),
            reporter=Silence(),
            progress=SilentMeter(),
            made_with="a test",
        )
        request = BuildRequest(lock=str(self.lock), platform=this_platform(), python="host")
        with self.store.needs() as needs:
            return build(request, tools, needs)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_generations_can_be_listed_while_one_of_them_is_removed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    workshop.profiles.add("demo", "a" * 32 + "-demo")
    workshop.profiles.add("demo", "b" * 32 + "-demo")
    is_symlink = Path.is_symlink

    def removed_just_after(path: Path) -> bool:
        found = is_symlink(path)
        if path.name == "demo-1-link":
            path.unlink()
        return found

    monkeypatch.setattr(Path, "is_symlink", removed_just_after)

    assert [each.number for each in workshop.profiles.generations()] == [2]


def test_a_generation_that_was_to_be_forgotten_and_became_current_keeps_its_environment(
    workshop: Workshop,
):
    """Somebody rolled back between the collector's choice and its lock."""
    environment = workshop.build().environment
    workshop.profiles.add("demo", "b" * 32 + "-demo")
    first, _ = workshop.profiles.generations("demo")

    workshop.profiles.switch("demo", first.number)
    workshop.profiles.remove(first)
    keeping = DiskKeeping(workshop.store, workshop.profiles)
    collected = keeping.collect(Collecting(forgets=(first,)), Silence())

    assert workshop.store.find(environment.label) == environment
    assert collected.generations == ()
    assert collected.holdings.environments == ()


def test_two_that_add_to_one_profile_make_two_generations(workshop: Workshop):
    labels = [f"{letter * 32}-demo" for letter in "abcdefgh"]
    threads = [
        threading.Thread(target=workshop.profiles.add, args=("demo", label)) for label in labels
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    generations = workshop.profiles.generations("demo")
    assert [each.number for each in generations] == list(range(1, 9))
    assert sorted(each.label for each in generations) == labels
    assert [each.number for each in generations if each.is_current] == [8]


def test_an_out_link_and_its_root_are_made_with_no_collection_in_between(workshop: Workshop):
    """A collection forgets a root whose link is not there; the link would then keep nothing."""
    environment = workshop.build().environment
    link = workshop.folder / "result"
    collecting = acquire(collector_lock(workshop.store.layout))
    done = threading.Event()

    def make() -> None:
        workshop.store.add_out_link(str(link), environment)
        done.set()

    thread = threading.Thread(target=make)
    thread.start()
    came_early = done.wait(0.15)
    with workshop.store.database() as database:
        roots = database.roots()
    os.close(collecting)
    thread.join(10)

    assert (came_early, roots) == (False, ())
    assert link.resolve() == Path(environment.path)


def test_a_row_whose_folder_was_taken_away_never_stands_for_what_comes_in_its_place(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    first = workshop.build().environment
    Path(first.path).rename(workshop.folder / "taken away")
    seen: list[Environment | None] = []
    add = StoreDatabase.add_environment

    def looked_at_before(self: StoreDatabase, *arguments: object) -> None:
        with workshop.store.database() as database:
            seen.append(database.environment(first.label, workshop.store.layout.environments))
        add(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreDatabase, "add_environment", looked_at_before)

    again = workshop.build()

    assert seen == [None]
    assert again.realisation.is_new
    assert snapshot(Path(again.environment.path)) == snapshot(workshop.folder / "taken away")


def test_a_folder_without_a_row_is_nobodys_and_is_built_over(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    """Its maker was killed between the last rename and the row."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoreDatabase, "add_environment", killed)
        with pytest.raises(KeyboardInterrupt):
            workshop.build()
    (left,) = workshop.store.layout.environments.iterdir()
    assert split_label(left.name)
    assert workshop.store.find(left.name) is None
    assert workshop.profiles.generations() == ()

    built = workshop.build()

    assert built.realisation.is_new
    assert built.environment.label == left.name
    assert workshop.store.find(left.name) == built.environment


def test_a_builder_that_waited_for_another_finds_what_that_one_built(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    """Both have looked and found nothing before either of them begins."""
    both = threading.Barrier(2, timeout=10)
    find = DiskStore.find
    looked: set[int] = set()

    def met_after_the_first_look(store: DiskStore, label: str) -> Environment | None:
        found = find(store, label)
        if threading.get_ident() not in looked:
            looked.add(threading.get_ident())
            both.wait()
        return found

    monkeypatch.setattr(disk_store.DiskStore, "find", met_after_the_first_look)
    built: list[Build] = []
    threads = [threading.Thread(target=lambda: built.append(workshop.build())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(each.realisation.is_new for each in built) == [False, True]
    assert len({each.environment for each in built}) == 1


def test_a_link_that_is_put_in_its_place_while_a_collector_looks_is_no_harm(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    profiles = workshop.store.layout.profiles
    listing = Path.iterdir

    def list_with_one_that_has_gone(folder: Path) -> list[Path]:
        gone = [folder / f".{'0' * 32}"] if folder == profiles else []
        return [*listing(folder), *gone]

    monkeypatch.setattr(Path, "iterdir", list_with_one_that_has_gone)

    found = DiskKeeping(workshop.store, workshop.profiles).collect(Collecting(), Silence())

    assert found.leftovers == 0
