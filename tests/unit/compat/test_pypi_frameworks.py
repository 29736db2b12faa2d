"""The frameworks as distributions of the package index."""

from __future__ import annotations

import pytest

from envlock.compat.pypi_frameworks import framework_distributions, pypi_framework
from envlock.model.platform import Platform
from envlock.model.version import CudaLine

LINUX, ARM = Platform.LINUX_64, Platform.LINUX_AARCH64


@pytest.mark.parametrize(
    ("name", "line", "platform", "distribution", "extra", "carrier"),
    [
        ("pytorch", CudaLine(12, 1), LINUX, "torch", "", "torch"),
        ("tensorflow", CudaLine(12, 5), LINUX, "tensorflow", "and-cuda", "tensorflow"),
        ("tensorflow", None, LINUX, "tensorflow-cpu", "", "tensorflow-cpu"),
        ("tensorflow", None, ARM, "tensorflow", "", "tensorflow"),
        ("jax", CudaLine(13, 0), ARM, "jax", "cuda13", "jax-cuda13-plugin"),
        ("jax", None, LINUX, "jax", "", "jax"),
    ],
)
def test_what_to_ask_for_and_which_wheel_has_the_code(
    name: str,
    line: CudaLine | None,
    platform: Platform,
    distribution: str,
    extra: str,
    carrier: str,
):
    found = pypi_framework(name, line, platform)

    assert found is not None
    assert (found.distribution, found.extra, found.carrier) == (distribution, extra, carrier)


def test_an_unknown_framework_has_no_distribution():
    assert pypi_framework("theano", None, LINUX) is None


def test_the_distributions_that_are_a_framework_or_carry_one():
    assert framework_distributions() >= {"torch", "tensorflow", "jax"}
