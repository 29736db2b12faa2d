"""What the base image of a Dockerfile says of Python, CUDA, cuDNN and the framework."""

from __future__ import annotations

import re
from dataclasses import dataclass

from envlock.compat.evidence import Row, read_table
from envlock.model.version import CudaLine

_PYTHON = re.compile(r"(?:^|[^a-z0-9])(?:python|py)-?(3\.\d{1,2})(?![\d.]*\.\d+\.\d)")
_PYTHON_TAG = re.compile(r"(3\.\d{1,2})(?:[.-].*)?")
_CUDA = re.compile(r"cuda-?(\d{1,2}\.\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2}\.\d{1,2})(?:\.\d+)*")
_CUDNN = re.compile(r"cudnn-?(\d+)")
_VERSION = re.compile(r"(\d+\.\d+\.\d+)(?:[-_].*)?")
_CUDA_IMAGES = ("nvidia/cuda", "nvidia/cuda-arm64")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """What a name and a tag say; None and empty where they say nothing."""

    python: str | None = None
    """A series, `3.11`."""
    system_python: str | None = None
    """The Python of the distribution below it: good for a guess."""
    line: CudaLine | None = None
    cudnn: str | None = None
    """A major version."""
    framework: str | None = None
    """As a stack writes it."""
    framework_version: str | None = None
    is_gpu: bool = False


def read_image(name: str, tag: str) -> BaseImage:
    """Return what an image says of what it brings along. Never raises."""
    short = "/".join(name.lower().removeprefix("docker.io/").split("/")[-2:])
    tag = tag.lower()
    last = short.rpartition("/")[2]
    cuda, cudnn = _CUDA.search(tag), _CUDNN.search(tag)
    line = cuda[1] if cuda else None
    if short in _CUDA_IMAGES and (numbers := _NUMBERS.match(tag)):
        line = numbers[1]
    row = _framework_row(short)
    version = _VERSION.fullmatch(tag) if row else None
    return BaseImage(
        python=_python(last, tag),
        system_python=_system_python(last, tag),
        line=CudaLine.parse(line) if line else None,
        cudnn=cudnn[1] if cudnn else None,
        framework=row["framework"] if row else None,
        framework_version=version[1] if version else None,
        is_gpu=bool(line or (row and _is_gpu(row, tag))),
    )


def _framework_row(short: str) -> Row | None:
    rows = read_table("base_images", "framework")
    return next((row for row in rows if row["image"] == short), None)


def _is_gpu(row: Row, tag: str) -> bool:
    return row["gpu_word"] == "always" or row["gpu_word"] in re.split(r"[-_.0-9]+", tag)


def _python(last: str, tag: str) -> str | None:
    if last == "python" and (found := _PYTHON_TAG.fullmatch(tag)):
        return found[1]
    found = _PYTHON.search(tag)
    return found[1] if found else None


def _system_python(last: str, tag: str) -> str | None:
    text = f"{last}{tag} {tag}"
    for row in read_table("base_images", "system"):
        if any(word in text for word in row["words"].split()):
            return row["python"]
    return None
