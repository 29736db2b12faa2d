"""What TensorFlow and JAX are held against: inputs, and their product in float64 by numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPES = {
    "matmul": ((192, 256), (256, 160)),
    "conv2d": ((4, 20, 20, 8), (3, 3, 8, 16)),
}
"""Of the two inputs; pictures and kernels have their channels last."""
TYPES = {
    "float32": "float32",
    "tf32": "float32",
    "bf16": "bfloat16",
    "fp16": "float16",
    "int8": "int8",
}


def draw_inputs(operation: str, precision: str, seed: int) -> list[Any]:
    """Draw inputs that the precision holds exactly: what differs then is the operation's doing.

    As float32: of its fraction's 23 bits so many are used as bf16 (7) and fp16 (10) have.
    """
    chance = np.random.RandomState(seed)
    if precision == "int8":
        return [chance.randint(-128, 128, shape).astype(np.int8) for shape in SHAPES[operation]]
    drawn = [chance.standard_normal(shape).astype(np.float32) for shape in SHAPES[operation]]
    if precision in {"tf32", "bf16"}:
        return [(each.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32) for each in drawn]
    if precision == "fp16":
        return [each.astype(np.float16).astype(np.float32) for each in drawn]
    return drawn


def multiply(operation: str, left: Any, right: Any) -> Any:
    """Do the operation in float64."""
    left, right = (np.asarray(each, np.float64) for each in (left, right))
    if operation == "matmul":
        return left @ right
    high, wide = right.shape[:2]
    rows, columns = left.shape[1] - high + 1, left.shape[2] - wide + 1
    return sum(
        left[:, y : y + rows, x : x + columns] @ right[y, x]
        for y in range(high)
        for x in range(wide)
    )


def flatten(result: Any) -> list[float]:
    """Make any array a list of Python's numbers."""
    return [float(each) for each in np.asarray(result).astype(np.float64).ravel()]
