"""The shell that called us, and shells that are started inside an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from envlock.errors import EnvlockError
from envlock.formats.activation import Activation, Shell, format_activation
from envlock.formats.activation_posix import quote

_PROGRAMS = {
    "bash": Shell.BASH,
    "zsh": Shell.ZSH,
    "fish": Shell.FISH,
    "pwsh": Shell.POWERSHELL,
    "powershell": Shell.POWERSHELL,
    "cmd": Shell.CMD,
}
_LEVELS = 8
_LIMIT_SECONDS = 5.0


def guess_shell(environment: Mapping[str, str]) -> Shell | None:
    """Return the shell that is nearest above this process, else the one that `SHELL` names."""
    for program in _ancestors():
        shell = shell_of(program)
        if shell is not None:
            return shell
    return shell_of(environment.get("SHELL", ""))


def shell_of(program: str) -> Shell | None:
    """Return the shell that a program is: `-bash`, `/bin/bash` and `bash.exe` are bash."""
    name = program.replace("\\", "/").rpartition("/")[2].lstrip("-").removesuffix(".exe")
    return _PROGRAMS.get(name.lower())


def _ancestors() -> Iterator[str]:
    """Yield the names of the programs above this one, the nearest first."""
    process = os.getppid()
    for _ in range(_LEVELS):
        found = _describe(process)
        if found is None:
            return
        process, name = found
        yield name


def _describe(process: int) -> tuple[int, str] | None:
    """Return a process's parent and its program's name."""
    if process <= 1:
        return None
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
        name, _, rest = text.partition("(")[2].rpartition(")")
        return int(rest.split()[1]), name
    except (OSError, ValueError, IndexError):
        return _ask_ps(process)


def _ask_ps(process: int) -> tuple[int, str] | None:
    """Ask `ps`, where there is no `/proc`, as on macOS."""
    ps = shutil.which("ps")
    if ps is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the system's own, with a number
            [ps, "-o", "ppid=,comm=", "-p", str(process)],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LIMIT_SECONDS,
        )
        parent, _, name = done.stdout.strip().partition(" ")
        return int(parent), name.strip()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


# --- a shell inside -------------------------------------------------------------------------------


def shell_command(
    shell: Shell, program: str, activation: Activation, environment: Mapping[str, str]
) -> tuple[list[str], Mapping[str, str]]:
    """Return the command line, and the variables, of a shell that activates once it has started.

    The user's own files are read first, so that nothing in them puts another program before the
    environment's. bash and zsh take the code from a folder that the shell itself removes.

    Raises `EnvlockError` for cmd.
    """
    code = format_activation(activation, shell)
    match shell:
        case Shell.BASH:
            folder = _write({"bashrc": _BASHRC, "code": code})
            return [program, "--rcfile", f"{folder}/bashrc", "-i"], environment
        case Shell.ZSH:
            folder = _write({".zshenv": _ZSHENV, ".zshrc": _ZSHRC, "code": code})
            return [program, "-i"], _with_zdotdir(folder, environment)
        case Shell.FISH:
            return [program, "--interactive", "--init-command", code], environment
        case Shell.POWERSHELL:
            return [program, "-NoLogo", "-NoExit", "-Command", code], environment
        case Shell.CMD:
            raise EnvlockError(
                "`envlock shell` starts bash, zsh, fish or PowerShell, and not cmd",
                hints=["in cmd: `envlock activate LOCK --shell cmd > enter.bat`, then call it"],
            )


_BASHRC = """[ ! -f ~/.bashrc ] || . ~/.bashrc
_envlock_code=$(command cat {folder}/code)
command rm -rf {folder}
eval "$_envlock_code"
unset _envlock_code
"""

_ZSHENV = """ZDOTDIR=${{_ENVLOCK_ZDOTDIR-$HOME}}
[[ ! -f $ZDOTDIR/.zshenv ]] || . $ZDOTDIR/.zshenv
_envlock_zdotdir=$ZDOTDIR
ZDOTDIR={folder}
"""

_ZSHRC = """ZDOTDIR=$_envlock_zdotdir
HISTFILE=${{HISTFILE/#{folder}/$ZDOTDIR}}
unset _envlock_zdotdir
[[ ! -f $ZDOTDIR/.zshrc ]] || . $ZDOTDIR/.zshrc
[[ -n ${{_ENVLOCK_ZDOTDIR+x}} || $ZDOTDIR != $HOME ]] || unset ZDOTDIR
unset _ENVLOCK_ZDOTDIR
_envlock_code=$(command cat {folder}/code)
command rm -rf {folder}
eval "$_envlock_code"
unset _envlock_code
"""


def _write(files: Mapping[str, str]) -> str:
    folder = tempfile.mkdtemp(prefix="envlock-shell-")
    for name, text in files.items():
        content = text if name == "code" else text.format(folder=quote(folder))
        Path(folder, name).write_bytes(content.encode("utf-8", "surrogateescape"))
    return folder


def _with_zdotdir(folder: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    own = {"_ENVLOCK_ZDOTDIR": environment["ZDOTDIR"]} if "ZDOTDIR" in environment else {}
    return {**environment, **own, "ZDOTDIR": folder}
