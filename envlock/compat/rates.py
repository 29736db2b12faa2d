"""What a GPU's data sheet promises."""

from __future__ import annotations

import re
from dataclasses import dataclass

from envlock.compat.evidence import read_table

_MAKER = re.compile(r"^NVIDIA\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedGpu:
    """Promised rates, a second."""

    bf16_operations: float
    """Dense matrix products in bfloat16, summed in float32."""
    memory_bytes: float
    source: str
    confidence: str


def rated_gpu(name: str) -> RatedGpu | None:
    """Return what is promised of a GPU by NVML's name for it; None where no table says."""
    model = _MAKER.sub("", name.strip())
    for row in read_table("gpu_rates", "rate"):
        if re.fullmatch(row["name"], model, re.IGNORECASE):
            return RatedGpu(
                bf16_operations=float(row["bf16_tera"]) * 1e12,
                memory_bytes=float(row["memory_giga"]) * 1e9,
                source=row["source"],
                confidence=row["confidence"],
            )
    return None
