"""From a lock to an environment: address it, find it or make it, name it as a generation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from envlock.errors import LockError, StoreError, WorldError
from envlock.formats.conda_lock import FACT_PREFIX, LINK_SCRIPTS, read_lock, read_seal
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock
from envlock.model.platform import Platform
from envlock.model.stack import Artifact as StackArtifact
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
from envlock.ports.artifacts import Artifacts, FetchProgress, WantedArtifact
from envlock.ports.reporter import Reporter
from envlock.ports.store import Interpreters, Needs, Profiles, Store
from envlock.ports.workspace import Workspace
from envlock.store.address import check_prefix, label_of
from envlock.store.generations import check_profile
from envlock.store.wanted import artifacts_on, without_python
from envlock.workflows.artifacts import bring_artifacts, show_artifacts

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+-]+")
_LONGEST_NAME = 64
_LOCK_ENDINGS = (".conda-lock.yml", ".conda-lock.yaml", ".yml", ".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTools:
    """All that a build acts through."""

    workspace: Workspace
    store: Store
    profiles: Profiles
    artifacts: Artifacts
    interpreters: Interpreters
    reporter: Reporter
    progress: FetchProgress
    made_with: str
    """The version of the part that turns artifacts into files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What a person asks for."""

    lock: str
    """The path of a lock."""
    platform: Platform
    python: str | None = None
    """None for the lock's own; `host`, or the path of a Python on this machine."""
    profile: str | None = None
    """None for the stack's name."""
    offline: bool = False
    artifacts: tuple[StackArtifact, ...] = ()
    """What the stack names beside its environment: weights, data."""
    fetches_artifacts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStack:
    """A lock that was read, and the name that its environment gets."""

    lock: Lock
    file: str
    name: str


def load_lock(path: str, workspace: Workspace) -> LockedStack:
    """Read a lock to build from.

    Raises `LockError` where a stack has no lock yet, and for a lock of ours whose packages were
    edited by hand: it says that it was solved, and it was not.
    """
    return read_stack_lock(read_lock_bytes(path, workspace), path)


def read_stack_lock(content: bytes, path: str) -> LockedStack:
    """Read a lock to build from, wherever its bytes come from. Raises as `load_lock`."""
    seal = read_seal(content)
    if seal is not None and not seal.body_is_whole:
        raise LockError(
            f"{path}: the packages are not those that envlock wrote\n"
            "  expected them as their digest in the head says, found them edited or merged\n"
            "Nothing was built.",
            hints=["solve anew: `envlock solve` writes the lock again"],
        )
    lock = read_lock(content, path)
    is_sealed = seal is not None and seal.head_is_whole
    if f"{FACT_PREFIX}{LINK_SCRIPTS}" in lock.head.facts and not is_sealed:
        raise LockError(
            f"{path}: the head, which lets packages run scripts, is not what envlock wrote\n"
            "Nothing was built.",
            hints=["say it in the stack: `link-scripts` under [build], then `envlock solve`"],
        )
    return LockedStack(lock=lock, file=path, name=_name(lock, path))


def read_lock_bytes(path: str, workspace: Workspace) -> bytes:
    """Return a lock's bytes; of a stack without one, `LockError` says how to lock it."""
    stack = path.removesuffix(_LOCK_ENDINGS[0]) + ".toml"
    if workspace.exists(path) or not workspace.exists(stack):
        return workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)
    raise LockError(
        f"{path}: there is no such lock; {stack} is not locked yet\nNothing was built.",
        hints=[
            f"lock it: `envlock solve {stack}`",
            f"with packages from PyPI, ask their index once before: `envlock index record {stack}`",
        ],
    )


def _name(lock: Lock, path: str) -> str:
    named = lock.head.facts.get("envlock/stack", "")
    if not named:
        named = path.replace("\\", "/").rpartition("/")[2]
        named = next(
            (named.removesuffix(end) for end in _LOCK_ENDINGS if named.endswith(end)), named
        )
    name = _NOT_IN_NAMES.sub("-", named).strip("-.")[:_LONGEST_NAME]
    return name or "environment"


def plan_build(stack: LockedStack, request: BuildRequest, tools: BuildTools) -> BuildPlan:
    """Return what is to be built. Raises `LockError`, `StoreError`, `WorldError`."""
    artifacts: Sequence[Artifact] = artifacts_on(stack.lock, request.platform, stack.file)
    interpreter: Interpreter | None = None
    if request.python is not None:
        version = _python_version(artifacts, stack.file)
        artifacts = without_python(artifacts, stack.lock, request.platform)
        interpreter = tools.interpreters.find(request.python, version)
    derivation = Derivation(
        name=stack.name,
        platform=request.platform.value,
        store_folder=tools.store.folder,
        artifacts=tuple((artifact.file_name, artifact.sha256) for artifact in artifacts),
        link_scripts=_link_scripts(stack, artifacts),
        interpreter=interpreter,
        made_with=tools.made_with,
    )
    prefix = f"{tools.store.folder}/{label_of(derivation)}"
    check_prefix(prefix, "3.11")
    return BuildPlan(derivation=derivation, artifacts=tuple(artifacts))


def _link_scripts(stack: LockedStack, artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Return the packages of this platform whose post-link script may run, ordered."""
    allowed = set(stack.lock.head.facts.get(f"{FACT_PREFIX}{LINK_SCRIPTS}", "").split())
    locked = {row.name for row in stack.lock.packages if row.manager == "conda"}
    lacking = sorted(allowed - locked)
    if lacking:
        raise LockError(
            f"{stack.file}: allows a script of `{lacking[0]}`, which is not among its packages\n"
            "Nothing was built.",
            hints=["correct build.link-scripts in the stack, then `envlock solve`"],
        )
    here = {artifact.name for artifact in artifacts if artifact.kind is ArtifactKind.CONDA}
    return tuple(sorted(allowed & here))


def _python_version(artifacts: Sequence[Artifact], file: str) -> str:
    for artifact in artifacts:
        if artifact.kind is ArtifactKind.CONDA and artifact.name == "python":
            return ".".join(artifact.version.split(".")[:2])
    raise LockError(
        f"{file}: expected a package `python` that says which Python the wheels are for, found none"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What came of a build."""

    realisation: Realisation
    generation: Generation

    @property
    def environment(self) -> Environment:
        """The environment."""
        return self.realisation.environment


def build(request: BuildRequest, tools: BuildTools, needs: Needs) -> Build:
    """Build a lock's environment, or find it built, and make it the current generation.

    Raises `LockError`, `ArchiveError`, `StoreError`, `WorldError`; then nothing has changed but
    the downloads that came whole.
    """
    stack = load_lock(request.lock, tools.workspace)
    profile = request.profile or stack.name
    check_profile(profile)
    realisation = realise(plan_build(stack, request, tools), tools, needs)
    data = put_artifacts_beside(request, tools, needs)
    generation = tools.profiles.add(profile, realisation.environment.label, data)
    return Build(realisation=realisation, generation=generation)


def put_artifacts_beside(request: BuildRequest, tools: BuildTools, needs: Needs) -> str:
    """Return the key of the folder that shows the stack's artifacts; see `show_artifacts`."""
    if not request.fetches_artifacts:
        return show_artifacts(request.artifacts, tools, needs)
    try:
        return bring_artifacts(request.artifacts, tools, needs)
    except WorldError as error:
        hints = [*error.hints, "or go on without the stack's artifacts: `--no-artifacts`"]
        raise WorldError(error.message, hints=hints, detail=error.detail) from error


def realise(plan: BuildPlan, tools: BuildTools, needs: Needs) -> Realisation:
    """Return a plan's environment, built now if it was not there."""
    label = label_of(plan.derivation)
    needs.add([label, *(artifact.sha256 for artifact in plan.artifacts)])
    found = tools.store.find(label)
    if found is not None:
        return Realisation(environment=found, is_new=False)
    with tools.store.building(label, tools.reporter):
        found = tools.store.find(label)
        if found is not None:
            return Realisation(environment=found, is_new=False)
        fetch(tools.store.lacking(plan.artifacts), tools)
        return tools.store.realise(plan, needs, tools.reporter)


class FetchTools(Protocol):
    """What fetching acts through."""

    @property
    def artifacts(self) -> Artifacts:
        """The archives of this machine."""
        ...

    @property
    def progress(self) -> FetchProgress:
        """Who hears how far fetching has come."""
        ...


def fetch(artifacts: Sequence[Artifact], tools: FetchTools) -> None:
    """Bring artifacts into the store, every one hashed."""
    if artifacts:
        wanted = [
            WantedArtifact(
                file_name=artifact.file_name,
                url=artifact.url,
                sha256=artifact.sha256,
                md5=artifact.md5,
                package=str(artifact),
            )
            for artifact in artifacts
        ]
        tools.artifacts.fetch(wanted, tools.progress)


def rebuild_check(
    request: BuildRequest, tools: BuildTools, needs: Needs
) -> tuple[Environment, tuple[EntryDifference, ...]]:
    """Build a lock's environment a second time, beside the first, and return what differs.

    Everything is unpacked and compiled again from the archives; those that the store has let go
    are fetched again. Raises as `build` does.
    """
    stack = load_lock(request.lock, tools.workspace)
    plan = plan_build(stack, request, tools)
    environment = realise(plan, tools, needs).environment
    missing = [each for each in plan.artifacts if not tools.artifacts.has(each.sha256)]
    fetch(missing, tools)
    return environment, tools.store.rebuild(plan, needs, tools.reporter)


def find_current(store: Store, profiles: Profiles, name: str) -> tuple[Generation, Environment]:
    """Return a profile's current generation and its environment. Raises `StoreError`."""
    check_profile(name)
    for generation in profiles.generations(name):
        if generation.is_current:
            found = store.find(generation.label)
            if found is not None:
                return generation, found
            raise StoreError(
                f"profile `{name}` points to {generation.label}, which is not valid",
                hints=["build its lock again, or `envlock store verify`"],
            )
    raise StoreError(
        f"there is no profile `{name}` in the store",
        hints=["`envlock list` shows what is built; `envlock build LOCK` builds"],
    )
