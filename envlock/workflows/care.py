"""Looking after a store: find what is named in it, let go, verify, put back what was there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from envlock.errors import EnvlockError, StoreError, WorldError
from envlock.model.keeping import (
    LOOSE_ARCHIVE,
    STRAY,
    Collecting,
    Damage,
    Depth,
    Part,
    Verification,
)
from envlock.model.keeping import Collection as Collected
from envlock.model.store import Artifact, BuildPlan, Derivation, Environment, Generation
from envlock.ports.artifacts import Artifacts, FetchProgress
from envlock.ports.keeping import Keeping
from envlock.ports.reporter import Reporter
from envlock.ports.store import Interpreters, Needs, Profiles, Store
from envlock.store.generations import beyond, check_profile, expired, parse_age
from envlock.store.liveness import artifact_of
from envlock.workflows.build import fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class CareTools:
    """All that looking after a store acts through."""

    store: Store
    keeping: Keeping
    profiles: Profiles
    reporter: Reporter
    now: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTools:
    """What putting back takes beyond that; `BuildTools` has the same."""

    artifacts: Artifacts
    interpreters: Interpreters
    progress: FetchProgress
    made_with: str
    """The version of the part that turns artifacts into files."""


# --- finding --------------------------------------------------------------------------------------


def find_named(names: Sequence[str], tools: CareTools) -> tuple[Environment, ...]:
    """Return the environments that names mean: profiles, generations, labels, paths, names.

    Raises `StoreError` for a name that means nothing here.
    """
    environments = tools.keeping.environments()
    found: dict[str, Environment] = {}
    for name in names:
        for each in _meant(name, environments, tools):
            found.setdefault(each.label, each)
    return tuple(found.values())


def _meant(
    name: str, environments: Sequence[Environment], tools: CareTools
) -> Sequence[Environment]:
    label = label_meant(name, tools)
    chosen = [each for each in environments if each.label == label]
    chosen = chosen or [each for each in environments if name in (each.name, each.key, each.label)]
    if not chosen:
        raise StoreError(
            f"`{name}` means nothing in the store: expected a profile, `profile@3`, the name of an "
            "environment, or its path",
            hints=["`envlock list` shows what is built"],
        )
    return chosen


def label_meant(name: str, tools: CareTools) -> str:
    """Return the label that a profile, `profile@3`, a label or a path means; empty for none."""
    folder = f"{tools.store.folder}/"
    if name.startswith(folder):
        return name[len(folder) :].partition("/")[0]
    profile, _, number = name.rpartition("@")
    for each in tools.profiles.generations():
        if each.is_current and each.profile == name:
            return each.label
        if profile == each.profile and number == f"{each.number}":
            return each.label
    return name if tools.store.find(name) is not None else ""


# --- collecting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectRequest:
    """What a person asks to let go of, beyond what nothing needs."""

    is_dry: bool = False
    older_than: str | None = None
    """An age or a date; generations from before it are forgotten."""
    keep: int | None = None
    """How many generations of a profile stay, whatever their age."""
    drops_downloads: bool = False
    profiles: tuple[str, ...] = ()
    """Profiles that are forgotten whole, their current generation too."""


def collect(request: CollectRequest, tools: CareTools) -> Collected:
    """Forget old generations, then let go of what no root reaches.

    A generation that is current is only forgotten with its whole profile. Raises `EnvlockError`
    for an age that is none, `StoreError` for a profile that is not there, and `WorldError`.
    """
    whole = [each for name in request.profiles for each in generations_of(name, tools.profiles)]
    old = [each for each in _forgotten(request, tools) if each not in whole]
    forgets = (*whole, *old)
    if not request.is_dry:
        for name in request.profiles:
            tools.profiles.forget(name)
        for each in old:
            tools.profiles.remove(each)
    asked = Collecting(
        is_dry=request.is_dry, drops_downloads=request.drops_downloads, forgets=forgets
    )
    return tools.keeping.collect(asked, tools.reporter)


def generations_of(profile: str, profiles: Profiles) -> tuple[Generation, ...]:
    """Return the generations of a profile. Raises `StoreError` when there is none."""
    check_profile(profile)
    found = profiles.generations(profile)
    if not found:
        listed = ", ".join(sorted({each.profile for each in profiles.generations()})) or "none"
        raise StoreError(
            f"there is no profile `{profile}` in the store; it has: {listed}",
            hints=["`envlock build LOCK` makes the profile of its stack"],
        )
    return found


def _forgotten(request: CollectRequest, tools: CareTools) -> tuple[Generation, ...]:
    generations = tools.profiles.generations()
    if request.older_than is None and request.keep is None:
        return ()
    chosen = generations
    if request.keep is not None:
        chosen = beyond(chosen, keep=request.keep)
    if request.older_than is not None:
        chosen = expired(chosen, before=parse_age(request.older_than, now=tools.now()))
    return chosen


# --- verifying ------------------------------------------------------------------------------------


def verify(names: Sequence[str], depth: Depth, tools: CareTools) -> Verification:
    """Hold what was named, or all, against what it was when it was sealed. Changes nothing."""
    with tools.store.needs() as needs:
        return _verify(_labels(names, tools), depth, tools, needs)


def _labels(names: Sequence[str], tools: CareTools) -> frozenset[str] | None:
    return frozenset(each.label for each in find_named(names, tools)) if names else None


def _verify(
    labels: Collection[str] | None, depth: Depth, tools: CareTools, needs: Needs
) -> Verification:
    for each in tools.keeping.environments():
        if labels is None or each.label in labels:
            digests = (digest for _, digest in each.derivation.artifacts)
            needs.add([each.label, each.tree_sha256, *digests])
    return tools.keeping.verify(labels, depth, tools.reporter)


# --- repairing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrepaired:
    """A damage that stays, and why."""

    damage: Damage
    error: EnvlockError


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a repair did."""

    found: Verification
    repaired: tuple[Damage, ...]
    unrepaired: tuple[Unrepaired, ...]

    @property
    def is_for_want_of_the_world(self) -> bool:
        """Say whether another network or disk would have let everything be repaired."""
        return bool(self.unrepaired) and all(
            isinstance(each.error, WorldError) for each in self.unrepaired
        )


_ORDER = MappingProxyType(
    {
        Part.DATABASE: 0,
        Part.PROFILE: 1,
        Part.MANIFEST: 2,
        Part.ARTIFACT: 3,
        Part.TREE: 4,
        Part.ENVIRONMENT: 5,
    }
)
"""What is made of something comes after it."""


def repair(names: Sequence[str], tools: CareTools, more: RepairTools) -> Repair:
    """Verify, and put back what was there: whatever can be, even where something cannot.

    An environment changes places with its repaired self in one step, and only when that has the
    same `tree_sha256`. Raises what verifying raises.
    """
    with tools.store.needs() as needs:
        found = _verify(_labels(names, tools), Depth.FULL, tools, needs)
        return _Repairing(tools, more, needs).run(found)


class _Repairing:
    def __init__(self, tools: CareTools, more: RepairTools, needs: Needs) -> None:
        self._tools = tools
        self._keeping = tools.keeping
        self._more = more
        self._needs = needs

    def run(self, found: Verification) -> Repair:
        repaired: list[Damage] = []
        unrepaired: list[Unrepaired] = []
        ordered = sorted(found.damages, key=lambda each: (_ORDER[each.part], each.name))
        later = [each for each in ordered if each.part is Part.MANIFEST]
        for damage in later:  # first: what a tree holds is asked whenever it is linked
            self._keeping.restore_manifest(damage.name)
        for damage in [*(each for each in ordered if each not in later), *later]:
            try:
                self._repair(damage)
            except EnvlockError as error:
                unrepaired.append(Unrepaired(damage=damage, error=error))
            else:
                repaired.append(damage)
        return Repair(found=found, repaired=tuple(repaired), unrepaired=tuple(unrepaired))

    def _repair(self, damage: Damage) -> None:
        self._tools.reporter.step(f"repairing {damage.part} {damage.name}")
        match damage.part:
            case Part.DATABASE:
                raise StoreError("what the database lost is nowhere else", hints=_REBUILD)
            case Part.PROFILE:
                raise StoreError("only you know where it should point", hints=_POINT)
            case Part.MANIFEST:
                if not self._keeping.restore_manifest(damage.name):
                    raise StoreError("no tree is left that is as it was", hints=_REBUILD)
            case Part.ARTIFACT:
                self._repair_artifact(damage)
            case Part.TREE if damage.is_mended_in_place:
                self._keeping.mend(damage)
            case Part.TREE:
                self._repair_tree(damage)
            case Part.ENVIRONMENT if damage.is_mended_in_place:
                self._keeping.mend(damage)
            case Part.ENVIRONMENT:
                self._repair_environment(damage)

    def _repair_artifact(self, damage: Damage) -> None:
        if damage.problem.startswith(LOOSE_ARCHIVE):
            self._keeping.mend(damage)
            return
        self._keeping.drop(damage)
        artifact = None if damage.problem == STRAY else self._keeping.artifact(damage.name)
        if artifact is not None:
            self._fetch(artifact)
        elif damage.name in self._keeping.shown():  # no lock says where it is from
            raise StoreError("it was an artifact of a stack, and was removed", hints=_FETCH)

    def _repair_tree(self, damage: Damage) -> None:
        """Unpack a tree again; one of bytecode is made again when it is needed next."""
        digest = artifact_of(damage.name)
        is_unpacked = damage.name == f"artifact-{digest}"
        artifact = self._keeping.artifact(digest) if is_unpacked else None
        if artifact is None:
            self._keeping.drop(damage)
            return
        self._fetch(artifact)
        self._keeping.unpack_anew(artifact, self._needs)

    def _repair_environment(self, damage: Damage) -> None:
        environment = self._tools.store.find(damage.name) or self._row(damage.name)
        derivation = environment.derivation
        self._check_rebuildable(derivation)
        known = {each.sha256: each for each in self._keeping.artifacts_of(damage.name)}
        artifacts = tuple(
            msgspec.structs.replace(known[digest], file_name=file_name)
            for file_name, digest in derivation.artifacts
        )
        with self._tools.store.building(damage.name, self._tools.reporter):
            for artifact in self._tools.store.lacking(artifacts):
                self._fetch(artifact)
            plan = BuildPlan(derivation=derivation, artifacts=artifacts)
            self._keeping.remake(plan, self._needs, self._tools.reporter)

    def _row(self, label: str) -> Environment:
        """Return an environment whose folder is gone."""
        return next(each for each in self._keeping.environments() if each.label == label)

    def _check_rebuildable(self, derivation: Derivation) -> None:
        if derivation.made_with != self._more.made_with:
            raise StoreError(
                f"it was made with {derivation.made_with}, and this is {self._more.made_with}: "
                "its files would not be the same",
                hints=["repair it with the envlock that made it, or build its lock again"],
            )
        host = derivation.interpreter
        if host is None:
            return
        version = ".".join(host.version.split(".")[:2])
        try:
            found = self._more.interpreters.find(host.executable, version)
        except WorldError:
            found = None
        if found != host:
            raise StoreError(
                f"it was built on this machine's Python {host.version}, {host.executable}, "
                "which is not the same any more",
                hints=["build its lock again, on the Python that is there now"],
            )

    def _fetch(self, artifact: Artifact) -> None:
        if not self._more.artifacts.has(artifact.sha256):
            fetch([artifact], self._more)


_REBUILD = ("build the locks again: `envlock build LOCK`",)
_FETCH = ("`envlock artifacts fetch STACK` brings it anew",)
_POINT = (
    "`envlock switch PROFILE NUMBER` makes one of its generations current",
    "`envlock build LOCK` makes a new one",
)
