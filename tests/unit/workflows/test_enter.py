"""Which environment is meant, and when entering one makes a generation of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from envlock.errors import StoreError
from envlock.formats.conda_lock import format_lock
from envlock.model.platform import Platform
from envlock.model.store import BuildPlan, Environment, Generation, Realisation
from envlock.store.address import label_of, split_label
from envlock.workflows.build import BuildRequest, BuildTools
from envlock.workflows.enter import enter_lock, enter_profile
from fakes import FakeReporter, FakeWorkspace
from locks import locked, make_lock

LOCK = "demo.conda-lock.yml"


@dataclass
class FakeNeeds:
    names: list[str] = field(default_factory=list)

    def add(self, names: Iterable[str]) -> None:
        self.names += names

    def keep_over_exec(self) -> None: ...


@dataclass
class FakeStore:
    """Environments in a dictionary."""

    folder: str = "/store"
    kept: dict[str, Environment] = field(default_factory=dict)
    forgets: bool = False
    """Whether an environment is collected once it was found."""

    def find(self, label: str) -> Environment | None:
        return self.kept.pop(label, None) if self.forgets else self.kept.get(label)

    @contextlib.contextmanager
    def building(self, label: str, reporter: object) -> Iterator[None]:
        yield

    def lacking(self, artifacts: object) -> tuple[()]:
        return ()

    def realise(self, plan: BuildPlan, needs: object, reporter: object) -> Realisation:
        label = label_of(plan.derivation)
        self.kept[label] = make_environment(label, plan)
        return Realisation(environment=self.kept[label], is_new=True)


def make_environment(label: str, plan: BuildPlan) -> Environment:
    key, name = split_label(label) or ("", "")
    return Environment(
        key=key,
        name=name,
        path=f"/store/{label}",
        derivation=plan.derivation,
        tree_sha256="0" * 64,
        content_sha256="0" * 64,
        size_bytes=0,
        built_at="2026-01-01T00:00:00Z",
    )


@dataclass
class FakeProfiles:
    """Generations in a list; the last of a profile is the current one."""

    made: list[tuple[str, str]] = field(default_factory=list)

    def generations(self, profile: str | None = None) -> tuple[Generation, ...]:
        return tuple(
            Generation(
                profile=name,
                number=number,
                label=label,
                made_at="2026-01-01T00:00:00Z",
                is_current=name not in {later for later, _ in self.made[number:]},
            )
            for number, (name, label) in enumerate(self.made, 1)
            if profile in (None, name)
        )

    def add(self, profile: str, label: str, data: str = "") -> Generation:
        self.made.append((profile, label))
        return self.generations(profile)[-1]

    def switch(self, profile: str, number: int) -> Generation:
        raise NotImplementedError


@dataclass
class House:
    store: FakeStore = field(default_factory=FakeStore)
    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    needs: FakeNeeds = field(default_factory=FakeNeeds)

    def enter(self, profile: str | None = None) -> Realisation:
        content = format_lock(make_lock(locked("tool"), facts={"stack": "demo"}))
        nothing: Any = None
        tools = BuildTools(
            workspace=FakeWorkspace({LOCK: content}),
            store=self.store,
            profiles=self.profiles,
            artifacts=nothing,
            interpreters=nothing,
            reporter=FakeReporter(),
            progress=nothing,
            made_with="test",
        )
        request = BuildRequest(lock=LOCK, platform=Platform.LINUX_64, profile=profile)
        return enter_lock(request, tools, self.needs)


def test_what_is_not_there_is_built_and_becomes_a_generation():
    house = House()

    entered = house.enter()

    assert entered.is_new
    assert house.profiles.made == [("demo", entered.environment.label)]
    assert entered.environment.label in house.needs.names


def test_what_is_there_is_found_and_its_profile_stays_as_it_is():
    house = House()
    label = house.enter().environment.label
    house.profiles.add("demo", "newer")

    entered = house.enter()

    assert not entered.is_new
    assert house.profiles.made == [("demo", label), ("demo", "newer")]


def test_a_generation_of_any_profile_will_do():
    house = House()
    label = house.enter(profile="other").environment.label

    house.enter()

    assert house.profiles.made == [("other", label)]


def test_a_profile_that_is_named_gets_its_generation():
    house = House()
    label = house.enter().environment.label

    house.enter(profile="other")

    assert house.profiles.made == [("demo", label), ("other", label)]


def test_a_profile_means_its_current_generation_which_is_kept():
    house = House()
    label = house.enter().environment.label
    house.needs.names.clear()

    found = enter_profile("demo", house.store, house.profiles, house.needs)

    assert found.environment.label == label
    assert house.needs.names == [label]


def test_an_environment_that_was_collected_meanwhile_is_an_error():
    house = House()
    house.enter()
    house.store.forgets = True

    with pytest.raises(StoreError) as caught:
        enter_profile("demo", house.store, house.profiles, house.needs)

    assert str(caught.value) == (
        "profile `demo` was changed meanwhile, and its environment was collected"
    )
    assert caught.value.hints == ("run it again",)
