"""The networks in plain JAX, and one of them in training. Weights are dictionaries of arrays."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import samples
from .training import process_peak
from .xplane import watch_device

WIDTH, HEADS, EMBEDDED = 64, 4, 32
LAYOUT = ("NHWC", "HWIO", "NHWC")
CONVOLUTIONS = {
    "cnn-sgd": ((3, 6, 5), (6, 16, 5)),
    "cnn-adam": ((3, 32, 3), (32, 64, 3), (64, 64, 3)),
}
DENSE = {"cnn-sgd": (400, 120, 84, samples.CLASSES), "cnn-adam": (1024, 64, samples.CLASSES)}


def convolve(x: Any, kernel: Any) -> Any:
    """Convolve pictures without padding."""
    return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT)


def pool(x: Any) -> Any:
    """Take the largest of each two by two; an odd last row or column is left out.

    As a maximum over an axis: XLA's own pooling has no deterministic gradient on every GPU.
    """
    batch, high, wide, channels = x.shape
    x = x[:, : high // 2 * 2, : wide // 2 * 2]
    return x.reshape(batch, high // 2, 2, wide // 2, 2, channels).max(axis=(2, 4))


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Take the mean over examples."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def draw_weights(model: str, seed: int) -> dict[str, Any]:
    """Draw the weights of one network, from numpy's generator whose stream is promised."""
    chance = np.random.RandomState(seed)
    shapes = list_shapes(model)
    weights = {}
    for name in sorted(shapes):
        shape = shapes[name]
        if len(shape) == 1:
            filled = np.ones(shape) if name.endswith("scale") else np.zeros(shape)
        else:
            reach = math.sqrt(1.0 / math.prod(shape[:-1]))
            filled = chance.uniform(-reach, reach, shape) * math.sqrt(3)
        weights[name] = filled.astype(np.float32)
    return weights


def list_shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Name every weight of a network, with its shape."""
    shapes: dict[str, tuple[int, ...]] = {}

    def dense(name: str, *sides: int) -> None:
        shapes[name] = sides
        shapes[name + ".bias"] = sides[-1:]

    if model in CONVOLUTIONS:
        for index, (before, after, side) in enumerate(CONVOLUTIONS[model]):
            dense("conv%d" % index, side, side, before, after)
        for index, sides in enumerate(zip(DENSE[model], DENSE[model][1:])):
            dense("dense%d" % index, *sides)
        return shapes
    if model == "rnn":
        shapes["embedding"] = (samples.TOKENS, EMBEDDED)
        dense("cell", EMBEDDED + WIDTH, 4 * WIDTH)
    else:
        shapes["embedding"] = (samples.TOKENS, WIDTH)
        shapes["places"] = (samples.LENGTH, WIDTH)
        for index in range(2):
            block = "block%d." % index
            for norm in ("norm0", "norm1"):
                shapes[block + norm + ".scale"] = shapes[block + norm + ".bias"] = (WIDTH,)
            dense(block + "attention", WIDTH, 3 * WIDTH)
            dense(block + "mix", WIDTH, WIDTH)
            dense(block + "wide", WIDTH, 4 * WIDTH)
            dense(block + "narrow", 4 * WIDTH, WIDTH)
    dense("head", WIDTH, samples.CLASSES)
    return shapes


def apply_network(model: str, weights: dict[str, Any], x: Any) -> Any:
    """Give the logits of one network."""
    if model in CONVOLUTIONS:
        return _apply_cnn(model, weights, x)
    return (_apply_rnn if model == "rnn" else _apply_transformer)(weights, x)


def _dense(weights: dict[str, Any], name: str, x: Any) -> Any:
    return x @ weights[name] + weights[name + ".bias"]


def _apply_cnn(model: str, weights: dict[str, Any], x: Any) -> Any:
    for index in range(len(CONVOLUTIONS[model])):
        name = "conv%d" % index
        x = jax.nn.relu(convolve(x, weights[name]) + weights[name + ".bias"])
        if index < 2:
            x = pool(x)
    x = x.reshape(x.shape[0], -1)
    last = len(DENSE[model]) - 2
    for index in range(last + 1):
        x = _dense(weights, "dense%d" % index, x)
        x = jax.nn.relu(x) if index < last else x
    return x


def _apply_rnn(weights: dict[str, Any], tokens: Any) -> Any:
    """Run an LSTM: input, forget, candidate and output gate from one product."""

    def turn(carried: Any, x: Any) -> Any:
        hidden, cell = carried
        gates = _dense(weights, "cell", jnp.concatenate([x, hidden], axis=1))
        take, forget, candidate, show = jnp.split(gates, 4, axis=1)
        cell = jax.nn.sigmoid(forget + 1) * cell + jax.nn.sigmoid(take) * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(show) * jnp.tanh(cell)
        return (hidden, cell), hidden

    embedded = weights["embedding"][tokens].transpose(1, 0, 2)
    nothing = jnp.zeros((tokens.shape[0], WIDTH), embedded.dtype)
    _, states = lax.scan(turn, (nothing, nothing), embedded)
    return _dense(weights, "head", states.max(axis=0))


def _normalise(weights: dict[str, Any], name: str, x: Any) -> Any:
    x = x - x.mean(axis=-1, keepdims=True)
    x = x * lax.rsqrt(jnp.square(x).mean(axis=-1, keepdims=True) + 1e-5)
    return x * weights[name + ".scale"] + weights[name + ".bias"]


def _apply_transformer(weights: dict[str, Any], tokens: Any) -> Any:
    x = weights["embedding"][tokens] + weights["places"]
    batch, length, _ = x.shape
    for index in range(2):
        block = "block%d." % index
        parts = _dense(weights, block + "attention", _normalise(weights, block + "norm0", x))
        parts = parts.reshape(batch, length, 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
        query, key, value = parts
        scores = query @ key.swapaxes(-1, -2) * (WIDTH // HEADS) ** -0.5
        seen = (jax.nn.softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = x + _dense(weights, block + "mix", seen)
        wide = _dense(weights, block + "wide", _normalise(weights, block + "norm1", x))
        x = x + _dense(weights, block + "narrow", jax.nn.gelu(wide))
    return _dense(weights, "head", x.max(axis=1))


def descend(model: str, weights: Any, slopes: Any, state: Any, number: Any) -> tuple[Any, Any]:
    """Move the weights: SGD with momentum, or Adam."""
    each = jax.tree_util.tree_map
    if model == "cnn-sgd":
        speed = each(lambda old, slope: 0.9 * old + slope, state["mean"], slopes)
        return each(lambda weight, way: weight - 0.001 * way, weights, speed), {"mean": speed}
    mean = each(lambda old, slope: 0.9 * old + 0.1 * slope, state["mean"], slopes)
    square = each(lambda old, slope: 0.999 * old + 0.001 * slope**2, state["square"], slopes)
    count = number + 1.0
    rate = 0.001 if model == "cnn-adam" else 0.003
    rate = rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    moved = each(lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-7), weights, mean, square)
    return moved, {"mean": mean, "square": square}


def put_examples(content: bytes, labels: Any, shape: Any, device: Any) -> tuple[Any, Any]:
    """Put examples on a device: pictures around 0 with channels last, tokens as whole numbers."""
    data = np.frombuffer(content, dtype=np.uint8).reshape(-1, *shape)
    if len(shape) == 1:
        data = data.astype(np.int32)
    else:
        data = (data.transpose(0, 2, 3, 1).astype(np.float32) - 128) / 32
    return jax.device_put(data, device), jax.device_put(np.array(labels, np.int32), device)


class JaxTrainee:
    """A network in training; see `Trainee`."""

    def __init__(
        self,
        model: str,
        examples: samples.Examples,
        batches: list[list[int]],
        device: Any,
        seed: int,
        named: dict[str, Any],
    ) -> None:
        self._device, self._named = device, named
        learn = put_examples(examples.learn, examples.learn_labels, examples.shape, device)
        self._held = put_examples(
            examples.held_out, examples.held_out_labels, examples.shape, device
        )
        self._weights = jax.device_put(draw_weights(model, seed), device)
        zeros = jax.tree_util.tree_map(jnp.zeros_like, self._weights)
        self._state = {"mean": zeros, "square": zeros} if model != "cnn-sgd" else {"mean": zeros}
        order = jax.device_put(np.array(batches, np.int32), device)

        def loss_of(weights: Any, data: Any, labels: Any) -> Any:
            return cross_entropy(apply_network(model, weights, data), labels)

        def step(weights: Any, state: Any, number: Any, learn: Any, order: Any) -> Any:
            taken = order[number % len(order)]
            loss, slopes = jax.value_and_grad(loss_of)(weights, learn[0][taken], learn[1][taken])
            weights, state = descend(model, weights, slopes, state, number)
            return weights, state, loss

        compiled = jax.jit(step)
        self._step = lambda number: compiled(self._weights, self._state, number, learn, order)
        self._guess = jax.jit(lambda weights, data: apply_network(model, weights, data).argmax(1))

    is_deterministic = True
    """XLA's flag for deterministic operations is set before JAX is imported."""

    def step(self, number: int) -> Any:
        """Take one step."""
        self._weights, self._state, loss = self._step(np.int32(number))
        return loss

    def losses(self, some: list[Any]) -> list[float]:
        """Fetch losses."""
        return [float(each) for each in jax.device_get(some)]

    def accuracy(self) -> float:
        """Try it on the held-out examples."""
        data, labels = self._held
        parts = range(0, len(labels), 500)
        right = [
            (self._guess(self._weights, data[start : start + 500]) == labels[start : start + 500])
            for start in parts
        ]
        return sum(int(each.sum()) for each in right) / len(labels)

    def weights(self) -> list[bytes]:
        """Give every weight."""
        return [np.asarray(self._weights[name]).tobytes() for name in sorted(self._weights)]

    def weights_on(self) -> str:
        """Say where the weights lie."""
        kinds = {where.platform for each in self._weights.values() for where in each.devices()}
        return "gpu" if kinds & {"gpu", "cuda"} and len(kinds) == 1 else "cpu"

    def device(self) -> dict[str, Any]:
        """Name the device that they lie on."""
        return self._named

    def peak_memory(self) -> int:
        """Give the most bytes on the device."""
        if self._device.platform == "cpu":
            return process_peak()
        return int((self._device.memory_stats() or {}).get("peak_bytes_in_use", 0))

    def busy(self, steps: int) -> tuple[float, float]:
        """Take steps under the profiler, and add up what the GPU did."""
        if self._device.platform == "cpu":
            return 0.0, 0.0

        def go() -> None:
            losses = [self.step(number) for number in range(steps)]
            jax.block_until_ready(losses)

        return watch_device(go, jax.profiler.start_trace, jax.profiler.stop_trace)
