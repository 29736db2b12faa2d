"""Would this answer run? The checks on what the solver returned.

They do not trust the question: an answer is read as if somebody else had written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from envlock.compat.architectures import architecture
from envlock.compat.builds import CpuBuild, CudaBuild, runs_on, vendored_cudnn
from envlock.compat.components import component_of, line_of
from envlock.compat.drivers import DriverVersion, minor_floor
from envlock.compat.evidence import Confidence
from envlock.compat.frameworks import FrameworkFacts
from envlock.errors import NoSolutionError
from envlock.model.package import Package
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.model.stack import Framework, Gpu, Where
from envlock.solve.family import CUDNN_PACKAGES, is_newer_minor
from envlock.solve.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoherence:
    """One reason why an answer must not be locked."""

    platform: Platform
    where: Where
    problem: str
    hint: str

    def __str__(self) -> str:
        return f"{self.platform}: {self.problem}\n    ({self.where})"


def check_answers(pairs: Sequence[tuple[View, Answer]]) -> None:
    """Raise `NoSolutionError` that names every incoherence of a stack's answers."""
    found = [
        *(item for view, answer in pairs for item in check_answer(view, answer)),
        *check_skew(pairs),
    ]
    if found:
        name = pairs[0][0].stack.name
        lines = [
            f"the answer for {name} would not run as the stack says",
            *(f"  {item}" for item in found),
            "No lock was written.",
        ]
        hints = list(dict.fromkeys(item.hint for item in found))
        raise NoSolutionError("\n".join(lines), hints=hints)


def check_answer(view: View, answer: Answer) -> tuple[Incoherence, ...]:
    """Return every incoherence of one platform's answer; a platform without CUDA has none."""
    gpu = view.gpu
    if gpu is None:
        return ()
    return (
        *_driver(view, gpu),
        *_dropped_gpus(view, gpu),
        *_frameworks(view, gpu, {package.name: package for package in answer.packages}),
        *_builds(view, gpu, answer.packages),
        *_components(view, gpu, answer.packages),
        *_cudnn(view, gpu, answer.packages),
    )


def _driver(view: View, gpu: Gpu) -> Iterable[Incoherence]:
    fleet = view.stack.fleet
    floor = minor_floor(gpu.cuda, view.platform.system)
    if fleet.driver is None or floor is None:
        return
    if not DriverVersion.parse(fleet.driver).meets(floor.driver):
        yield Incoherence(
            platform=view.platform,
            where=fleet.where["driver"],
            problem=f"CUDA {gpu.cuda} needs driver {floor.driver} or newer, "
            f"the fleet has {fleet.driver} ({floor.source}; {floor.confidence})",
            hint="raise `fleet.driver` when the fleet is updated, or lower `gpu.cuda`",
        )


def _dropped_gpus(view: View, gpu: Gpu) -> Iterable[Incoherence]:
    """Name the GPUs that the line has left; only verified rows refuse."""
    for compute in gpu.compute:
        row = architecture(compute)
        if row and row.is_dropped_by(gpu.cuda) and row.confidence is Confidence.VERIFIED:
            yield Incoherence(
                platform=view.platform,
                where=gpu.where["compute"],
                problem=f"CUDA {gpu.cuda} has left {row.name} (compute capability {compute}); "
                f"the last line for it is {row.last_line} ({row.source}; {row.confidence})",
                hint=f"lower `gpu.cuda` to {row.last_line}, or take {compute} out of `gpu.compute`",
            )


def _frameworks(view: View, gpu: Gpu, packages: Mapping[str, Package]) -> Iterable[Incoherence]:
    for item, facts in view.frameworks():
        if facts.carrier not in packages:
            yield _without_carrier(view, item, facts)
        for name in (facts.carrier, *facts.companions):
            package = packages.get(name)
            if package and isinstance(view.read_build(package), CpuBuild):
                yield _cpu_build(view, gpu, item, package)


def _without_carrier(view: View, item: Framework, facts: FrameworkFacts) -> Incoherence:
    return Incoherence(
        platform=view.platform,
        where=item.where,
        problem=f"{item.name} came out without `{facts.carrier}`, which carries its kernels",
        hint=f"ask for `{facts.carrier}` in [dependencies] and solve again",
    )


def _cpu_build(view: View, gpu: Gpu, item: Framework, package: Package) -> Incoherence:
    return Incoherence(
        platform=view.platform,
        where=item.where,
        problem=f"{package} is a CPU build in a stack for CUDA {gpu.cuda}",
        hint=f'say so: `[target.{view.platform}] accelerator = "cpu"`, or choose a version '
        f"of {package.name} that has a CUDA build",
    )


def _builds(view: View, gpu: Gpu, packages: Iterable[Package]) -> Iterable[Incoherence]:
    for package in packages:
        build = view.read_build(package)
        if isinstance(build, CudaBuild) and build.line and not runs_on(build.line, gpu.cuda):
            yield Incoherence(
                platform=view.platform,
                where=gpu.where["cuda"],
                problem=f"{package} is built for CUDA {build.line}, the line is {gpu.cuda}",
                hint="move `gpu.cuda` to the line of that build, or pin the package to an "
                "older one",
            )


def _components(view: View, gpu: Gpu, packages: Iterable[Package]) -> Iterable[Incoherence]:
    for package in packages:
        component = component_of(package.name)
        line = line_of(package.name, package.version)
        if component is None or line is None or line == gpu.cuda:
            continue
        if component in gpu.newer_components and is_newer_minor(line, gpu.cuda):
            continue
        yield Incoherence(
            platform=view.platform,
            where=gpu.where["cuda"],
            problem=f"{package.name} {package.version} belongs to CUDA {line}, "
            f"the line is {gpu.cuda}",
            hint=f'let it be newer: add "{component}" to `newer-components` under [gpu] '
            "(allowed within one CUDA major)",
        )


def _cudnn(view: View, gpu: Gpu, packages: Iterable[Package]) -> Iterable[Incoherence]:
    if not gpu.cudnn:
        return
    found = cudnn_of(packages)
    if not found:
        yield Incoherence(
            platform=view.platform,
            where=gpu.where["cudnn"],
            problem=f"nothing in the answer carries cuDNN, the stack asks for {gpu.cudnn}",
            hint='add `cudnn = "*"` to [dependencies], or drop `gpu.cudnn`',
        )
    for carrier, version in found.items():
        if not view.admits(gpu.cudnn, version):
            yield Incoherence(
                platform=view.platform,
                where=gpu.where["cudnn"],
                problem=f"{carrier} carries cuDNN {version}, the stack asks for {gpu.cudnn}",
                hint=f"choose a version of {carrier} with a fitting cuDNN, or widen `gpu.cudnn`",
            )


def cudnn_of(packages: Iterable[Package]) -> Mapping[str, str]:
    """Return who carries a cuDNN: package name -> cuDNN version; a build may vendor its own."""
    found: dict[str, str] = {}
    for package in packages:
        if package.name in CUDNN_PACKAGES:
            found[package.name] = package.version
        elif vendored := vendored_cudnn(package.name, package.build):
            found[package.name] = vendored
    return found


def check_skew(pairs: Sequence[tuple[View, Answer]]) -> tuple[Incoherence, ...]:
    """Name every framework with two versions across platforms that no target declares."""
    versions: dict[Framework, dict[Platform, str]] = {}
    for view, answer in pairs:
        named = {package.name: package.version for package in answer.packages}
        for item, facts in view.frameworks():
            # A target's own entry is another `Framework` value, so it is never compared.
            if item in view.stack.frameworks and facts.asks[0] in named:
                versions.setdefault(item, {})[view.platform] = named[facts.asks[0]]
    return tuple(
        _skew(item, told) for item, told in versions.items() if len(set(told.values())) > 1
    )


def _skew(item: Framework, versions: Mapping[Platform, str]) -> Incoherence:
    told = ", ".join(f"{version} on {platform}" for platform, version in versions.items())
    *_, odd = versions
    return Incoherence(
        platform=odd,
        where=item.where,
        problem=f"{item.name} would be {told}: one lock, two frameworks",
        hint=f"pin one version that all of them have, or declare the difference: "
        f'`[target.{odd}.frameworks]` with `{item.name} = "{versions[odd]}"`',
    )
