"""`envlock add`: new dependencies in a stack, every comment kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.cli.edits import add_common

    parser = subparsers.add_parser(
        "add",
        help="add dependencies to a stack",
        description="Add dependencies to STACK and keep its comments and order. The lock stays as "
        "it is until you solve again.",
    )
    parser.add_argument("stack", metavar="STACK")
    parser.add_argument(
        "requirements", nargs="+", metavar="SPEC", help="such as numpy, 'numpy>=2', pytorch=2.5"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Add all of them or none."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.edits import settings, tell
    from envlock.workflows.edit import add_to_stack

    edited = add_to_stack(
        arguments.stack, arguments.requirements, DiskWorkspace(), **settings(arguments)
    )
    return tell(edited, arguments)
