"""The entry: find the command, run it, turn errors into messages and exit codes, leave.

Start-up time is part of the product: `envlock --version` imports nothing, and a command's module
is imported only when that command is called.
"""

from __future__ import annotations

import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envlock import errors

COMMANDS = MappingProxyType(
    {
        "init": "write a commented stack file, asking or from options",
        "import": "draft a stack from the lock or the wish list of any tool",
        "solve": "lock a stack for all its platforms, from its index pin",
        "build": "build a lock's environment in the store",
        "verify": "train in an environment and leave a receipt",
        "artifacts": "fetch and find the weights and data that a stack names",
        "audit": "judge the lock files of any tool, and say what to do about them",
        "run": "run a command in an environment",
        "shell": "start a shell in an environment",
        "activate": "print the code that makes a shell use an environment",
        "list": "list the environments in the store",
        "generations": "list the states of a profile",
        "rollback": "make the generation before the current one current again",
        "switch": "make a generation of a profile current",
        "closure-diff": "compare what two environments are made of, and what came of it",
        "gc": "let go of what nothing in the store needs",
        "store": "verify, repair, measure and find what lies in the store",
        "show": "list what a lock holds: packages, sizes, channels, tree",
        "why": "tell which wishes bring a package into a lock",
        "diff": "compare two locks, or a lock with git history",
        "add": "add dependencies to a stack and keep its comments",
        "remove": "take dependencies out of a stack",
        "pin": "set the exact version of a dependency in a stack",
        "index": "make, show and update the index pins that stacks solve from",
        "doctor": "look at this machine and say what runs here",
        "where": "list the recorded and rented machines that can run a stack",
        "whatif": "judge locks on hardware that you do not have yet",
        "frontier": "list the newest frameworks that a machine can run",
        "facts": "list and search the facts that everything is judged by",
        "receipt": "show, check and sign what a verification leaves",
        "challenge": "compare two receipts of one lock",
        "pack": "write all that a lock takes to be built into one file",
        "unpack": "verify what was packed, and put it in its place",
        "export": "write a lock for another builder: real Nix",
        "push": "put a built environment where other machines can pull it",
        "pull": "take a lock's environment from where another machine pushed it",
        "bisect": "name the package that makes the difference between two locks",
        "schema": "print the JSON Schema of the stack file",
    }
)

_HELP = """\
envlock locks a whole GPU machine-learning environment from one TOML file.

usage: envlock COMMAND [options]
       envlock COMMAND --help

{commands}

exit status: 0 yes, 1 the answer is no, 2 your input, 3 no solution,
             4 the outside world (network, disk), 70 a bug of ours
"""


def run() -> NoReturn:
    """Run the command line and leave the process without waiting for foreign threads.

    py-rattler's threads can outlive their work for a moment; when the interpreter shuts down under
    them the process dies by a signal after correct output. Everything that we write is flushed and
    closed before, so the process may leave at once.
    """
    _admit_every_character()
    status = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # the reader has gone: `envlock show | head`
            status = status or 0
    os._exit(status)


def _admit_every_character() -> None:
    """Let a terminal or a pipe that lacks a character show its escape and not our downfall."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; prints, never raises."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if arguments[0] in ("-V", "--version"):
        from envlock import __version__

        print(f"envlock {__version__}")
        return 0
    return _run_command(arguments)


def _help() -> str:
    width = max(map(len, COMMANDS))
    return _HELP.format(
        commands="\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    )


def _run_command(arguments: Sequence[str]) -> int:
    from importlib import import_module
    from itertools import takewhile

    from envlock.errors import EnvlockError

    as_json = "--json" in takewhile(lambda word: word != "--", arguments)
    name = arguments[0]
    try:
        module = import_module(f"envlock.cli.{_known(name)}")
        from envlock.cli.usage import Parser

        parser = Parser(prog="envlock")
        module.add_parser(parser.add_subparsers(required=True))
        return int(module.run(parser.parse_args(arguments)))
    except EnvlockError as error:
        print_error(error, as_json=as_json)
        return int(error.exit_code)
    except SystemExit as leaving:  # argparse has printed its help
        return leaving.code if isinstance(leaving.code, int) else 2
    except KeyboardInterrupt:
        # A terminal has just echoed `^C`: it goes with the line of a step, or has one of its own.
        start = "\n" if not _clear_line() and sys.stderr.isatty() else ""
        print(f"{start}interrupted; nothing was half-written", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to flush goes nowhere
        return 0
    except Exception:  # noqa: BLE001 - the last line of defence: a bug of ours, said as one
        return _print_bug()


def _known(name: str) -> str:
    """Return the module of a command; Python has taken `import` for itself."""
    from keyword import iskeyword

    if name in COMMANDS:
        return f"{name.replace('-', '_')}{'_' if iskeyword(name) else ''}"
    from envlock.cli.usage import unknown_command

    raise unknown_command(name, COMMANDS)


def print_error(error: errors.EnvlockError, *, as_json: bool = False) -> None:
    """Print an error with its hints on stderr, or as one object on stdout."""
    _clear_line()
    if as_json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(error.fields()))
        return
    sys.stdout.flush()
    print(f"error: {error}", file=sys.stderr)
    if error.hints:
        print(file=sys.stderr)
    for hint in error.hints:
        print(f"hint: {hint}", file=sys.stderr)


def _clear_line() -> bool:
    """Take the line of a step off the terminal; say whether there was one."""
    progress = sys.modules.get("envlock.cli.progress")
    return progress is not None and progress.clear_line()


def _print_bug() -> int:
    import traceback

    from envlock.errors import ExitCode

    _clear_line()
    print("error: a bug in envlock; nothing was half-written\n", file=sys.stderr)
    if os.environ.get("ENVLOCK_TRACEBACK"):
        traceback.print_exc()
    else:
        kind, value, _ = sys.exc_info()
        print(f"  {kind.__name__ if kind else ''}: {value}", file=sys.stderr)
        print(
            "\nhint: run it again with ENVLOCK_TRACEBACK=1 and report what it prints",
            file=sys.stderr,
        )
    return int(ExitCode.BUG)
