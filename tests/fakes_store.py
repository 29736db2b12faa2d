"""A store in memory: its environments, profiles and archives, and those who look after it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from envlock.errors import StoreError, WorldError
from envlock.model.keeping import (
    Collecting,
    Damage,
    Depth,
    EnvironmentUsage,
    Inventory,
    Part,
    References,
    Usage,
    Verification,
)
from envlock.model.keeping import Collection as Collected
from envlock.model.store import (
    Artifact,
    ArtifactKind,
    BuildPlan,
    Derivation,
    Environment,
    Generation,
    Interpreter,
    Realisation,
)
from envlock.model.tree import EntryDifference
from envlock.ports.artifacts import FetchProgress, WantedArtifact
from envlock.ports.reporter import Reporter
from envlock.ports.store import Needs
from envlock.store.address import key_of, label_of
from envlock.store.data_set import data_key
from envlock.store.generations import check_profile
from envlock.store.liveness import mark

FOLDER = "/envlock/store"
PYTHON = Interpreter(
    executable="/usr/bin/python3.11",
    sha256="a" * 64,
    version="3.11.7",
    implementation="cpython",
    abi="cpython-311",
)


def make_artifact(name: str, version: str = "1.0", **changes: object) -> Artifact:
    """A wheel whose digest comes from its name."""
    file_name = f"{name}-{version}-py3-none-any.whl"
    fields: dict[str, object] = {
        "name": name,
        "version": version,
        "file_name": file_name,
        "kind": ArtifactKind.WHEEL,
        "sha256": sha256(file_name.encode()).hexdigest(),
        "url": f"https://wheels.example/{file_name}",
        **changes,
    }
    return Artifact(**fields)  # type: ignore[arg-type]


def make_plan(name: str, *artifacts: Artifact, **changes: object) -> BuildPlan:
    """A plan of an environment on the machine's own Python."""
    ordered = tuple(sorted(artifacts))
    fields: dict[str, object] = {
        "name": name,
        "platform": "linux-64",
        "store_folder": FOLDER,
        "artifacts": tuple((each.file_name, each.sha256) for each in ordered),
        "interpreter": PYTHON,
        "made_with": "tests 1",
        **changes,
    }
    return BuildPlan(derivation=Derivation(**fields), artifacts=ordered)  # type: ignore[arg-type]


@dataclass
class FakeNeeds:
    """Implements `ports.store.Needs`."""

    kept: set[str] = field(default_factory=set)

    def add(self, names: Iterable[str]) -> None:
        self.kept.update(names)

    def keep_over_exec(self) -> None:
        self.kept.add("over exec")


@dataclass
class FakeProfiles:
    """Implements `ports.store.Profiles`."""

    clock: str = "2026-11-24T10:00:00Z"
    kept: list[Generation] = field(default_factory=list)
    highest: dict[str, int] = field(default_factory=dict)

    def generations(self, profile: str | None = None) -> tuple[Generation, ...]:
        chosen = [each for each in self.kept if profile in (None, each.profile)]
        return tuple(sorted(chosen, key=lambda each: (each.profile, each.number)))

    def add(self, profile: str, label: str, data: str = "") -> Generation:
        check_profile(profile)
        for each in self.generations(profile):
            if each.is_current and (each.label, each.data) == (label, data):
                return each
        number = self.highest[profile] = self.highest.get(profile, 0) + 1
        made = Generation(
            profile=profile,
            number=number,
            label=label,
            made_at=self.clock,
            is_current=False,
            data=data,
        )
        self.kept.append(made)
        return self.switch(profile, number)

    def switch(self, profile: str, number: int) -> Generation:
        check_profile(profile)
        there = self.generations(profile)
        if number not in [each.number for each in there]:
            listed = ", ".join(str(each.number) for each in there) or "none"
            raise StoreError(
                f"profile `{profile}` has no generation {number}; it has: {listed}\n"
                "Nothing was changed.",
                hints=["`envlock generations` lists all profiles"],
            )
        self.kept = [
            msgspec.structs.replace(each, is_current=each.number == number)
            if each.profile == profile
            else each
            for each in self.kept
        ]
        return next(each for each in self.generations(profile) if each.number == number)

    def remove(self, generation: Generation) -> None:
        self.kept = [
            each
            for each in self.kept
            if (each.profile, each.number) != (generation.profile, generation.number)
            or each.is_current
        ]

    def forget(self, profile: str) -> None:
        self.kept = [each for each in self.kept if each.profile != profile]


@dataclass
class FakeStore:
    """Implements `ports.store.Store`, `ports.artifacts.Artifacts` and `ports.keeping.Keeping`."""

    clock: str = "2026-11-24T10:00:00Z"
    rows: dict[str, Environment] = field(default_factory=dict)
    plans: dict[str, BuildPlan] = field(default_factory=dict)
    unpacked: set[str] = field(default_factory=set)
    archives: set[str] = field(default_factory=set)
    data: dict[str, frozenset[str]] = field(default_factory=dict)
    """What each folder of a stack's artifacts shows."""
    holders: list[FakeNeeds] = field(default_factory=list)
    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    damages: list[Damage] = field(default_factory=list)
    refuses: Mapping[str, Exception] = field(default_factory=dict)
    """What fails, by the digest or label that it is asked for."""
    kept: set[str] = field(default_factory=set)
    """What was kept from being collected while the store was verified."""
    done: list[str] = field(default_factory=list)
    """What was repaired, as `what name`."""

    # --- ports.store.Store ---

    @property
    def folder(self) -> str:
        return FOLDER

    @contextlib.contextmanager
    def needs(self) -> Iterator[FakeNeeds]:
        mine = FakeNeeds()
        self.holders.append(mine)
        yield mine
        self.holders.remove(mine)

    def find(self, label: str) -> Environment | None:
        return self.rows.get(label)

    @contextlib.contextmanager
    def building(self, label: str, reporter: Reporter) -> Iterator[None]:
        yield

    def lacking(self, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
        here = self.unpacked | self.archives
        return tuple(each for each in artifacts if each.sha256 not in here)

    def realise(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> Realisation:
        label = label_of(plan.derivation)
        environment = Environment(
            key=key_of(plan.derivation),
            name=plan.derivation.name,
            path=f"{FOLDER}/{label}",
            derivation=plan.derivation,
            tree_sha256=sha256(label.encode()).hexdigest(),
            content_sha256=sha256(plan.derivation.name.encode()).hexdigest(),
            size_bytes=1000 * len(plan.artifacts),
            built_at=self.clock,
        )
        self.rows[label], self.plans[label] = environment, plan
        self.unpacked.update(each.sha256 for each in plan.artifacts)
        return Realisation(environment=environment, is_new=True)

    def show_artifacts(self, files: Mapping[str, str]) -> str:
        key = data_key(files)
        self.data[key] = frozenset(files.values())
        return key

    def rebuild(
        self, plan: BuildPlan, needs: Needs, reporter: Reporter
    ) -> tuple[EntryDifference, ...]:
        return ()

    # --- ports.artifacts.Artifacts ---

    def path_of(self, sha256: str) -> str:
        return f"/envlock/artifacts/{sha256}"

    def has(self, sha256: str) -> bool:
        return sha256 in self.archives

    def fetch(
        self, wanted: Sequence[WantedArtifact], progress: FetchProgress, *, recheck: bool = False
    ) -> None:
        for each in wanted:
            self._do("fetch", each.sha256)
            self.archives.add(each.sha256)

    # --- ports.keeping.Keeping ---

    @property
    def root(self) -> str:
        return "/envlock"

    def environments(self) -> tuple[Environment, ...]:
        return tuple(sorted(self.rows.values(), key=lambda each: (each.built_at, each.label)))

    def artifacts_of(self, label: str) -> tuple[Artifact, ...]:
        return tuple(sorted(self.plans[label].artifacts, key=lambda each: each.sha256))

    def artifact(self, sha256: str) -> Artifact | None:
        known = (each for plan in self.plans.values() for each in plan.artifacts)
        return next((each for each in known if each.sha256 == sha256), None)

    def shown(self) -> frozenset[str]:
        return frozenset().union(*self.data.values())

    def unpacked_bytes(self) -> Mapping[str, int]:
        return dict.fromkeys(self.unpacked, 1000)

    def usage(self, reporter: Reporter) -> Usage:
        return Usage(
            environments=tuple(
                EnvironmentUsage(
                    environment=each,
                    own_bytes=each.size_bytes,
                    shared_bytes=0,
                    frees_bytes=each.size_bytes,
                )
                for each in self.environments()
            ),
            parts={"environments": sum(each.size_bytes for each in self.rows.values())},
            content_bytes=sum(each.size_bytes for each in self.rows.values()),
        )

    def collect(self, asked: Collecting, reporter: Reporter) -> Collected:
        kept = [each for each in self.profiles.kept if each not in asked.forgets]
        named = {name for each in kept for name in (each.label, each.data) if name}
        needed = {name for each in self.holders for name in each.kept}
        dead = mark(self._inventory(), named | needed, drops_downloads=asked.drops_downloads).dead
        if not asked.is_dry:
            for label in dead.environments:
                del self.rows[label], self.plans[label]
            self.unpacked -= {name.removeprefix("artifact-") for name in dead.trees}
            self.archives -= set(dead.artifacts)
            for key in dead.data:
                del self.data[key]
        return Collected(
            holdings=dead, generations=asked.forgets, links=(), leftovers=0, freed_bytes=0
        )

    def _inventory(self) -> Inventory:
        return Inventory(
            environments={
                label: References(
                    artifacts=frozenset(each.sha256 for each in plan.artifacts),
                    trees=frozenset(f"artifact-{each.sha256}" for each in plan.artifacts),
                    tree_sha256=self.rows[label].tree_sha256,
                )
                for label, plan in self.plans.items()
            },
            trees={f"artifact-{digest}": digest for digest in self.unpacked},
            artifacts=frozenset(self.archives),
            manifests=frozenset(),
            data=self.data,
        )

    def verify(
        self, labels: Collection[str] | None, depth: Depth, reporter: Reporter
    ) -> Verification:
        self.kept = {name for each in self.holders for name in each.kept}
        looked = [label for label in self.rows if labels is None or label in labels]
        return Verification(
            counts={Part.ENVIRONMENT: len(looked)},
            files=0,
            size_bytes=0,
            damages=tuple(self.damages),
        )

    def mend(self, damage: Damage) -> None:
        self._do("mend", damage.name)

    def drop(self, damage: Damage) -> None:
        self._do("drop", damage.name)
        self.archives.discard(damage.name)

    def restore_manifest(self, tree_sha256: str) -> bool:
        self.done.append(f"restore {tree_sha256}")
        return tree_sha256 not in self.refuses

    def unpack_anew(self, artifact: Artifact, needs: Needs) -> None:
        self._do("unpack", artifact.sha256)

    def remake(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> None:
        self._do("remake", label_of(plan.derivation))

    def _do(self, what: str, name: str) -> None:
        if name in self.refuses:
            raise self.refuses[name]
        self.done.append(f"{what} {name}")


@dataclass
class FakeInterpreters:
    """Implements `ports.store.Interpreters`."""

    python: Interpreter | None = PYTHON

    def find(self, wanted: str, version: str) -> Interpreter:
        if self.python is None:
            raise WorldError(f"the lock is for CPython {version}, and this machine has none")
        return self.python


def other_python() -> Interpreter:
    """The same Python, updated by the system's own package management."""
    return msgspec.structs.replace(PYTHON, version="3.11.9", sha256="b" * 64)
