"""What the commands of a Dockerfile do, as far as it can be told without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from envlock.model.reading import Command, FileKind, Reading

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_BEFORE = frozenset({"sudo", "exec", "time", "env", "nice", "command"})
_JSON_FORM = re.compile(r'\s*\[.*"', re.DOTALL)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a command, without what stands before the program. Never raises."""
    if _JSON_FORM.match(text):
        text = re.sub(r'"\s*,\s*"', '" "', text.strip().lstrip("[").rstrip("]"))
    try:
        found = shlex.split(text, comments=True)
    except ValueError:
        found = text.split()
    at = 0
    while at < len(found) and (found[at] in _BEFORE or _ASSIGNMENT.fullmatch(found[at])):
        at += 1
    return tuple(found[at:])


_PIP = re.compile(r"(?:.*/)?pip[\d.]*")
_PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
_CONDA = re.compile(r"(?:.*/)?(?:conda|mamba|micromamba)")


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
    """Return what a command installs with pip, conda or apt; None where it does not."""
    found = words(text)
    if found[:1] == ("uv",):
        found = found[1:]
    if len(found) > 2 and _PYTHON.fullmatch(found[0]) and found[1] == "-m":  # noqa: PLR2004
        found = found[2:]
    if not found:
        return None
    rest = tuple(word for word in found[1:] if word != "-y")
    if _PIP.fullmatch(found[0]) and rest[:1] == ("install",):
        return Install("pip", rest[1:])
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
