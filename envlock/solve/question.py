"""Stack and pin view -> the question for one platform.

The solver is *asked* for everything that the stack means: a CUDA build of each framework, one CUDA
line for the whole family. `coherence` then *checks* the answer for the same, by other means.

A constraint binds a package only if it is installed; an ask installs it. cuDNN and the CUDA
components are constrained and never asked for: a build may carry its own copy, and an ask would
add a second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from envlock.compat.builds import CpuBuild, CudaBuild, read_build, runs_on
from envlock.compat.components import component_of, line_of, spec_for
from envlock.compat.frameworks import FrameworkFacts, framework
from envlock.errors import NoSolutionError
from envlock.formats.channel import channel_name, channel_url
from envlock.model.package import Package, Variant
from envlock.model.pin import Origin
from envlock.model.platform import Accelerator, Platform
from envlock.model.question import Ask, Question
from envlock.model.stack import Framework, FrameworkSource, Gpu, Stack
from envlock.model.version import CudaLine
from envlock.solve.view import PinView, visible
from envlock.solve.virtual import virtual_packages

OBSERVED_HINT = (
    "the pin is a partial view, collected from published locks; "
    "`envlock index update {file}` asks the channels"
)


def frame_question(
    stack: Stack,
    platform: Platform,
    view: PinView,
    *,
    as_of_ms: int | None = None,
    keep: Sequence[Package] = (),
) -> Question:
    """Return what the solver is asked for a platform.

    Raises `NoSolutionError` when the pin has no GPU build that the stack could use there.
    """
    gpu = stack.gpu if stack.accelerator(platform) is Accelerator.CUDA else None
    asks = [_python(stack)]
    constraints: list[Ask] = []
    for item in stack.frameworks_on(platform):
        facts = framework(item.name)
        if facts and item.source is FrameworkSource.CONDA:
            builds = _usable_builds(stack, platform, view, item, facts, gpu)
            asks.extend(_framework(item, facts, builds, gpu))
            constraints.extend(_carrier(item, facts, builds, gpu))
            constraints.extend(_companions(stack, platform, view, item, facts, gpu))
    asks.extend(
        Ask(
            name=item.name,
            spec=item.spec,
            wish=_wish(item.name, item.version, item.build),
            where=item.where,
        )
        for item in stack.dependencies_on(platform)
    )
    if gpu:
        cuda_asks, cuda_constraints = _cuda_family(stack, view, gpu)
        asks.extend(cuda_asks)
        constraints.extend(cuda_constraints)
        constraints.extend(_cudnn(gpu))
    return Question(
        platform=platform,
        channels=tuple(map(channel_url, stack.channels)),
        priority=stack.channel_priority,
        asks=tuple(asks),
        constraints=tuple(constraints),
        virtual_packages=virtual_packages(stack, platform),
        as_of_ms=as_of_ms,
        keep=tuple(keep),
    )


def _wish(name: str, version: str, build: str | None = None) -> str:
    told = name if version == "*" else f"{name} {version}"
    return f"{told} with build {build}" if build else told


def _python(stack: Stack) -> Ask:
    python = stack.python
    wish = _wish("python", python.version)
    return Ask(name="python", spec=python.spec, wish=wish, where=python.where)


def _framework(
    item: Framework, facts: FrameworkFacts, builds: Sequence[str], gpu: Gpu | None
) -> Iterable[Ask]:
    for name in facts.asks:
        version = item.version if name == facts.asks[0] else "*"
        selector = _selector(builds) if name == facts.carrier else ""
        yield Ask(
            name=name,
            spec=f"{name} {version}{selector}",
            wish=_wish(name, version) + (_for_gpu(gpu) if selector else ""),
            where=item.where,
        )


def _carrier(
    item: Framework, facts: FrameworkFacts, builds: Sequence[str], gpu: Gpu | None
) -> Iterable[Ask]:
    """Bind the build of a carrier that comes in as a dependency of what is asked for."""
    if builds and facts.carrier not in facts.asks:
        yield Ask(
            name=facts.carrier,
            spec=f"{facts.carrier} *{_selector(builds)}",
            wish=f"{facts.carrier}{_for_gpu(gpu)}",
            where=item.where,
        )


def _for_gpu(gpu: Gpu | None) -> str:
    return f" built for CUDA {gpu.cuda}" if gpu else " built without CUDA"


def _usable_builds(
    stack: Stack,
    platform: Platform,
    view: PinView,
    item: Framework,
    facts: FrameworkFacts,
    gpu: Gpu | None,
) -> tuple[str, ...]:
    """Return the builds of the carrier that the platform can use; empty: any will do."""
    present = visible(stack, view.records.get(facts.carrier, ()))
    if not present:
        return ()  # the solver says that the name is unknown, and `explain` says why
    read = {record.build: _read(record, platform) for record in present}
    if gpu is None:
        without_cuda = [name for name, build in read.items() if not isinstance(build, CudaBuild)]
        return tuple(sorted(without_cuda)) if len(without_cuda) < len(read) else ()
    fitting = [
        name
        for name, build in read.items()
        if isinstance(build, CudaBuild) and _fits(build, gpu, view)
    ]
    if not fitting:
        raise _no_gpu_build(stack, platform, view, item, present, gpu)
    return tuple(sorted(fitting))


def _read(record: Variant, platform: Platform) -> object:
    return read_build(record.name, record.build, record.channel, platform.system)


def _fits(build: CudaBuild, gpu: Gpu, view: PinView) -> bool:
    if build.line is None or not runs_on(build.line, gpu.cuda):
        return False
    return not (build.cudnn and gpu.cudnn) or view.admits(gpu.cudnn, build.cudnn)


def _selector(builds: Sequence[str]) -> str:
    """Return a build selector that admits exactly these builds; none admits all."""
    either = "|".join(re.escape(build) for build in sorted(builds))
    return f'[build="^({either})$"]' if builds else ""


def _companions(
    stack: Stack,
    platform: Platform,
    view: PinView,
    item: Framework,
    facts: FrameworkFacts,
    gpu: Gpu | None,
) -> Iterable[Ask]:
    """Keep CPU builds of the packages around a framework out of a GPU environment."""
    if gpu is None:
        return
    for name in facts.companions:
        present = visible(stack, view.records.get(name, ()))
        cpu = {record.build for record in present if isinstance(_read(record, platform), CpuBuild)}
        others = {record.build for record in present} - cpu
        if cpu and others:
            yield Ask(
                name=name,
                spec=f"{name} *{_selector(sorted(others))}",
                wish=f"{name} built for a GPU",
                where=item.where,
            )


def _cuda_family(stack: Stack, view: PinView, gpu: Gpu) -> tuple[list[Ask], list[Ask]]:
    """Return asks and constraints that hold every CUDA component on the line."""
    where = gpu.where["cuda"]
    line = gpu.cuda
    version = Ask(
        name="cuda-version",
        spec=f"cuda-version {line}.*",
        wish=f"cuda-version {line}.*",
        where=where,
    )
    offered = visible(stack, view.records.get("cuda-version", ()))
    has_line = any(CudaLine.parse(record.version) == line for record in offered)
    constraints = [version]
    for name, records in sorted(view.records.items()):
        component = component_of(name)
        if component is None or name == version.name:
            continue
        spec = _component_spec(component, name, visible(stack, records), gpu)
        if spec:
            constraints.append(
                Ask(name=name, spec=f"{name} {spec}", wish=f"{name} of CUDA {line}", where=where)
            )
    return ([version] if has_line else []), constraints


def _component_spec(component: str, name: str, offered: Iterable[Variant], gpu: Gpu) -> str | None:
    lines = {line_of(name, record.version) for record in offered}
    if gpu.cuda not in lines and component in gpu.newer_components:
        newer = [
            line for line in lines if line and line.major == gpu.cuda.major and line > gpu.cuda
        ]
        if newer:
            return spec_for(component, min(newer))
    return spec_for(component, gpu.cuda)


def _cudnn(gpu: Gpu) -> Iterable[Ask]:
    if gpu.cudnn:
        for name in ("cudnn", "libcudnn"):
            yield Ask(
                name=name,
                spec=f"{name} {gpu.cudnn}",
                wish=f"{name} {gpu.cudnn}",
                where=gpu.where["cudnn"],
            )


def _no_gpu_build(
    stack: Stack,
    platform: Platform,
    view: PinView,
    item: Framework,
    present: Sequence[Variant],
    gpu: Gpu,
) -> NoSolutionError:
    builds = {_name_build(_read(record, platform)) for record in present}
    channels = ", ".join(sorted({channel_name(record.channel) for record in present}))
    wanted = f"CUDA {gpu.cuda}" + (f" with cuDNN {gpu.cudnn}" if gpu.cudnn else "")
    found = ", ".join(sorted(builds))
    hints = [
        f'declare the platform without CUDA: `[target.{platform}] accelerator = "cpu"`, '
        "or take it out of `stack.platforms`",
        "or move `gpu.cuda` to a line that a build was made for",
    ]
    if view.origin is Origin.OBSERVED:
        hints.insert(0, OBSERVED_HINT.format(file=item.where.file))
    return NoSolutionError(
        f"no GPU build of {present[0].name} for {stack.name} on {platform}\n"
        f"  {item.where} needs a build that {wanted} can run\n"
        f"  {channels} has there: {found}\n"
        "No lock was written.",
        hints=hints,
    )


def _name_build(build: object) -> str:
    match build:
        case CudaBuild(line=None):
            return "CUDA of an unknown line"
        case CudaBuild(line=line, cudnn=cudnn):
            return f"CUDA {line}" + (f" with cuDNN {cudnn}" if cudnn else "")
        case CpuBuild():
            return "CPU"
        case _:
            return "builds that do not say"
