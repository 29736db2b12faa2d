"""`envlock list`: the environments in the store."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, format_bytes, format_table, terminal_width

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.profiles import Listed

_KEY_DIGITS = 8
_HEAD = ("name", "generations", "key", "platform", "artifacts", "size", "built", "")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "list",
        help="list the environments in the store",
        description="List what is built: each environment with the generations that name it (`*` "
        "marks those that are current), how many artifacts it is made of, its size and when it "
        "was built. One that no generation names stays until it is collected: `envlock gc`. One "
        "that runs on this machine's own Python is not hermetic, and says so.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """List what is built."""
    from envlock.cli.care_wiring import make_care_tools
    from envlock.workflows.profiles import list_environments

    tools = make_care_tools(arguments)
    listed = list_environments(tools)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        told = {"store": tools.keeping.root, "environments": [_describe(each) for each in listed]}
        emit([format_canonical(told)])
    elif listed:
        emit(_table(listed))
        size = format_bytes(sum(each.environment.size_bytes for each in listed))
        print(
            f"{count(len(listed), 'environment')}, {size} in all if they shared nothing; "
            "`envlock store du` tells what they take",
            file=sys.stderr,
        )
    else:
        print("nothing is built yet; `envlock build LOCK` builds", file=sys.stderr)
    return 0


def _table(listed: Sequence[Listed]) -> list[str]:
    return format_table(
        [_HEAD, *(_row(each) for each in listed)], right=(4, 5), cut=1, width=terminal_width()
    )


def _row(listed: Listed) -> tuple[str, ...]:
    from envlock.cli.care_wiring import name_generation, name_python, short_time

    environment = listed.environment
    generations = [
        name_generation(each) + ("*" if each.is_current else "") for each in listed.generations
    ]
    return (
        environment.name,
        ", ".join(generations) or "-",
        environment.key[:_KEY_DIGITS],
        environment.derivation.platform,
        f"{len(environment.derivation.artifacts):,}",
        format_bytes(environment.size_bytes),
        short_time(environment.built_at),
        name_python(environment),
    )


def _describe(listed: Listed) -> Mapping[str, object]:
    from envlock.cli.build import describe_environment

    return {
        **describe_environment(listed.environment),
        "label": listed.environment.label,
        "generations": [
            {"profile": each.profile, "number": each.number, "is_current": each.is_current}
            for each in listed.generations
        ],
    }
