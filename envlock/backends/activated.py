"""A program in an activated environment: found, and given this process."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from envlock.errors import EnvlockError, ExitCode, WorldError
from envlock.formats.activation import Activation, Shell, format_activation, format_environment

_SHELLS_OWN = ("_", "SHLVL", "PWD", "OLDPWD")
_PASSED = frozenset({"PATH", "HOME", "TERM", "LANG", "USER", "TMPDIR"})
_PASSED_STEMS = ("CUDA_", "NVIDIA_")
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")


class NoCommandError(EnvlockError):
    """There is no such command in the environment, nor on the path behind it."""

    exit_code = ExitCode.NO_COMMAND


class NotAProgramError(EnvlockError):
    """The command is there, and the system cannot run it."""

    exit_code = ExitCode.NOT_A_PROGRAM


def pure(parent: Mapping[str, str]) -> Mapping[str, str]:
    """Return the few variables that pass into an environment that is to be alone."""
    return {
        name: value
        for name, value in parent.items()
        if name in _PASSED or name.startswith(_PASSED_STEMS)
    }


def activated_environment(activation: Activation, parent: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables of a program in the environment, the packages' scripts run.

    Scripts are evaluated once, by bash, as activation in a shell would; where there are none no
    shell is needed. What they print goes to stderr. Raises `ActivationError`, and `WorldError` when
    bash is not there or one of the scripts ended it.
    """
    if not activation.scripts:
        return format_environment(activation, parent)
    bash = shutil.which("bash", path=parent.get("PATH", os.defpath))
    env = shutil.which("env", path=f"/usr/bin:/bin:{os.defpath}")
    if bash is None or env is None:
        raise WorldError(
            "the activation scripts of the environment's packages need bash, and this machine has"
            f" none: {activation.scripts[0]}\nNothing was run.",
            hints=["install bash"],
        )
    code = f'{{\n{format_activation(activation, Shell.BASH)}\n}} >&2 || exit\nexec "$0" -0'
    done = subprocess.run(  # noqa: S603 - bash, with the code that the user's shell would get
        [bash, "-p", "-c", os.fsencode(code.encode("utf-8", "surrogateescape")), env],
        env=dict(parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0 or not done.stdout.endswith(b"\0"):
        raise WorldError(
            "the environment cannot be activated: bash ended with status "
            f"{done.returncode} in its packages' scripts\nNothing was run.",
            hints=[f"the scripts are in {Path(activation.scripts[0]).parent}"],
        )
    return _as_the_parent(_parse(done.stdout), parent)


def _parse(content: bytes) -> dict[str, str]:
    entries = (os.fsdecode(entry).partition("=") for entry in content.split(b"\0") if entry)
    return {name: value for name, _, value in entries}


def _as_the_parent(found: dict[str, str], parent: Mapping[str, str]) -> Mapping[str, str]:
    """Put back what bash itself has set."""
    for name in _SHELLS_OWN:
        found.pop(name, None)
        if name in parent:
            found[name] = parent[name]
    return found


def take_over(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become a program: its status is ours, and signals reach it.

    Raises `NoCommandError` and `NotAProgramError`; then this process goes on.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    found = shutil.which(command[0], path=environment.get("PATH", os.defpath))
    if found is None:
        raise _not_found(command[0], environment)
    kept = {name: signal.getsignal(name) for name in _ignored()}
    for name in kept:
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execve(found, list(command), dict(environment))  # noqa: S606 - no shell is wanted
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # a script without a first line: as a shell does it
            with contextlib.suppress(OSError):
                os.execve("/bin/sh", ["sh", found, *command[1:]], dict(environment))  # noqa: S606
        for name, handler in kept.items():
            signal.signal(name, handler)
        raise NotAProgramError(
            f"{found} cannot be run: {_reason(error)}\nNothing was run.",
        ) from None


def _ignored() -> list[signal.Signals]:
    return [signal.Signals[name] for name in _IGNORED_BY_PYTHON if hasattr(signal, name)]


def _not_found(name: str, environment: Mapping[str, str]) -> EnvlockError:
    place = Path(name)
    if "/" in name and place.exists():
        what = "it is a folder" if place.is_dir() else "it may not be executed"
        return NotAProgramError(f"{name} cannot be run: {what}\nNothing was run.")
    if "/" in name:
        return NoCommandError(f"there is no file {name}\nNothing was run.")
    first = environment.get("PATH", os.defpath).partition(os.pathsep)[0]
    return NoCommandError(
        f"there is no command `{name}` in {first}, nor on the rest of PATH\nNothing was run.",
        hints=["a program comes with a package: `envlock add STACK PACKAGE`"],
    )


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the interpreter that its first line names is not there"
    return error.strerror or str(error)
