"""Rates of a GPU in TensorFlow, all GPUs together, and XLA."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from . import numbers, samples
from .reference import flatten
from .tensorflow_models import build_network, put_examples

SIDE = 8192
COPIED = 1 << 30
SENT = 1 << 26
TIMES = 20


def measure_rate(measure: str, device: str) -> float:
    """Measure a second's operations of a bf16 product, or bytes that a copy reads and writes.

    The copy is a negation: it moves the same bytes, and is not left out.
    """
    with tf.device(device):
        if measure == "bf16-matmul":
            square = tf.ones((SIDE, SIDE), tf.bfloat16)
            return 2 * SIDE**3 / time_one(lambda: tf.matmul(square, square))
        source = tf.ones(COPIED // 4, tf.float32)
        return 2 * COPIED / time_one(lambda: tf.negative(source))


def time_one(do: Any) -> float:
    """Seconds of one go, after some to warm up; a device does them one after another."""

    def wait(result: Any) -> None:
        tf.reshape(result, [-1])[:1].numpy()

    for _ in range(3):
        wait(do())
    started = time.perf_counter()
    for _ in range(TIMES - 1):
        do()
    wait(do())
    return (time.perf_counter() - started) / TIMES


def add_up_everywhere(count: int) -> dict[str, Any]:
    """Give each GPU its own number in a large buffer, and let NCCL add the buffers up."""
    strategy = tf.distribute.MirroredStrategy(
        ["/GPU:%d" % index for index in range(count)],
        cross_device_ops=tf.distribute.NcclAllReduce(),
    )
    expected = count * (count + 1) / 2

    def fill() -> Any:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.fill((SENT,), tf.cast(replica, tf.float32) + 1.0)

    def add(held: Any) -> Any:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, held)

    held = tf.function(lambda: strategy.run(fill))()
    everywhere = tf.function(lambda held: strategy.run(add, args=(held,)))

    def go() -> Any:
        return strategy.experimental_local_results(everywhere(held))

    error = max(float(tf.reduce_max(tf.abs(each - expected))) for each in go()) / expected
    seconds = time_one(lambda: go()[0])
    return {
        "gpus": count,
        "relative_error": error,
        "bytes_per_second": 2 * (count - 1) / count * SENT * 4 / seconds,
    }


def compare_compiled(device: str, seed: int) -> dict[str, Any]:
    """Compare loss and every gradient of one step, by XLA and without it.

    Pools by the mean: XLA has no deterministic gradient of the other pooling for TensorFlow.
    """
    tf.keras.utils.set_random_seed(seed)
    made = samples.generate_pictures(seed, learn=64, held_out=1)
    with tf.device(device):
        network = build_network("cnn-sgd", tf.keras.layers.AveragePooling2D)
        pictures, labels = put_examples(made.learn, made.learn_labels, made.shape)
        loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def step() -> list[Any]:
            with tf.GradientTape() as tape:
                loss = loss_of(labels, network(pictures, training=True))
            return [loss, *tape.gradient(loss, network.trainable_variables)]

        plain = step()
        started = time.perf_counter()
        compiled = [each.numpy() for each in tf.function(step, jit_compile=True)()]
        seconds = time.perf_counter() - started
    pairs = zip(compiled, plain)
    errors = [numbers.relative_error(flatten(found), flatten(right)) for found, right in pairs]
    return {"relative_error": max(errors), "seconds": seconds}
