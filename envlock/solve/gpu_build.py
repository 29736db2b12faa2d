"""A GPU build of each framework: which builds will do, and the error when none does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from envlock.compat.builds import Build, CpuBuild, CudaBuild, UnknownBuild, runs_on
from envlock.compat.components import component_of
from envlock.compat.frameworks import FrameworkFacts
from envlock.errors import NoSolutionError
from envlock.formats.channel import channel_name
from envlock.model.package import Variant
from envlock.model.question import Ask
from envlock.model.stack import Framework, Gpu
from envlock.solve.view import View

_WITHOUT_HINTS = ("add a [gpu] table, or choose a version of the framework that has a CPU build",)


def framework_asks(view: View, item: Framework, facts: FrameworkFacts) -> Iterable[Ask]:
    """Ask for a framework's packages; the one that carries the kernels by its builds.

    Raises `NoSolutionError` when the pin has no build that the platform could use.
    """
    builds = _usable_builds(view, item, facts)
    for name in facts.asks:
        version = item.version if name == facts.asks[0] else "*"
        told = name if version == "*" else f"{name} {version}"
        chosen = builds if name == facts.carrier else ()
        yield Ask(
            name=name,
            spec=f"{name} {version}{_selector(chosen)}",
            wish=told + (_purpose(view.gpu) if chosen else ""),
            where=item.where,
        )


def carrier_constraints(view: View, item: Framework, facts: FrameworkFacts) -> Iterable[Ask]:
    """Bind the build of a carrier that comes in as a dependency of what is asked for."""
    if facts.carrier in facts.asks:
        return
    builds = _usable_builds(view, item, facts)
    if builds:
        yield Ask(
            name=facts.carrier,
            spec=f"{facts.carrier} *{_selector(builds)}",
            wish=f"{facts.carrier}{_purpose(view.gpu)}",
            where=item.where,
        )


def other_constraints(view: View) -> Iterable[Ask]:
    """Keep builds that would not run out of everything else that the view holds.

    That is what goes with a framework, a framework that the stack does not list, and what it asks
    for by name. A build that does not say what it was made for is let through: the solver has its
    dependencies; a framework's carrier is not.
    """
    gpu = view.gpu
    if gpu is None:
        return
    bound = {name for _, facts in view.frameworks() for name in (*facts.asks, facts.carrier)}
    carriers = {facts.carrier for facts in view.unlisted()}
    for name in sorted(view.records):
        if name in bound or component_of(name):
            continue
        read = {record.build: view.read_build(record) for record in view.builds(name)}
        silent = name not in carriers
        fitting = [
            build
            for build, of in read.items()
            if _fits(of, gpu, view) or (silent and _says_nothing(of))
        ]
        if fitting and len(fitting) < len(read):
            yield Ask(
                name=name,
                spec=f"{name} *{_selector(sorted(fitting))}",
                wish=f"{name}{_purpose(gpu)}",
                where=gpu.where["cuda"],
            )


def _usable_builds(view: View, item: Framework, facts: FrameworkFacts) -> tuple[str, ...]:
    """Return the builds of the carrier that the platform can use; empty: any will do."""
    present = view.builds(facts.carrier)
    if not present:
        return ()  # the solver says that the name is unknown, and `explain` says why
    read = {record.build: view.read_build(record) for record in present}
    if view.gpu is None:
        without_cuda = [name for name, build in read.items() if not isinstance(build, CudaBuild)]
        if not without_cuda:
            raise _no_build(view, item, present, "works without CUDA", _WITHOUT_HINTS)
        return tuple(sorted(without_cuda)) if len(without_cuda) < len(read) else ()
    fitting = [name for name, build in read.items() if _fits(build, view.gpu, view)]
    if not fitting:
        raise _no_gpu_build(view, item, present, view.gpu)
    return tuple(sorted(fitting))


def _fits(build: Build, gpu: Gpu, view: View) -> bool:
    if not isinstance(build, CudaBuild) or build.line is None:
        return False
    if not runs_on(build.line, gpu.cuda):
        return False
    return not (build.cudnn and gpu.cudnn) or view.admits_cudnn(gpu.cudnn, build.cudnn)


def _says_nothing(build: Build) -> bool:
    return isinstance(build, UnknownBuild) or (isinstance(build, CudaBuild) and build.line is None)


def _selector(builds: Sequence[str]) -> str:
    """Return a build selector that admits exactly these builds; none admits all."""
    either = "|".join(re.escape(build) for build in builds)
    return f'[build="^({either})$"]' if builds else ""


def _purpose(gpu: Gpu | None) -> str:
    return f" built for CUDA {gpu.cuda}" if gpu else " built without CUDA"


def _no_gpu_build(
    view: View, item: Framework, present: Sequence[Variant], gpu: Gpu
) -> NoSolutionError:
    wanted = f"CUDA {gpu.cuda}" + (f" with cuDNN {gpu.cudnn}" if gpu.cudnn else "")
    declare = f'`[target.{view.platform}] accelerator = "cpu"`'
    hints = (
        f"declare the platform without CUDA: {declare}, or take it out of `stack.platforms`",
        "or move `gpu.cuda` to a line that a build was made for",
    )
    return _no_build(view, item, present, f"{wanted} can run", hints)


def _no_build(
    view: View, item: Framework, present: Sequence[Variant], wanted: str, hints: Sequence[str]
) -> NoSolutionError:
    kind = "GPU" if view.gpu else "CPU"
    channels = ", ".join(sorted({channel_name(record.channel) for record in present}))
    found = ", ".join(sorted({_name_build(view.read_build(record)) for record in present}))
    return NoSolutionError(
        f"no {kind} build of {present[0].name} for {view.stack.name} on {view.platform}\n"
        f"  {item.where} needs a build that {wanted}\n"
        f"  {channels} has there: {found}\n"
        "No lock was written.",
        hints=[*view.origin_hints(), *hints],
    )


def _name_build(build: Build) -> str:
    match build:
        case CudaBuild(line=None):
            return "CUDA of an unknown line"
        case CudaBuild(line=line, cudnn=cudnn):
            return f"CUDA {line}" + (f" with cuDNN {cudnn}" if cudnn else "")
        case CpuBuild():
            return "CPU"
        case _:
            return "builds that do not say"
