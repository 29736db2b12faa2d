"""EL301: a framework came as a CPU build, and nobody said so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from envlock.audit.declared import accelerator_of, has_gpus, lacks_gpus
from envlock.audit.environments import Environment, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.compat.components import component_of
from envlock.compat.framework_builds import BuiltFor, FrameworkBuild, framework_builds
from envlock.compat.nvidia_wheels import wheel_component
from envlock.model.finding import Severity
from envlock.model.lock import LockedPackage
from envlock.model.platform import Accelerator, System

_RUNTIME = frozenset({"cudatoolkit", "cuda-cudart", "cuda-runtime", "libcublas", "cudnn", "nccl"})
"""Conda packages that nobody installs but to compute on a GPU."""
_Key = tuple[str, str]
"""A framework and a platform."""


class _Silent(Struct, frozen=True):
    """One CPU build, and what speaks against it."""

    package: str
    name: str
    problem: str
    why: str
    severity: Severity
    remedy: str


def _find(case: Case) -> Iterable[Hit]:
    builds = {
        id(place): framework_builds(place.certain, place.platform)
        for place in case.environments
        if place.platform and place.platform.system is not System.MACOS
    }
    seen = _Seen(case, builds)
    found = gathered(case.environments, lambda place: _silent(case, place, seen))
    for item, places in found.items():
        yield Hit(
            message=f"{item.package} {item.problem} {told_places(places)}: {item.why}.",
            line=places[0].line_of(item.name),
            subject=item.name,
            severity=item.severity,
            remedy=item.remedy,
        )


class _Seen:
    """Where the file has CUDA builds of each framework."""

    def __init__(self, case: Case, builds: Mapping[int, tuple[FrameworkBuild, ...]]) -> None:
        self.builds = builds
        self.by_platform: set[_Key] = set()
        self.by_environment: dict[_Key, list[str]] = {}
        for place in case.environments:
            for build in builds.get(id(place), ()):
                if build.built_for is BuiltFor.CUDA:
                    self.by_platform.add((build.framework, place.subdir))
                    elsewhere = self.by_environment.setdefault((build.framework, place.name), [])
                    elsewhere.append(place.platform_name)


def _silent(case: Case, place: Environment, seen: _Seen) -> Iterable[_Silent]:
    builds = seen.builds.get(id(place), ())
    declared = accelerator_of(case, place)
    if declared not in (None, Accelerator.CUDA):
        return
    told: set[str] = set()
    is_wanted = declared is Accelerator.CUDA or has_gpus(case, place)
    for build in builds:
        if build.built_for is BuiltFor.EITHER and is_wanted:
            yield _without_libraries(build.package)
        if build.built_for is not BuiltFor.CPU or build.framework in told:
            continue
        reasons = _reasons(build, place, seen, is_meant=lacks_gpus(case, place))
        if declared is Accelerator.CUDA and not build.is_companion:
            reasons = [("the stack is for CUDA there", Severity.ERROR)]
        elif reasons == _SILENCE and is_wanted:
            reasons = [("the machines were said to have GPUs", Severity.ERROR)]
        for why, severity in reasons[:1]:
            told.add(build.framework)
            yield _Silent(
                package=_told(build.package),
                name=build.package.name,
                problem="is a CPU build",
                why=why,
                severity=severity,
                remedy=_remedy(build.package),
            )


def _without_libraries(item: LockedPackage) -> _Silent:
    return _Silent(
        package=_told(item),
        name=item.name,
        problem="computes on the CPU",
        why="it has CUDA code, and nothing in the file brings the libraries that it needs",
        severity=Severity.WARNING,
        remedy=f"ask for `{item.name}[and-cuda]`, which brings them, or use an image that has "
        "them.",
    )


_SILENCE = [("nothing in the file says that this is meant", Severity.NOTE)]


def _reasons(
    build: FrameworkBuild, place: Environment, seen: _Seen, *, is_meant: bool
) -> list[tuple[str, Severity]]:
    """Return what speaks against a CPU build, the strongest first; nothing where it is meant."""
    name = build.framework
    beside = [
        one.package
        for one in seen.builds.get(id(place), ())
        if one.built_for is BuiltFor.CUDA
        and (one.framework == name or not (build.is_companion or build.is_chosen))
    ]
    if beside:
        return [(f"{_told(beside[0])} beside it is for CUDA", Severity.WARNING)]
    if build.is_companion or build.is_chosen:
        return []
    runtime = [item for item in place.certain if _is_runtime(item)]
    if runtime:
        named = listed((f"{item.name} {item.version}" for item in runtime), 2)
        return [(f"{named} beside it would be for nothing", Severity.WARNING)]
    if is_meant:
        return []
    elsewhere = seen.by_environment.get((name, place.name), [])
    if elsewhere:
        return [(f"on {listed(elsewhere)} it is for CUDA", Severity.WARNING)]
    return [] if (name, place.subdir) in seen.by_platform else _SILENCE


def _is_runtime(item: LockedPackage) -> bool:
    if item.manager == "conda":
        return item.name in _RUNTIME or component_of(item.name) in _RUNTIME
    return wheel_component(item.name) is not None


def _told(item: LockedPackage) -> str:
    return f"{item.name} {item.version}"


def _remedy(item: LockedPackage) -> str:
    if item.manager == "conda":
        return (
            f"ask for a CUDA build by name, `{item.name}=*=*cuda*`, and tell the solver that there "
            "is a GPU (the virtual package `__cuda`); or say in the stack that the CPU is meant."
        )
    if item.name == "jaxlib":
        return "ask for `jax[cuda12]` or newer, which brings the plugin; or say that it is meant."
    return (
        f"take {item.name} from an index that has CUDA builds for this platform; or say in the "
        "stack that the CPU is meant."
    )


RULE = Rule(
    code="EL301",
    name="cpu-build",
    title="frameworks that came as CPU builds",
    reason="A solver that sees no GPU takes a CPU build without a word; everything installs, and "
    "training is a hundred times slower.",
    remedy="ask for a CUDA build by name, or say that the CPU is meant.",
    severity=Severity.ERROR,
    find=_find,
)
