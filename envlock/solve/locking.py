"""Answers -> the lock: packages as the unified format has them, and the facts of the head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from envlock.compat.builds import CudaBuild, read_build
from envlock.compat.components import component_of, line_of
from envlock.compat.digest import facts_digest
from envlock.compat.drivers import minor_floor
from envlock.compat.frameworks import framework
from envlock.formats.canonical import digest_of, format_canonical
from envlock.formats.channel import channel_url
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.package import Package
from envlock.model.pin import OpenPin
from envlock.model.platform import Accelerator
from envlock.model.question import Answer, Question
from envlock.model.stack import FrameworkSource, Stack
from envlock.solve.coherence import cudnn_of
from envlock.solve.freshness import INPUTS, PIN

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


def make_lock(  # noqa: PLR0913 - a lock names everything that it came from
    stack: Stack,
    source: str,
    questions: Sequence[Question],
    answers: Sequence[Answer],
    pin: OpenPin,
    *,
    made_by: str,
    updated: Sequence[str] = (),
) -> Lock:
    """Return the lock of a whole solve. `source` is the stack's file name beside the lock."""
    facts = {
        "lock-version": LOCK_VERSION,
        "made-by": made_by,
        "stack": stack.name,
        "pin-origin": f"{pin.pin.origin}, as of {pin.pin.as_of}",
        "compat-facts": f"sha256:{facts_digest()}",
        **({"updated": ", ".join(sorted(updated))} if updated else {}),
        **_as_of(questions),
    }
    for question, answer in zip(questions, answers, strict=True):
        told = _platform_facts(stack, question, answer)
        facts.update({f"{answer.platform}/{key}": value for key, value in told.items()})
    return Lock(
        head=LockHead(
            channels=tuple(map(channel_url, stack.channels)),
            platforms=tuple(answer.platform.value for answer in answers),
            sources=(source,),
            content_hash={
                question.platform.value: digest_of(_identity(question)) for question in questions
            },
            facts={
                INPUTS: format_canonical(stack.inputs),
                PIN: f"sha256:{pin.digest}",
                **{f"{FACT_PREFIX}{key}": value for key, value in facts.items()},
            },
        ),
        packages=tuple(
            to_locked(package, answer.platform) for answer in answers for package in answer.packages
        ),
    )


def keep_platforms(lock: Lock, earlier: Lock) -> Lock:
    """Return the lock with the platforms that it does not have taken over from an earlier one.

    Only where both come from the same inputs and pin: otherwise `lock` comes back as it is.
    """
    same = all(lock.head.facts.get(key) == earlier.head.facts.get(key) for key in (INPUTS, PIN))
    kept = [item for item in earlier.head.platforms if item not in lock.head.platforms]
    if not same or not kept:
        return lock
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


def _as_of(questions: Iterable[Question]) -> Mapping[str, str]:
    for question in questions:
        if question.as_of_ms is not None:
            moment = datetime.fromtimestamp(question.as_of_ms / 1000, tz=UTC)
            return {"as-of": moment.isoformat().replace("+00:00", "Z")}
    return {}


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


def _platform_facts(stack: Stack, question: Question, answer: Answer) -> Mapping[str, str]:
    virtual = " ".join(
        f"{item.name}={item.version}" + (f"={item.build}" if item.build != "0" else "")
        for item in question.virtual_packages
    )
    found = {"virtual-packages": virtual}
    found["accelerator"] = stack.accelerator(answer.platform).value
    packages = {package.name: package for package in answer.packages}
    for item in stack.frameworks_on(answer.platform):
        facts = framework(item.name)
        if facts and item.source is FrameworkSource.CONDA and facts.carrier in packages:
            found[item.name] = _describe(packages[facts.carrier], answer)
    if stack.gpu and stack.accelerator(answer.platform) is Accelerator.CUDA:
        found.update(_cuda_facts(stack, answer))
    return found


def _describe(package: Package, answer: Answer) -> str:
    build = read_build(package.name, package.build, package.channel, answer.platform.system)
    suffix = f", built for CUDA {build.line}" if isinstance(build, CudaBuild) else ""
    return f"{package.version} {package.build}{suffix}"


def _cuda_facts(stack: Stack, answer: Answer) -> Mapping[str, str]:
    assert stack.gpu is not None  # noqa: S101 - the caller asked
    line = stack.gpu.cuda
    found = {"cuda": str(line)}
    carried = cudnn_of(answer.packages)
    if carried:
        found["cudnn"] = ", ".join(f"{version} in {name}" for name, version in carried.items())
    floor = minor_floor(line, answer.platform.system)
    if floor:
        found["driver-floor"] = (
            f">={floor.driver} (minor-version compatibility of CUDA {line.major}, "
            f"{floor.confidence})"
        )
    newer = [
        f"{package.name} {package.version} of CUDA {of}"
        for package in answer.packages
        if component_of(package.name)
        and (of := line_of(package.name, package.version))
        and of != line
    ]
    if newer:
        found["newer-components"] = ", ".join(newer)
    return found
