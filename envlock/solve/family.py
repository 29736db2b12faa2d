"""One CUDA line for the whole family: what the solver is asked, and what it may not choose."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.compat.components import component_of, line_of, spec_for
from envlock.compat.copies import CUDNN_PACKAGES
from envlock.model.package import Variant
from envlock.model.question import Ask
from envlock.model.stack import Gpu
from envlock.model.version import CudaLine
from envlock.solve.view import View


def family_asks(view: View, gpu: Gpu) -> Iterable[Ask]:
    """Ask for `cuda-version` of the line where the pin has it.

    Where it has not, the constraint alone holds: then only packages that do not depend on
    `cuda-version` can come.
    """
    if any(CudaLine.parse(build.version) == gpu.cuda for build in view.builds("cuda-version")):
        yield _cuda_version(gpu)


def family_constraints(view: View, gpu: Gpu) -> Iterable[Ask]:
    """Hold every component on the line, by what each toolkit release really ships."""
    yield _cuda_version(gpu)
    for name in sorted(view.records):
        component = component_of(name)
        if component is None or component == "cuda-version":
            continue
        spec = _component_spec(component, view.builds(name), gpu)
        if spec:
            yield Ask(
                name=name,
                spec=f"{name} {spec}",
                wish=f"{name} of CUDA {gpu.cuda}",
                where=gpu.where["cuda"],
            )


def cudnn_constraints(gpu: Gpu) -> Iterable[Ask]:
    """Hold a cuDNN that comes as a package in the stack's range; `gpu_build` sees to the others."""
    if gpu.cudnn:
        for name in CUDNN_PACKAGES:
            spec = f"{name} {gpu.cudnn}"
            yield Ask(name=name, spec=spec, wish=spec, where=gpu.where["cudnn"])


def _cuda_version(gpu: Gpu) -> Ask:
    spec = f"cuda-version {gpu.cuda}.*"
    return Ask(name="cuda-version", spec=spec, wish=spec, where=gpu.where["cuda"])


def _component_spec(component: str, offered: Iterable[Variant], gpu: Gpu) -> str | None:
    """Return the range of the line, or of the nearest newer one that the stack allows."""
    lines = {line_of(build.name, build.version) for build in offered}
    if gpu.cuda not in lines and component in gpu.newer_components:
        newer = [line for line in lines if line and is_newer_minor(line, gpu.cuda)]
        if newer:
            return spec_for(component, min(newer))
    return spec_for(component, gpu.cuda)


def is_newer_minor(line: CudaLine, than: CudaLine) -> bool:
    """Say whether a line is a newer minor of the same major."""
    return line.major == than.major and line > than
