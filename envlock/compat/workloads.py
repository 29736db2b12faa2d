"""What a lock, or a stack that is not locked yet, asks of a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from envlock.compat.builds import CpuBuild, CudaBuild, read_build
from envlock.compat.components import LOOSE_COMPONENTS, component_of, line_of
from envlock.compat.conda_kernels import conda_kernels
from envlock.compat.evidence import read_table
from envlock.compat.frameworks import framework_carriers
from envlock.compat.kernels import kernels_of_wheel
from envlock.compat.locked import build_of, channel_of
from envlock.compat.nvidia_wheels import wheel_component, wheel_line
from envlock.compat.pypi_frameworks import pypi_framework
from envlock.compat.wheels import wheel_facts
from envlock.formats.conda_lock import FACT_PREFIX
from envlock.formats.kernels import parse_kernels
from envlock.model.lock import Lock, LockedPackage
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.stack import FrameworkSource, Stack, format_specifiers
from envlock.model.verdict import Kernels, Workload
from envlock.model.version import CudaLine, parse_dotted

_GLIBC = re.compile(r"__glibc=(?P<version>[0-9.]+)")
_MACOS = re.compile(r"__osx=(?P<version>[0-9.]+)")
_MANYLINUX = re.compile(r"manylinux_(?P<major>[0-9]+)_(?P<minor>[0-9]+)_")
_EXACT = re.compile(r"==?(?P<version>[0-9][0-9A-Za-z.+]*)$|(?P<bare>[0-9]+(?:\.[0-9]+)+)$")
_CARRIER_WHEEL = re.compile(r"torch|tensorflow|jax-cuda[0-9]+-plugin")
_CUDA_WHEEL = re.compile(r"torch|jax-cuda[0-9]+-plugin")
"""Carriers that are for CUDA by themselves; TensorFlow's wheel has CUDA code, and serves CPUs."""
_LOCAL_CUDA = re.compile(r"\+cu(?P<major>[0-9]{1,2})(?P<minor>[0-9])$")
_DECLARED = re.compile(r"(?:^|; )(?P<computes>[0-9]+\.[0-9]+(?: [0-9]+\.[0-9]+)*): ")


def workload_of_lock(lock: Lock, platform: str, name: str) -> Workload:
    """Return what one platform of a lock asks for; foreign locks are read by their packages.

    A platform that is not conda's own counts as linux-64. Never raises.
    """
    facts = {
        key.removeprefix(f"{FACT_PREFIX}{platform}/"): value
        for key, value in lock.head.facts.items()
        if key.startswith(f"{FACT_PREFIX}{platform}/")
    }
    known = {item.value: item for item in Platform}
    where = known.get(platform, Platform.LINUX_64)
    packages = lock.packages_on(platform)
    line = _line(facts) or _line_of(packages, where)
    kernels = _kernels(facts) or tuple(_kernels_of(packages, where, line))
    virtual = facts.get("virtual-packages", "")
    return Workload(
        name=name,
        platform=where,
        line=line,
        kernels=kernels,
        compilers=tuple(sorted({item.name for item in packages} & _compilers())) if line else (),
        compute=_declared(facts),
        glibc=_found(_GLIBC, virtual) or _glibc_of(packages, where),
        macos=_found(_MACOS, virtual),
        forward_compat=facts.get("forward-compat") == "yes",
    )


def workloads_of_stack(stack: Stack) -> tuple[Workload, ...]:
    """Return what each platform of a stack asks for, as far as its wishes say."""
    return tuple(_of_stack(stack, platform) for platform in stack.platforms)


def _of_stack(stack: Stack, platform: Platform) -> Workload:
    on_cuda = stack.gpu is not None and stack.accelerator(platform) is Accelerator.CUDA
    gpu = stack.gpu if on_cuda else None
    names = {item.name for item in stack.dependencies_on(platform)}
    names |= {item.name for item in stack.pypi_dependencies_on(platform)}
    return Workload(
        name=stack.name,
        platform=platform,
        line=gpu.cuda if gpu else None,
        kernels=tuple(_wished(stack, platform, gpu.cuda)) if gpu else (),
        compilers=tuple(sorted(names & _compilers())) if gpu else (),
        compute=gpu.compute if gpu else (),
        glibc=stack.fleet.glibc if platform.system is System.LINUX else None,
        macos=stack.fleet.macos if platform.system is System.MACOS else None,
        forward_compat=gpu.forward_compat if gpu else False,
    )


def _wished(stack: Stack, platform: Platform, line: CudaLine) -> Iterable[Kernels]:
    """Yield the GPU code of frameworks whose version is pinned to one that the tables know."""
    for item in stack.frameworks_on(platform):
        facts = pypi_framework(item.name, line, platform)
        exact = _EXACT.match(format_specifiers(item.version))
        if facts and exact and item.source is FrameworkSource.PYPI:
            version = exact["version"] or exact["bare"]
            yield kernels_of_wheel(facts.carrier, version, platform)
        else:
            yield Kernels(artifact=f"{item.name} {item.version}, which is not locked yet")


@cache
def _compilers() -> frozenset[str]:
    """Return the packages that hand PTX to the driver while they run."""
    return frozenset(row["package"] for row in read_table("ptx_compilers", "compiler"))


def _line(facts: Mapping[str, str]) -> CudaLine | None:
    try:
        return CudaLine.parse(facts["cuda"])
    except (KeyError, ValueError):
        return None


def _declared(facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that a head says a lock was solved for: `7.5 8.0: machine code in …`."""
    found = _DECLARED.finditer(facts.get("gpus", ""))
    computes = {compute for match in found for compute in match["computes"].split()}
    return tuple(sorted(computes, key=parse_dotted))


def _kernels(facts: Mapping[str, str]) -> tuple[Kernels, ...]:
    found: list[Kernels] = []
    for key, value in facts.items():
        if key.startswith("kernels/"):
            try:
                found.append(parse_kernels(key.removeprefix("kernels/"), value))
            except ValueError:
                found.append(Kernels(artifact=key.removeprefix("kernels/")))
    return tuple(found)


def _line_of(packages: Iterable[LockedPackage], platform: Platform) -> CudaLine | None:
    """Return the newest toolkit line among a lock's packages; None for a lock without CUDA.

    What NVIDIA's metapackages leave open upwards counts only where there is nothing else: a `12.1`
    environment with the cuRAND of 13.1 still is one of 12.1.
    """
    firm: list[CudaLine] = []
    loose: list[CudaLine] = []
    for item in packages:
        if item.manager == "pip":
            line = wheel_line(item.name, item.version) or _carrier_line(item, platform)
        elif component_of(item.name):
            line = line_of(item.name, item.version)
        else:
            line = _build_line(item, platform)
        if line:
            (loose if _component(item) in LOOSE_COMPONENTS else firm).append(line)
    return max(firm or loose, default=None)


def _component(item: LockedPackage) -> str | None:
    if item.manager != "pip":
        return component_of(item.name)
    wheel = wheel_component(item.name)
    return wheel.component if wheel else None


def _carrier_line(item: LockedPackage, platform: Platform) -> CudaLine | None:
    """Return the line that a framework's wheel was built for, where it is for CUDA at all."""
    if not _CUDA_WHEEL.fullmatch(item.name):
        return None
    facts = wheel_facts(item.name, item.version, platform)
    local = _LOCAL_CUDA.search(item.version)
    if facts is None and local:
        return CudaLine(int(local["major"]), int(local["minor"]))
    return facts.line if facts else None


def _build_line(item: LockedPackage, platform: Platform) -> CudaLine | None:
    if item.name not in framework_carriers():
        return None
    build = read_build(item.name, build_of(item), channel_of(item), platform.system)
    return build.line if isinstance(build, CudaBuild) else None


def _kernels_of(
    packages: Iterable[LockedPackage], platform: Platform, line: CudaLine | None
) -> Iterable[Kernels]:
    """Yield the GPU code of every framework; without a CUDA line, of what may be CUDA unseen."""
    if line is None and platform.system is System.MACOS:
        return
    carriers = framework_carriers()
    wheels = _CARRIER_WHEEL if line else _CUDA_WHEEL
    for item in packages:
        if item.manager == "pip" and wheels.fullmatch(item.name):
            found = kernels_of_wheel(item.name, item.version, platform)
            if line or found.evidence is None:
                yield found
        elif item.manager == "conda" and item.name in carriers and not _is_cpu(item):
            known = conda_kernels(
                item.name, item.version, build_of(item), channel_of(item), platform
            )
            yield known or Kernels(artifact=f"{item.name} {item.version} {build_of(item)}")


def _is_cpu(item: LockedPackage) -> bool:
    build = read_build(item.name, build_of(item), channel_of(item), System.LINUX)
    return isinstance(build, CpuBuild)


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match["version"] if match else None


def _glibc_of(packages: Iterable[LockedPackage], platform: Platform) -> str | None:
    """Return the newest glibc that a wheel of the lock asks for in its name."""
    if platform.system is not System.LINUX:
        return None
    wanted = [
        (int(match["major"]), int(match["minor"]))
        for item in packages
        if item.manager == "pip"
        for match in list(_MANYLINUX.finditer(item.url))[-1:]
    ]
    return ".".join(map(str, max(wanted))) if wanted else None
