"""Would this answer run? The checks on what the solver returned.

They do not trust the question: an answer is read as if somebody else had written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from envlock.compat.builds import CpuBuild, CudaBuild, read_build, runs_on, vendored_cudnn
from envlock.compat.components import component_of, line_of
from envlock.compat.drivers import DriverVersion, minor_floor
from envlock.compat.frameworks import framework
from envlock.errors import NoSolutionError
from envlock.model.package import Package
from envlock.model.platform import Accelerator, Platform
from envlock.model.question import Answer
from envlock.model.stack import FrameworkSource, Gpu, Stack, Where
from envlock.model.version import CudaLine
from envlock.solve.view import PinView


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoherence:
    """One reason why an answer must not be locked."""

    platform: Platform
    where: Where
    problem: str
    hint: str

    def __str__(self) -> str:
        return f"{self.platform}: {self.problem}\n    ({self.where})"


def check_answers(
    stack: Stack, answers: Sequence[Answer], views: Mapping[Platform, PinView]
) -> None:
    """Raise `NoSolutionError` naming every incoherence of the answers; return when there is none."""
    found = [
        *(
            item
            for answer in answers
            for item in check_answer(stack, answer, views[answer.platform])
        ),
        *check_skew(stack, answers),
    ]
    if found:
        lines = [f"  {item}" for item in found]
        raise NoSolutionError(
            "\n".join([f"the answer for {stack.name} would not run as the stack says", *lines])
            + "\nNo lock was written.",
            hints=list(dict.fromkeys(item.hint for item in found)),
        )


def check_answer(stack: Stack, answer: Answer, view: PinView) -> tuple[Incoherence, ...]:
    """Return every incoherence of one platform's answer."""
    platform = answer.platform
    if stack.gpu is None or stack.accelerator(platform) is not Accelerator.CUDA:
        return ()
    packages = {package.name: package for package in answer.packages}
    return (
        *_driver(stack, stack.gpu, platform),
        *_frameworks(stack, stack.gpu, platform, packages),
        *_builds(stack.gpu, platform, packages.values()),
        *_components(stack.gpu, platform, packages.values()),
        *_cudnn(stack.gpu, platform, packages, view),
    )


def _driver(stack: Stack, gpu: Gpu, platform: Platform) -> Iterable[Incoherence]:
    floor = minor_floor(gpu.cuda, platform.system)
    if stack.fleet.driver is None or floor is None:
        return
    if not DriverVersion.parse(stack.fleet.driver).meets(floor.driver):
        yield Incoherence(
            platform=platform,
            where=stack.fleet.where["driver"],
            problem=f"CUDA {gpu.cuda} needs driver {floor.driver} or newer, "
            f"the fleet has {stack.fleet.driver} ({floor.source}; {floor.confidence})",
            hint="raise `fleet.driver` when the fleet is updated, or lower `gpu.cuda`",
        )


def _frameworks(
    stack: Stack, gpu: Gpu, platform: Platform, packages: Mapping[str, Package]
) -> Iterable[Incoherence]:
    for item in stack.frameworks_on(platform):
        facts = framework(item.name)
        if facts is None or item.source is not FrameworkSource.CONDA:
            continue
        for name in (facts.carrier, *facts.companions):
            package = packages.get(name)
            if package is None and name == facts.carrier:
                yield Incoherence(
                    platform=platform,
                    where=item.where,
                    problem=f"{item.name} came out without `{name}`, which carries its kernels",
                    hint=f"ask for `{name}` in [dependencies] and solve again",
                )
            elif package and isinstance(_read(package, platform), CpuBuild):
                yield Incoherence(
                    platform=platform,
                    where=item.where,
                    problem=f"{package} is a CPU build in a stack for CUDA {gpu.cuda}",
                    hint=f'say so: `[target.{platform}] accelerator = "cpu"`, or choose a version '
                    f"of {name} that has a CUDA build",
                )


def _read(package: Package, platform: Platform) -> object:
    return read_build(package.name, package.build, package.channel, platform.system)


def _builds(gpu: Gpu, platform: Platform, packages: Iterable[Package]) -> Iterable[Incoherence]:
    for package in packages:
        build = _read(package, platform)
        if isinstance(build, CudaBuild) and build.line and not runs_on(build.line, gpu.cuda):
            yield Incoherence(
                platform=platform,
                where=gpu.where["cuda"],
                problem=f"{package} is built for CUDA {build.line}, the line is {gpu.cuda}",
                hint="move `gpu.cuda` to the line of that build, or pin the package to an older one",
            )


def _components(gpu: Gpu, platform: Platform, packages: Iterable[Package]) -> Iterable[Incoherence]:
    for package in packages:
        component = component_of(package.name)
        line = line_of(package.name, package.version)
        if component is None or line is None or line == gpu.cuda:
            continue
        if _is_allowed(component, line, gpu):
            continue
        yield Incoherence(
            platform=platform,
            where=gpu.where["cuda"],
            problem=f"{package.name} {package.version} belongs to CUDA {line}, "
            f"the line is {gpu.cuda}",
            hint=f'let it be newer: `newer-components = ["{component}"]` under [gpu] '
            "(allowed within one CUDA major)",
        )


def _is_allowed(component: str, line: CudaLine, gpu: Gpu) -> bool:
    newer = line.major == gpu.cuda.major and line > gpu.cuda
    return newer and component in gpu.newer_components


def _cudnn(
    gpu: Gpu, platform: Platform, packages: Mapping[str, Package], view: PinView
) -> Iterable[Incoherence]:
    if not gpu.cudnn:
        return
    found = cudnn_of(packages.values())
    if not found:
        yield Incoherence(
            platform=platform,
            where=gpu.where["cudnn"],
            problem=f"nothing in the answer carries cuDNN, the stack asks for {gpu.cudnn}",
            hint='add `cudnn = "*"` to [dependencies], or drop `gpu.cudnn`',
        )
    for carrier, version in found.items():
        if not view.admits(gpu.cudnn, version):
            yield Incoherence(
                platform=platform,
                where=gpu.where["cudnn"],
                problem=f"{carrier} carries cuDNN {version}, the stack asks for {gpu.cudnn}",
                hint=f"choose a version of {carrier} with a fitting cuDNN, or widen `gpu.cudnn`",
            )


def cudnn_of(packages: Iterable[Package]) -> Mapping[str, str]:
    """Return who carries a cuDNN: package name -> cuDNN version; a build may vendor its own."""
    found: dict[str, str] = {}
    for package in packages:
        if package.name in ("cudnn", "libcudnn"):
            found[package.name] = package.version
        elif vendored := vendored_cudnn(package.name, package.build):
            found[package.name] = vendored
    return found


def check_skew(stack: Stack, answers: Sequence[Answer]) -> tuple[Incoherence, ...]:
    """Name every framework with two versions across platforms that no target declares."""
    found: list[Incoherence] = []
    for item in stack.frameworks:
        facts = framework(item.name)
        if facts is None or item.source is not FrameworkSource.CONDA:
            continue
        versions = {
            answer.platform: package.version
            for answer in answers
            if item in stack.frameworks_on(answer.platform)
            for package in answer.packages
            if package.name == facts.asks[0]
        }
        if len(set(versions.values())) > 1:
            found.append(_skew(item.name, item.where, versions))
    return tuple(found)


def _skew(name: str, where: Where, versions: Mapping[Platform, str]) -> Incoherence:
    told = ", ".join(f"{version} on {platform}" for platform, version in versions.items())
    *_, odd = versions
    return Incoherence(
        platform=odd,
        where=where,
        problem=f"{name} would be {told}: one lock, two frameworks",
        hint=f"pin one version that all of them have, or declare the difference: "
        f'`[target.{odd}.frameworks]` with `{name} = "{versions[odd]}"`',
    )
