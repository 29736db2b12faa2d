"""The story of `pack` and `unpack`: what a bundle of a lock has to hold, no more and no less.

Packing says it, and unpacking holds a bundle against it: a bundle whose lock was exchanged for
another has the wrong archives in it, or the wrong pin, whatever its manifest says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from envlock.errors import BundleError, EnvlockError, LockError
from envlock.formats.index_pin import MANIFEST, NAME_DIGITS
from envlock.formats.stack_toml import read_stack
from envlock.model.bundle import ARTIFACTS, PACKAGES, STACK, Bundle
from envlock.model.lock import stack_of
from envlock.model.platform import Platform
from envlock.model.stack import Artifact as StackArtifact
from envlock.model.stack import Stack
from envlock.model.store import Artifact
from envlock.solve.freshness import PIN, RECORDING
from envlock.store.wanted import packages_on
from envlock.workflows.build import LockedStack, read_stack_lock

STACK_NAME = "envlock/stack"
_SHA256 = "sha256:"
_SHOWN = 4


class Load(Struct, frozen=True, kw_only=True):
    """What a bundle of a lock carries."""

    name: str
    pin: str
    """The digest of the index pin; empty where the lock has none."""
    recording: str
    """The digest of the recording of the package index; empty where the lock has none."""
    platforms: tuple[Platform, ...]
    packages: tuple[Artifact, ...]
    """The archives, each once."""


def load_of(stack: LockedStack, platforms: Iterable[Platform]) -> Load:
    """Return what a bundle of a lock carries. Raises `LockError` as a build does."""
    asked = frozenset(platforms)
    wanted = tuple(each for each in Platform if each in asked)
    packages: dict[str, Artifact] = {}
    for platform in wanted:
        for each in packages_on(stack.lock, platform, stack.file):
            packages.setdefault(each.sha256, each)
    facts = stack.lock.head.facts
    return Load(
        name=facts.get(STACK_NAME) or stack.name,
        pin=facts.get(PIN, "").removeprefix(_SHA256),
        recording=facts.get(RECORDING, "").removeprefix(_SHA256),
        platforms=wanted,
        packages=tuple(packages[digest] for digest in sorted(packages)),
    )


def platforms_to_pack(stack: LockedStack, asked: Sequence[str], here: Platform) -> list[Platform]:
    """Return the platforms that are meant: those asked for, else this machine's.

    Raises `LockError` for one that the lock does not have.
    """
    wanted = [Platform(name) for name in asked] or [here]
    locked = {package.platform for package in stack.lock.packages}
    for each in wanted:
        if each.value not in locked:
            found = ", ".join(sorted(locked)) or "none"
            raise LockError(
                f"{stack.file}: expected packages for {each}, found {found}\n"
                "No bundle was written.",
                hints=["choose one of those: `--platform P`"],
            )
    return wanted


# --- unpacking ------------------------------------------------------------------------------------


def check_lock(bundle: Bundle, content: bytes) -> Load:
    """Hold a bundle's manifest against its lock, before anything else of it is looked at.

    Raises `BundleError` when they do not belong together, and what reading a lock raises.
    """
    name = bundle.lock.rpartition("/")[2]
    stack = read_stack_lock(content, name)
    load = load_of(stack, map(Platform, bundle.platforms))
    if not load.platforms:
        raise _mismatched(name, "a platform", "none")
    if bundle.name != load.name:
        raise _mismatched(name, f"the stack `{load.name}`", f"`{bundle.name}`")
    for what, carried, locked in (
        ("pin", bundle.pin, load.pin),
        ("recording", bundle.recording, load.recording),
    ):
        if carried and carried != locked:
            raise _mismatched(name, f"the {what} {locked or 'of no digest'}", carried)
    _check_archives(bundle, load, name)
    for each in bundle.within(STACK):
        if not _belongs(each.path, bundle):
            raise _mismatched(name, "nothing beside it but its stack and its pins", each.path)
    return load


def _belongs(path: str, bundle: Bundle) -> bool:
    """Say whether a file may come to lie beside the lock: any other could be a program."""
    pins = f"{STACK}/pins"
    pin, recording = bundle.pin[:NAME_DIGITS], bundle.recording[:NAME_DIGITS]
    if path in (bundle.lock, stack_of(bundle.lock)):
        return True
    if recording and path == f"{pins}/pypi/{recording}.json.zst":
        return True
    inside = path.removeprefix(f"{pins}/{pin}/")
    is_part = inside == MANIFEST or inside.endswith("/repodata.json.zst")
    return bool(pin) and inside != path and is_part


def _check_archives(bundle: Bundle, load: Load, lock: str) -> None:
    named = {each.sha256: each.file_name for each in load.packages}
    carried = {each.sha256 for each in bundle.within(PACKAGES)}
    lacking = [file_name for digest, file_name in named.items() if digest not in carried]
    if lacking:
        raise _mismatched(lock, "every archive that it names", f"{_listed(lacking)} missing")
    foreign = sorted(carried - named.keys())
    if foreign:
        raise _mismatched(lock, "no other archive", _listed(foreign))


def check_artifacts(bundle: Bundle, stack_content: bytes | None) -> tuple[StackArtifact, ...]:
    """Hold what a bundle has beside against its stack; returns what the stack names, if it has it.

    Raises `BundleError` when something is missing or is nobody's.
    """
    carried = {each.sha256 for each in bundle.within(ARTIFACTS)}
    stack = _stack(stack_content)
    if not carried:
        return ()
    named = {each.sha256: each for each in stack.artifacts} if stack else {}
    if carried != named.keys():
        lacking = [each.name for digest, each in named.items() if digest not in carried]
        found = f"{_listed(lacking)} missing" if lacking else _listed(carried - named.keys())
        raise _mismatched(f"{bundle.name}.toml", "the artifacts that it names", found)
    return stack.artifacts if stack else ()


def lacks_artifacts(bundle: Bundle, stack_content: bytes | None) -> bool:
    """Say whether the stack of a bundle names artifacts that it does not carry."""
    stack = _stack(stack_content)
    return stack is not None and bool(stack.artifacts) and not bundle.within(ARTIFACTS)


def _stack(content: bytes | None) -> Stack | None:
    """Return a stack; one that cannot be read is carried as it is, and names nothing."""
    if content is None:
        return None
    try:
        return read_stack(content, "the stack")
    except EnvlockError:
        return None


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _SHOWN:,} more" if len(ordered) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in ordered[:_SHOWN]) + more


def _mismatched(file: str, expected: str, found: str) -> BundleError:
    return BundleError(
        f"the bundle does not belong to its {file}\n"
        f"  expected {expected}\n"
        f"  found    {found}\n"
        "Nothing was unpacked; the store is unchanged.",
        hints=["was its lock exchanged? pack it anew"],
    )
