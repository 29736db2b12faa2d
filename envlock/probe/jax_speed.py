"""Rates of a GPU in JAX, all GPUs together, and the compiler."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import numbers, samples
from .jax_models import apply_network, cross_entropy, draw_weights, put_examples
from .reference import flatten

SIDE = 8192
COPIED = 1 << 30
SENT = 1 << 26
TIMES = 20


def measure_rate(measure: str, device: Any) -> float:
    """Measure a second's operations of a bf16 product, or bytes that a copy reads and writes.

    The copy is a negation: it moves the same bytes, and XLA cannot leave it out.
    """
    if measure == "bf16-matmul":
        square = jax.device_put(jnp.ones((SIDE, SIDE), jnp.bfloat16), device)
        multiply = jax.jit(lambda left, right: left @ right)
        return 2 * SIDE**3 / time_one(lambda: multiply(square, square))
    source = jax.device_put(jnp.ones(COPIED // 4, jnp.float32), device)
    negate = jax.jit(lambda x: -x)
    return 2 * COPIED / time_one(lambda: negate(source))


def time_one(do: Any) -> float:
    """Seconds of one go, after some to warm up; a device does them one after another."""
    for _ in range(3):
        jax.block_until_ready(do())
    started = time.perf_counter()
    for _ in range(TIMES - 1):
        do()
    jax.block_until_ready(do())
    return (time.perf_counter() - started) / TIMES


def add_up_everywhere(gpus: list[Any]) -> dict[str, Any]:
    """Give each GPU its own number in a large buffer, and let XLA add the buffers up by NCCL."""
    count = len(gpus)
    add = jax.pmap(lambda x: jax.lax.psum(x, "gpus"), axis_name="gpus", devices=gpus)
    numbered = np.arange(1, count + 1, dtype=np.float32)[:, None]
    fill = jax.pmap(lambda x: jnp.broadcast_to(x, (SENT,)), devices=gpus)
    held = fill(numbered)
    expected = count * (count + 1) / 2
    error = float(jnp.abs(add(held) - expected).max()) / expected
    seconds = time_one(lambda: add(held))
    return {
        "gpus": count,
        "relative_error": error,
        "bytes_per_second": 2 * (count - 1) / count * SENT * 4 / seconds,
    }


def compare_compiled(device: Any, seed: int) -> dict[str, Any]:
    """Compare loss and every gradient of one step, compiled whole and operation by operation."""
    weights = jax.device_put(draw_weights("cnn-sgd", seed), device)
    made = samples.generate_pictures(seed, learn=64, held_out=1)
    pictures, labels = put_examples(made.learn, made.learn_labels, made.shape, device)

    def loss_of(weights: Any) -> Any:
        return cross_entropy(apply_network("cnn-sgd", weights, pictures), labels)

    with jax.disable_jit():
        plain = jax.tree_util.tree_leaves(jax.value_and_grad(loss_of)(weights))
    started = time.perf_counter()
    compiled = jax.tree_util.tree_leaves(jax.jit(jax.value_and_grad(loss_of))(weights))
    jax.block_until_ready(compiled)
    seconds = time.perf_counter() - started
    pairs = zip(compiled, plain)
    errors = [numbers.relative_error(flatten(found), flatten(right)) for found, right in pairs]
    return {"relative_error": max(errors), "seconds": seconds}
