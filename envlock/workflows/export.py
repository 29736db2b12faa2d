"""From a lock to what another builder reads of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envlock.errors import LockError
from envlock.formats.conda_lock import FACT_PREFIX, LINK_SCRIPTS
from envlock.formats.nix import SYSTEMS, format_nix
from envlock.model.exported import ExportedArtifact, ExportedHalf, ExportedLock
from envlock.model.platform import Platform, System
from envlock.model.store import Artifact, ArtifactKind
from envlock.ports.artifacts import Artifacts, FetchProgress
from envlock.ports.measure import Measure
from envlock.ports.reporter import Reporter
from envlock.ports.store import Needs
from envlock.ports.workspace import Workspace
from envlock.store.wanted import artifacts_on, needed_for_python
from envlock.workflows.build import LockedStack, fetch, load_lock

_UNSUITED = {
    System.WINDOWS: "Nix builds nothing for Windows",
    System.MACOS: "programs with a rewritten prefix must be signed anew, which takes Apple's tools",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTools:
    """All that an export acts through."""

    workspace: Workspace
    artifacts: Artifacts
    measure: Measure
    reporter: Reporter
    progress: FetchProgress
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What came of an export."""

    content: bytes
    artifacts: tuple[Artifact, ...]
    """All that it names; they lie on this machine."""
    left_out: dict[str, str]
    """By platform: why it is not in it."""


def export_nix(path: str, asked: Sequence[Platform], tools: ExportTools) -> Export:
    """Return a lock as the JSON for Nix; `asked` are the platforms, all that Nix builds if none.

    Every artifact is fetched: what a `.conda` file unpacks to stands in no lock. Raises `LockError`
    for a lock that cannot be built, `ArchiveError` and `WorldError` as fetching does.
    """
    stack = load_lock(path, tools.workspace)
    wanted, left_out = _divide(stack, asked)
    parts = {name: artifacts_on(stack.lock, name, stack.file) for name in wanted}
    for name, artifacts in parts.items():
        _python_of(artifacts, name, stack.file)
    everything = tuple(sorted({item for part in parts.values() for item in part}))
    tools.needs.add(item.sha256 for item in everything)
    fetch([item for item in everything if not tools.artifacts.has(item.sha256)], tools)
    tools.reporter.step(f"measuring {len(everything)} artifacts")
    halves = {name: _half(stack, name, part, tools) for name, part in parts.items()}
    if f"{FACT_PREFIX}{LINK_SCRIPTS}" in stack.lock.head.facts:
        tools.reporter.note("the stack allows post-link scripts; under Nix none of them runs")
    lock = ExportedLock(name=stack.name, halves=halves, left_out=left_out)
    return Export(content=format_nix(lock), artifacts=everything, left_out=left_out)


def _divide(
    stack: LockedStack, asked: Iterable[Platform]
) -> tuple[tuple[Platform, ...], dict[str, str]]:
    """Return the platforms to export, and why others are not among them."""
    locked = {package.platform for package in stack.lock.packages}
    wanted = tuple(asked) or tuple(name for name in SYSTEMS if name.value in locked)
    for name in wanted:
        if name not in SYSTEMS:
            raise LockError(
                f"{name} cannot be exported for Nix: {_UNSUITED[name.system]}\nNothing was written."
            )
    left_out = {
        str(name): _UNSUITED.get(name.system, "it was not asked for")
        for name in Platform
        if name.value in locked and name not in wanted
    }
    if not wanted:
        found = ", ".join(sorted(locked)) or "none"
        raise LockError(
            f"{stack.file}: expected packages for a platform that Nix builds, found {found}\n"
            "Nothing was written.",
            hints=["lock it for linux-64: `platforms` in the stack, then `envlock solve`"],
        )
    return wanted, left_out


def _half(
    stack: LockedStack, name: Platform, artifacts: Sequence[Artifact], tools: ExportTools
) -> ExportedHalf:
    needed = needed_for_python(stack.lock, name)
    return ExportedHalf(
        python=_python_of(artifacts, name, stack.file),
        artifacts=tuple(
            ExportedArtifact(
                artifact=artifact,
                tar_bytes=tools.measure.tar_bytes(artifact),
                is_bootstrap=artifact.kind is ArtifactKind.CONDA and artifact.name in needed,
            )
            for artifact in artifacts
        ),
    )


def _python_of(artifacts: Iterable[Artifact], name: Platform, file: str) -> str:
    for artifact in artifacts:
        if artifact.kind is ArtifactKind.CONDA and artifact.name == "python":
            return ".".join(artifact.version.split(".")[:2])
    raise LockError(
        f"{file}: expected a package `python` for {name}, which links the environment, found none\n"
        "Nothing was written.",
        hints=["add Python to the stack"],
    )
