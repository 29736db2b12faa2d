"""The networks in Keras, and one of them in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from . import samples
from .training import process_peak
from .xplane import watch_device

WIDTH, HEADS = 64, 4
layers = tf.keras.layers


class Places(tf.keras.layers.Layer):
    """Adds a learned vector to each place of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.places = self.add_weight(
            name="places", shape=(samples.LENGTH, WIDTH), initializer="random_normal"
        )

    def call(self, x: Any) -> Any:
        """Add them."""
        return x + self.places


def build_network(model: str, pooling: Any = layers.MaxPooling2D) -> Any:
    """Build one network, its weights drawn from the seed in force; it gives logits."""
    if model == "cnn-sgd":
        stack = [
            *(layers.Conv2D(6, 5, activation="relu"), pooling(2)),
            *(layers.Conv2D(16, 5, activation="relu"), pooling(2), layers.Flatten()),
            *(layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu")),
        ]
    elif model == "cnn-adam":
        stack = [
            *(layers.Conv2D(32, 3, activation="relu"), pooling(2)),
            *(layers.Conv2D(64, 3, activation="relu"), pooling(2)),
            *(layers.Conv2D(64, 3, activation="relu"), layers.Flatten()),
            layers.Dense(64, activation="relu"),
        ]
    else:
        return _build_reader(model)
    pictures = tf.keras.Input((samples.SIDE, samples.SIDE, samples.CHANNELS))
    return _close(pictures, stack)


def _build_reader(model: str) -> Any:
    """Build a network that reads tokens."""
    tokens = tf.keras.Input((samples.LENGTH,), dtype="int32")
    if model == "rnn":
        recurrent = layers.LSTM(WIDTH, return_sequences=True)
        stack = [layers.Embedding(samples.TOKENS, 32), recurrent, layers.GlobalMaxPooling1D()]
        return _close(tokens, stack)
    x = Places()(layers.Embedding(samples.TOKENS, WIDTH)(tokens))
    for _ in range(2):
        normal = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(num_heads=HEADS, key_dim=WIDTH // HEADS)
        x = layers.Add()([x, attention(normal, normal)])
        wide = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(WIDTH)(wide)])
    return tf.keras.Model(tokens, layers.Dense(samples.CLASSES)(layers.GlobalMaxPooling1D()(x)))


def _close(start: Any, stack: list[Any]) -> Any:
    x = start
    for layer in [*stack, layers.Dense(samples.CLASSES)]:
        x = layer(x)
    return tf.keras.Model(start, x)


def build_optimiser(model: str) -> Any:
    """Build what moves the weights."""
    if model == "cnn-sgd":
        return tf.keras.optimizers.SGD(0.001, momentum=0.9)
    return tf.keras.optimizers.Adam(0.001 if model == "cnn-adam" else 0.003)


def put_examples(content: bytes, labels: Any, shape: Any) -> tuple[Any, Any]:
    """Put examples on the device in force: pictures around 0 with channels last, or tokens."""
    data = np.frombuffer(content, dtype=np.uint8).reshape(-1, *shape)
    if len(shape) == 1:
        data = data.astype(np.int32)
    else:
        data = (data.transpose(0, 2, 3, 1).astype(np.float32) - 128) / 32
    return tf.constant(data), tf.constant(np.array(labels, np.int32))


class TensorFlowTrainee:
    """A network in training; see `Trainee`."""

    def __init__(
        self,
        model: str,
        examples: samples.Examples,
        batches: list[list[int]],
        device: str,
        named: dict[str, Any],
    ) -> None:
        self._device, self._named = device, named
        with tf.device(device):
            learn = put_examples(examples.learn, examples.learn_labels, examples.shape)
            self._held = put_examples(examples.held_out, examples.held_out_labels, examples.shape)
            self._network = network = build_network(model)
            optimiser = build_optimiser(model)
            optimiser.build(network.trainable_variables)
            order = tf.constant(np.array(batches, np.int32))
        loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def step(number: Any) -> Any:
            taken = order[number % len(batches)]
            labels = tf.gather(learn[1], taken)
            with tf.GradientTape() as tape:
                loss = loss_of(labels, network(tf.gather(learn[0], taken), training=True))
            slopes = tape.gradient(loss, network.trainable_variables)
            optimiser.apply_gradients(zip(slopes, network.trainable_variables))
            return loss

        self._step = tf.function(step)
        self._guess = tf.function(lambda data: tf.argmax(network(data, training=False), axis=1))
        if "GPU" in device:
            tf.config.experimental.reset_memory_stats(device)

    is_deterministic = True
    """Deterministic operations are in force, and one that has no such form raises."""

    def step(self, number: int) -> Any:
        """Take one step."""
        with tf.device(self._device):
            return self._step(tf.constant(number))

    def losses(self, some: list[Any]) -> list[float]:
        """Fetch losses."""
        return [float(each) for each in tf.stack(some).numpy()]

    def accuracy(self) -> float:
        """Try it on the held-out examples."""
        data, labels = self._held
        right = 0
        with tf.device(self._device):
            for start in range(0, len(labels), 500):
                guessed = self._guess(data[start : start + 500]).numpy()
                right += int((guessed == labels[start : start + 500].numpy()).sum())
        return right / len(labels)

    def weights(self) -> list[bytes]:
        """Give every weight."""
        return [np.asarray(each).tobytes() for each in self._network.get_weights()]

    def weights_on(self) -> str:
        """Say where the weights lie."""
        places = [_place(each) for each in self._network.trainable_variables]
        return "gpu" if places and all("GPU" in place for place in places) else "cpu"

    def device(self) -> dict[str, Any]:
        """Name the device that they lie on."""
        return self._named

    def peak_memory(self) -> int:
        """Give the most bytes on the device."""
        if "GPU" in self._device:
            return int(tf.config.experimental.get_memory_info(self._device)["peak"])
        return process_peak()

    def busy(self, steps: int) -> tuple[float, float]:
        """Take steps under the profiler, and add up what the GPU did."""
        if "GPU" not in self._device:
            return 0.0, 0.0

        def go() -> None:
            self.losses([self.step(number) for number in range(steps)])

        profiler = tf.profiler.experimental
        return watch_device(go, profiler.start, profiler.stop)


def _place(variable: Any) -> str:
    """Say where a variable lies; Keras 3 wraps TensorFlow's own in `value`."""
    inner = getattr(variable, "value", None)
    return str(variable.device if inner is None or callable(inner) else inner.device)
