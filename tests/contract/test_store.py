"""What every store, its profiles and its keepers do: those on a disk, and those in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest

from envlock.errors import StoreError
from envlock.model.keeping import Collecting, Depth
from envlock.model.store import Artifact, BuildPlan, Environment
from envlock.ports.artifacts import Artifacts
from envlock.ports.keeping import Keeping
from envlock.ports.store import Profiles, Store
from envlock.store.address import label_of
from envlock.workflows.build import BuildRequest, load_lock, plan_build
from fakes import FakeReporter
from fakes_store import FakeProfiles, FakeStore, make_artifact, make_plan
from tiny_store import TinyStore, here, tiny_store

LABEL = "a" * 32 + "-demo"
OTHER = "b" * 32 + "-demo"


@dataclass
class House:
    """A store with all that belongs to it, whatever it is made of."""

    store: Store
    keeping: Keeping
    profiles: Profiles
    archives: Artifacts
    plan: Callable[..., BuildPlan]

    @cached_property
    def one(self) -> BuildPlan:
        return self.plan("one", "alpha 1.0", "beta 1")

    @cached_property
    def two(self) -> BuildPlan:
        return self.plan("two", "alpha 1.0", "beta 2")

    def fetch(self, plan: BuildPlan) -> None:
        from envlock.workflows.build import fetch  # noqa: PLC0415
        from envlock.workflows.care import RepairTools  # noqa: PLC0415

        tools = RepairTools(
            artifacts=self.archives,
            interpreters=None,  # type: ignore[arg-type]
            progress=Silence(),
            made_with="",
        )
        fetch(self.store.lacking(plan.artifacts), tools)

    def build(self, plan: BuildPlan, profile: str | None = None) -> Environment:
        self.fetch(plan)
        with self.store.needs() as needs:
            label = label_of(plan.derivation)
            needs.add([label, *(each.sha256 for each in plan.artifacts)])
            with self.store.building(label, FakeReporter()):
                built = self.store.realise(plan, needs, FakeReporter()).environment
            if profile is not None:
                self.profiles.add(profile, built.label)
        return built


class Silence:
    def begin(self, files: int, size_bytes: int | None) -> None: ...
    def received(self, size_bytes: int) -> None: ...
    def done(self, wanted: object, /) -> None: ...


def fake_house() -> House:
    profiles = FakeProfiles()
    store = FakeStore(profiles=profiles)

    def plan(name: str, *packages: str) -> BuildPlan:
        return make_plan(name, *(make_artifact(*package.split()) for package in packages))

    return House(store=store, keeping=store, profiles=profiles, archives=store, plan=plan)


def disk_house(tiny: TinyStore) -> House:
    def plan(name: str, *packages: str) -> BuildPlan:
        lock = tiny.lock(name, *packages)
        request = BuildRequest(lock=str(lock), platform=here(), python=sys.executable)
        tools = tiny.tools()
        return plan_build(load_lock(str(lock), tools.workspace), request, tools)

    return House(
        store=tiny.store,
        keeping=tiny.care().keeping,
        profiles=tiny.profiles,
        archives=tiny.fetcher,
        plan=plan,
    )


@pytest.fixture(params=["disk", "fake"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "fake":
        yield fake_house()
    else:
        with tiny_store() as tiny:
            yield disk_house(tiny)


def digests(artifacts: tuple[Artifact, ...]) -> list[str]:
    return sorted(each.sha256 for each in artifacts)


# --- store ----------------------------------------------------------------------------------------


def test_nothing_is_found_before_it_is_built(house: House):
    assert house.store.find(label_of(house.one.derivation)) is None
    assert house.keeping.environments() == ()


def test_what_was_built_is_found_as_it_was_asked_for(house: House):
    built = house.build(house.one)

    found = house.store.find(label_of(house.one.derivation))

    assert found == built
    assert found.derivation == house.one.derivation
    assert found.path == f"{house.store.folder}/{found.label}"


def test_all_artifacts_are_lacking_until_they_are_fetched(house: House):
    assert house.store.lacking(house.one.artifacts) == house.one.artifacts

    house.fetch(house.one)

    assert house.store.lacking(house.one.artifacts) == ()


def test_a_sibling_lacks_only_what_is_its_own(house: House):
    house.build(house.one)

    lacking = house.store.lacking(house.two.artifacts)

    assert [each.name for each in lacking] == ["beta"]


def test_building_again_gives_the_same_tree(house: House):
    house.build(house.one)

    with house.store.needs() as needs:
        assert house.store.rebuild(house.one, needs, FakeReporter()) == ()


# --- profiles -------------------------------------------------------------------------------------


def numbers(profiles: Profiles) -> list[tuple[str, int, bool]]:
    return [(each.profile, each.number, each.is_current) for each in profiles.generations()]


def test_the_first_generation_is_number_one_and_current(house: House):
    made = house.profiles.add("demo", LABEL)

    assert (made.number, made.label, made.is_current) == (1, LABEL, True)
    assert house.profiles.generations("demo") == (made,)
    assert house.profiles.generations("other") == ()


def test_the_same_environment_again_is_no_new_generation(house: House):
    first = house.profiles.add("demo", LABEL)

    assert house.profiles.add("demo", LABEL) == first
    assert numbers(house.profiles) == [("demo", 1, True)]


def test_other_artifacts_beside_the_same_environment_are_a_new_generation(house: House):
    house.profiles.add("demo", LABEL)
    house.profiles.add("demo", LABEL, "weights")
    again = house.profiles.add("demo", LABEL, "weights")
    house.profiles.add("demo", LABEL)

    assert (again.number, again.data) == (2, "weights")
    found = house.profiles.generations("demo")
    assert [(each.number, each.data) for each in found] == [(1, ""), (2, "weights"), (3, "")]


def test_a_forgotten_generation_takes_what_it_named_beside_along(house: House):
    for data in ("one", "two"):
        house.profiles.add("demo", LABEL, data)
    house.profiles.remove(house.profiles.generations("demo")[0])

    assert [each.data for each in house.profiles.generations("demo")] == ["two"]
    house.profiles.forget("demo")
    assert house.profiles.add("demo", LABEL).data == ""


def test_switching_changes_what_is_current_and_nothing_else(house: House):
    house.profiles.add("demo", LABEL)
    house.profiles.add("demo", OTHER)
    house.profiles.add("a", LABEL)

    house.profiles.switch("demo", 1)

    assert numbers(house.profiles) == [("a", 1, True), ("demo", 1, True), ("demo", 2, False)]


def test_after_going_back_the_next_generation_gets_a_new_number(house: House):
    house.profiles.add("demo", LABEL)
    house.profiles.add("demo", OTHER)
    house.profiles.switch("demo", 1)

    assert house.profiles.add("demo", OTHER).number == 3


def test_a_generation_that_is_not_there_is_refused(house: House):
    house.profiles.add("demo", LABEL)

    with pytest.raises(StoreError) as caught:
        house.profiles.switch("demo", 7)

    assert str(caught.value) == (
        "profile `demo` has no generation 7; it has: 1\nNothing was changed."
    )


def test_the_current_generation_cannot_be_forgotten(house: House):
    house.profiles.remove(house.profiles.add("demo", LABEL))

    assert numbers(house.profiles) == [("demo", 1, True)]


def test_a_number_that_was_forgotten_does_not_come_back(house: House):
    house.profiles.add("demo", LABEL)
    for label in (OTHER, LABEL):
        house.profiles.add("demo", label)
    house.profiles.switch("demo", 1)
    for generation in reversed(house.profiles.generations("demo")[1:]):
        house.profiles.remove(generation)

    assert numbers(house.profiles) == [("demo", 1, True)]
    assert house.profiles.add("demo", OTHER).number == 4


def test_a_profile_is_forgotten_with_its_current_generation(house: House):
    for profile, label in (("demo", LABEL), ("demo", OTHER), ("other", LABEL)):
        house.profiles.add(profile, label)

    house.profiles.forget("demo")
    house.profiles.forget("nothing")

    assert numbers(house.profiles) == [("other", 1, True)]
    assert house.profiles.add("demo", LABEL).number == 3


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "demo-1-link", "a" * 200])
def test_what_cannot_name_a_profile_is_refused(house: House, name: str):
    with pytest.raises(StoreError, match="cannot name a profile"):
        house.profiles.add(name, LABEL)


# --- keeping --------------------------------------------------------------------------------------


def test_an_environment_tells_what_it_was_made_of(house: House):
    built = house.build(house.one)

    artifacts = house.keeping.artifacts_of(built.label)

    assert digests(artifacts) == digests(house.one.artifacts)
    assert house.keeping.artifact(artifacts[0].sha256) == artifacts[0]
    assert house.keeping.artifact("0" * 64) is None
    assert set(house.keeping.unpacked_bytes()) == set(digests(artifacts))


def test_what_no_generation_names_is_collected_with_all_that_only_it_kept(house: House):
    kept = house.build(house.one, "demo")
    lost = house.build(house.two)

    gone = house.keeping.collect(Collecting(), FakeReporter()).holdings

    own = set(digests(house.two.artifacts)) - set(digests(house.one.artifacts))
    assert gone.environments == (lost.label,)
    assert set(gone.artifacts) == own
    assert house.keeping.environments() == (kept,)
    assert house.store.find(lost.label) is None


def test_a_dry_run_says_the_same_and_leaves_everything(house: House):
    house.build(house.one)

    would = house.keeping.collect(Collecting(is_dry=True), FakeReporter())

    assert len(house.keeping.environments()) == 1
    assert house.keeping.collect(Collecting(), FakeReporter()).holdings == would.holdings
    assert house.keeping.environments() == ()


def test_what_a_process_needs_is_not_collected_while_it_runs(house: House):
    built = house.build(house.one)

    with house.store.needs() as needs:
        needs.add([built.label, *digests(house.one.artifacts)])
        assert house.keeping.collect(Collecting(), FakeReporter()).holdings.environments == ()

    gone = house.keeping.collect(Collecting(), FakeReporter()).holdings
    assert gone.environments == (built.label,)


def test_archives_of_what_is_built_go_only_when_that_is_asked_for(house: House):
    house.build(house.one, "demo")

    assert house.keeping.collect(Collecting(), FakeReporter()).holdings.artifacts == ()
    gone = house.keeping.collect(Collecting(drops_downloads=True), FakeReporter()).holdings

    assert sorted(gone.artifacts) == digests(house.one.artifacts)
    assert house.store.lacking(house.one.artifacts) == ()
    assert not house.archives.has(gone.artifacts[0])


def test_a_generation_that_is_to_be_forgotten_keeps_nothing(house: House):
    house.build(house.one, "demo")
    house.build(house.two, "demo")
    old = house.profiles.generations("demo")[:1]

    gone = house.keeping.collect(Collecting(is_dry=True, forgets=old), FakeReporter())

    assert gone.holdings.environments == (old[0].label,)


@pytest.mark.parametrize("depth", Depth)
def test_what_was_built_verifies(house: House, depth: Depth):
    house.build(house.one)

    found = house.keeping.verify(None, depth, FakeReporter())

    assert found.damages == ()
    assert found.counts["environment"] == 1


def test_an_environment_is_remade_in_its_place(house: House):
    built = house.build(house.one)

    with house.store.needs() as needs, house.store.building(built.label, FakeReporter()):
        house.keeping.remake(house.one, needs, FakeReporter())

    assert house.store.find(built.label) == built
    assert house.keeping.verify(None, Depth.FULL, FakeReporter()).damages == ()


def test_usage_counts_every_environment(house: House):
    house.build(house.one)
    house.build(house.two)

    usage = house.keeping.usage(FakeReporter())

    assert sorted(each.environment.name for each in usage.environments) == ["one", "two"]
    assert all(each.frees_bytes > 0 for each in usage.environments)
    assert usage.total_bytes >= sum(each.own_bytes for each in usage.environments)
