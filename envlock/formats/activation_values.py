"""What activation is told, and what every shell's code agrees to refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from envlock.errors import EnvlockError

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_HOLE = re.compile(r"@([A-Z_]+)@")
LOADER = frozenset(
    [
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_FALLBACK_FRAMEWORK_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "DYLD_FRAMEWORK_PATH",
        "DYLD_INSERT_LIBRARIES",
        "DYLD_LIBRARY_PATH",
    ]
)
"""Say which libraries a program loads; nothing of ours and no package may."""
_OURS = frozenset({"PATH", "PS1", "PROMPT"})
SHELL_KEEPS = frozenset(
    [
        "_",
        "BASHOPTS",
        "BASHPID",
        "BASH_ARGC",
        "BASH_ARGV",
        "BASH_COMMAND",
        "BASH_LINENO",
        "BASH_SUBSHELL",
        "COLUMNS",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "IFS",
        "LINENO",
        "LINES",
        "OLDPWD",
        "PWD",
        "RANDOM",
        "SECONDS",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TTYIDLE",
    ]
)
"""A shell itself sets these, again and again: there is no earlier value to come back to."""


class Shell(StrEnum):
    """Whose language the code is in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"
    CMD = "cmd"


class Activation(Struct, frozen=True, kw_only=True):
    """One environment, as a shell is to see it."""

    prefix: str
    """Absolute path of the built environment."""
    name: str
    """Shown in the prompt, as `torch-cu121`."""
    paths: tuple[str, ...]
    """Folders put before `PATH`, the first to be searched first."""
    variables: tuple[tuple[str, str], ...] = ()
    """Set while active."""
    unset: tuple[str, ...] = ()
    """Taken away while active, as `PYTHONHOME`."""
    scripts: tuple[str, ...] = ()
    """Of the packages, for the shell in question; run in this order."""
    deactivation_scripts: tuple[str, ...] = ()
    """Run in the reverse of this order."""


class ActivationError(EnvlockError):
    """An environment that no shell, or not this shell, can be told to activate."""


def check_activation(activation: Activation) -> None:
    """Raise `ActivationError` for whatever no shell may be told.

    A name that is no variable's, one that is given twice, one that activation itself looks after
    (`PATH`, the prompt); a NUL; a folder that `PATH` cannot hold; and the loader's variables: they
    put a library before the system's, a stub `libcuda` before the driver's for one.
    """
    names = changed_names(activation)
    for name in names:
        _check_name(name, names)
    for name, _ in activation.variables:
        check_loader(name)
    for what, text in texts(activation):
        if "\0" in text:
            raise ActivationError(f"{what} contains a NUL, which no environment can hold")
    separator = path_separator(activation)
    for path in activation.paths:
        if not path or separator in path:
            raise ActivationError(f"PATH cannot hold the folder {path!r}")


def changed_names(activation: Activation) -> list[str]:
    """Return the names of the variables that are set and those that are taken away."""
    return [*(name for name, _ in activation.variables), *activation.unset]


def texts(activation: Activation) -> Iterator[tuple[str, str]]:
    """Yield every text that goes into a shell's code, after what to call it in an error."""
    yield "the environment's path", activation.prefix
    yield "the environment's name", activation.name
    yield from ((f"the PATH entry {path!r}", path) for path in activation.paths)
    yield from ((f"the variable {name}", value) for name, value in activation.variables)
    for script in (*activation.scripts, *activation.deactivation_scripts):
        yield f"the script's path {script!r}", script


def path_separator(activation: Activation) -> str:
    """Return what stands between the entries of `PATH` where the environment lies."""
    return ":" if activation.prefix.startswith("/") else ";"


def prompt_name(name: str) -> str:
    """Return the name as a prompt may show it: no character that any shell's prompt expands."""
    return "".join(char if char.isalnum() or char in "-._+" else "_" for char in name)


def fill(template: str, holes: Mapping[str, str]) -> str:
    """Put the texts into the template's `@HOLES@`; what was put in is not looked at again."""
    return _HOLE.sub(lambda found: holes[found[1]], template)


def _check_name(name: str, names: list[str]) -> None:
    if not VARIABLE_NAME.match(name):
        raise ActivationError(f"{name!r} is not the name of an environment variable")
    if name.upper() in _OURS | SHELL_KEEPS or name.upper().startswith("_ENVLOCK_"):
        raise ActivationError(
            f"the variable {name} cannot be set or unset: the shell or activation itself sets it"
        )
    if names.count(name) > 1:
        raise ActivationError(f"the variable {name} is given twice")


def check_loader(name: str) -> None:
    """Raise `ActivationError` for a variable that the loader goes by."""
    if name in LOADER or name.startswith("DYLD_"):
        raise ActivationError(
            f"the variable {name} cannot be set: it puts libraries before the system's own",
            hints=["a package that needs it must find its libraries by itself (RPATH)"],
        )
