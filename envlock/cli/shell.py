"""`envlock shell`: a shell in an environment."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from envlock.cli.entering import WHICH, add_entering_options, prepare
from envlock.cli.store_wiring import open_store
from envlock.errors import EnvlockError
from envlock.formats.activation import Shell

if TYPE_CHECKING:
    import argparse

_PROGRAMS = {
    Shell.BASH: "bash",
    Shell.ZSH: "zsh",
    Shell.FISH: "fish",
    Shell.POWERSHELL: "pwsh",
}


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "shell",
        help="start a shell in an environment",
        description="Start your shell ($SHELL) with the environment active; your own files are "
        f"read first. {WHICH} `exit` leaves. The environment is not collected while it runs.",
        epilog="Exit status: the shell's own; 2 when the lock or an archive is at fault, 4 when "
        "the network or the disk is.",
    )
    add_entering_options(parser)
    parser.add_argument(
        "--shell",
        choices=[each.value for each in _PROGRAMS],
        help="which shell (default: $SHELL, or the one that this is called from)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Become the shell."""
    from envlock.backends.activated import take_over
    from envlock.backends.calling_shell import shell_command

    shell, program = _choose(arguments)
    store = open_store()
    with store.needs() as needs:
        activation = prepare(arguments, store, needs, shell)
        command, environment = shell_command(shell, program, activation, os.environ)
        needs.keep_over_exec()
        take_over(command, environment)


def _choose(arguments: argparse.Namespace) -> tuple[Shell, str]:
    """Return a shell and its program. Raises `EnvlockError` when there is none that we know."""
    from envlock.backends.calling_shell import guess_shell, shell_of

    named = os.environ.get("SHELL", "")
    if arguments.shell is not None:
        shell = Shell(arguments.shell)
    else:
        shell = shell_of(named) or guess_shell(os.environ) or Shell.BASH
    if shell_of(named) is shell and shutil.which(named):
        return shell, named
    program = shutil.which(_PROGRAMS.get(shell, shell.value))
    if program is None:
        raise EnvlockError(
            f"there is no {shell} on PATH\nNothing was started.",
            hints=["choose another: `--shell bash`"],
        )
    return shell, program
