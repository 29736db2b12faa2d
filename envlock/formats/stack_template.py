"""The first stack of a newcomer: small, commented, and ready to be solved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from envlock.formats.requirement import format_requirement, parse_requirement
from envlock.formats.stack_words import format_key
from envlock.model.platform import Accelerator, Platform, System
from envlock.model.stack import FrameworkSource


@dataclass(frozen=True, slots=True, kw_only=True)
class StackChoices:
    """What `envlock init` was told or found out."""

    name: str
    description: str = ""
    platforms: tuple[Platform, ...]
    channels: tuple[str, ...] = ("conda-forge",)
    python: str
    """A version; `3.12` stands for the whole series, `3.12.*`."""
    framework: str | None = None
    """`pytorch`, `tensorflow` or `jax`."""
    framework_version: str = "*"
    """A version; `2.5` stands for the whole series, `2.5.*`."""
    source: FrameworkSource = FrameworkSource.CONDA
    cuda: str | None = None
    """The CUDA line; None for a CPU stack."""
    cudnn: str | None = None
    compute: tuple[str, ...] = ()
    driver: str | None = None
    dependencies: tuple[str, ...] = ()
    """As on the command line: `numpy`, `numpy>=2`, `conda-forge::numpy`."""


def render_stack(choices: StackChoices) -> str:
    """Return the text of a stack with a comment beside each choice.

    Raises `EnvlockError` for a dependency that cannot be read. The other choices are taken as they
    are: `read_stack` says what is wrong with them.
    """
    parts = (
        _opening(choices),
        _stack(choices),
        _python(choices),
        _gpu(choices),
        _fleet(choices),
        _frameworks(choices),
        _dependencies(choices),
        _targets(choices),
    )
    sections = ["\n".join(lines) for part in parts if (lines := list(part))]
    return "\n\n".join(sections) + "\n"


def _opening(choices: StackChoices) -> Iterator[str]:
    yield f"# {_one_line(choices.description or choices.name)}"
    yield "# What a machine-learning environment is made of. `envlock solve` turns it into a lock,"
    yield "# `envlock add` and `envlock remove` change it; so can you, here."


def _stack(choices: StackChoices) -> Iterator[str]:
    yield "[stack]"
    yield f"name = {_text(choices.name)}"
    if choices.description:
        yield f"description = {_text(choices.description)}"
    yield "# Each gets a solution of its own: linux-64, linux-aarch64, osx-64, osx-arm64, win-64."
    yield f"platforms = {_array(choices.platforms)}"
    yield "# Where conda packages come from; a package is taken from the first channel that has it."
    yield f"channels = {_array(choices.channels)}"


def _python(choices: StackChoices) -> Iterator[str]:
    yield "[python]"
    yield "# `3.12.*` is any 3.12; the lock holds the exact one."
    yield f"version = {_text(_series(choices.python))}"


def _gpu(choices: StackChoices) -> Iterator[str]:
    if choices.cuda is None:
        yield "# No [gpu] table: this stack computes on CPUs. For NVIDIA GPUs add"
        yield "# [gpu]"
        yield '# cuda = "12.9"'
        return
    yield "[gpu]"
    yield "# The CUDA toolkit line, major and minor."
    yield f"cuda = {_text(choices.cuda)}"
    if choices.cudnn:
        yield "# The range of cuDNN that the frameworks may bring along."
        yield f"cudnn = {_text(choices.cudnn)}"
    if choices.compute:
        yield "# The GPUs that must be able to run it, by compute capability:"
        yield "# 7.5 T4, 8.0 A100, 8.6 RTX 30, 8.9 L4 and RTX 40, 9.0 H100, 10.0 B200, 12.0 RTX 50."
        yield f"compute = {_array(choices.compute)}"


def _fleet(choices: StackChoices) -> Iterator[str]:
    if choices.driver:
        yield "[fleet]"
        yield "# The oldest NVIDIA driver that must run this; `nvidia-smi` prints a machine's own."
        yield "# A stack that needs a newer one is refused when it is solved."
        yield f"driver = {_text(choices.driver)}"


def _frameworks(choices: StackChoices) -> Iterator[str]:
    if choices.framework:
        name = format_key((choices.framework,))
        version = _text(_series(choices.framework_version))
        yield "[frameworks]"
        yield "# envlock picks the build that fits the GPU, and refuses one that cannot run."
        yield '# `from` is "conda" or "pypi".'
        yield f'{name} = {{ version = {version}, from = "{choices.source}" }}'


def _dependencies(choices: StackChoices) -> Iterator[str]:
    yield "[dependencies]"
    yield '# Conda packages: "*" is any version, "2.1.*" a series, ">=2,<3" a range.'
    if not choices.dependencies:
        yield '# numpy = ">=2"'
    for text in choices.dependencies:
        yield format_requirement(parse_requirement(text))


def _targets(choices: StackChoices) -> Iterator[str]:
    """Say what Macs compute on in a GPU stack: there is no CUDA for them."""
    macs = [item for item in choices.platforms if item.system is System.MACOS]
    for position, platform in enumerate(macs if choices.cuda else []):
        if position:
            yield ""
        yield f"[target.{platform}]"
        yield "# Macs have no CUDA: mps is Apple's GPU, cpu leaves it unused."
        yield f'accelerator = "{_mac_accelerator(platform, choices.framework)}"'


def _mac_accelerator(platform: Platform, framework: str | None) -> Accelerator:
    has_mps = platform is Platform.OSX_ARM64 and framework == "pytorch"
    return Accelerator.MPS if has_mps else Accelerator.CPU


def _series(version: str) -> str:
    """Return `3.12` as `3.12.*`; a version with three numbers, or a range, stays as it is."""
    return f"{version}.*" if re.fullmatch(r"\d+(\.\d+)?", version) else version


def _array(items: Sequence[str]) -> str:
    return f"[{', '.join(_text(str(item)) for item in items)}]"


def _text(text: str) -> str:
    """Return a TOML string; JSON's are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
