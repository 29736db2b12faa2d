"""Would these wheels run beside what conda chose? The checks on the PyPI half of an answer.

They do not trust the constraints that were asked: what came out is read as if somebody else had
chosen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.compat.nvidia_wheels import WheelKind, wheel_component, wheel_line
from envlock.compat.pypi_frameworks import (
    PypiFramework,
    cpu_twin,
    framework_distributions,
    pypi_framework,
)
from envlock.compat.wheels import wheel_facts
from envlock.formats.stack_rules import normal_name
from envlock.model.pypi import Distribution
from envlock.model.question import Answer
from envlock.model.stack import Framework, FrameworkSource, Gpu, Where
from envlock.model.version import CudaLine
from envlock.solve.family import is_newer_minor
from envlock.solve.incoherence import Incoherence
from envlock.solve.view import View

CUDA = "cuda"
CPU = "cpu"


def check_distributions(view: View, answer: Answer) -> Iterable[Incoherence]:
    """Yield every incoherence of the PyPI half of one platform's answer."""
    yield from _yanked(view, answer)
    if view.gpu is None:
        yield from _cuda_wheels(view, answer)
        return
    yield from _frameworks(view, view.gpu, answer)
    yield from _components(view, view.gpu, answer)
    yield from _second_nccl(view, view.gpu, answer)


def cudnn_wheels(distributions: Iterable[Distribution]) -> Mapping[str, str]:
    """Return the cuDNN that comes as a wheel: distribution -> version."""
    return {item.name: item.version for item in distributions if _kind(item) is WheelKind.CUDNN}


def line_of_wheel(item: Distribution, view: View) -> CudaLine | None:
    """Return the CUDA line that a framework's wheel was built for, None where nothing says."""
    if item.kernels and item.kernels.line:
        return item.kernels.line
    facts = wheel_facts(item.name, item.version, view.platform)
    return facts.line if facts else None


def _kind(item: Distribution) -> WheelKind | None:
    component = wheel_component(item.name)
    return component.kind if component else None


def _place(view: View, name: str) -> Where:
    """Return the line that asks for a distribution, else the Python line."""
    for listed in view.stack.pypi_dependencies_on(view.platform):
        if normal_name(listed.name) == name:
            return listed.where
    for item, facts in wanted_wheels(view):
        if name in {facts.distribution, facts.carrier}:
            return item.where
    return view.stack.python.where


def wanted_wheels(view: View) -> Iterable[tuple[Framework, PypiFramework]]:
    """Yield the platform's frameworks from PyPI, each with its facts."""
    line = view.gpu.cuda if view.gpu else None
    for item in view.stack.frameworks_on(view.platform):
        facts = pypi_framework(item.name, line, view.platform)
        if item.source is FrameworkSource.PYPI and facts:
            yield item, facts


def _yanked(view: View, answer: Answer) -> Iterable[Incoherence]:
    for item in answer.distributions:
        if item.file.yanked is not None:
            reason = f": {item.file.yanked}" if item.file.yanked else ""
            yield Incoherence(
                platform=view.platform,
                where=_place(view, item.name),
                problem=f"{item.name} {item.version} was withdrawn from the index (yanked){reason}",
                hint=f"choose another version of {item.name}",
            )


def _build(item: Distribution, view: View) -> str | None:
    """Say whether a wheel is a CUDA or a CPU build; None where nothing says."""
    if item.kernels and item.kernels.evidence:
        has_code = item.kernels.line or item.kernels.sass or item.kernels.ptx
        return CUDA if has_code else CPU
    facts = wheel_facts(item.name, item.version, view.platform)
    if facts:
        return CUDA if facts.line else CPU
    needs_nvidia = any(wheel_component(name) for name, _ in item.depends)
    return CUDA if needs_nvidia else None


def _cuda_wheels(view: View, answer: Answer) -> Iterable[Incoherence]:
    """Name the CUDA wheels where no CUDA was declared: gigabytes that nobody asked for."""
    carriers = framework_distributions()
    for item in answer.distributions:
        if item.name in carriers and _build(item, view) == CUDA:
            accelerator = view.stack.accelerator(view.platform)
            twin = cpu_twin(item.name)
            instead = (
                f"ask for `{twin}`, which is without CUDA"
                if twin
                else f"take {item.name} from an index of CPU builds with a [[pypi-index]]"
            )
            needing = _needing(view, answer, item.name)
            brought = f", which {needing} needs," if needing else ""
            yield Incoherence(
                platform=view.platform,
                where=_place(view, needing or item.name),
                problem=f"{item.name} {item.version}{brought} is a CUDA build, the platform "
                f"computes on {accelerator}",
                hint=f"{instead}, or add a [gpu] table",
            )


def _needing(view: View, answer: Answer, name: str) -> str:
    """Return what the stack asks for that needs a distribution which it does not ask for itself.

    Empty where it does ask for it, and where it comes along by more than one step.
    """
    if _place(view, name) != view.stack.python.where:
        return ""
    asked = {normal_name(item.name) for item in view.stack.pypi_dependencies_on(view.platform)}
    return next(
        (
            item.name
            for item in answer.distributions
            if item.name in asked and any(needed == name for needed, _ in item.depends)
        ),
        "",
    )


def _frameworks(view: View, gpu: Gpu, answer: Answer) -> Iterable[Incoherence]:
    found = {item.name: item for item in answer.distributions}
    for item, facts in wanted_wheels(view):
        carrier = found.get(facts.carrier)
        if carrier is None:
            yield Incoherence(
                platform=view.platform,
                where=item.where,
                problem=f"{item.name} came out without `{facts.carrier}`, which has its GPU code",
                hint=_elsewhere(view, facts),
            )
        elif _build(carrier, view) == CPU:
            yield Incoherence(
                platform=view.platform,
                where=item.where,
                problem=f"{carrier.name} {carrier.version} on {view.platform} is a CPU build in a "
                f"stack for CUDA {gpu.cuda}",
                hint=_elsewhere(view, facts),
            )


def _elsewhere(view: View, facts: PypiFramework) -> str:
    declare = f'or say so: `[target.{view.platform}] accelerator = "cpu"`'
    if view.platform in facts.gpu_platforms:
        return f"choose another version of {facts.distribution}, {declare}"
    return (
        f"the package index has no CUDA wheels of {facts.distribution} for {view.platform}: take "
        f'it from conda (`from = "conda"`) or from another index, {declare}'
    )


def _components(view: View, gpu: Gpu, answer: Answer) -> Iterable[Incoherence]:
    for item in answer.distributions:
        component = wheel_component(item.name)
        if component is None:
            continue
        if component.cuda_major not in {None, gpu.cuda.major}:
            yield Incoherence(
                platform=view.platform,
                where=gpu.where["cuda"],
                problem=f"{item.name} {item.version} is for CUDA {component.cuda_major}, "
                f"the line is {gpu.cuda}",
                hint=f"drop what brings {item.name} in: two CUDA majors do not share a process",
            )
        elif component.kind is WheelKind.TOOLKIT:
            yield from _off_line(view, gpu, item, component.component)


def _off_line(
    view: View, gpu: Gpu, item: Distribution, component: str | None
) -> Iterable[Incoherence]:
    line = wheel_line(item.name, item.version)
    if line is None or line == gpu.cuda:
        return
    if component in gpu.newer_components and is_newer_minor(line, gpu.cuda):
        return
    yield Incoherence(
        platform=view.platform,
        where=gpu.where["cuda"],
        problem=f"{item.name} {item.version} belongs to CUDA {line}, the line is {gpu.cuda}",
        hint=f'let it be newer: add "{component}" to `newer-components` under [gpu] '
        "(allowed within one CUDA major)",
    )


def _second_nccl(view: View, gpu: Gpu, answer: Answer) -> Iterable[Incoherence]:
    of_conda = [item for item in answer.packages if item.name == "nccl"]
    wheels = [item for item in answer.distributions if _kind(item) is WheelKind.NCCL]
    if of_conda and wheels:
        yield Incoherence(
            platform=view.platform,
            where=gpu.where["cuda"],
            problem=f"two copies of NCCL: {of_conda[0].version} from conda, "
            f"{wheels[0].version} in {wheels[0].name}",
            hint="take both frameworks from conda, or both from PyPI",
        )
