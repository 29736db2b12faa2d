"""`envlock rollback`: make the generation before the current one current again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.profiles import Named


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "rollback",
        help="make the generation before the current one current again",
        description="Make the generation of PROFILE before the current one current, in one step: "
        "one link changes, nothing is built or removed. PROFILE may be left out when the store has "
        "only one. Prints the environment's path.",
        epilog="Exit status: 0 done, 2 when there is no such profile or generation.",
    )
    parser.add_argument("profile", metavar="PROFILE", nargs="?", help="such as torch-cu121")
    parser.add_argument("--to", type=int, metavar="N", help="go back to this generation")
    add_switch_options(parser)


def add_switch_options(parser: argparse.ArgumentParser) -> None:
    """Describe what switching has as well."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the path")


def run(arguments: argparse.Namespace) -> int:
    """Roll back."""
    from envlock.cli.care_wiring import make_care_tools
    from envlock.workflows.profiles import roll_back

    before, after = roll_back(arguments.profile, arguments.to, make_care_tools(arguments))
    return tell_switched(before, after, arguments)


def tell_switched(before: Named, after: Named, arguments: argparse.Namespace) -> int:
    """Say what was current and what is."""
    import sys

    from envlock.cli.care_wiring import name_python, short_time
    from envlock.cli.generations import describe_named

    environment = after.environment
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        told = {"before": describe_named(before), "now": describe_named(after)}
        print(format_canonical(told))
        return 0
    was, now = before.generation, after.generation
    if not arguments.quiet:
        if was.number == now.number:
            line = f"{now.profile}: generation {now.number} is current already"
        else:
            line = f"{now.profile}: generation {was.number} -> {now.number}"
        print(f"{line}, of {short_time(now.made_at)}", file=sys.stderr)
        if environment is not None and name_python(environment):
            print(f"note: {name_python(environment)}", file=sys.stderr)
        sys.stderr.flush()
    if environment is not None:
        print(environment.path)
    return 0
