"""`envlock pin`: exact versions in a stack, every comment kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.cli.edits import add_common

    parser = subparsers.add_parser(
        "pin",
        help="set the exact version of a dependency",
        description="Set dependencies of STACK to exact versions and keep its comments and order. "
        "A name alone is set to the version that the lock has. The lock stays as it is until you "
        "solve again.",
    )
    parser.add_argument("stack", metavar="STACK")
    parser.add_argument(
        "requirements", nargs="+", metavar="SPEC", help="such as numpy==2.1.0, or numpy"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Pin all of them or none."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.edits import settings, tell
    from envlock.workflows.edit import pin_in_stack

    edited = pin_in_stack(
        arguments.stack, arguments.requirements, DiskWorkspace(), **settings(arguments)
    )
    return tell(edited, arguments)
