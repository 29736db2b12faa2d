"""Looking after a store in memory: what names mean, what is forgotten, what repair decides."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from envlock.errors import EnvlockError, StoreError, WorldError
from envlock.model.keeping import LOOSE_ARCHIVE, STRAY, Damage, Part
from envlock.model.store import Environment
from envlock.model.tree import Difference, EntryDifference
from envlock.workflows.care import (
    CareTools,
    CollectRequest,
    Repair,
    RepairTools,
    collect,
    find_named,
    repair,
)
from envlock.workflows.profiles import list_environments, list_generations, roll_back, switch
from fakes import FakeReporter
from fakes_store import (
    FOLDER,
    FakeInterpreters,
    FakeStore,
    make_artifact,
    make_plan,
    other_python,
)

NOW = "2026-12-24T10:00:00Z"


@dataclass
class House:
    store: FakeStore = field(default_factory=FakeStore)
    python: FakeInterpreters = field(default_factory=FakeInterpreters)
    made_with: str = "tests 1"

    @property
    def tools(self) -> CareTools:
        return CareTools(
            store=self.store,
            keeping=self.store,
            profiles=self.store.profiles,
            reporter=FakeReporter(),
            now=lambda: NOW,
        )

    def build(self, name: str, *packages: str, profile: str | None = None) -> Environment:
        plan = make_plan(name, *(make_artifact(*each.split()) for each in packages))
        self.store.archives.update(each.sha256 for each in plan.artifacts)
        with self.store.needs() as needs:
            built = self.store.realise(plan, needs, FakeReporter()).environment
        self.store.profiles.add(profile or name, built.label)
        return built

    def repair(self, *damages: Damage) -> Repair:
        self.store.damages = list(damages)
        more = RepairTools(
            artifacts=self.store,
            interpreters=self.python,
            progress=None,  # type: ignore[arg-type]
            made_with=self.made_with,
        )
        return repair([], self.tools, more)


@pytest.fixture
def house() -> House:
    return House()


def labels(found: tuple[Environment, ...]) -> list[str]:
    return [each.label for each in found]


# --- names ----------------------------------------------------------------------------------------


def test_a_profile_a_generation_a_label_a_name_and_a_path_are_found(house: House):
    one = house.build("one", "alpha 1", profile="demo")
    two = house.build("two", "alpha 2", profile="demo")

    for name, expected in (
        ("demo", two),
        ("demo@1", one),
        ("demo@2", two),
        (one.label, one),
        (one.key, one),
        ("two", two),
        (one.path, one),
        (f"{one.path}/bin/python", one),
    ):
        assert labels(find_named([name], house.tools)) == [expected.label], name


def test_what_is_named_twice_is_found_once(house: House):
    one = house.build("one", "alpha 1")

    assert labels(find_named(["one", one.label, "one@1"], house.tools)) == [one.label]


@pytest.mark.parametrize("name", ["", "nope", "one@2", "one@x", f"{FOLDER}/nope", "@1"])
def test_a_name_that_means_nothing_is_refused(house: House, name: str):
    house.build("one", "alpha 1")

    with pytest.raises(StoreError) as caught:
        find_named([name], house.tools)

    assert str(caught.value) == (
        f"`{name}` means nothing in the store: expected a profile, `profile@3`, the name of an "
        "environment, or its path"
    )


# --- profiles -------------------------------------------------------------------------------------


def test_environments_are_listed_with_the_generations_that_name_them(house: House):
    house.build("one", "alpha 1", profile="demo")
    house.build("two", "alpha 2", profile="demo")

    listed = {each.environment.name: each.generations for each in list_environments(house.tools)}

    assert {name: [each.number for each in found] for name, found in listed.items()} == {
        "one": [1],
        "two": [2],
    }
    assert listed["two"][0].is_current


def test_rolling_back_goes_to_the_generation_before(house: House):
    for version in "123":
        house.build(f"v{version}", f"alpha {version}", profile="demo")

    before, after = roll_back(None, None, house.tools)

    assert (before.generation.number, after.generation.number) == (3, 2)
    assert after.environment is not None
    assert after.environment.name == "v2"
    assert roll_back("demo", 3, house.tools)[1].generation.number == 3


def test_which_profile_is_asked_where_there_are_several(house: House):
    house.build("one", "alpha 1")
    house.build("two", "alpha 2")

    with pytest.raises(StoreError) as caught:
        roll_back(None, None, house.tools)

    assert str(caught.value) == (
        "there are several profiles in the store: one, two\nNothing was changed."
    )


def test_a_generation_whose_environment_is_gone_does_not_become_current(house: House):
    gone = house.build("one", "alpha 1", profile="demo")
    house.build("two", "alpha 2", profile="demo")
    del house.store.rows[gone.label]

    with pytest.raises(StoreError) as caught:
        switch("demo", 1, house.tools)

    assert str(caught.value) == (
        f"generation 1 of profile `demo` points to {gone.label}, which is not valid\n"
        "Nothing was changed."
    )
    assert [each.environment is None for each in list_generations("demo", house.tools)] == [
        True,
        False,
    ]


def test_a_profile_that_is_not_there_is_named_with_those_that_are(house: House):
    house.build("one", "alpha 1")

    with pytest.raises(StoreError) as caught:
        list_generations("nope", house.tools)

    assert str(caught.value) == "there is no profile `nope` in the store; it has: one"


# --- collecting -----------------------------------------------------------------------------------


def three_generations(house: House) -> list[str]:
    built = []
    for month in ("09", "11", "12"):
        house.store.profiles.clock = f"2026-{month}-01T00:00:00Z"
        built.append(house.build(f"v{month}", f"alpha {month}", profile="demo").label)
    return built


@pytest.mark.parametrize(
    ("request_", "gone"),
    [
        (CollectRequest(), []),
        (CollectRequest(older_than="30d"), [0, 1]),
        (CollectRequest(older_than="2m"), [0]),
        (CollectRequest(older_than="2026-11-01"), [0]),
        (CollectRequest(keep=2), [0]),
        (CollectRequest(keep=0), [0, 1]),
        (CollectRequest(keep=2, older_than="30d"), [0]),
        (CollectRequest(keep=1, older_than="2m"), [0]),
    ],
)
def test_generations_are_forgotten_by_age_and_number(
    house: House, request_: CollectRequest, gone: list[int]
):
    built = three_generations(house)

    found = collect(request_, house.tools)

    assert sorted(found.holdings.environments) == sorted(built[place] for place in gone)
    assert [each.number for each in found.generations] == [place + 1 for place in gone]
    left = [each.number for each in house.store.profiles.generations()]
    assert left == [place + 1 for place in range(3) if place not in gone]


def test_a_dry_run_forgets_nothing(house: House):
    three_generations(house)

    found = collect(CollectRequest(is_dry=True, keep=1), house.tools)

    assert len(found.holdings.environments) == 2
    assert len(house.store.profiles.generations()) == len(house.store.rows) == 3


def test_an_age_that_is_none_forgets_nothing(house: House):
    three_generations(house)

    with pytest.raises(EnvlockError, match="expected an age or a date"):
        collect(CollectRequest(older_than="soon"), house.tools)

    assert len(house.store.profiles.generations()) == 3


# --- repairing ------------------------------------------------------------------------------------


def content(path: str = "a") -> EntryDifference:
    return EntryDifference(path=path, difference=Difference.CONTENT, expected="x", found="y")


def damage(part: Part, name: str, problem: str = "it is gone") -> Damage:
    return Damage(part=part, name=name, problem=problem)


def test_sources_are_repaired_before_what_is_made_of_them(house: House):
    built = house.build("one", "alpha 1")
    digest = built.derivation.artifacts[0][1]

    done = house.repair(
        damage(Part.ENVIRONMENT, built.label),
        damage(Part.TREE, f"artifact-{digest}"),
        damage(Part.ARTIFACT, digest),
        damage(Part.MANIFEST, built.tree_sha256),
    )

    assert done.unrepaired == ()
    assert house.store.done == [
        f"restore {built.tree_sha256}",
        f"drop {digest}",
        f"fetch {digest}",
        f"unpack {digest}",
        f"remake {built.label}",
        f"restore {built.tree_sha256}",
    ]


def test_what_was_only_touched_or_added_is_mended_in_place(house: House):
    built = house.build("one", "alpha 1")
    touched = Damage(
        part=Part.ENVIRONMENT,
        name=built.label,
        differences=(
            EntryDifference(path="a", difference=Difference.LOOSE, found="mode 0644"),
            EntryDifference(path="b", difference=Difference.ADDED),
        ),
    )

    house.repair(touched)
    house.repair(replace(touched, differences=(*touched.differences, content())))

    assert house.store.done == [f"mend {built.label}", f"remake {built.label}"]


def test_a_tree_whose_archive_is_gone_has_it_fetched(house: House):
    built = house.build("one", "alpha 1")
    digest = built.derivation.artifacts[0][1]
    house.store.archives.clear()

    house.repair(damage(Part.TREE, f"artifact-{digest}"))

    assert house.store.done == [f"fetch {digest}", f"unpack {digest}"]


@pytest.mark.parametrize("name", [f"bytecode-{'a' * 64}-{'b' * 32}", f"artifact-{'a' * 64}"])
def test_a_tree_that_is_made_anew_when_needed_or_by_nobody_is_dropped(house: House, name: str):
    house.repair(damage(Part.TREE, name))

    assert house.store.done == [f"drop {name}"]


def test_archives_that_nobody_needs_are_dropped_and_writable_ones_sealed(house: House):
    built = house.build("one", "alpha 1")
    digest = built.derivation.artifacts[0][1]

    house.repair(
        damage(Part.ARTIFACT, "0" * 64, "its content has sha256 …"),
        damage(Part.ARTIFACT, "sha256/ab/extra", STRAY),
        damage(Part.ARTIFACT, digest, f"{LOOSE_ARCHIVE}: mode 0644"),
    )

    assert sorted(house.store.done) == sorted(
        [f"drop {'0' * 64}", "drop sha256/ab/extra", f"mend {digest}"]
    )


def test_what_cannot_be_repaired_is_named_and_the_rest_is(house: House):
    one, two = house.build("one", "alpha 1"), house.build("two", "alpha 2")
    house.store.refuses = {one.label: StoreError("does not come out as it was")}

    done = house.repair(damage(Part.ENVIRONMENT, one.label), damage(Part.ENVIRONMENT, two.label))

    assert [each.name for each in done.repaired] == [two.label]
    assert [(each.damage.name, str(each.error)) for each in done.unrepaired] == [
        (one.label, "does not come out as it was")
    ]
    assert not done.is_for_want_of_the_world


def test_a_missing_network_is_told_from_a_lost_cause(house: House):
    built = house.build("one", "alpha 1")
    digest = built.derivation.artifacts[0][1]
    house.store.refuses = {digest: WorldError("no network")}
    house.store.archives.clear()

    done = house.repair(damage(Part.TREE, f"artifact-{digest}"))

    assert done.is_for_want_of_the_world


@pytest.mark.parametrize("python", [other_python(), None])
def test_an_environment_on_a_python_that_has_changed_cannot_be_rebuilt(house: House, python):
    built = house.build("one", "alpha 1")
    house.python = FakeInterpreters(python)

    done = house.repair(damage(Part.ENVIRONMENT, built.label))

    assert str(done.unrepaired[0].error) == (
        "it was built on this machine's Python 3.11.7, /usr/bin/python3.11, which is not the same "
        "any more"
    )
    assert house.store.done == []


def test_an_environment_of_another_envlock_cannot_be_rebuilt(house: House):
    built = house.build("one", "alpha 1")
    house.made_with = "tests 2"

    done = house.repair(damage(Part.ENVIRONMENT, built.label))

    assert str(done.unrepaired[0].error) == (
        "it was made with tests 1, and this is tests 2: its files would not be the same"
    )


def test_database_and_profiles_are_left_to_people(house: House):
    done = house.repair(
        damage(Part.DATABASE, "db.sqlite", "page 3 is never used"),
        damage(Part.PROFILE, "demo", "it points to none of its generations"),
    )

    assert [str(each.error) for each in done.unrepaired] == [
        "what the database lost is nowhere else",
        "only you know where it should point",
    ]
    assert house.store.done == []


def test_what_is_looked_at_is_not_collected_meanwhile(house: House):
    built = house.build("one", "alpha 1")

    house.repair()

    assert {built.label, built.tree_sha256, built.derivation.artifacts[0][1]} <= house.store.kept
    assert house.store.holders == []
