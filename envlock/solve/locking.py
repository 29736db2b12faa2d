"""Answers -> the lock: packages as the unified format has them, and the facts of the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from envlock.compat.builds import CudaBuild
from envlock.compat.components import component_of, line_of
from envlock.compat.digest import facts_digest
from envlock.compat.drivers import minor_floor
from envlock.formats.canonical import digest_of, format_canonical
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.package import Package
from envlock.model.pin import Pin
from envlock.model.question import Answer, Question, VirtualPackage
from envlock.model.stack import Gpu
from envlock.solve.coherence import cudnn_of
from envlock.solve.freshness import INPUTS, PIN
from envlock.solve.view import View

AS_OF = "as-of"
"""The fact that says up to when builds were seen, where a solve was told."""
LOCK_VERSION = "1"
"""Of envlock's facts in the head; raised when their meaning changes."""


def to_locked(package: Package, platform: str) -> LockedPackage:
    """Return a package as the unified format has it; a later spec of one name wins, as there."""
    pairs = (dependency.partition(" ") for dependency in package.depends)
    return LockedPackage(
        name=package.name,
        version=package.version,
        manager="conda",
        platform=platform,
        url=package.url,
        md5=package.md5,
        sha256=package.sha256,
        dependencies={name: spec for name, _, spec in pairs},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One platform's question and answer, with the view that they were seen in."""

    view: View
    question: Question
    answer: Answer


def make_lock(
    source: str,
    solutions: Sequence[Solution],
    pin: Pin,
    *,
    made_by: str,
    updated: Sequence[str] = (),
) -> Lock:
    """Return the lock of a whole solve. `source` is the stack's file name beside the lock."""
    view = solutions[0].view
    stack = view.stack
    facts = {
        "lock-version": LOCK_VERSION,
        "made-by": made_by,
        "stack": stack.name,
        "pin-origin": f"{pin.origin}, as of {pin.as_of}",
        "compat-facts": f"sha256:{facts_digest()}",
        **({"updated": ", ".join(sorted(updated))} if updated else {}),
        **_as_of(solutions[0].question),
    }
    for solution in solutions:
        told = _platform_facts(solution)
        facts.update({f"{solution.answer.platform}/{key}": value for key, value in told.items()})
    return Lock(
        head=LockHead(
            channels=solutions[0].question.channels,
            platforms=tuple(solution.answer.platform.value for solution in solutions),
            sources=(source,),
            content_hash={
                solution.answer.platform.value: digest_of(_identity(solution.question))
                for solution in solutions
            },
            facts={
                INPUTS: format_canonical(stack.inputs),
                PIN: f"sha256:{view.digest}",
                **{f"{FACT_PREFIX}{key}": value for key, value in facts.items()},
            },
        ),
        packages=tuple(
            to_locked(package, solution.answer.platform)
            for solution in solutions
            for package in solution.answer.packages
        ),
    )


def has_same_origin(lock: Lock, other: Lock) -> bool:
    """Say whether two locks come from the same inputs, pin, facts, versions and date."""
    keys = (INPUTS, PIN, *(f"{FACT_PREFIX}{key}" for key in ("made-by", "compat-facts", AS_OF)))
    return all(lock.head.facts.get(key) == other.head.facts.get(key) for key in keys)


def has_same_answer(lock: Lock, other: Lock) -> bool:
    """Say whether two locks of one origin hold the same packages for the same platforms."""
    return (
        has_same_origin(lock, other)
        and set(lock.head.platforms) == set(other.head.platforms)
        and {(item.platform, item.url) for item in lock.packages}
        == {(item.platform, item.url) for item in other.packages}
    )


def keep_platforms(lock: Lock, earlier: Lock, kept: Sequence[str]) -> Lock:
    """Return the lock with some platforms taken over from an earlier lock of the same origin."""
    prefixes = tuple(f"{FACT_PREFIX}{platform}/" for platform in kept)
    facts = {k: v for k, v in earlier.head.facts.items() if k.startswith(prefixes)}
    hashes = {k: v for k, v in earlier.head.content_hash.items() if k in kept}
    return Lock(
        head=replace(
            lock.head,
            platforms=tuple(sorted((*lock.head.platforms, *kept))),
            content_hash={**lock.head.content_hash, **hashes},
            facts={**lock.head.facts, **facts},
        ),
        packages=(*lock.packages, *(item for item in earlier.packages if item.platform in kept)),
    )


def _as_of(question: Question) -> Mapping[str, str]:
    if question.as_of_ms is None:
        return {}
    moment = datetime.fromtimestamp(question.as_of_ms / 1000, tz=UTC)
    return {AS_OF: moment.isoformat(timespec="seconds").replace("+00:00", "Z")}


def _identity(question: Question) -> Mapping[str, object]:
    """Return what was asked, without who asked: the content hash of a platform."""
    return {
        "asks": sorted(ask.spec for ask in question.asks),
        "constraints": sorted(ask.spec for ask in question.constraints),
        "channels": list(question.channels),
        "priority": question.priority.value,
        "virtual_packages": [
            f"{item.name}={item.version}={item.build}" for item in question.virtual_packages
        ],
        "as_of_ms": question.as_of_ms,
    }


def _platform_facts(solution: Solution) -> Mapping[str, str]:
    view = solution.view
    found = {
        "virtual-packages": " ".join(map(_describe_virtual, solution.question.virtual_packages)),
        "accelerator": view.stack.accelerator(view.platform).value,
    }
    packages = {package.name: package for package in solution.answer.packages}
    for item, facts in view.frameworks():
        if facts.carrier in packages:
            found[item.name] = _describe(view, packages[facts.carrier])
    return {**found, **(_cuda_facts(view, view.gpu, solution.answer) if view.gpu else {})}


def _describe_virtual(item: VirtualPackage) -> str:
    return f"{item.name}={item.version}" + (f"={item.build}" if item.build != "0" else "")


def _describe(view: View, package: Package) -> str:
    build = view.read_build(package)
    suffix = f", built for CUDA {build.line}" if isinstance(build, CudaBuild) else ""
    return f"{package.version} {package.build}{suffix}"


def _cuda_facts(view: View, gpu: Gpu, answer: Answer) -> Mapping[str, str]:
    found = {"cuda": str(gpu.cuda)}
    carriers: dict[str, list[str]] = {}
    for name, version in cudnn_of(answer.packages).items():
        carriers.setdefault(version, []).append(name)
    if carriers:
        found["cudnn"] = "; ".join(
            f"{version} in {', '.join(names)}" for version, names in carriers.items()
        )
    floor = minor_floor(gpu.cuda, answer.platform.system)
    if floor is None:
        found["driver-floor"] = f"unknown: no row for CUDA {gpu.cuda}"
    else:
        fleet = view.stack.fleet.driver
        met = f"; the fleet's {fleet} meets it" if fleet else ""
        found["driver-floor"] = (
            f">={floor.driver} by minor-version compatibility of CUDA {gpu.cuda.major} "
            f"({floor.confidence} fact){met}"
        )
    newer = [
        f"{package.name} {package.version} of CUDA {line}"
        for package in answer.packages
        if (line := line_of(package.name, package.version)) and line != gpu.cuda
    ]
    if newer:
        found["newer-components"] = ", ".join(newer)
    unknown = [
        f"{package.name} {package.version}"
        for package in answer.packages
        if component_of(package.name) and line_of(package.name, package.version) is None
    ]
    if unknown:
        found["unknown-components"] = ", ".join(unknown)
    return found
