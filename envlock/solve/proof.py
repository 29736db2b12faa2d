"""The proof that an answer fits its GPUs and its fleet: what supplies the kernels of each.

For every GPU of `gpu.compute` and every framework: machine code, PTX that the fleet's driver may
compile, or nothing. What rests on verified facts refuses; the rest is told as unknown, and refuses
when the solve is strict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envlock.compat.conda_kernels import conda_kernels
from envlock.compat.drivers import FloorRow
from envlock.compat.evidence import Confidence
from envlock.compat.kernels import cover_gpu, kernels_of_wheel, machine_code_for, ptx_floor, ptx_for
from envlock.formats.kernels import format_kernels
from envlock.model.host import Numbering
from envlock.model.platform import System
from envlock.model.pypi import Distribution
from envlock.model.question import Answer
from envlock.model.stack import Gpu
from envlock.model.verdict import Coverage, Kernels, Missing, Unknown
from envlock.solve.incoherence import Incoherence
from envlock.solve.view import View

_FRAMEWORK_WHEELS = frozenset(["torch", "tensorflow"])
_PLUGIN = "jax-cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProof:
    """One GPU of the stack against one framework of the answer."""

    compute: str
    kernels: Kernels
    coverage: Coverage


def kernels_of(view: View, answer: Answer) -> Mapping[str, Kernels]:
    """Return the GPU code of an answer's frameworks, by the package or distribution that has it."""
    found: dict[str, Kernels] = {}
    carriers = {facts.carrier for _, facts in view.frameworks()}
    carriers |= {facts.carrier for facts in view.unlisted()}
    for package in answer.packages:
        if package.name in carriers:
            known = conda_kernels(
                package.name, package.version, package.build, package.channel, view.platform
            )
            found[package.name] = known or Kernels(artifact=str(package))
    for item in answer.distributions:
        if _is_carrier(item):
            known = item.kernels if item.kernels and item.kernels.evidence else None
            found[item.name] = known or kernels_of_wheel(item.name, item.version, view.platform)
    return found


def prove(view: View, gpu: Gpu, answer: Answer) -> tuple[GpuProof, ...]:
    """Judge every GPU of the stack against every framework; the fleet's driver compiles PTX."""
    driver = view.stack.fleet.driver
    return tuple(
        GpuProof(
            compute=compute,
            kernels=kernels,
            coverage=cover_gpu(kernels, compute, driver, numbering_of(view)),
        )
        for compute in gpu.compute
        for kernels in kernels_of(view, answer).values()
    )


def uncovered(view: View, answer: Answer, *, strict: bool) -> Iterable[Incoherence]:
    """Yield the GPUs that an answer has no code for; with `strict`, also where nobody can say."""
    if view.gpu is None:
        return
    for proof in prove(view, view.gpu, answer):
        if proof.kernels.evidence and proof.kernels.line is None:
            continue  # a CPU build, and that is refused by itself
        if isinstance(proof.coverage, Missing):
            evidence = proof.coverage.evidence
            yield Incoherence(
                platform=view.platform,
                where=view.gpu.where["compute"],
                problem=f"{proof.kernels.artifact} does not run on compute capability "
                f"{proof.compute}: {evidence.fact} ({evidence.source}; {evidence.confidence})",
                hint=proof.coverage.remedy or f"take {proof.compute} out of `gpu.compute`",
            )
        elif isinstance(proof.coverage, Unknown) and strict:
            yield Incoherence(
                platform=view.platform,
                where=view.gpu.where["compute"],
                problem=f"nobody can say whether {proof.kernels.artifact} runs on compute "
                f"capability {proof.compute}: {proof.coverage.reason}",
                hint="solve without `--strict`, and let `envlock verify` find out",
            )


def proof_facts(view: View, answer: Answer) -> Mapping[str, str]:
    """Return what a lock's head says of the GPU code and of each GPU."""
    if view.gpu is None:
        return {}
    facts = {
        f"kernels/{name}": format_kernels(kernels)
        for name, kernels in kernels_of(view, answer).items()
    }
    gpus: dict[str, list[str]] = {}
    for proof in prove(view, view.gpu, answer):
        gpus.setdefault(_told(proof, view), []).append(proof.compute)
    told = [f"{' '.join(computes)}: {how}" for how, computes in gpus.items()]
    if told:
        facts["gpus"] = "; ".join(told)
    return facts


def floor_for_ptx(view: View, answer: Answer) -> FloorRow | None:
    """Return the oldest driver that compiles the PTX which some GPU of the stack has to rely on."""
    if view.gpu is None:
        return None
    floors = [
        floor
        for proof in prove(view, view.gpu, answer)
        if machine_code_for(proof.kernels, proof.compute) is None
        and ptx_for(proof.kernels, proof.compute)
        and (floor := ptx_floor(proof.kernels, numbering_of(view)))
    ]
    return max(floors, key=lambda row: (row.driver.branch, row.driver.release), default=None)


def numbering_of(view: View) -> Numbering:
    """Return the numbering of the drivers of a platform's machines."""
    windows = view.platform.system is System.WINDOWS
    return Numbering.WINDOWS if windows else Numbering.LINUX


def _told(proof: GpuProof, view: View) -> str:
    """Say in a few words how one framework covers a GPU."""
    kernels = proof.kernels
    if isinstance(proof.coverage, Unknown):
        return f"unknown, {proof.coverage.reason}"
    sure = kernels.evidence is not None and kernels.evidence.confidence == Confidence.VERIFIED
    recalled = "" if sure else " (recalled)"
    if machine_code_for(kernels, proof.compute):
        return f"machine code in {kernels.artifact}{recalled}"
    ptx = ptx_for(kernels, proof.compute)
    floor = ptx_floor(kernels, numbering_of(view))
    by = f", compiled by driver {floor.driver} or newer" if floor else ""
    return f"PTX for {ptx} in {kernels.artifact}{recalled}{by}"


def _is_carrier(item: Distribution) -> bool:
    plugin = item.name.startswith(_PLUGIN) and item.name.endswith("-plugin")
    return item.name in _FRAMEWORK_WHEELS or plugin
