"""What was declared of the machines that a lock is for: by a policy, by its stack, by its head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from envlock.audit.environments import Environment
from envlock.audit.rule import Case
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.model.platform import Accelerator, System
from envlock.model.stack import Fleet

_COMPUTE = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
_INPUTS = f"{FACT_PREFIX}inputs"


def fleet_of(case: Case) -> Fleet:
    """Return the oldest machine that must run it; what a policy says goes before the stack's."""
    own = case.stack.fleet if case.stack else Fleet()
    return Fleet(
        driver=case.policy.driver or own.driver,
        glibc=case.policy.glibc or own.glibc,
        macos=own.macos,
    )


def compute_of(case: Case) -> tuple[str, ...]:
    """Return the compute capabilities of the GPUs that must run it; what is none is left out."""
    gpu = case.stack.gpu if case.stack else None
    named = case.policy.compute or (gpu.compute if gpu else ())
    return tuple(item for item in named if _COMPUTE.fullmatch(item))


def accelerator_of(case: Case, place: Environment) -> Accelerator | None:
    """Return what a stack, or the head of a lock of ours, says that a platform computes on."""
    platform = place.platform
    if case.stack and platform in case.stack.platforms:
        return case.stack.accelerator(platform)
    told = case.reading.facts.get(f"{FACT_PREFIX}{place.subdir}/accelerator")
    return Accelerator(told) if told in {item.value for item in Accelerator} else None


def has_gpus(case: Case, place: Environment) -> bool:
    """Say whether a policy, or the file itself, says that a platform's machines have GPUs."""
    if place.platform is None or place.platform.system is System.MACOS:
        return False
    return bool(case.policy.compute or case.policy.driver) or _has_cuda(case, place)


def lacks_gpus(case: Case, place: Environment) -> bool:
    """Say whether the file itself says what a platform's machines have, and no GPU among it."""
    promised = _promised(case, place)
    return bool(promised) and not any(map(_is_cuda, promised))


def _has_cuda(case: Case, place: Environment) -> bool:
    return any(map(_is_cuda, _promised(case, place)))


def _promised(case: Case, place: Environment) -> tuple[str, ...]:
    platforms = case.reading.platforms
    return next(
        (item.virtual_packages for item in platforms if item.name == place.platform_name), ()
    )


def _is_cuda(virtual_package: str) -> bool:
    return virtual_package.startswith("__cuda")


def newer_components(case: Case) -> frozenset[str]:
    """Return the toolkit's components that may be of a newer minor, as the stack says."""
    if case.stack and case.stack.gpu:
        return frozenset(case.stack.gpu.newer_components)
    named = _inputs(case).get("gpu.newer-components")
    return frozenset(map(str, named)) if isinstance(named, list) else frozenset()


def has_own_word(case: Case, place: Environment, names: Iterable[str]) -> bool:
    """Say whether a stack says something else of one of these names for this platform alone."""
    wanted = frozenset(names)
    target = case.stack.targets.get(place.platform) if case.stack and place.platform else None
    if target:
        told = {item.name for item in target.frameworks}
        return not wanted.isdisjoint(told.union(item.name for item in target.dependencies))
    keys = (key.split(".") for key in _inputs(case) if key.startswith(f"target.{place.subdir}."))
    return any(not wanted.isdisjoint(key[2:]) for key in keys)


def _inputs(case: Case) -> Mapping[str, object]:
    """Return what the head of a lock of ours says that its stack said; empty for any other lock."""
    try:
        return msgspec.json.decode(case.reading.facts.get(_INPUTS, "{}"), type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        return {}
