"""What `init` writes is a stack, says why in comments, and holds the choices."""

from __future__ import annotations

import tomllib

import pytest

from envlock.errors import EnvlockError
from envlock.formats.stack_template import StackChoices, render_stack
from envlock.formats.stack_toml import read_stack
from envlock.model.platform import Accelerator, Platform
from envlock.model.stack import FrameworkSource

TORCH = StackChoices(
    name="my-torch",
    description="PyTorch for me",
    platforms=(Platform.LINUX_64, Platform.OSX_ARM64, Platform.OSX_64),
    channels=("pytorch", "conda-forge"),
    python="3.12",
    framework="pytorch",
    framework_version="2.5",
    source=FrameworkSource.PYPI,
    cuda="12.4",
    cudnn=">=9,<10",
    compute=("8.6", "9.0"),
    driver="550",
    dependencies=("numpy>=2", "conda-forge::ruamel.yaml"),
)
SMALL = StackChoices(name="small", platforms=(Platform.LINUX_64,), python="3.12.1")


def test_the_choices_read_back():
    stack = read_stack(render_stack(TORCH).encode(), "a")

    assert (stack.name, stack.description) == ("my-torch", "PyTorch for me")
    assert stack.platforms == TORCH.platforms
    assert stack.channels == TORCH.channels
    assert stack.python.spec == "python 3.12.*"
    assert stack.gpu is not None
    assert (str(stack.gpu.cuda), stack.gpu.cudnn) == ("12.4", ">=9,<10")
    assert stack.gpu.compute == ("8.6", "9.0")
    assert stack.fleet.driver == "550"
    assert stack.frameworks[0].version == "2.5.*"
    assert stack.frameworks[0].source is FrameworkSource.PYPI
    assert [item.spec for item in stack.dependencies] == [
        "numpy >=2",
        "conda-forge::ruamel.yaml *",
    ]


def test_macs_of_a_gpu_stack_compute_on_what_they_have():
    stack = read_stack(render_stack(TORCH).encode(), "a")

    assert stack.accelerator(Platform.OSX_ARM64) is Accelerator.MPS
    assert stack.accelerator(Platform.OSX_64) is Accelerator.CPU


def test_a_stack_without_choices_is_small_and_says_how_to_go_on():
    assert (
        render_stack(SMALL)
        == """\
# small
# What a machine-learning environment is made of. `envlock solve` turns it into a lock,
# `envlock add` and `envlock remove` change it; so can you, here.

[stack]
name = "small"
# Each gets a solution of its own: linux-64, linux-aarch64, osx-64, osx-arm64, win-64.
platforms = ["linux-64"]
# Where conda packages come from; a package is taken from the first channel that has it.
channels = ["conda-forge"]

[python]
# `3.12.*` is any 3.12; the lock holds the exact one.
version = "3.12.1"

# No [gpu] table: this stack computes on CPUs. For NVIDIA GPUs add
# [gpu]
# cuda = "12.9"

[dependencies]
# Conda packages: "*" is any version, "2.1.*" a series, ">=2,<3" a range.
# numpy = ">=2"
"""
    )


def test_every_choice_has_a_comment_above_it():
    lines = render_stack(TORCH).splitlines()

    for key in ("platforms", "channels", "cuda", "cudnn", "compute", "driver", "pytorch"):
        above = lines[next(n for n, line in enumerate(lines) if line.startswith(f"{key} =")) - 1]
        assert above.startswith("# ")


@pytest.mark.parametrize("description", ['"', "\\", "é ☃", "two\nlines", "\x7f\x00", "# [x]"])
def test_any_description_is_toml(description: str):
    choices = StackChoices(
        name="a", description=description, platforms=(Platform.LINUX_64,), python="3.12"
    )

    assert tomllib.loads(render_stack(choices))["stack"]["description"] == description


def test_a_dependency_that_cannot_be_read_is_refused():
    choices = StackChoices(
        name="a", platforms=(Platform.LINUX_64,), python="3.12", dependencies=("NumPy",)
    )

    with pytest.raises(EnvlockError, match=r"^expected a conda package name: "):
        render_stack(choices)
