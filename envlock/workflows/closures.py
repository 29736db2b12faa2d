"""From what people name to environments: the closure of a lock, the path of what it became."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from envlock.errors import LockError
from envlock.model.lock import lock_of
from envlock.model.platform import Platform
from envlock.model.store import Artifact, Environment
from envlock.ports.workspace import Workspace
from envlock.store.closure_diff import (
    Closure,
    ClosureDifference,
    compare_closures,
    package_of,
)
from envlock.store.wanted import artifacts_on, without_python
from envlock.workflows.build import load_lock
from envlock.workflows.care import CareTools, find_named

_LOCK_ENDINGS = (".toml", ".yml", ".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureTools:
    """All that looking at closures acts through."""

    care: CareTools
    workspace: Workspace
    platform: Platform
    """The one that a lock is looked at for."""


def compare(before: str, after: str, tools: ClosureTools) -> ClosureDifference:
    """Say what differs between two closures: locks, profiles, generations, environments.

    Raises `StoreError` for what means nothing, `LockError`, `InputFileError`.
    """
    return compare_closures(read_closure(before, tools), read_closure(after, tools))


def read_closure(text: str, tools: ClosureTools) -> Closure:
    """Return the closure that a text means; see `compare`."""
    found = find_environment(text, tools)
    if found is not None:
        return _built_closure(text, found, tools)
    artifacts = _locked(text, tools)
    sizes = tools.care.keeping.unpacked_bytes()
    return Closure(
        title=text,
        platform=tools.platform.value,
        packages=tuple(package_of(each, sizes.get(each.sha256)) for each in artifacts),
    )


def find_environment(text: str, tools: ClosureTools) -> Environment | None:
    """Return the environment that a text means, the newest of several; None when it is not built.

    Nothing is built. Raises as `compare`.
    """
    if not _is_lock(text, tools):
        found = find_named([text], tools.care)
        return max(found, key=lambda each: each.built_at)
    artifacts = _locked(text, tools)
    lock = load_lock(lock_of(text), tools.workspace).lock
    wanted = [_names(artifacts)]
    with suppress(LockError):  # then it cannot have been built on the machine's own Python
        wanted.append(_names(without_python(artifacts, lock, tools.platform)))
    for names in wanted:
        built = [
            each
            for each in tools.care.keeping.environments()
            if each.derivation.artifacts == names
            and each.derivation.platform == tools.platform.value
        ]
        if built:
            return max(built, key=lambda each: each.built_at)
    return None


def _is_lock(text: str, tools: ClosureTools) -> bool:
    if text.startswith(f"{tools.care.store.folder}/"):
        return False
    return "/" in text or text.endswith(_LOCK_ENDINGS)


def _locked(text: str, tools: ClosureTools) -> Sequence[Artifact]:
    lock = load_lock(lock_of(text), tools.workspace)
    return artifacts_on(lock.lock, tools.platform, lock.file)


def _names(artifacts: Sequence[Artifact]) -> tuple[tuple[str, str], ...]:
    return tuple((each.file_name, each.sha256) for each in artifacts)


def _built_closure(text: str, environment: Environment, tools: ClosureTools) -> Closure:
    sizes = tools.care.keeping.unpacked_bytes()
    artifacts = tools.care.keeping.artifacts_of(environment.label)
    return Closure(
        title=text,
        platform=environment.derivation.platform,
        packages=tuple(package_of(each, sizes.get(each.sha256)) for each in artifacts),
        label=environment.label,
        tree_sha256=environment.tree_sha256,
        content_sha256=environment.content_sha256,
        interpreter=environment.derivation.interpreter,
    )
