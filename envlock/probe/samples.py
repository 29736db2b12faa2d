"""What the networks learn from: generated pictures and sequences, or CIFAR-10.

Without numpy, which PyTorch can do without, and the same bytes on every Python: all chance is
`random.Random.getrandbits`. Bytes are added sixteen hundred at a time, as one large whole number.
"""

from __future__ import annotations

import io
import os
import pickle
import random
from typing import Any, ClassVar, NamedTuple

CLASSES = 10
SIDE = 32
CHANNELS = 3
PIXELS = CHANNELS * SIDE * SIDE
CELL = 8
FARTHEST = 2
LENGTH = 24
TOKENS = 16
MOTIF = 4
PATTERNS_SEED = 20
"""Of what the classes look like: not the request's, so that each seed meets the same task."""


class Examples(NamedTuple):
    """Examples to learn from, and others to be tried on."""

    data: str
    """`generated` or `cifar-10`."""
    shape: tuple[int, ...]
    """Of one example: `(3, 32, 32)` bytes of a picture, `(24,)` tokens."""
    learn: bytes
    learn_labels: tuple[int, ...]
    held_out: bytes
    held_out_labels: tuple[int, ...]


def generate_pictures(seed: int, learn: int = 2048, held_out: int = 512) -> Examples:
    """Ten patterns of light and dark cells, moved a little, under noise; CIFAR-10's shape."""
    chance = random.Random(PATTERNS_SEED)
    patterns = [_move_everywhere(_pattern(chance)) for _ in range(CLASSES)]
    chance = random.Random(seed)
    noise = int.from_bytes(b"\x7f" * PIXELS, "big")

    def picture(label: int) -> bytes:
        pattern = patterns[label][chance.getrandbits(16) % len(patterns[label])]
        # 127 + 127 at most: no byte carries into its neighbour.
        total = pattern + (chance.getrandbits(8 * PIXELS) & noise)
        return total.to_bytes(PIXELS, "big")

    def many(count: int) -> tuple[bytes, tuple[int, ...]]:
        labels = tuple(chance.getrandbits(32) % CLASSES for _ in range(count))
        return b"".join(picture(label) for label in labels), labels

    return Examples("generated", (CHANNELS, SIDE, SIDE), *many(learn), *many(held_out))


def generate_sequences(seed: int, learn: int = 2048, held_out: int = 512) -> Examples:
    """Sequences of tokens; a class is a motif of four, twice somewhere among others."""
    chance = random.Random(PATTERNS_SEED)
    motifs = [bytes(chance.getrandbits(16) % TOKENS for _ in range(MOTIF)) for _ in range(CLASSES)]
    chance = random.Random(seed)

    def sequence(label: int) -> bytes:
        tokens = bytearray(chance.getrandbits(16) % TOKENS for _ in range(LENGTH))
        for half in (0, LENGTH // 2):
            start = half + chance.getrandbits(16) % (LENGTH // 2 - MOTIF + 1)
            tokens[start : start + MOTIF] = motifs[label]
        return bytes(tokens)

    def many(count: int) -> tuple[bytes, tuple[int, ...]]:
        labels = tuple(chance.getrandbits(32) % CLASSES for _ in range(count))
        return b"".join(sequence(label) for label in labels), labels

    return Examples("generated", (LENGTH,), *many(learn), *many(held_out))


def shuffle_labels(examples: Examples, seed: int) -> Examples:
    """Give each example to learn from the label of another: there is nothing left to learn."""
    order = shuffle(len(examples.learn_labels), random.Random(seed))
    return examples._replace(learn_labels=tuple(examples.learn_labels[each] for each in order))


def draw_batches(examples: int, steps: int, batch: int, seed: int) -> list[list[int]]:
    """Say which examples each step takes: all of them once, in some order, then again."""
    chance = random.Random(seed)
    drawn: list[int] = []
    while len(drawn) < steps * batch:
        drawn += shuffle(examples, chance)
    return [drawn[start * batch : (start + 1) * batch] for start in range(steps)]


def shuffle(count: int, chance: random.Random) -> list[int]:
    """Put the numbers below `count` into an order by chance; the same on every Python."""
    keys = [chance.getrandbits(64) for _ in range(count)]
    return sorted(range(count), key=keys.__getitem__)


def _pattern(chance: random.Random) -> list[bytes]:
    """Rows of a picture of cells, each dark or light, below 128."""
    rows = []
    for _ in range(CHANNELS * SIDE // CELL):
        row = b"".join(
            bytes([110 if chance.getrandbits(1) else 20]) * CELL for _ in range(SIDE // CELL)
        )
        rows += [row] * CELL
    return rows


def _move_everywhere(rows: list[bytes]) -> list[int]:
    """Make the picture at every place up to a few pixels away, each as one whole number."""
    steps = range(-FARTHEST, FARTHEST + 1)
    channels = [rows[start : start + SIDE] for start in range(0, len(rows), SIDE)]
    moved = []
    for down in steps:
        for right in steps:
            turned = [
                row[right:] + row[:right]
                for channel in channels
                for row in channel[down:] + channel[:down]
            ]
            moved.append(int.from_bytes(b"".join(turned), "big"))
    return moved


# --- CIFAR-10 -------------------------------------------------------------------------------------


class _Array:
    """Stands for a numpy array while a batch is read: keeps its shape and its bytes."""

    shape: tuple[int, ...] = ()
    kind: Any = None
    content: bytes = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.kind, _, content = state
        self.content = bytes(content)


class _Kind:
    """Stands for a numpy dtype."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else name

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like: nothing that bytes have."""


def _make_array(*_: Any) -> _Array:
    return _Array()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Numpy's way to put bytes into an old pickle."""
    return text.encode("latin1" if encoding != "utf-8" else "utf-8")


class _BatchReader(pickle.Unpickler):
    """Reads what a CIFAR-10 batch is made of, and makes nothing else."""

    KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _make_array,
        ("numpy._core.multiarray", "_reconstruct"): _make_array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Kind,
        ("_codecs", "encode"): _encode,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Answer for numpy's arrays only."""
        try:
            return self.KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                "a CIFAR-10 batch holds no {}.{}".format(module, name)
            ) from None


def read_batch(content: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Read the pictures and labels of one batch; raises `ValueError` when it is none."""
    batch = _BatchReader(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict):
        raise ValueError("no CIFAR-10 batch: not a dictionary")  # noqa: TRY004  # it is a file's fault
    named = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
    data, labels = named.get("data"), named.get("labels")
    if not isinstance(data, _Array) or not isinstance(labels, list):
        raise ValueError("no CIFAR-10 batch: needs `data` and `labels`")  # noqa: TRY004
    if data.shape != (len(labels), PIXELS) or len(data.content) != len(labels) * PIXELS:
        raise ValueError("no CIFAR-10 batch: {} for {} labels".format(data.shape, len(labels)))
    if data.kind is None or data.kind.name != "u1":
        raise ValueError("no CIFAR-10 batch: its pictures are not bytes")
    if not all(isinstance(label, int) and 0 <= label < CLASSES for label in labels):
        raise ValueError("no CIFAR-10 batch: a label is not one of ten classes")
    return data.content, tuple(labels)


def read_cifar(folder: str) -> Examples:
    """Read CIFAR-10 as its own site has it for Python; raises `OSError` or `ValueError`."""
    inner = os.path.join(folder, "cifar-10-batches-py")
    folder = inner if os.path.isdir(inner) else folder

    def read(name: str) -> tuple[bytes, tuple[int, ...]]:
        with open(os.path.join(folder, name), "rb") as file:
            return read_batch(file.read())

    batches = [read("data_batch_%d" % number) for number in range(1, 6)]
    learn = b"".join(pictures for pictures, _ in batches)
    learn_labels = tuple(label for _, labels in batches for label in labels)
    return Examples("cifar-10", (CHANNELS, SIDE, SIDE), learn, learn_labels, *read("test_batch"))
