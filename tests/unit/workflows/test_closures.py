"""What people name -> closures: locks, built or not, profiles, generations, environments."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError, StoreError
from envlock.formats.conda_lock import format_lock
from envlock.model.platform import Platform
from envlock.store.closure_diff import Move
from envlock.store.wanted import artifacts_on, without_python
from envlock.workflows.care import CareTools
from envlock.workflows.closures import ClosureTools, compare, find_environment
from fakes import FakeReporter, FakeWorkspace
from fakes_store import FakeStore, make_plan
from locks import locked, make_lock, pip_locked

LINUX = Platform("linux-64")


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def tools(store: FakeStore) -> ClosureTools:
    files = {
        f"{name}.conda-lock.yml": format_lock(lock_of_wheels(version))
        for name, version in (("one", "1.0"), ("two", "2.0"))
    }
    care = CareTools(
        store=store,
        keeping=store,
        profiles=store.profiles,
        reporter=FakeReporter(),
        now=lambda: "2026-12-24T10:00:00Z",
    )
    return ClosureTools(care=care, workspace=FakeWorkspace(files), platform=LINUX)


def lock_of_wheels(version: str):
    return make_lock(locked("python", "3.11.0"), pip_locked("alpha", version), pip_locked("beta"))


def build(store: FakeStore, name: str, version: str, *, on_host: bool) -> str:
    lock = lock_of_wheels(version)
    artifacts = list(artifacts_on(lock, LINUX, "x"))
    changes = {}
    if on_host:
        artifacts = without_python(artifacts, lock, LINUX)
    else:
        changes = {"interpreter": None}
    with store.needs() as needs:
        plan = make_plan(name, *artifacts, **changes)
        built = store.realise(plan, needs, FakeReporter()).environment
    store.profiles.add("demo", built.label)
    return built.label


def test_locks_that_are_not_built_are_compared_by_their_packages(tools: ClosureTools):
    found = compare("one.toml", "two.conda-lock.yml", tools)

    assert [(each.move, each.either.name) for each in found.moves] == [(Move.VERSION, "alpha")]
    assert (found.unchanged, found.is_content_equal) == (2, None)
    assert found.moves[0].size_change is None


@pytest.mark.parametrize("on_host", [True, False])
def test_a_lock_that_is_built_is_its_environment(
    store: FakeStore, tools: ClosureTools, *, on_host: bool
):
    label = build(store, "one", "1.0", on_host=on_host)

    found = find_environment("one.toml", tools)

    assert found is not None
    assert found.label == label
    assert find_environment("two.toml", tools) is None
    assert compare("one.toml", "demo", tools).is_content_equal


def test_generations_are_compared_with_what_was_built(store: FakeStore, tools: ClosureTools):
    build(store, "one", "1.0", on_host=True)
    build(store, "two", "2.0", on_host=True)

    found = compare("demo@1", "demo@2", tools)

    assert [(each.move, each.size_change) for each in found.moves] == [(Move.VERSION, 0)]
    assert (found.is_content_equal, found.is_empty) == (False, False)
    assert found.before.interpreter is not None


def test_a_lock_that_is_not_there_is_told_as_a_file(tools: ClosureTools):
    with pytest.raises(InputFileError, match="there is no such file"):
        compare("one.toml", "stacks/nope.toml", tools)


def test_a_name_that_means_nothing_is_told_as_a_name(tools: ClosureTools):
    with pytest.raises(StoreError, match="`nope` means nothing in the store"):
        compare("nope", "one.toml", tools)
