"""What is good enough, in one place, each with its reason."""

from __future__ import annotations

TOLERANCES = {
    # Largest difference from float64 over the largest value, for sums of some hundred products:
    # a few units in the last place of what is multiplied, times what such sums gather.
    "float32": 1e-5,
    "tf32": 5e-3,  # 10 bits of fraction
    "fp16": 5e-3,  # 10 bits of fraction
    "bf16": 4e-2,  # 7 bits of fraction
    "int8": 0.0,  # whole numbers, summed in 32 bits
}

GRADIENT = 1e-5
"""Central differences in float64 come to 1e-8 or so; a gradient wrong by 1 % is at 1e-2."""

LEARNT_ACCURACY = {"generated": 0.5, "cifar-10": 0.25}
"""On held-out examples of ten classes, where chance is 0.1; the networks are small, and the steps
few: real pictures take them not as far as generated ones."""

LEARNT_LOSS = 0.9
"""The last loss over the first one: it has to have gone down."""

COMPILED = 1e-3
"""Loss and gradients of a compiled step beside the plain one, in float32."""

RATE_SHARE = 0.3
"""Of the data sheet's figure: below it something is wrong (power cap, another tenant, no tensor
cores); a short check on a cold GPU reaches half and more."""

COLLECTIVE = 1e-5
"""Sums over GPUs in float32."""
