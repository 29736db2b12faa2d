"""Real shells, spoken to in their own words: what a test says, and what the shell then holds."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envlock.formats.activation import Activation, Shell, format_activation, format_deactivation

NOT_COMPARED = {"_", "SHLVL", "OLDPWD", "PWD"}
"""The shell itself sets them, at each command or each start."""


@dataclass(frozen=True, slots=True)
class Words:
    """How one shell says what the tests say."""

    shell: Shell
    program: tuple[str, ...]
    begins: str = ""

    def literal(self, value: str) -> str:
        """A value, byte by byte: not as the code under test quotes it."""
        if self.shell is Shell.FISH:
            return "".join(f"\\X{byte:02x}" for byte in os.fsencode(value)) or "''"
        return "$'" + "".join(f"\\{byte:03o}" for byte in os.fsencode(value)) + "'"

    def give(self, name: str, value: str) -> str:
        word = self.literal(value)
        return f"set -gx {name} {word}" if self.shell is Shell.FISH else f"export {name}={word}"

    def withhold(self, name: str, value: str) -> str:
        word = self.literal(value)
        return f"set -g {name} {word}" if self.shell is Shell.FISH else f"{name}={word}"

    def take(self, name: str) -> str:
        return f"set -e {name}" if self.shell is Shell.FISH else f"unset {name}"

    def print(self, name: str, place: Path) -> str:
        return f'/usr/bin/printf %s "${name}" {self.into(place)}'

    def evaluate(self, place: Path) -> str:
        word = self.literal(str(place))
        if self.shell is Shell.FISH:
            return f"cat {word} | source"
        return f'eval "$(cat {word})"'

    def dump(self, place: Path) -> str:
        return f"/usr/bin/env -0 {self.into(place)}"

    def into(self, place: Path) -> str:
        """Send what is printed to a file, whatever `noclobber` says."""
        sign = ">" if self.shell is Shell.FISH else ">|"
        return f"{sign}{self.literal(str(place))}"

    def names(self, place: Path) -> str:
        """Print the names of all functions and variables."""
        into = self.into(place)
        match self.shell:
            case Shell.FISH:
                return f"begin; functions -n | string split ', '; set -n; end {into}"
            case Shell.ZSH:
                return f"{{ builtin typeset +f; builtin typeset +; }} {into}"
            case _:
                return f"{{ declare -F; compgen -v; }} {into}"

    def prompt(self, place: Path) -> str:
        into = self.into(place)
        if self.shell is Shell.FISH:
            return f"fish_prompt {into}"
        return f'/usr/bin/printf %s "$PS1" {into}'

    def set_prompt(self, text: str) -> str:
        if self.shell is Shell.FISH:
            return f"function fish_prompt; printf %s {self.literal(text)}; end"
        return f"PS1={self.literal(text)}"


WORDS = {
    "bash": Words(Shell.BASH, ("bash", "--norc", "--noprofile")),
    "bash -eu": Words(Shell.BASH, ("bash", "--norc", "--noprofile"), "set -euo pipefail"),
    "bash, odd": Words(
        Shell.BASH,
        ("bash", "--norc", "--noprofile"),
        "set -fCau; IFS=:x; shopt -s nullglob nocasematch; unset() { echo no; }; printf() { :; }",
    ),
    "zsh": Words(Shell.ZSH, ("zsh", "-f")),
    "zsh -eu": Words(Shell.ZSH, ("zsh", "-f"), "set -eu; setopt pipe_fail"),
    "zsh, odd": Words(
        Shell.ZSH,
        ("zsh", "-f"),
        "setopt ksh_arrays sh_word_split no_clobber glob_subst csh_null_glob all_export; IFS=:x;"
        " alias local='echo no' typeset='echo no'; unset() { echo no }",
    ),
    "fish": Words(Shell.FISH, ("fish", "--no-config")),
}


@dataclass
class Session:
    """Lines that one shell is going to read, and the places that they write to."""

    words: Words
    folder: Path
    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        self.lines += lines

    def activate(self, activation: Activation) -> None:
        self._evaluate(format_activation(activation, self.words.shell))

    def leave(self) -> None:
        self._evaluate(format_deactivation(self.words.shell))

    def _evaluate(self, code: str) -> None:
        place = self._place("code")
        place.write_bytes(code.encode("utf-8", "surrogateescape"))
        self.add(self.words.evaluate(place))

    def dump(self) -> Path:
        """Have the exported variables written down; `environment` reads them."""
        place = self._place("environment")
        self.add(self.words.dump(place))
        return place

    def names(self) -> Path:
        place = self._place("names")
        self.add(self.words.names(place))
        return place

    def print(self, name: str) -> Path:
        place = self._place("value")
        self.add(self.words.print(name, place))
        return place

    def prompt(self) -> Path:
        place = self._place("prompt")
        self.add(self.words.prompt(place))
        return place

    def _place(self, what: str) -> Path:
        return self.folder / f"{len(self.lines):03}-{what}"

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Have the shell read all lines, as a script."""
        script = self.folder / "script"
        lines = [*([self.words.begins] if self.words.begins else []), *self.lines]
        script.write_bytes(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
        return subprocess.run(
            [*self.words.program, str(script)],
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def open_session(name: str, folder: Path) -> Session:
    """A session with one of the `WORDS`; skips where that shell is not installed."""
    words = WORDS[name]
    if shutil.which(words.program[0]) is None:
        pytest.skip(f"{words.program[0]} is not installed")
    folder.mkdir(exist_ok=True)
    return Session(words, folder)


def environment(place: Path) -> Mapping[str, str]:
    """What was exported when the session wrote it down."""
    entries = (os.fsdecode(entry) for entry in place.read_bytes().split(b"\0") if entry)
    pairs = (entry.partition("=") for entry in entries)
    return {name: value for name, _, value in pairs if name not in NOT_COMPARED}
