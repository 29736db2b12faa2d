"""`envlock generations`: the states of a profile, and which of them is current."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import emit, format_bytes, format_table, terminal_width

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.profiles import Named

_HEAD = ("", "profile", "number", "made", "size", "environment", "")
_KEY_DIGITS = 8


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "generations",
        help="list the states of a profile",
        description="List the generations of PROFILE, or of all profiles: a generation is what a "
        "build made current, and stays until `envlock gc --older-than` or `--keep` forgets it. `*` "
        "marks the current one; `envlock rollback` and `envlock switch` change which that is.",
    )
    parser.add_argument("profile", metavar="PROFILE", nargs="?", help="such as torch-cu121")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """List generations."""
    from envlock.cli.care_wiring import make_care_tools
    from envlock.workflows.profiles import list_generations

    named = list_generations(arguments.profile, make_care_tools(arguments))
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical({"generations": [describe_named(each) for each in named]})])
    elif named:
        emit(_table(named))
    else:
        print("no profile has a generation yet; `envlock build LOCK` makes one", file=sys.stderr)
    return 0


def _table(named: Sequence[Named]) -> list[str]:
    return format_table(
        [_HEAD, *(_row(each) for each in named)], right=(2, 4), cut=5, width=terminal_width()
    )


def _row(named: Named) -> tuple[str, ...]:
    from envlock.cli.care_wiring import name_python, short_time

    generation, environment = named.generation, named.environment
    return (
        "*" if generation.is_current else "",
        generation.profile,
        f"{generation.number}",
        short_time(generation.made_at),
        format_bytes(environment.size_bytes) if environment else "-",
        f"{generation.label[:_KEY_DIGITS]}… {environment.name}" if environment else "not valid",
        name_python(environment) if environment else "`envlock store verify` tells more",
    )


def describe_named(named: Named) -> Mapping[str, object]:
    """Return a generation as plain data."""
    from envlock.cli.build import describe_environment

    generation, environment = named.generation, named.environment
    return {
        "profile": generation.profile,
        "number": generation.number,
        "is_current": generation.is_current,
        "made_at": generation.made_at,
        "label": generation.label,
        "environment": describe_environment(environment) if environment else None,
    }
