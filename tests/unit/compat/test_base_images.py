from __future__ import annotations

import pytest

from envlock.compat.base_images import BaseImage, read_image
from envlock.compat.import_names import Renamed, meant_name
from envlock.model.version import CudaLine


@pytest.mark.parametrize(
    ("name", "tag", "expected"),
    [
        ("python", "3.11", BaseImage(python="3.11")),
        ("python", "3.11-slim-bookworm", BaseImage(python="3.11", system_python="3.11")),
        ("library/python", "3.12.4", BaseImage(python="3.12")),
        ("ubuntu", "22.04", BaseImage(system_python="3.10")),
        ("debian", "bookworm-slim", BaseImage(system_python="3.11")),
        (
            "nvidia/cuda",
            "12.1.1-cudnn8-devel-ubuntu22.04",
            BaseImage(system_python="3.10", line=CudaLine(12, 1), cudnn="8", is_gpu=True),
        ),
        (
            "pytorch/pytorch",
            "2.4.0-cuda12.1-cudnn9-runtime",
            BaseImage(
                line=CudaLine(12, 1),
                cudnn="9",
                framework="pytorch",
                framework_version="2.4.0",
                is_gpu=True,
            ),
        ),
        ("tensorflow/tensorflow", "latest", BaseImage(framework="tensorflow")),
        ("tensorflow/tensorflow", "latest-gpu", BaseImage(framework="tensorflow", is_gpu=True)),
        (
            "docker.io/tensorflow/tensorflow",
            "2.15.0-gpu-jupyter",
            BaseImage(framework="tensorflow", framework_version="2.15.0", is_gpu=True),
        ),
        ("somebody/else", "1.0", BaseImage()),
        ("", "", BaseImage()),
    ],
)
def test_an_image_says_what_it_brings_along(name: str, tag: str, expected: BaseImage):
    assert read_image(name, tag) == expected


def test_a_name_that_is_not_what_it_means_is_known_with_its_reason():
    assert meant_name("pypi", "tensorflow-gpu") == Renamed(
        name="tensorflow",
        wants_gpu=True,
        why="tensorflow-gpu was removed from the index: since 2.1 tensorflow is the same",
    )
    assert meant_name("conda", "torch") == Renamed(
        name="pytorch", wants_gpu=False, why="conda channels call PyTorch pytorch"
    )
    assert meant_name("pypi", "numpy") is None
