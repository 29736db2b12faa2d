"""`envlock switch`: make a generation of a profile current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envlock.cli.rollback import add_switch_options, tell_switched

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "switch",
        help="make a generation of a profile current",
        description="Make generation NUMBER of PROFILE current, older or newer, in one step: one "
        "link changes, nothing is built or removed. Prints the environment's path.",
        epilog="Exit status: 0 done, 2 when there is no such profile or generation.",
    )
    parser.add_argument("profile", metavar="PROFILE", help="such as torch-cu121")
    parser.add_argument("number", metavar="NUMBER", type=int, help="as `envlock generations` lists")
    add_switch_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Switch."""
    from envlock.cli.care_wiring import make_care_tools
    from envlock.workflows.profiles import switch

    tools = make_care_tools(arguments)
    before, after = switch(arguments.profile, arguments.number, tools)
    return tell_switched(before, after, arguments)
