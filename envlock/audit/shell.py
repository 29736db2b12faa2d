"""What the commands of a Dockerfile do, as far as it can be told without running them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from envlock.formats.readers.shell_words import programs_of, split_commands
from envlock.model.reading import Command, FileKind, Reading

_PIP = re.compile(r"(?:.*/)?pip[\d.]*")
_PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
_CONDA = re.compile(r"(?:.*/)?(?:conda|mamba|micromamba)")


def programs(text: str) -> Iterator[list[str]]:
    """Yield the programs of a command with their arguments: of a pipe, a list, `sh -c '…'`."""
    exec_form = _exec_form(text)
    if exec_form is not None:
        yield from programs_of(exec_form)
        return
    for command in split_commands(text):
        for found in command.programs:
            yield from programs_of(found)


def _exec_form(text: str) -> list[str] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_words = isinstance(found, list) and all(isinstance(word, str) for word in found)
    return found if is_words else None


class Install(NamedTuple):
    """One command that installs packages."""

    manager: str
    """`pip`, `conda` or `apt`."""
    arguments: tuple[str, ...]
    """What follows `install`."""

    def has(self, *options: str) -> bool:
        """Say whether one of some options is given."""
        return any(word.partition("=")[0] in options for word in self.arguments)


def install_of(text: str) -> Install | None:
    """Return what a command installs with pip, conda or apt first; None where it does not."""
    return next(filter(None, map(_install, programs(text))), None)


def _install(found: list[str]) -> Install | None:
    if found[0] == "uv":
        found = found[1:]
    elif _PYTHON.fullmatch(found[0]) and found[1:2] == ["-m"]:
        found = found[2:]
    if not found:
        return None
    rest = tuple(word for word in found[1:] if word != "-y")
    if _PIP.fullmatch(found[0]) and "install" in rest:
        return Install("pip", rest[rest.index("install") + 1 :])
    if _CONDA.fullmatch(found[0]):
        return _conda(rest[1:] if rest[:1] == ("env",) else rest)
    if found[0] in ("apt", "apt-get") and "install" in rest:
        return Install("apt", rest[rest.index("install") + 1 :])
    return None


def _conda(rest: tuple[str, ...]) -> Install | None:
    is_install = rest[:1] and rest[0] in ("install", "create", "update")
    return Install("conda", rest[1:]) if is_install else None


class Said(NamedTuple):
    """A text of a file that is no package: a command or a setting."""

    text: str
    line: int
    instruction: str = ""


def commands(reading: Reading, *instructions: str) -> Iterator[Command]:
    """Yield the commands of some instructions, `RUN` unless others are named."""
    wanted = instructions or ("RUN",)
    return (item for item in reading.commands if item.instruction.upper() in wanted)


def all_said(reading: Reading) -> Iterator[Said]:
    """Yield the commands and the settings of a file as text.

    The settings of a Dockerfile are those of its commands, so they are not told twice.
    """
    for item in reading.commands:
        yield Said(item.text, item.line, item.instruction.upper())
    settings = {} if reading.kind is FileKind.DOCKERFILE else reading.settings
    for key, value in settings.items():
        yield Said(f"{key}={value}", 0, "setting")


def short(text: str, limit: int = 80) -> str:
    """Return a command on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
