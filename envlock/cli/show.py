"""`envlock show`: what a lock holds, the answer first and the long lists on demand."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import (
    FACT_NAMES,
    LAST_FACTS,
    count,
    emit,
    format_bytes,
    format_facts,
    format_table,
    printable,
    terminal_width,
    tree_prefix,
)

if TYPE_CHECKING:
    import argparse

    from envlock.model.lock import LockHead
    from envlock.workflows.inspect import Inspected, PlatformContent, Row, Total

_PREFIX = "envlock/"
_CODE = "kernels/"
"""Facts on the GPU code of one package; its name follows."""
_DIGEST_DIGITS = 12
_NAMED = 5


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "show",
        help="list what a lock holds",
        description="Say what LOCK holds: for each platform the CUDA line, cuDNN, driver floor and "
        "frameworks as far as the lock's head tells, how many packages from which channels, how "
        "much to download, and the packages that were asked for. Any unified lock "
        "(conda-lock, format 1) can be shown.",
        epilog="Sizes come from the index pin that the lock names, when it lies beside. Without "
        "it they are unknown, and said to be.",
    )
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument(
        "--platform", action="append", default=[], help="show only this platform; may be repeated"
    )
    parser.add_argument("--all", action="store_true", help="list every package")
    parser.add_argument(
        "--sort",
        choices=("name", "size", "channel"),
        help="list every package in this order; the largest come first",
    )
    parser.add_argument("--tree", action="store_true", help="print who needs what, as a tree")
    parser.add_argument(
        "--depth", type=int, metavar="N", help="print the tree, at most N levels below the roots"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Show one lock."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.wiring import pins_beside, recordings_beside
    from envlock.workflows.inspect import inspect_lock

    inspected = inspect_lock(
        arguments.lock,
        arguments.platform,
        pins_beside(arguments.lock),
        recordings_beside(arguments.lock),
        DiskWorkspace(),
    )
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe_lock(inspected))])
    elif arguments.tree or arguments.depth is not None:
        emit(render_tree(inspected, depth=arguments.depth))
    else:
        every = arguments.all or arguments.sort is not None
        width = terminal_width()
        emit(render_lock(inspected, order=arguments.sort or "name", every=every, width=width))
        _talk(inspected, every=every)
    return 0


def _talk(inspected: Inspected, *, every: bool) -> None:
    """Say what the listing leaves out on stderr, where a filter on stdout does not hide it."""
    if inspected.sizes_unknown_because and any(item.rows for item in inspected.platforms):
        reason = printable(inspected.sizes_unknown_because)
        print(f"note: sizes are unknown: {reason}", file=sys.stderr)
    listed = sum(len(item.roots) for item in inspected.platforms)
    held = sum(len(item.rows) for item in inspected.platforms)
    if not every and listed < held:
        print(
            f"note: listed {listed:,} of {held:,}: those asked for, and those that nothing else "
            "needs; `--all` lists every package, `--tree` what needs what",
            file=sys.stderr,
        )


# --- for people -----------------------------------------------------------------------------------


def render_lock(
    inspected: Inspected, *, order: str, every: bool, width: int | None
) -> Iterator[str]:
    """Yield the head, then for each platform its facts and a table of packages."""
    yield from _head(inspected, width)
    for content in inspected.platforms:
        yield ""
        yield from _platform(inspected, content, width)
        rows = [row for row in content.rows if every or row.node in content.roots]
        if rows:
            yield ""
            yield from _table(_sorted(rows, order), width)


def _head(inspected: Inspected, width: int | None) -> Iterator[str]:
    head = inspected.opened.lock.head
    facts = {key.removeprefix(_PREFIX): value for key, value in head.facts.items()}
    made_by = facts.get("made-by")
    origin = f"locked by {made_by}" if made_by else "a lock of another tool"
    stack = f"{facts['stack']}, " if "stack" in facts else ""
    yield printable(f"{inspected.opened.path}: {stack}{origin}")
    told = {
        "channels": ", ".join(_channels(head)),
        "sources": "" if made_by else ", ".join(head.sources),
        "pin": _pin(facts),
        "as of": facts.get("as-of", ""),
        "updated": facts.get("updated", ""),
    }
    facts_told = [pair for pair in told.items() if pair[1]]
    yield from format_facts(facts_told, width=width, indent="  ")


def _channels(head: LockHead) -> list[str]:
    from envlock.formats.channel import channel_name, channel_url

    return [channel_name(channel_url(channel)) for channel in head.channels]


def _pin(facts: Mapping[str, str]) -> str:
    digest = facts.get("pin", "").removeprefix("sha256:")
    origin = f" ({facts['pin-origin']})" if "pin-origin" in facts else ""
    return f"{digest[:_DIGEST_DIGITS]}…{origin}" if digest else ""


def _platform(inspected: Inspected, content: PlatformContent, width: int | None) -> Iterator[str]:
    from envlock.workflows.inspect import total_of

    yield printable(f"{content.platform}: {_total(total_of(content.rows))}")
    told = [
        (FACT_NAMES.get(key, key.replace(_CODE, "code of ")), value)
        for key, value in _facts(inspected.opened.lock.head, content.platform)
    ]
    channels = ", ".join(_channel(name, total) for name, total in content.channels.items())
    if channels:
        told.append(("from", channels))
    yield from format_facts(told, width=width, indent="  ")
    if content.repeated:
        names = ", ".join(content.repeated[:_NAMED])
        more = ", …" if len(content.repeated) > _NAMED else ""
        yield printable(
            f"  {count(len(content.repeated), 'name')} locked more than once, as a merge that kept "
            f"both sides leaves them: {names}{more}"
        )


def _facts(head: LockHead, platform: str) -> list[tuple[str, str]]:
    """Return a platform's facts: frameworks and what else there is, CUDA, the machine."""
    start = f"{_PREFIX}{platform}/"
    facts = {
        key.removeprefix(start): value for key, value in head.facts.items() if key.startswith(start)
    }
    machine = [key for key in ("virtual-packages",) if key in facts]
    family = [key for key in LAST_FACTS if key in facts]
    code = sorted(key for key in facts if key.startswith(_CODE))
    others = sorted(key for key in facts if key not in (*machine, *family, *code))
    return [(key, facts[key]) for key in (*others, *family, *code, *machine)]


def _total(total: Total) -> str:
    packages = count(total.packages, "package")
    if total.packages == 0:
        return "no packages"
    if total.unknown_sizes == total.packages:
        return f"{packages}, download size unknown"
    if total.unknown_sizes:
        least, unknown = format_bytes(total.known_bytes), count(total.unknown_sizes, "size")
        return f"{packages}, at least {least} to download ({unknown} unknown)"
    return f"{packages}, {format_bytes(total.known_bytes)} to download"


def _channel(name: str, total: Total) -> str:
    if total.unknown_sizes == total.packages:
        return f"{name} {total.packages:,}"
    least = "at least " if total.unknown_sizes else ""
    return f"{name} {total.packages:,} ({least}{format_bytes(total.known_bytes)})"


def _sorted(rows: Sequence[Row], order: str) -> list[Row]:
    match order:
        case "size":
            return sorted(rows, key=lambda row: (-(row.size_bytes or 0), row.node))
        case "channel":
            return sorted(rows, key=lambda row: (row.archive.channel, row.node))
        case _:
            return sorted(rows, key=lambda row: (row.package.name, row.node))


def _table(rows: Sequence[Row], width: int | None) -> list[str]:
    from envlock.workflows.inspect import display_name

    with_sizes = any(row.size_bytes is not None for row in rows)
    heading = ["name", "version", "build", *(["size"] if with_sizes else []), "channel"]
    lines = [
        [
            display_name(row.node),
            row.package.version,
            row.archive.build or "-",
            *([_size(row.size_bytes)] if with_sizes else []),
            row.archive.channel,
        ]
        for row in rows
    ]
    right = (3,) if with_sizes else ()
    return format_table([heading, *lines], right=right, cut=2, width=width, indent="  ")


def _size(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else format_bytes(size_bytes)


def render_tree(inspected: Inspected, *, depth: int | None) -> Iterator[str]:
    """Yield a tree for each platform, from what was asked for down to what nothing hangs from."""
    from envlock.solve.graph import walk_tree
    from envlock.workflows.inspect import display_name, version_of

    has_repeats = False
    for content in inspected.platforms:
        if len(inspected.platforms) > 1:
            yield f"{printable(content.platform)}:"
        for branch in walk_tree(content.graph, content.roots, depth=depth):
            version = version_of(content.graph, branch.node)
            state = "" if branch.locked else " (not locked)"
            mark = " (*)" if branch.repeated else ""
            has_repeats = has_repeats or branch.repeated
            name = printable(f"{display_name(branch.node)} {version}".rstrip())
            yield f"{tree_prefix(branch.last)}{name}{state}{mark}"
        if len(inspected.platforms) > 1:
            yield ""
    if has_repeats:
        yield "(*) stands above with all that it needs"


# --- for programs ---------------------------------------------------------------------------------


def describe_lock(inspected: Inspected) -> Mapping[str, object]:
    """Return all that is known of a lock as plain data."""
    head = inspected.opened.lock.head
    return {
        "lock": inspected.opened.path,
        "stack": inspected.opened.stack_path,
        "facts": dict(head.facts),
        "channels": _channels(head),
        "sources": list(head.sources),
        "sizes_unknown_because": inspected.sizes_unknown_because,
        "platforms": {item.platform: _describe(item) for item in inspected.platforms},
    }


def _describe(content: PlatformContent) -> Mapping[str, object]:
    from envlock.workflows.inspect import total_of

    return {
        **_describe_total(total_of(content.rows)),
        "channels": {name: _describe_total(total) for name, total in content.channels.items()},
        "repeated": list(content.repeated),
        "packages": [_describe_row(row, content) for row in content.rows],
    }


def _describe_total(total: Total) -> Mapping[str, object]:
    return {
        "package_count": total.packages,
        "download_bytes": total.download_bytes,
        "known_bytes": total.known_bytes,
        "unknown_sizes": total.unknown_sizes,
    }


def _describe_row(row: Row, content: PlatformContent) -> Mapping[str, object]:
    from envlock.formats.secrets import public_address

    return {
        "name": row.package.name,
        "version": row.package.version,
        "build": row.archive.build,
        "channel": row.archive.channel,
        "manager": row.package.manager,
        "size_bytes": row.size_bytes,
        "url": public_address(row.package.url),
        "md5": row.package.md5,
        "sha256": row.package.sha256,
        "dependencies": dict(row.package.dependencies),
        "category": row.package.category,
        "is_root": row.node in content.roots,
    }
