"""Would this answer run? The checks on what the solver returned.

They do not trust the question: an answer is read as if somebody else had written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from envlock.compat.architectures import architecture
from envlock.compat.builds import CpuBuild, CudaBuild, runs_on, vendored_cudnn
from envlock.compat.components import component_of, line_of
from envlock.compat.copies import CUDNN_PACKAGES
from envlock.compat.drivers import DriverVersion, cuda_of_driver, minor_floor
from envlock.compat.evidence import Confidence
from envlock.compat.frameworks import FrameworkFacts, framework, known_frameworks
from envlock.errors import NoSolutionError
from envlock.model.lock import LockedPackage
from envlock.model.package import Package
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.model.stack import Framework, Gpu, Stack, Where
from envlock.solve.family import is_newer_minor
from envlock.solve.incoherence import Incoherence
from envlock.solve.proof import uncovered
from envlock.solve.view import View


def check_answers(
    pairs: Sequence[tuple[View, Answer]],
    kept: Iterable[LockedPackage] = (),
    *,
    strict: bool = False,
) -> None:
    """Raise `NoSolutionError` that names every incoherence of a stack's answers.

    `kept` are the packages of platforms that stay in the lock as they are; with `strict`, what
    nobody can say refuses too.
    """
    found = [
        *(item for view, answer in pairs for item in check_answer(view, answer, strict=strict)),
        *check_skew(pairs, kept),
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


def check_answer(view: View, answer: Answer, *, strict: bool = False) -> tuple[Incoherence, ...]:
    """Return every incoherence of one platform's answer."""
    gpu = view.gpu
    if gpu is None:
        return (*_cuda_builds(view, answer.packages), *_of_wheels(view, answer))
    return (
        *_driver(view, gpu),
        *_dropped_gpus(view, gpu),
        *_frameworks(view, gpu, {package.name: package for package in answer.packages}),
        *_builds(view, gpu, answer.packages),
        *_components(view, gpu, answer.packages),
        *_cudnn(view, gpu, answer),
        *_of_wheels(view, answer),
        *(uncovered(view, answer, strict=strict) if gpu.compute else ()),
    )


def _of_wheels(view: View, answer: Answer) -> Iterable[Incoherence]:
    if not answer.distributions:
        return ()
    from envlock.solve.pypi_coherence import check_distributions  # noqa: PLC0415 - a PyPI half only

    return check_distributions(view, answer)


def _driver(view: View, gpu: Gpu) -> Iterable[Incoherence]:
    fleet = view.stack.fleet
    if fleet.driver is None:
        return
    floor = minor_floor(gpu.cuda, view.platform.system)
    offered = cuda_of_driver(fleet.driver)
    if floor and not DriverVersion.parse(fleet.driver).meets(floor.driver):
        needed = f"needs driver {floor.driver} or newer"
        source = f"{floor.source}; {floor.confidence}"
    elif floor is None and offered and offered.major < gpu.cuda.major:
        needed, source = "is of a newer major", f"that driver offers CUDA {offered}"
    else:
        return
    yield Incoherence(
        platform=view.platform,
        where=fleet.where["driver"],
        problem=f"CUDA {gpu.cuda} {needed}, the fleet has {fleet.driver} ({source})",
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
                yield _cpu_build(view, gpu, item.where, package)
    for facts in view.unlisted():
        for name in (facts.carrier, *facts.companions):
            package = packages.get(name)
            if package and isinstance(view.read_build(package), CpuBuild):
                yield _cpu_build(view, gpu, gpu.where["cuda"], package)


def _without_carrier(view: View, item: Framework, facts: FrameworkFacts) -> Incoherence:
    return Incoherence(
        platform=view.platform,
        where=item.where,
        problem=f"{item.name} came out without `{facts.carrier}`, which carries its kernels",
        hint=f"ask for `{facts.carrier}` in [dependencies] and solve again",
    )


def _cuda_builds(view: View, packages: Iterable[Package]) -> Iterable[Incoherence]:
    """Name the CUDA builds of known frameworks where no CUDA was declared."""
    known = [facts for _, facts in view.frameworks()] + list(view.unlisted())
    names = {name for facts in known for name in (facts.carrier, *facts.companions)}
    for package in packages:
        if package.name in names and isinstance(view.read_build(package), CudaBuild):
            accelerator = view.stack.accelerator(view.platform)
            yield Incoherence(
                platform=view.platform,
                where=view.stack.python.where,
                problem=f"{package} is a CUDA build, the platform computes on {accelerator}",
                hint="add a [gpu] table, or choose a version that has a build without CUDA",
            )


def _cpu_build(view: View, gpu: Gpu, where: Where, package: Package) -> Incoherence:
    return Incoherence(
        platform=view.platform,
        where=where,
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


def _cudnn(view: View, gpu: Gpu, answer: Answer) -> Iterable[Incoherence]:
    found = cudnn_of_answer(answer)
    vendors = [name for name in found if name not in CUDNN_PACKAGES]
    if vendors and len(found) > 1:
        told = ", ".join(f"{version} in {name}" for name, version in found.items())
        yield Incoherence(
            platform=view.platform,
            where=gpu.where["cuda"],
            problem=f"two copies of cuDNN: {told}",
            hint=f"drop what brings the second one in, or take {vendors[0]} from a channel whose "
            "builds share the cuDNN package",
        )
    if not gpu.cudnn:
        return
    if not found:
        yield Incoherence(
            platform=view.platform,
            where=gpu.where["cudnn"],
            problem=f"nothing in the answer carries cuDNN, the stack asks for {gpu.cudnn}",
            hint='add `cudnn = "*"` to [dependencies], or drop `gpu.cudnn`',
        )
    for carrier, version in found.items():
        if not view.admits_cudnn(gpu.cudnn, version):
            yield Incoherence(
                platform=view.platform,
                where=gpu.where["cudnn"],
                problem=f"{carrier} carries cuDNN {version}, the stack asks for {gpu.cudnn}",
                hint=f"choose a version of {carrier} with a fitting cuDNN, or widen `gpu.cudnn`",
            )


def cudnn_of_answer(answer: Answer) -> Mapping[str, str]:
    """Return who carries a cuDNN in either half: name -> cuDNN version."""
    if not answer.distributions:
        return cudnn_of(answer.packages)
    from envlock.solve.pypi_coherence import cudnn_wheels  # noqa: PLC0415 - a PyPI half only

    return {**cudnn_of(answer.packages), **cudnn_wheels(answer.distributions)}


def cudnn_of(packages: Iterable[Package]) -> Mapping[str, str]:
    """Return who carries a cuDNN: package name -> cuDNN version; a build may vendor its own."""
    found: dict[str, str] = {}
    for package in packages:
        if package.name in CUDNN_PACKAGES:
            found[package.name] = package.version
        elif vendored := vendored_cudnn(package.name, package.build):
            found[package.name] = vendored
    return found


def check_skew(
    pairs: Sequence[tuple[View, Answer]], kept: Iterable[LockedPackage] = ()
) -> tuple[Incoherence, ...]:
    """Name every framework with two versions across platforms that no target declares.

    `kept` are the packages of platforms that are not solved now but stay in the lock.
    """
    versions: dict[str, dict[Platform, str]] = {}
    places: dict[str, Where] = {}
    for view, answer in pairs:
        named = {package.name: package.version for package in answer.packages}
        for item, facts in view.frameworks():
            places.setdefault(item.name, item.where)
            _note_version(versions, view, facts, named)
        for facts in view.unlisted():
            _note_version(versions, view, facts, named)
        _note_wheels(versions, places, view, answer)
    _note_kept(versions, pairs[0][0].stack, kept)
    where = pairs[0][0].stack.python.where
    return tuple(
        _skew(name, places.get(name, where), told)
        for name, told in versions.items()
        if len(set(told.values())) > 1
    )


def _note_version(
    versions: dict[str, dict[Platform, str]],
    view: View,
    facts: FrameworkFacts,
    named: Mapping[str, str],
) -> None:
    if facts.asks[0] in named and not _is_declared(view.stack, view.platform, facts):
        versions.setdefault(facts.name, {})[view.platform] = named[facts.asks[0]]


def _note_wheels(
    versions: dict[str, dict[Platform, str]],
    places: dict[str, Where],
    view: View,
    answer: Answer,
) -> None:
    if not answer.distributions:
        return
    from envlock.solve.pypi_coherence import wanted_wheels  # noqa: PLC0415 - a PyPI half only

    chosen = {item.name: item.version for item in answer.distributions}
    for item, facts in wanted_wheels(view):
        if facts.distribution in chosen and not _has_own_word(view, item.name):
            places.setdefault(item.name, item.where)
            versions.setdefault(item.name, {})[view.platform] = chosen[facts.distribution]


def _has_own_word(view: View, name: str) -> bool:
    """Say whether a target of the platform lists a framework itself."""
    target = view.stack.targets.get(view.platform)
    return target is not None and any(item.name == name for item in target.frameworks)


def _note_kept(
    versions: dict[str, dict[Platform, str]], stack: Stack, kept: Iterable[LockedPackage]
) -> None:
    known = {facts.asks[0]: facts for name in known_frameworks() if (facts := framework(name))}
    for package in kept:
        facts = known.get(package.name)
        platform = Platform(package.platform)
        if facts and platform in stack.platforms and not _is_declared(stack, platform, facts):
            versions.setdefault(facts.name, {})[platform] = package.version


def _is_declared(stack: Stack, platform: Platform, facts: FrameworkFacts) -> bool:
    """Say whether a target of the platform has a word of its own on the framework."""
    target = stack.targets.get(platform)
    own: set[str] = set()
    if target:
        own.update(item.name for item in target.frameworks)
        own.update(item.name for item in target.dependencies)
    return not own.isdisjoint((facts.name, *facts.asks))


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
