"""`envlock why`: which wishes bring a package into a lock, by the shortest ways."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit, printable
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.solve.graph import Way, Wish
    from envlock.workflows.inspect import Explained, PlatformReasons

_SHOWN_REASONS = 10
_SHOWN_ROOTS = 5
_FILE_ENDINGS = (".toml", ".yml", ".yaml")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "why",
        help="tell which wishes bring a package into a lock",
        description="Print every shortest way from something that the stack asks for to PACKAGE, "
        "with what each step asks of the next. A way begins at the wish nearest to the package. In "
        "a lock of another tool, which records no wishes, a way begins at a package that no other "
        "one needs. PACKAGE and LOCK may come in either order.",
        epilog="Exit status: 0 when the package is locked, 1 when it is not.",
    )
    parser.add_argument("package", metavar="PACKAGE", help="a package name; `__cuda` works, too")
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument(
        "--platform", action="append", default=[], help="look only at this platform"
    )
    parser.add_argument("--all", action="store_true", help=f"print more than {_SHOWN_REASONS} ways")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Explain one package."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.inspect import explain_package

    package, lock = _in_order(arguments.package, arguments.lock)
    explained = explain_package(package, lock, arguments.platform, DiskWorkspace())
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(explained))])
    else:
        limit = None if arguments.all else _SHOWN_REASONS
        emit(render(explained, limit=limit))
        _talk(explained)
    return ExitCode.YES if explained.is_answered else ExitCode.NO


def _in_order(first: str, second: str) -> tuple[str, str]:
    """Return the package, then the lock: whichever looks more like a file is the lock."""
    return (second, first) if _likeness(first) > _likeness(second) else (first, second)


def _likeness(text: str) -> int:
    """Say how much a text looks like a lock or a stack; `ruamel.yaml` is a package, too."""
    from pathlib import Path

    return text.endswith(_FILE_ENDINGS) + Path(text).is_file()


def _talk(explained: Explained) -> None:
    for note in [explained.note] if explained.note else []:
        print(f"note: {printable(note)}", file=sys.stderr)
    for hint in _hints(explained):
        print(f"\nhint: {printable(hint)}", file=sys.stderr)


def _hints(explained: Explained) -> Iterator[str]:
    if explained.is_answered:
        return
    if explained.asked_anew:
        yield f"lock it: `envlock solve {explained.opened.stack_path}`"
    elif explained.near:
        from envlock.workflows.inspect import display_name

        near = " or ".join(f"`{display_name(name)}`" for name in explained.near)
        yield f"did you mean {near}?"


# --- for people -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reason:
    """One way, or a direct wish, in the words that are printed."""

    weight: tuple[int, str]
    lines: tuple[str, ...]


def render(explained: Explained, *, limit: int | None) -> Iterator[str]:
    """Yield the package, then the reasons, merged over the platforms that share them."""
    yield from _heading(explained)
    for key in explained.asked_anew:
        place = explained.places.get(key, key)
        yield printable(f"  {place} asks for it, and the lock was solved without that")
    shared: dict[_Reason, list[str]] = {}
    for platform in explained.platforms:
        for reason in _reasons(explained, platform, every=limit is None):
            shared.setdefault(reason, []).append(platform.platform)
    by_platforms: dict[tuple[str, ...], list[_Reason]] = {}
    for reason in sorted(shared, key=lambda item: item.weight):
        by_platforms.setdefault(tuple(shared[reason]), []).append(reason)
    for platforms in sorted(by_platforms, key=lambda item: (-len(item), item)):
        yield ""
        yield from _block(explained, platforms, by_platforms[platforms], limit)


def _heading(explained: Explained) -> Iterator[str]:
    from envlock.workflows.inspect import display_name

    found: dict[str, list[str]] = {}
    for item in explained.platforms:
        versions = " and ".join(dict.fromkeys(package.version for package in item.packages))
        found.setdefault(versions, []).append(item.platform)
    name, path = display_name(explained.node), explained.opened.path
    if explained.is_locked:
        yield from (
            printable(f"{name} {version} on {', '.join(platforms)}")
            for version, platforms in found.items()
            if version
        )
        if "" in found:
            yield printable(f"not locked on {', '.join(found[''])}")
    elif explained.is_answered:
        yield printable(f"{name} is a fact about the machine that these packages ask for")
    elif explained.is_needed:
        yield printable(f"`{name}` is not in {path}, although packages there need it")
    else:
        yield printable(f"`{name}` is not in {path}")


def _block(
    explained: Explained, platforms: tuple[str, ...], reasons: list[_Reason], limit: int | None
) -> Iterator[str]:
    if len(explained.platforms) > 1:
        every = len(platforms) == len(explained.platforms)
        yield "on all platforms:" if every else printable(f"on {', '.join(platforms)}:")
    shown = reasons if limit is None else reasons[:limit]
    for reason in shown:
        yield from (f"  {line}" for line in reason.lines)
    if len(shown) < len(reasons):
        yield f"  … and {count(len(reasons) - len(shown), 'more way')}: `--all` prints them"


def _reasons(explained: Explained, platform: PlatformReasons, *, every: bool) -> Iterator[_Reason]:
    for wish in platform.wishes:
        yield _Reason((0, ""), (printable(_say_wish(explained, wish)),))
    if platform.packages and not platform.wishes and not platform.ways:
        yield _Reason((0, ""), ("no other package needs it: it was asked for, or left behind",))
    together: dict[tuple[str, ...], list[Way]] = {}
    for ways in platform.ways:
        wishes = platform.root_wishes.get(ways.root, ())
        for place, way in enumerate(ways.ways):
            if wishes or ways.length == 1:
                heading = [_say_wish(explained, wish) for wish in wishes]
                yield _reason((ways.length, f"{ways.root} {place:04}"), heading, platform, way)
            else:
                together.setdefault(way.nodes[1:], []).append(way)
        if ways.count > len(ways.ways):
            more = f"{ways.root}: {ways.count - len(ways.ways):,} more ways of the same length"
            yield _Reason((ways.length, f"{ways.root}~"), (printable(more),))
    for tail, found in together.items():
        heading = [_say_roots([way.nodes[0] for way in found], tail[0], every=every)]
        shared = replace(found[0], nodes=tail, specs=found[0].specs[1:])
        yield _reason((len(tail), found[0].nodes[0]), heading, platform, shared)


def _say_roots(roots: Sequence[str], needed: str, *, every: bool) -> str:
    """Return one line for packages that no other one needs and that need the same one."""
    from envlock.workflows.inspect import display_name

    shown = roots if every else roots[:_SHOWN_ROOTS]
    names = ", ".join(map(display_name, shown))
    more = f" and {len(roots) - len(shown):,} more" if len(shown) < len(roots) else ""
    verb = "needs" if len(roots) == 1 else "need"
    return f"{names}{more} {verb} `{display_name(needed)}`"


def _reason(
    weight: tuple[int, str], heading: Sequence[str], platform: PlatformReasons, way: Way
) -> _Reason:
    from envlock.workflows.inspect import display_name

    indent = "  " if heading else ""
    steps = []
    for (one, other), spec in zip(pairwise(way.nodes), way.specs, strict=True):
        asked = f"{display_name(other)} {spec}".rstrip()
        name = f"{display_name(one)} {platform.versions.get(one, '')}".rstrip()
        steps.append(f"{indent}{name} needs `{asked}`")
    return _Reason(weight, tuple(printable(line) for line in (*heading, *steps)))


def _say_wish(explained: Explained, wish: Wish) -> str:
    from envlock.workflows.inspect import display_name

    asked = f"{display_name(wish.node)} {wish.spec}"
    return f"{_place(explained, wish)} asks for `{asked.removesuffix(' *')}`"


def _place(explained: Explained, wish: Wish) -> str:
    """Return the line of a wish, or its key and why there is no line."""
    if wish.key in explained.places:
        return explained.places[wish.key]
    stack = explained.opened.stack_path
    return f"{wish.key} (no longer in {stack})" if explained.places and stack else wish.key


# --- for programs ---------------------------------------------------------------------------------


def describe(explained: Explained) -> Mapping[str, object]:
    """Return the reasons as plain data."""
    return {
        "lock": explained.opened.path,
        "package": explained.node,
        "is_locked": explained.is_locked,
        "near": list(explained.near),
        "asked_anew": [explained.places.get(key, key) for key in explained.asked_anew],
        "platforms": {item.platform: _describe(explained, item) for item in explained.platforms},
    }


def _describe(explained: Explained, reasons: PlatformReasons) -> Mapping[str, object]:
    return {
        "versions": [package.version for package in reasons.packages],
        "wishes": _describe_wishes(explained, reasons.wishes),
        "ways": [
            {
                "root": ways.root,
                "wishes": _describe_wishes(explained, reasons.root_wishes.get(ways.root, ())),
                "length": ways.length,
                "count": ways.count,
                "shortest": [_describe_way(reasons, way) for way in ways.ways],
            }
            for ways in reasons.ways
        ],
    }


def _describe_way(reasons: PlatformReasons, way: Way) -> list[Mapping[str, str]]:
    return [
        {"name": one, "version": reasons.versions.get(one, ""), "needs": other, "spec": spec}
        for (one, other), spec in zip(pairwise(way.nodes), way.specs, strict=True)
    ]


def _describe_wishes(explained: Explained, wishes: Iterable[Wish]) -> list[Mapping[str, str]]:
    return [
        {"place": _place(explained, wish), "key": wish.key, "spec": wish.spec} for wish in wishes
    ]
