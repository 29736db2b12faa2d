"""Framework wheels: the CUDA line, GPUs and libraries that each was compiled with and for.

The tables hold what the wheels on the default index say about themselves, and the builds of
PyTorch's own index. A version that no table holds is unknown: its own file may still be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.model.platform import Platform, System
from envlock.model.verdict import Evidence
from envlock.model.version import CudaLine, parse_dotted

_PLUGIN = re.compile(r"jax-cuda(\d+)-(plugin|pjrt)")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """One version of a distribution on one platform."""

    distribution: str
    version: str
    line: CudaLine | None
    """The toolkit that compiled it; None: a build without CUDA."""
    sass: tuple[str, ...] = ()
    """Compute capabilities that it has machine code for, ordered."""
    ptx: tuple[str, ...] = ()
    cudnn: str = ""
    """A version, a range (`<10.0,>=9.8`) or a major alone; empty: none, or not known."""
    nccl: str = ""
    """A version or a range; empty: none, or not known."""
    glibc: str = ""
    """The oldest glibc that it installs on; empty: not known, or no Linux."""
    glibc_confidence: Confidence = Confidence.RECALLED
    pythons: tuple[str, ...] = ()
    """The Python tags that have a wheel, `cp312`; empty: not known."""
    evidence: Evidence
    """The row that says which CUDA and which GPUs."""


def wheel_facts(distribution: str, version: str, platform: Platform) -> WheelFacts | None:
    """Return what a framework's wheel was compiled with and for; None where nothing is known.

    Knows `torch`, `tensorflow`, `tensorflow-cpu` and JAX's CUDA plugins and pjrts. A local version
    such as torch `2.5.1+cu121` is a build of PyTorch's own index.
    """
    plugin = _PLUGIN.fullmatch(distribution)
    if plugin:
        return _jax(distribution, version, plugin[1], platform)
    match distribution:
        case "torch":
            return _torch(version, platform)
        case "tensorflow" | "tensorflow-cpu":
            return _tensorflow(distribution, version, platform)
        case _:
            return None


def torch_variant(version_minor: str, variant: str, platform: Platform) -> WheelFacts | None:
    """Return the build of PyTorch's own index that a release has of a variant.

    `version_minor` is `2.5` or a release of it, `variant` the index's name, `cu130` or `cpu`.
    None where the table has no such build, or its list of GPUs is not known.
    """
    minor = ".".join(version_minor.partition("+")[0].split(".")[:2])
    rows = [row for row in read_table("torch_variants", "variant") if row["minor"] == minor]
    if variant == "cpu" and rows:
        return _cpu("torch", version_minor, rows[0], f"torch_variants/variant[{minor}]")
    for row in rows:
        if row["variant"] == variant and row["platform"] == platform and row["sass"]:
            place = f"torch_variants/variant[{minor} {variant} {platform}]"
            return _cuda("torch", version_minor, row, place)
    return None


def _torch(version: str, platform: Platform) -> WheelFacts | None:
    release, _, local = version.partition("+")
    if local:
        return torch_variant(version, local, platform)
    row = _row_of("torch_wheels", "wheel", release)
    if row is None:
        return None
    place = f"torch_wheels/wheel[{release}]"
    if platform is Platform.LINUX_64:
        found = _cuda("torch", version, row, place)
    elif platform is Platform.LINUX_AARCH64 and row["cuda_aarch64"]:
        own = {**row, "cuda": row["cuda_aarch64"], "sass": row["sass_aarch64"]}
        found = _cuda("torch", version, own, place)
    else:
        found = _cpu("torch", version, row, place)
    return _with_glibc(found, "torch", platform)


def _tensorflow(distribution: str, version: str, platform: Platform) -> WheelFacts | None:
    row = _row_of("tensorflow_wheels", "wheel", version)
    if row is None:
        return None
    place = f"tensorflow_wheels/wheel[{version}]"
    if distribution == "tensorflow-cpu":
        found = _cpu(distribution, version, row, place)
    elif platform is Platform.LINUX_64:
        found = _cuda(distribution, version, row, place)
    elif platform is Platform.WIN_64 and row["windows_gpu"]:
        return None  # has CUDA code, for GPUs that nobody listed
    else:
        found = _cpu(distribution, version, row, place)
    return _with_glibc(found, "tensorflow", platform)


def _jax(distribution: str, version: str, major: str, platform: Platform) -> WheelFacts | None:
    row = _row_of("jax_plugins", "plugin", version, major=major)
    if row is None or platform.system is not System.LINUX:
        return None
    build = _newest(
        [item for item in read_table("jax_plugins", "build") if item["major"] == major], version
    )
    if build is None:
        return None
    asks = {key: row[key] for key in ("cudnn", "nccl", "pythons")}
    place = f"jax_plugins/build[{major} since {build['since']}]"
    found = _cuda(distribution, version, {**build, **asks}, place)
    return _with_glibc(found, f"jax-cuda{major}-plugin", platform)


def _cuda(distribution: str, version: str, row: Row, place: str) -> WheelFacts:
    """Return the facts of a row with the columns cuda, sass, cudnn and nccl."""
    line = CudaLine.parse(row["cuda"])
    sass, ptx = tuple(row["sass"].split()), tuple(row.get("ptx", "").split())
    code = f"machine code for {', '.join(sass)}"
    code += f" and PTX for {', '.join(ptx)}" if ptx else " and no PTX"
    return WheelFacts(
        distribution=distribution,
        version=version,
        line=line,
        sass=sass,
        ptx=ptx,
        cudnn=row["cudnn"],
        nccl=row["nccl"],
        pythons=tuple(row.get("pythons", "").split()),
        evidence=_evidence(row, place, f"{distribution} {version} has CUDA {line} {code}"),
    )


def _cpu(distribution: str, version: str, row: Row, place: str) -> WheelFacts:
    return WheelFacts(
        distribution=distribution,
        version=version,
        line=None,
        evidence=_evidence(row, place, f"{distribution} {version} is a build without CUDA here"),
    )


def _evidence(row: Row, place: str, fact: str) -> Evidence:
    return Evidence(fact=fact, row=place, source=row["source"], confidence=row["confidence"])


def _with_glibc(found: WheelFacts, tabled_as: str, platform: Platform) -> WheelFacts:
    rows = read_table("glibc", "wheel")
    own = [r for r in rows if r["distribution"] == tabled_as and r["platform"] == platform]
    floor = _newest(own, found.version)
    if floor is None:
        return found
    return replace(found, glibc=floor["glibc"], glibc_confidence=confidence_of(floor))


def _row_of(file: str, table: str, version: str, **where: str) -> Row | None:
    rows = (row for row in read_table(file, table) if where.items() <= row.items())
    return next((row for row in rows if row["version"] == version), None)


def _newest(rows: Iterable[Row], version: str) -> Row | None:
    """Return the row with the newest `since` that is not newer than a version."""
    numbers = parse_dotted(version)
    past = [row for row in rows if parse_dotted(row["since"]) <= numbers]
    return max(past, key=lambda row: parse_dotted(row["since"]), default=None)
