"""`envlock remove`: dependencies taken out of a stack, every comment kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.cli.edits import add_common

    parser = subparsers.add_parser(
        "remove",
        help="take dependencies out of a stack",
        description="Take dependencies out of STACK and keep its comments and order. The lock "
        "stays as it is until you solve again.",
    )
    parser.add_argument("stack", metavar="STACK")
    parser.add_argument("names", nargs="+", metavar="NAME")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Remove all of them or none."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.edits import settings, tell
    from envlock.workflows.edit import remove_from_stack

    edited = remove_from_stack(
        arguments.stack, arguments.names, DiskWorkspace(), **settings(arguments)
    )
    return tell(edited, arguments)
