"""What a stack names beside its environment: fetched, shown, and kept while it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from envlock.errors import EnvlockError
from envlock.model.stack import Artifact, Where
from envlock.store.data_set import data_key
from envlock.workflows.artifacts import bring_artifacts, choose_artifacts, show_artifacts
from fakes_store import FakeNeeds, FakeStore

A, B = "a" * 64, "b" * 64


class SilentMeter:
    def begin(self, files: int, size_bytes: int | None) -> None: ...
    def received(self, size_bytes: int) -> None: ...
    def done(self, wanted: object, /) -> None: ...


@dataclass
class Tools:
    store: FakeStore = field(default_factory=FakeStore)
    progress: SilentMeter = field(default_factory=SilentMeter)

    @property
    def artifacts(self) -> FakeStore:
        return self.store


def artifact(name: str, digest: str) -> Artifact:
    where = Where("demo.toml", f"artifacts.{name}", 7)
    return Artifact(name=name, url=f"https://data.example/{name}", sha256=digest, where=where)


def test_artifacts_are_fetched_and_shown_under_their_names():
    tools, needs = Tools(), FakeNeeds()

    key = bring_artifacts([artifact("weights", A), artifact("data", B)], tools, needs)

    assert tools.store.done == [f"fetch {A}", f"fetch {B}"]
    assert tools.store.data == {key: frozenset({A, B})}
    assert needs.kept == {key, A, B}


def test_what_is_here_is_not_fetched_again():
    tools = Tools()
    tools.store.archives.add(A)

    bring_artifacts([artifact("weights", A)], tools, FakeNeeds())

    assert tools.store.done == []


def test_showing_fetches_nothing():
    tools = Tools()

    key = show_artifacts([artifact("weights", A)], tools, FakeNeeds())

    assert tools.store.done == []
    assert tools.store.data == {key: frozenset({A})}


def test_a_stack_without_artifacts_shows_no_folder():
    tools, needs = Tools(), FakeNeeds()

    assert bring_artifacts([], tools, needs) == ""
    assert (tools.store.data, needs.kept) == ({}, set())


def test_the_folder_is_named_by_names_and_digests_in_any_order():
    both = {"weights": A, "data": B}

    assert data_key(both) == data_key(dict(reversed(both.items())))
    assert len({data_key(both), data_key({"weights": B, "data": A}), data_key({})}) == 3
    assert len(data_key(both)) == 32


def test_some_are_chosen_by_their_names():
    known = [artifact("weights", A), artifact("data", B)]

    assert choose_artifacts(known, ["data", "data"], "demo.toml") == (known[1],)
    assert choose_artifacts(known, [], "demo.toml") == tuple(known)


def test_a_name_that_the_stack_does_not_have_is_refused():
    with pytest.raises(EnvlockError) as caught:
        choose_artifacts([artifact("weights", A)], ["wieghts"], "demo.toml")

    assert str(caught.value) == "demo.toml: expected an artifact `wieghts`, found weights"
    assert caught.value.hints == ("name one of those, or write it into the stack: `[[artifacts]]`",)
