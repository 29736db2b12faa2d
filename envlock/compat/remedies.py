"""Which other build of a framework would do for a GPU, as far as verified rows know one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from envlock.compat.drivers import DriverVersion, minor_floor
from envlock.compat.evidence import Confidence, read_table
from envlock.compat.kernels import machine_code_for
from envlock.compat.ptx import SYSTEMS
from envlock.compat.wheels import WheelFacts, torch_variant, wheel_facts
from envlock.model.host import Numbering
from envlock.model.platform import Platform
from envlock.model.verdict import Kernels
from envlock.model.version import CudaLine, parse_dotted

_RECIPES = {"pytorch": "pytorch", "libtorch": "pytorch", "jaxlib": "jaxlib"}
_WHEEL = "wheel"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    name: str
    release: tuple[int, ...]
    """Major and minor; empty where the toolkit line alone tells a build's code."""
    line: CudaLine
    code: Kernels
    is_variant: bool = False
    """Whether it is on the framework's own index alone."""


def known_build(
    kernels: Kernels,
    compute: str,
    platform: Platform,
    driver: DriverVersion | None,
    numbering: Numbering,
) -> str:
    """Return the nearest build of the same framework with machine code for a GPU, in words.

    Of the same release, else of the nearest, and no newer than the driver runs; the default
    index's own before other variants. Empty where no verified row knows one.
    """
    name, release = _named(kernels.artifact)
    fitting = [
        build
        for build in _builds(name, platform)
        if machine_code_for(build.code, compute) and _runs(build.line, driver, numbering)
    ]
    if not fitting:
        return ""
    found = min(fitting, key=lambda build: (_distance(build, release), _rank(build)))
    if not found.release:
        return f"{found.name} for CUDA {found.line}"
    told = f"{found.name} {'.'.join(map(str, found.release))} for CUDA {found.line}"
    if found.release == release:
        return told
    return told + (" or older" if found.release < release else " or newer")


def _named(artifact: str) -> tuple[str, tuple[int, ...]]:
    """Read `torch 2.15.0 wheel`: the name, and the release's major and minor."""
    words = artifact.split()
    name = words[0] if words else ""
    if words[2:] != [_WHEEL]:
        return f"conda:{_RECIPES.get(name, '')}", ()
    try:
        return name, parse_dotted(words[1])[:2]
    except ValueError:
        return "", ()


def _distance(build: _Build, release: tuple[int, ...]) -> tuple[int, int]:
    if not build.release or not release:
        return (0, 0)
    pairs = zip(build.release, release, strict=False)
    major, minor = (abs(own - other) for own, other in pairs)
    return (major, minor)


def _rank(build: _Build) -> tuple[bool, int, int]:
    """Sort the default index first, then the newest toolkit."""
    return (build.is_variant, -build.line.major, -build.line.minor)


def _runs(line: CudaLine, driver: DriverVersion | None, numbering: Numbering) -> bool:
    floor = minor_floor(line, SYSTEMS[numbering])
    return driver is None or floor is None or driver.meets(floor.driver)


@cache
def _builds(name: str, platform: Platform) -> tuple[_Build, ...]:
    match name:
        case "torch":
            return tuple(_of_facts(_torch(platform)))
        case "tensorflow":
            rows = read_table("tensorflow_wheels", "wheel")
            return tuple(_of_facts(wheel_facts(name, row["version"], platform) for row in rows))
        case _:
            return tuple(_of_conda(name.removeprefix("conda:"), platform))


def _torch(platform: Platform) -> Iterator[WheelFacts | None]:
    for row in read_table("torch_wheels", "wheel"):
        yield wheel_facts("torch", row["version"], platform)
    for row in read_table("torch_variants", "variant"):
        if row["platform"] == platform:
            yield torch_variant(row["minor"], row["variant"], platform)


def _of_facts(found: Iterable[WheelFacts | None]) -> Iterator[_Build]:
    for facts in found:
        if facts and facts.line and facts.evidence.confidence == Confidence.VERIFIED:
            code = Kernels(artifact=facts.distribution, sass=facts.sass)
            yield _Build(
                name=facts.distribution,
                release=parse_dotted(facts.version)[:2],
                line=facts.line,
                code=code,
                is_variant=facts.evidence.row.startswith("torch_variants/"),
            )


def _of_conda(recipe: str, platform: Platform) -> Iterator[_Build]:
    for row in read_table("conda_kernels", "conda_forge"):
        named = (row["package"], row["platform"], row["confidence"])
        if named == (recipe, platform, Confidence.VERIFIED):
            code = Kernels(artifact=recipe, sass=tuple(row["sass"].split()))
            line = CudaLine.parse(row["cuda"])
            yield _Build(name=recipe, release=(), line=line, code=code)
