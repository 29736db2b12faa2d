"""`envlock diff`: what changed between two locks, on disk or in git's history."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.table import (
    count,
    emit,
    format_bytes,
    format_facts,
    format_table,
    printable,
    terminal_width,
)
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.model.lock import LockedPackage
    from envlock.solve.difference import Aspect, Difference, HeadChange, PackageChange
    from envlock.workflows.compare import Compared, SizeChange

_DIGEST = re.compile(r"(?<=sha256:)([0-9a-f]{12})[0-9a-f]{52}")
_HASH_DIGITS = 12
_NAMED = 4
_COUNTED = ("added", "removed", "up", "down")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "diff",
        help="compare two locks",
        description="Say what changed from OLD to NEW: packages added, removed, up, down, or the "
        "same version with another build, channel, file, hash or dependencies, and which facts of "
        "the heads changed. Each is a lock, a stack that a lock lies beside, REVISION:path in "
        "git, or a bare REVISION, which means the other side's file as it was then. Without NEW, "
        "OLD is compared with the file as it is now; a file alone is compared with HEAD.",
        epilog="Exit status: 0 when both locks say the same, 1 when they differ, as diff does.",
    )
    parser.add_argument("old", metavar="OLD", help="such as HEAD~3 or HEAD:stacks/a.toml")
    parser.add_argument("new", metavar="NEW", nargs="?", help="such as stacks/a.toml")
    parser.add_argument("--platform", action="append", default=[], help="compare only this one")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Compare two locks."""
    from envlock.backends.files import DiskWorkspace
    from envlock.backends.git import GitHistory
    from envlock.cli.wiring import pins_beside, recordings_beside
    from envlock.workflows.compare import (
        CompareTools,
        compare_sides,
        find_sides,
    )

    tools = CompareTools(
        workspace=DiskWorkspace(),
        history=GitHistory(),
        pins_beside=pins_beside,
        recordings_beside=recordings_beside,
    )
    before, after = find_sides(arguments.old, arguments.new, tools)
    compared = compare_sides(before, after, arguments.platform, tools)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(compared))])
    else:
        emit(render(compared, width=terminal_width()))
    return ExitCode.YES if compared.difference.is_empty else ExitCode.NO


# --- for people -----------------------------------------------------------------------------------


def render(compared: Compared, *, width: int | None = None) -> Iterator[str]:
    """Yield a count for each platform, the packages, merged over platforms, then the heads.

    What the heads tell of a platform that came or went as a whole is left out: it is all new, or
    all gone.
    """
    difference = compared.difference
    sides = printable(f"{compared.before.label} -> {compared.after.label}")
    if difference.is_empty:
        yield f"{sides}: no difference"
        return
    yield sides
    yield from format_table(
        [
            [f"{platform}:", _counts(changes), _size(compared.sizes[platform])]
            for platform, changes in difference.platforms.items()
        ],
        indent="  ",
    )
    yield from render_packages(difference, width=width)
    rows = [_head_row(item) for item in difference.head if _place(item) not in compared.one_sided]
    if rows:
        yield ""
        yield "recorded in the head:"
        yield from format_facts(rows, width=width, indent="  ")


def _place(change: HeadChange) -> str:
    """Return the platform that an entry of the heads is about, where it is about one."""
    return change.key.removeprefix("content_hash: ").partition("/")[0]


def render_packages(difference: Difference, *, width: int | None = None) -> Iterator[str]:
    """Yield what changed, a block for each set of platforms that shares it, largest first."""
    merged = _merge(difference.platforms)
    for platforms in sorted(merged, key=lambda item: (-len(item), item)):
        yield ""
        if len(difference.platforms) > 1:
            every = len(platforms) == len(difference.platforms)
            yield "on all platforms:" if every else printable(f"on {', '.join(platforms)}:")
        yield from format_facts(merged[platforms], width=width, indent="  ")


def _counts(changes: Sequence[PackageChange]) -> str:
    if not changes:
        return "the same packages"
    kinds = [change.kind for change in changes]
    told = [f"{kinds.count(kind):,} {kind}" for kind in _COUNTED if kind in kinds]
    rest = sum(kind not in _COUNTED for kind in kinds)
    return ", ".join([*told, *([f"{rest:,} otherwise changed"] if rest else [])])


def _size(change: SizeChange) -> str:
    if change.download_bytes == 0:
        return ""
    sign = "+" if change.known_bytes >= 0 else ""
    if change.unknown_sizes == 0:
        return f"{sign}{format_bytes(change.known_bytes)} to download"
    unknown = f"{count(change.unknown_sizes, 'size')} unknown"
    known = f"{sign}{format_bytes(change.known_bytes)}, " if change.known_bytes else ""
    return f"{known}{unknown}"


def _head_row(change: HeadChange) -> tuple[str, str]:
    def show(value: str | None) -> str:
        return "(none)" if value is None else _DIGEST.sub(r"\1…", value)

    return change.key, f"{show(change.before)} -> {show(change.after)}"


_Row = tuple[str, str, str]


def _merge(platforms: Mapping[str, Sequence[PackageChange]]) -> dict[tuple[str, ...], list[_Row]]:
    """Return the rows by the platforms that share them, in the order in which people ask."""
    from envlock.solve.difference import KINDS

    shared: dict[_Row, list[str]] = {}
    for platform, changes in platforms.items():
        for change in changes:
            shared.setdefault(_row(change), []).append(platform)
    merged: dict[tuple[str, ...], list[_Row]] = {}
    for row in sorted(shared, key=lambda row: (KINDS.index(row[0]), row)):
        merged.setdefault(tuple(dict.fromkeys(shared[row])), []).append(row)
    return merged


def _row(change: PackageChange) -> _Row:
    package = change.either
    name = f"{package.name} (PyPI)" if package.manager == "pip" else package.name
    return (change.kind, name, _tell(change))


def _tell(change: PackageChange) -> str:
    """Say what changed; a version alone where it moved, unless the build changed in kind, too."""
    from envlock.solve.difference import build_variant, parse_archive

    before, after = change.before, change.after
    if before is None or after is None:
        return f"{change.either.version} {build_variant(change.either)}".rstrip()
    old, new = parse_archive(before), parse_archive(after)
    told = []
    if before.version != after.version:
        told.append(f"{before.version} -> {after.version}")
        variants = build_variant(before), build_variant(after)
        if variants[0] != variants[1]:
            told.append(f"build {variants[0] or 'plain'} -> {variants[1] or 'plain'}")
    elif old.build != new.build:
        told.append(f"{before.version}, {old.build or 'none'} -> {new.build or 'none'}")
    elif old.channel != new.channel:
        told.append(before.version)
    if old.channel != new.channel:
        told.append(f"from {old.channel} -> {new.channel}")
    return ", ".join(told) or f"{before.version}, {_tell_rest(change.aspects, before, after)}"


def _tell_rest(aspects: Sequence[Aspect], before: LockedPackage, after: LockedPackage) -> str:
    """Say what differs in a package of the same version, build and channel."""
    from envlock.formats.secrets import public_address
    from envlock.solve.difference import Aspect, parse_archive

    names = parse_archive(before).file_name, parse_archive(after).file_name
    if Aspect.FILE in aspects and names[0] != names[1]:
        return f"{names[0]} -> {names[1]}"
    if Aspect.FILE in aspects:
        return f"{public_address(before.url)} -> {public_address(after.url)}"
    if Aspect.HASH in aspects:
        return f"{_hash(before, after)} -> {_hash(after, before)}"
    if Aspect.DEPENDENCIES in aspects:
        return _tell_dependencies(before.dependencies, after.dependencies)
    return f"{before.category} -> {after.category}"


def _hash(package: LockedPackage, other: LockedPackage) -> str:
    """Return the hash that tells two entries apart, or which one there is."""
    for kind, value, there in (
        ("sha256", package.sha256, other.sha256),
        ("md5", package.md5, other.md5),
    ):
        if value != there:
            return f"{kind} {value[:_HASH_DIGITS]}…" if value else f"no {kind}"
    return "the same hashes"


def _tell_dependencies(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    told = [f"needs {name} {after[name]}".rstrip() for name in sorted(after.keys() - before.keys())]
    told += [f"no longer needs {name}" for name in sorted(before.keys() - after.keys())]
    told += [
        f"needs {name} {before[name] or '*'} -> {after[name] or '*'}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]
    more = f" and {len(told) - _NAMED:,} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


# --- for programs ---------------------------------------------------------------------------------


def describe(compared: Compared) -> Mapping[str, object]:
    """Return the difference as plain data."""
    difference = compared.difference
    return {
        "before": compared.before.label,
        "after": compared.after.label,
        "is_equal": difference.is_empty,
        "packages_are_equal": difference.packages_are_equal,
        "head": [
            {"key": change.key, "before": change.before, "after": change.after}
            for change in difference.head
        ],
        "platforms": {
            platform: {
                "changes": [_describe(change) for change in changes],
                "download_bytes": compared.sizes[platform].download_bytes,
                "known_bytes": compared.sizes[platform].known_bytes,
                "unknown_sizes": compared.sizes[platform].unknown_sizes,
            }
            for platform, changes in difference.platforms.items()
        },
    }


def _describe(change: PackageChange) -> Mapping[str, object]:
    return {
        "name": change.either.name,
        "manager": change.either.manager,
        "kind": change.kind,
        "aspects": [aspect.value for aspect in change.aspects],
        "before": _describe_package(change.before),
        "after": _describe_package(change.after),
    }


def _describe_package(package: LockedPackage | None) -> Mapping[str, object] | None:
    from envlock.formats.secrets import public_address
    from envlock.solve.difference import parse_archive

    if package is None:
        return None
    archive = parse_archive(package)
    return {
        "version": package.version,
        "build": archive.build,
        "channel": archive.channel,
        "url": public_address(package.url),
        "md5": package.md5,
        "sha256": package.sha256,
        "dependencies": dict(package.dependencies),
        "category": package.category,
    }
