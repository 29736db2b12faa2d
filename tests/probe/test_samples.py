from __future__ import annotations

import hashlib
import io
import pickle
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from envlock.probe import samples

DIGEST = "d092f2d82d33bbc0b3def3a359a0bd2199d8d097d98a0403c5a6669e17ff0361"

# --- generated ------------------------------------------------------------------------------------


def test_pictures_have_the_shape_of_cifar():
    made = samples.generate_pictures(1, learn=20, held_out=5)

    assert made.shape == (3, 32, 32)
    assert (len(made.learn), len(made.held_out)) == (20 * 3072, 5 * 3072)
    assert (len(made.learn_labels), len(made.held_out_labels)) == (20, 5)
    assert set(made.learn_labels) <= set(range(10))


@pytest.mark.parametrize("generate", [samples.generate_pictures, samples.generate_sequences])
def test_a_seed_gives_the_same_examples_and_another_gives_others(generate: Any):
    assert generate(3, 30, 10) == generate(3, 30, 10)
    assert generate(3, 30, 10) != generate(4, 30, 10)


def test_the_bytes_do_not_depend_on_the_python_that_made_them():
    """A digest of two kinds of examples: chance is `getrandbits`, whose stream does not change."""
    made = samples.generate_pictures(1, 8, 2), samples.generate_sequences(1, 8, 2)

    content = b"".join(each.learn + bytes(each.learn_labels) for each in made)
    assert hashlib.sha256(content).hexdigest() == DIGEST


def test_a_class_is_told_from_another_by_its_mean_and_not_by_one_pixel():
    made = samples.generate_pictures(1, learn=600, held_out=100)

    def picture(index: int) -> bytes:
        return made.learn[index * 3072 : (index + 1) * 3072]

    means = {
        label: [sum(column) / len(column) for column in zip(*chosen, strict=True)]
        for label in range(10)
        if (chosen := [picture(i) for i, each in enumerate(made.learn_labels) if each == label])
    }

    def guess(content: bytes) -> int:
        return min(
            means,
            key=lambda label: sum((a - b) ** 2 for a, b in zip(content, means[label], strict=True)),
        )

    tried = range(0, 100 * 3072, 3072)
    guessed = [guess(made.held_out[start : start + 3072]) for start in tried]
    right = sum(a == b for a, b in zip(guessed, made.held_out_labels, strict=True))
    assert right > 90


def test_a_sequence_holds_the_motif_of_its_class_twice():
    made = samples.generate_sequences(1, learn=200, held_out=1)
    found: dict[int, Counter[bytes]] = {}
    for index, label in enumerate(made.learn_labels):
        tokens = made.learn[index * 24 : (index + 1) * 24]
        assert max(tokens) < 16
        pieces = Counter(tokens[start : start + 4] for start in range(21))
        found.setdefault(label, Counter()).update(
            {piece: 1 for piece, times in pieces.items() if times >= 2}
        )

    motifs = {label: pieces.most_common(1)[0][0] for label, pieces in found.items()}
    assert len(set(motifs.values())) == 10


def test_shuffled_labels_are_the_same_labels_for_other_examples():
    made = samples.generate_pictures(1, learn=100, held_out=10)

    shuffled = samples.shuffle_labels(made, 1)

    assert sorted(shuffled.learn_labels) == sorted(made.learn_labels)
    same = sum(a == b for a, b in zip(shuffled.learn_labels, made.learn_labels, strict=True))
    assert same < 30
    assert shuffled._replace(learn_labels=()) == made._replace(learn_labels=())


def test_batches_take_every_example_once_before_one_comes_again():
    batches = samples.draw_batches(10, steps=5, batch=4, seed=1)

    taken = [each for batch in batches for each in batch]
    assert [len(batch) for batch in batches] == [4] * 5
    assert sorted(taken[:10]) == sorted(taken[10:]) == list(range(10))


# --- CIFAR-10 -------------------------------------------------------------------------------------


class Array:
    """Pickles as numpy's arrays do in the files of CIFAR-10."""

    def __init__(self, module: str, shape: tuple[int, ...], kind: str, content: bytes) -> None:
        self.module, self.state = module, (1, shape, kind, False, content)


class BatchWriter(pickle._Pickler):  # type: ignore[misc,name-defined]
    """Writes names of numpy's without numpy."""

    def save_name(self, module: str, name: str) -> None:
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def save_array(self, array: Array) -> None:
        _, shape, kind, is_fortran, content = array.state
        self.save_name(array.module, "_reconstruct")
        self.write(pickle.MARK)
        self.save_name("numpy", "ndarray")
        self.save((0,))
        self.save(b"b")
        self.write(pickle.TUPLE + pickle.REDUCE + pickle.MARK)
        self.save(1)
        self.save(shape)
        self.save_name("numpy", "dtype")
        self.save((kind, 0, 1))
        self.write(pickle.REDUCE)
        self.save((3, "|", None, None, None, -1, -1, 0))
        self.write(pickle.BUILD)
        self.save(is_fortran)
        self.save(content)
        self.write(pickle.TUPLE + pickle.BUILD)

    dispatch = {**pickle._Pickler.dispatch, Array: save_array}  # type: ignore[attr-defined]  # noqa: RUF012


def write_batch(labels: list[int], **changes: Any) -> bytes:
    wanted: dict[str, Any] = {
        "module": "numpy.core.multiarray",
        "shape": (len(labels), 3072),
        "kind": "u1",
        "content": b"".join(struct.pack("B", label) * 3072 for label in labels),
    }
    text = io.BytesIO()
    array = Array(**{**wanted, **changes})
    BatchWriter(text, protocol=3).dump({b"data": array, b"labels": labels, b"batch_label": b"one"})
    return text.getvalue()


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_a_batch_is_read_without_numpy(module: str):
    pictures, labels = samples.read_batch(write_batch([3, 9], module=module))

    assert labels == (3, 9)
    assert pictures == b"\x03" * 3072 + b"\x09" * 3072


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": (1, 3072)}, "no CIFAR-10 batch: (1, 3072) for 2 labels"),
        ({"content": b"short"}, "no CIFAR-10 batch: (2, 3072) for 2 labels"),
        ({"kind": "f4"}, "no CIFAR-10 batch: its pictures are not bytes"),
    ],
)
def test_what_is_no_batch_is_refused(changes: dict[str, Any], said: str):
    with pytest.raises(ValueError, match="no CIFAR-10 batch") as raised:
        samples.read_batch(write_batch([3, 9], **changes))

    assert str(raised.value) == said


def test_a_label_beyond_ten_classes_is_refused():
    with pytest.raises(ValueError, match="a label is not one of ten classes"):
        samples.read_batch(write_batch([10]))


def test_a_batch_that_would_run_a_program_runs_none(tmp_path: Path):
    target = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(target), "w")

    with pytest.raises(pickle.UnpicklingError, match=r"a CIFAR-10 batch holds no .*open"):
        samples.read_batch(pickle.dumps({b"data": Hostile()}))

    assert not target.exists()


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_the_whole_set_is_read_from_its_folder(tmp_path: Path, inner: str):
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    for number in range(1, 6):
        (folder / f"data_batch_{number}").write_bytes(write_batch([number]))
    (folder / "test_batch").write_bytes(write_batch([7, 8]))

    read = samples.read_cifar(str(tmp_path))

    assert (read.data, read.shape) == ("cifar-10", (3, 32, 32))
    assert read.learn_labels == (1, 2, 3, 4, 5)
    assert read.held_out_labels == (7, 8)
    assert len(read.learn) == 5 * 3072
