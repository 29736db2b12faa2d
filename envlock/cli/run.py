"""`envlock run`: one command in an environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from envlock.cli.entering import WHICH, add_entering_options, prepare
from envlock.cli.store_wiring import open_store
from envlock.errors import EnvlockError

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "run",
        help="run a command in an environment",
        usage="envlock run [LOCK] [options] -- COMMAND [ARGUMENT…]",
        description="Run COMMAND with the environment's programs first in PATH, what its packages "
        f"ask for set, and PYTHONPATH and PYTHONHOME taken away. {WHICH} The process becomes "
        "COMMAND: stdin, stdout and signals are its own. The environment is not collected while "
        "it runs.",
        epilog="Exit status: COMMAND's own; 127 when there is no such command and 126 when it "
        "cannot be run, as a shell says it; 2 when the lock or an archive is at fault, 4 when the "
        "network or the disk is.",
    )
    parser.takes_command = True
    add_entering_options(parser)
    parser.add_argument(
        "--pure",
        action="store_true",
        help="pass nothing on but PATH, HOME, TERM, LANG, USER, TMPDIR, CUDA_… and NVIDIA_…",
    )


def run(arguments: argparse.Namespace) -> int:
    """Become the command."""
    from envlock.backends.activated import activated_environment, pure, take_over
    from envlock.formats.activation import Shell

    if not arguments.command:
        raise EnvlockError(
            "envlock run: expected a command behind `--`, found none",
            hints=["`envlock run LOCK -- python train.py`"],
        )
    parent = pure(os.environ) if arguments.pure else os.environ
    store = open_store()
    with store.needs() as needs:
        activation = prepare(arguments, store, needs, Shell.BASH)
        environment = activated_environment(activation, parent)
        needs.keep_over_exec()
        take_over(arguments.command, environment)
