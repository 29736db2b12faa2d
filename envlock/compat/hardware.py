"""GPU models: which compute capability a name stands for, and what the model was sold as.

Names come from two sides. NVML writes `NVIDIA A100-SXM4-40GB`, `NVIDIA GeForce RTX 4070 Laptop GPU`
or `Tesla V100-SXM2-16GB`; people type `a100`, `rtx-4070` or `V100`. Both are compared without case,
separators, the maker's words, memory sizes and form factors. A name that two generations share,
such as `RTX 6000`, is unknown rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from envlock.compat.architectures import architecture
from envlock.compat.evidence import Row, read_table
from envlock.model.host import GpuClass
from envlock.model.verdict import Evidence

_WORD = re.compile(r"[a-z0-9.]+")
_NOISE = re.compile(
    r"nvidia|tesla|geforce|gpu|nvgpu|graphics|device|laptop|mobile|max|q|with|design|generation"
    r"|edition|workstation|desktop|developer|kit|jetson|mig|\d+g\.\d+gb|me"
    r"|\d+gb?|sxm\d*|pcie|hbm\d*e?|nvl\d*|oem|d"
)
"""Words that say nothing about the compute capability."""
_VARIANT = frozenset({"ti", "super"})
_COMPUTE = re.compile(r"\d{1,2}\.\d")
_NEAR = 0.6
_TELLING = 3
"""How long a piece of a name must be to find the names that it is in."""
_AT_MOST = 3
_SERIES = ("rtx", "gtx")


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    """One GPU model."""

    name: str
    """As the table writes it, `RTX 4070`; for a bare compute capability `compute 9.0`."""
    compute: str
    gpu_class: GpuClass
    """Unknown for a bare compute capability, unless only Jetson boards have it."""
    evidence: Evidence


def gpu_model(text: str) -> GpuModel | None:
    """Return the model of an NVML name, a name that a person types, or a compute capability.

    None where the name is not known or stands for several generations: see `near_models`.
    """
    if _COMPUTE.fullmatch(text.strip()):
        return _of_compute(text.strip())
    row = next((_models()[key] for key in _keys(text) if key in _models()), None)
    return _of_row(row) if row else None


def near_models(text: str) -> tuple[str, ...]:
    """Return up to three known models that a mistyped or ambiguous name may mean, nearest first."""
    key = next(iter(_keys(text)), "")
    within = [known for known in _models() if len(key) >= _TELLING and key in known]
    near = get_close_matches(key, _models(), n=2 * _AT_MOST, cutoff=_NEAR)
    names = (_models()[known]["name"] for known in (*sorted(within, key=len), *near))
    return tuple(dict.fromkeys(names))[:_AT_MOST]


def _keys(text: str) -> Iterable[str]:
    """Yield what to look a name up by, the most exact first."""
    words = _WORD.findall(text.lower())
    named = [word for word in words if word != "nvidia"]
    plain = [word for word in words if not _NOISE.fullmatch(word)]
    base = [word for word in plain if word not in _VARIANT]
    for key in ("".join(chosen) for chosen in (named, plain, base)):
        yield key
        if key[:1].isdigit():  # 4090, as people say
            yield from (f"{series}{key}" for series in _SERIES)


@cache
def _models() -> Mapping[str, Row]:
    models: dict[str, Row] = {}
    for row in read_table("gpus", "model"):
        for name in (row["name"], *row["aliases"].split(";")):
            models.setdefault("".join(_WORD.findall(name.lower())), row)
    models.pop("", None)
    return models


def _of_row(row: Row) -> GpuModel:
    return GpuModel(
        name=row["name"],
        compute=row["compute"],
        gpu_class=GpuClass(row["class"]),
        evidence=Evidence(
            fact=f"{row['name']} has compute capability {row['compute']}",
            row=f"gpus/model[{row['name']}]",
            source=row["source"],
            confidence=row["confidence"],
        ),
    )


def _of_compute(compute: str) -> GpuModel | None:
    known = architecture(compute)
    if known is None:
        return None
    return GpuModel(
        name=f"compute {compute}",
        compute=compute,
        gpu_class=GpuClass.JETSON if known.tegra else GpuClass.UNKNOWN,
        evidence=Evidence(
            fact=f"compute capability {compute} is {known.name}",
            row=f"architectures/architecture[{compute}]",
            source=known.source,
            confidence=known.confidence.value,
        ),
    )
