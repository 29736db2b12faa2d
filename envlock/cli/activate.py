"""`envlock activate`: print the code that makes a shell use an environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from envlock.cli.entering import WHICH, add_entering_options, prepare
from envlock.cli.store_wiring import open_store
from envlock.errors import EnvlockError, ExitCode
from envlock.formats.activation import Shell, format_activation, format_deactivation

if TYPE_CHECKING:
    import argparse

    from envlock.formats.activation import Activation

_HOW = {
    Shell.BASH: 'eval "$(envlock activate …)"',
    Shell.ZSH: 'eval "$(envlock activate …)"',
    Shell.FISH: "envlock activate … | source",
    Shell.POWERSHELL: "envlock activate … | Out-String | Invoke-Expression",
    Shell.CMD: "envlock activate … > enter.bat, then: call enter.bat",
}
_FAILS = (Shell.BASH, Shell.ZSH, Shell.FISH)
"""Where `false` is a command that fails."""


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "activate",
        help="print the code that makes a shell use an environment",
        description="Print code for the shell to evaluate; no file of yours is edited. "
        f"{WHICH} `envlock_deactivate` puts everything back.",
        epilog='bash and zsh: eval "$(envlock activate LOCK)"; fish: envlock activate LOCK | '
        "source; PowerShell: envlock activate LOCK | Out-String | Invoke-Expression; cmd: envlock "
        "activate LOCK > enter.bat, then call it; --deactivate prints the batch file that leaves.",
    )
    add_entering_options(parser)
    parser.add_argument(
        "--shell",
        choices=[each.value for each in Shell],
        help="whose language the code is in (default: the shell that this is called from)",
    )
    parser.add_argument(
        "--deactivate",
        action="store_true",
        help="print the code that leaves whichever environment is active",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Print the code."""
    shell = _shell(arguments)
    if arguments.deactivate:
        if arguments.lock is not None:
            raise EnvlockError(
                "`--deactivate` leaves whichever environment is active, and takes no LOCK",
                hints=["leave LOCK away, or `--deactivate`"],
            )
        _print(format_deactivation(shell), None, shell, arguments)
        return ExitCode.YES
    try:
        store = open_store()
        with store.needs() as needs:
            activation = prepare(arguments, store, needs, shell)
        code = format_activation(activation, shell)
    except EnvlockError:
        if shell in _FAILS and not arguments.json:
            print("false")  # `eval "$(…)"` of nothing succeeds, and `set -e` would go on
        raise
    _print(code, activation, shell, arguments)
    return ExitCode.YES


def _shell(arguments: argparse.Namespace) -> Shell:
    from envlock.backends.calling_shell import guess_shell

    if arguments.shell is not None:
        return Shell(arguments.shell)
    found = guess_shell(os.environ)
    if found is None:
        raise EnvlockError(
            "cannot tell which shell this is called from: neither a process above this one nor "
            "$SHELL is one of " + ", ".join(Shell),
            hints=["name it: `--shell bash`"],
        )
    return found


def _print(
    code: str, activation: Activation | None, shell: Shell, arguments: argparse.Namespace
) -> None:
    if arguments.json:
        import msgspec

        from envlock.formats.canonical import format_canonical

        told = {} if activation is None else msgspec.to_builtins(activation)
        print(format_canonical({"shell": shell.value, **told, "code": code}))
        return
    if sys.stdout.isatty() and not arguments.quiet:
        print(f"note: this is code for {shell}, to be evaluated: {_HOW[shell]}", file=sys.stderr)
    sys.stdout.flush()
    sys.stdout.buffer.write(code.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
