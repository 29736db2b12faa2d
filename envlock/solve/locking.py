"""Answers -> the lock: packages as the unified format has them, and the facts of the head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from envlock.compat.builds import CudaBuild
from envlock.compat.components import component_of, line_of
from envlock.compat.digest import facts_digest
from envlock.compat.drivers import minor_floor
from envlock.formats.canonical import digest_of, format_canonical
from envlock.formats.conda_lock import FACT_PREFIX, LINK_SCRIPTS
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.package import Package
from envlock.model.pin import Pin
from envlock.model.pypi import Distribution, PypiQuestion
from envlock.model.question import Answer, Question, VirtualPackage
from envlock.model.recipe import LockedRecipe
from envlock.model.stack import Gpu
from envlock.solve.coherence import cudnn_of_answer
from envlock.solve.freshness import INPUTS, PIN, RECIPE_SOURCES, RECORDING
from envlock.solve.proof import floor_for_ptx, proof_facts
from envlock.solve.view import View

AS_OF = "as-of"
"""The fact that says up to when builds were seen, where a solve was told."""
RECIPE = "recipe"
"""The fact that says where a recipe's package comes from, by the recipe's path."""
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


def to_locked_wheel(item: Distribution, platform: str) -> LockedPackage:
    """Return a distribution as the unified format has it.

    Any version is an empty range there: rattler refuses the `*` that conda-lock writes.
    """
    return LockedPackage(
        name=item.name,
        version=item.version,
        manager="pip",
        platform=platform,
        url=item.file.url,
        md5=None,
        sha256=item.file.sha256,
        dependencies={name: "" if spec == "*" else spec for name, spec in item.depends},
    )


def to_locked_recipe(item: LockedRecipe) -> LockedPackage:
    """Return what a recipe has become as the unified format has it."""
    pairs = (dependency.partition(" ") for dependency in item.built.depends)
    return LockedPackage(
        name=item.built.name,
        version=item.built.version,
        manager="conda",
        platform=item.platform,
        url=item.url,
        md5=item.built.md5,
        sha256=item.built.sha256,
        dependencies={name: spec for name, _, spec in pairs},
    )


def recipe_facts(recipes: Sequence[LockedRecipe]) -> Mapping[str, str]:
    """Return what a lock's head tells of the recipes: the address of each, and how it was built."""
    found: dict[str, str] = {}
    for item in recipes:
        told = [f"{item.built.name} of {item.built.address}", item.remark]
        found[f"{item.platform}/{RECIPE}/{item.path}"] = ", ".join(filter(None, told))
        found[f"{item.platform}/{RECIPE_SOURCES}/{item.path}"] = item.sources_sha256
    return found


def rows_of(answer: Answer) -> Iterable[LockedPackage]:
    """Yield an answer's packages as the unified format has them."""
    yield from (to_locked(item, answer.platform) for item in answer.packages)
    yield from (to_locked_wheel(item, answer.platform) for item in answer.distributions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One platform's question and answer, with the view that they were seen in."""

    view: View
    question: Question
    answer: Answer
    pypi_question: PypiQuestion | None = None
    """What the PyPI half was asked; its distributions are in the answer."""


def make_lock(  # noqa: PLR0913 - a lock names everything that it came from
    source: str,
    solutions: Sequence[Solution],
    pin: Pin,
    *,
    made_by: str,
    recording: str | None = None,
    updated: Sequence[str] = (),
    recipes: Sequence[LockedRecipe] = (),
) -> Lock:
    """Return the lock of a whole solve. `source` is the stack's file name beside the lock.

    `recording` is the digest of the PyPI half's recording, where there is one.
    """
    view = solutions[0].view
    stack = view.stack
    replaced = {(item.platform, "conda", item.built.name) for item in recipes}
    facts = {
        "lock-version": LOCK_VERSION,
        "made-by": made_by,
        "stack": stack.name,
        "pin-origin": f"{pin.origin}, as of {pin.as_of}",
        "compat-facts": f"sha256:{facts_digest()}",
        **({"updated": ", ".join(sorted(updated))} if updated else {}),
        **_as_of(solutions[0].question),
        **({LINK_SCRIPTS: " ".join(stack.link_scripts)} if stack.link_scripts else {}),
    }
    facts.update(recipe_facts(recipes))
    for solution in solutions:
        told = _platform_facts(solution)
        facts.update({f"{solution.answer.platform}/{key}": value for key, value in told.items()})
    return Lock(
        head=LockHead(
            channels=solutions[0].question.channels,
            platforms=tuple(solution.answer.platform.value for solution in solutions),
            sources=(source,),
            content_hash={
                solution.answer.platform.value: digest_of(_identity(solution))
                for solution in solutions
            },
            facts={
                INPUTS: format_canonical(stack.inputs),
                PIN: f"sha256:{view.digest}",
                **({RECORDING: f"sha256:{recording}"} if recording else {}),
                **{f"{FACT_PREFIX}{key}": value for key, value in facts.items()},
            },
        ),
        packages=(
            *(
                row
                for solution in solutions
                for row in rows_of(solution.answer)
                if (row.platform, row.manager, row.name) not in replaced
            ),
            *map(to_locked_recipe, recipes),
        ),
    )


def has_same_origin(lock: Lock, other: Lock) -> bool:
    """Say whether two locks come from the same inputs, pin, facts, versions and date."""
    keys = (
        INPUTS,
        PIN,
        RECORDING,
        *(f"{FACT_PREFIX}{key}" for key in ("made-by", "compat-facts", AS_OF)),
    )
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


def utc_text(milliseconds: int) -> str:
    """Return a time in milliseconds since 1970 as `2026-01-31T12:00:00Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_of(question: Question) -> Mapping[str, str]:
    return {} if question.as_of_ms is None else {AS_OF: utc_text(question.as_of_ms)}


def _pypi_identity(question: PypiQuestion | None) -> Mapping[str, object]:
    if question is None:
        return {}
    return {
        "pypi": {
            "python": question.python,
            "glibc": question.glibc,
            "macos": question.macos,
            "asks": [ask.requirement for ask in question.asks],
            "constraints": [ask.requirement for ask in question.constraints],
            "fixed": [f"{item.name}=={item.version}" for item in question.fixed],
            "as_of": question.as_of,
        }
    }


def _identity(solution: Solution) -> Mapping[str, object]:
    """Return what was asked, without who asked: the content hash of a platform."""
    question = solution.question
    return {
        **_pypi_identity(solution.pypi_question),
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
    found.update(_wheel_facts(view, solution.answer))
    return {**found, **(_cuda_facts(view, view.gpu, solution.answer) if view.gpu else {})}


def _wheel_facts(view: View, answer: Answer) -> Mapping[str, str]:
    """Return what is told of the frameworks that come from PyPI."""
    if not answer.distributions:
        return {}
    from envlock.solve.pypi_coherence import (  # noqa: PLC0415 - a PyPI half only
        line_of_wheel,
        wanted_wheels,
    )

    chosen = {item.name: item for item in answer.distributions}
    found: dict[str, str] = {}
    for item, facts in wanted_wheels(view):
        wheel = chosen.get(facts.distribution)
        carrier = chosen.get(facts.carrier)
        if wheel:
            line = line_of_wheel(carrier, view) if carrier else None
            suffix = f", built for CUDA {line}" if line else ""
            found[item.name] = f"{wheel.version} from PyPI{suffix}"
    return found


def _describe_virtual(item: VirtualPackage) -> str:
    return f"{item.name}={item.version}" + (f"={item.build}" if item.build != "0" else "")


def _describe(view: View, package: Package) -> str:
    build = view.read_build(package)
    suffix = f", built for CUDA {build.line}" if isinstance(build, CudaBuild) else ""
    return f"{package.version} {package.build}{suffix}"


def _cuda_facts(view: View, gpu: Gpu, answer: Answer) -> Mapping[str, str]:
    found = {"cuda": str(gpu.cuda)}
    carriers: dict[str, list[str]] = {}
    for name, version in cudnn_of_answer(answer).items():
        carriers.setdefault(version, []).append(name)
    if carriers:
        found["cudnn"] = "; ".join(
            f"{version} in {', '.join(names)}" for version, names in carriers.items()
        )
    found["driver-floor"] = _driver_floor(view, gpu, answer)
    if gpu.forward_compat:
        found["forward-compat"] = "yes"
    found.update(proof_facts(view, answer))
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


def _driver_floor(view: View, gpu: Gpu, answer: Answer) -> str:
    """Say which driver an answer needs, and on which row that rests."""
    floor = minor_floor(gpu.cuda, answer.platform.system)
    ptx = floor_for_ptx(view, answer)
    if ptx and (floor is None or not floor.driver.meets(ptx.driver)):
        told = f">={ptx.driver} to compile PTX for some of the GPUs ({ptx.confidence} fact)"
    elif floor:
        told = (
            f">={floor.driver} by minor-version compatibility of CUDA {gpu.cuda.major} "
            f"({floor.confidence} fact)"
        )
    else:
        return f"unknown: no row for CUDA {gpu.cuda}"
    fleet = view.stack.fleet.driver
    return f"{told}; the fleet's {fleet} meets it" if fleet else told
