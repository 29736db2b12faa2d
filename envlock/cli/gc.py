"""`envlock gc`: let go of what nothing needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, format_bytes

if TYPE_CHECKING:
    import argparse

    from envlock.model.keeping import Collection

_SHOWN = 20


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "gc",
        help="let go of what nothing in the store needs",
        description="Remove every environment that no generation, out-link or running process "
        "needs, the trees and downloads that only those were made of, artifacts that no generation "
        "and no stack they were fetched for names, and what killed processes left. Generations "
        "are what keeps environments: `--older-than` and `--keep` forget some first, never a "
        "current one; `--forget` a whole profile. May run while others build; it waits for "
        "nobody's build.",
        epilog="Exit status: 0 done, 2 for an age that is none, 4 when the disk refuses.",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and leave it")
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        help="first forget generations older than this: 30d, 12h, 2w, 6m (months), or a date",
    )
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="first forget all but each profile's N newest generations; with --older-than: only "
        "such that are older, too",
    )
    parser.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="PROFILE",
        help="first forget this profile with all its generations, the current one too",
    )
    parser.add_argument(
        "--downloads",
        action="store_true",
        help="let downloads go that are unpacked and may be needed again only to rebuild or "
        "repair, and parts of downloads, however young",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")


def run(arguments: argparse.Namespace) -> int:
    """Collect, or say what would go."""
    from envlock.cli.care_wiring import make_care_tools
    from envlock.cli.progress import clear_line
    from envlock.errors import EnvlockError
    from envlock.workflows.care import CollectRequest, collect

    if arguments.keep is not None and arguments.keep < 0:
        raise EnvlockError(
            f"envlock gc: expected a number of generations for --keep, found {arguments.keep}"
        )
    request = CollectRequest(
        is_dry=arguments.dry_run,
        older_than=arguments.older_than,
        keep=arguments.keep,
        drops_downloads=arguments.downloads,
        profiles=tuple(dict.fromkeys(arguments.forget)),
    )
    found = collect(request, make_care_tools(arguments))
    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe_collection(found, is_dry=arguments.dry_run))])
        return 0
    emit(render_collection(found, is_dry=arguments.dry_run))
    if not arguments.quiet:
        for note in found.notes:
            print(f"note: {note}", file=sys.stderr)
    return 0


def render_collection(found: Collection, *, is_dry: bool) -> Iterator[str]:
    """Yield what went, or would go, and how much room that makes."""
    from envlock.cli.care_wiring import name_generation

    would = "would " if is_dry else ""
    for generation in found.generations:
        yield f"{would}forget generation {name_generation(generation)}"
    for link in found.links:
        if link.endswith(".toml"):
            yield f"{would}forget the stack {link}, which is not there any more"
        else:
            yield f"{would}forget the link {link}, which points elsewhere now"
    holdings = found.holdings
    shown = holdings.environments[:_SHOWN]
    yield from (f"{would}remove {label}" for label in shown)
    if len(holdings.environments) > _SHOWN:
        yield f"  and {len(holdings.environments) - _SHOWN:,} more environments"
    parts = [
        count(len(holdings.environments), "environment"),
        count(len(holdings.trees), "tree"),
        count(len(holdings.artifacts), "download"),
        *([count(len(holdings.data), "data folder")] if holdings.data else []),
        *([count(found.leftovers, "leftover")] if found.leftovers else []),
    ]
    verb = "would free" if is_dry else "freed"
    yield f"{verb} {format_bytes(found.freed_bytes)}: {', '.join(parts)}"


def describe_collection(found: Collection, *, is_dry: bool) -> Mapping[str, object]:
    """Return a collection as plain data."""
    import msgspec

    return {
        "is_dry_run": is_dry,
        **msgspec.to_builtins(found.holdings),
        "generations": msgspec.to_builtins(found.generations),
        "links": list(found.links),
        "leftovers": found.leftovers,
        "freed_bytes": found.freed_bytes,
        "notes": list(found.notes),
    }
