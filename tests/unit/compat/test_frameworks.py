from __future__ import annotations

import pytest

from envlock.compat.evidence import Confidence
from envlock.compat.frameworks import FrameworkFacts, framework, known_frameworks


def test_three_frameworks_are_known():
    assert known_frameworks() == ("jax", "pytorch", "tensorflow")


def test_pytorch_carries_its_own_kernels_and_has_companions():
    assert framework("pytorch") == FrameworkFacts(
        name="pytorch",
        carrier="pytorch",
        asks=("pytorch",),
        companions=("libtorch", "torchaudio", "torchvision"),
        source="conda-forge and pytorch channel records",
        confidence=Confidence.VERIFIED,
    )


@pytest.mark.parametrize(
    ("name", "carrier", "asks"),
    [
        ("tensorflow", "tensorflow-base", ("tensorflow",)),
        ("jax", "jaxlib", ("jax", "jaxlib")),
    ],
)
def test_a_framework_is_asked_for_by_name_and_judged_by_its_carrier(
    name: str, carrier: str, asks: tuple[str, ...]
):
    facts = framework(name)

    assert facts is not None
    assert (facts.carrier, facts.asks) == (carrier, asks)


def test_another_name_is_not_known():
    assert framework("mxnet") is None
