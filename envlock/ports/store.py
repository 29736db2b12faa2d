"""Keep environments: build them once, find them again, name their generations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from envlock.model.store import (
    Artifact,
    BuildPlan,
    Environment,
    Generation,
    Interpreter,
    Realisation,
)
from envlock.model.tree import EntryDifference
from envlock.ports.reporter import Reporter


class Needs(Protocol):
    """What a process keeps from being collected while it works, or runs what was built."""

    def add(self, names: Iterable[str]) -> None:
        """Keep these too: labels of environments, digests of artifacts."""
        ...

    def keep_over_exec(self) -> None:
        """Stay held by the program that takes this process over."""
        ...


class Store(Protocol):
    """One store."""

    @property
    def folder(self) -> str:
        """The folder that environments lie in; it stands in their files."""
        ...

    def needs(self) -> AbstractContextManager[Needs]:
        """Return what keeps things from being collected for the length of a `with`."""
        ...

    def find(self, label: str) -> Environment | None:
        """Return a valid environment by its folder's name."""
        ...

    def building(self, label: str, reporter: Reporter) -> AbstractContextManager[None]:
        """Be the only one who builds an environment; waits for another builder of it."""
        ...

    def lacking(self, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
        """Return the artifacts that have to be fetched: neither unpacked nor downloaded."""
        ...

    def realise(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> Realisation:
        """Build an environment whose artifacts have been fetched; the caller is `building` it.

        Raises `ArchiveError`, `StoreError`, `WorldError`, and `DepotError` when not what was
        promised comes of it; then the store holds what it held.
        """
        ...

    def show_artifacts(self, files: Mapping[str, str]) -> str:
        """Make the folder that shows a stack's artifacts, digests by name; return its key.

        The caller needs the key, so that it is not collected. Raises `WorldError`.
        """
        ...

    def rebuild(
        self, plan: BuildPlan, needs: Needs, reporter: Reporter
    ) -> tuple[EntryDifference, ...]:
        """Build a valid environment again, beside it and from its archives; return what differs."""
        ...


class Profiles(Protocol):
    """Named, numbered states: each a root of the store."""

    def generations(self, profile: str | None = None) -> tuple[Generation, ...]:
        """Return the generations of one profile or of all, ordered."""
        ...

    def add(self, profile: str, label: str, data: str = "") -> Generation:
        """Make an environment the current generation; a new one unless it is that already.

        `data` is the key of the folder that shows the stack's artifacts, which is part of it.
        """
        ...

    def switch(self, profile: str, number: int) -> Generation:
        """Make an old generation the current one, in one step. Raises `StoreError`."""
        ...

    def remove(self, generation: Generation) -> None:
        """Forget a generation that is not current; its number does not come back."""
        ...

    def forget(self, profile: str) -> None:
        """Forget all generations of a profile, the current one too."""
        ...


class Interpreters(Protocol):
    """The machine's own Pythons."""

    def find(self, wanted: str, version: str) -> Interpreter:
        """Return the machine's Python of a version such as `3.11`.

        `wanted` is `host`, or the path of a Python. Raises `WorldError` when there is none.
        """
        ...
