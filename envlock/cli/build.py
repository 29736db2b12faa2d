"""`envlock build`: from a lock to an environment in the store."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.store_wiring import (
    add_artifacts_option,
    add_build_options,
    make_build_tools,
    open_store,
    read_request,
)
from envlock.cli.table import count, format_bytes
from envlock.errors import ExitCode
from envlock.model.platform import Platform

if TYPE_CHECKING:
    import argparse

    from envlock.model.store import Environment
    from envlock.model.tree import EntryDifference
    from envlock.workflows.build import Build

_SHOWN = 20


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "build",
        help="build a lock's environment in the store",
        description="Fetch what LOCK names, every file held against its SHA-256; unpack it; link "
        "it into an environment in the store ($ENVLOCK_HOME); make that the current generation of "
        "the stack's profile. What is there already is not built again. Prints the environment's "
        "path.",
        epilog="Exit status: 0 built or found built, 1 when --rebuild-check finds a difference, "
        "2 when the lock or an archive is at fault, 4 when the network or the disk is.",
    )
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument(
        "--platform",
        choices=[each.value for each in Platform],
        help="build for this platform (default: this machine's)",
    )
    add_build_options(parser)
    add_artifacts_option(parser)
    parser.add_argument(
        "--out-link",
        metavar="PATH",
        help="make a link to the environment there; it keeps the environment from being collected",
    )
    parser.add_argument(
        "--rebuild-check",
        action="store_true",
        help="build a second time beside the first, and compare the two file by file",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Build, or check a build."""
    request = read_request(arguments)
    store = open_store()
    tools = make_build_tools(store, arguments)
    with store.needs() as needs:
        if arguments.rebuild_check:
            from envlock.workflows.build import rebuild_check

            environment, differences = rebuild_check(request, tools, needs)
            return _tell_check(environment, differences, as_json=arguments.json)
        from envlock.workflows.build import build

        built = build(request, tools, needs)
        if arguments.out_link:
            store.add_out_link(arguments.out_link, built.environment)
    _tell(built, arguments)
    return ExitCode.YES


def _tell(built: Build, arguments: argparse.Namespace) -> None:
    from envlock.cli.progress import clear_line

    clear_line()
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(describe(built)))
        return
    tell_built(built, quiet=arguments.quiet)


def tell_built(built: Build, *, quiet: bool) -> None:
    """Print what was built, for people, and its path."""
    if not quiet:
        for line in _lines(built):
            print(line, file=sys.stderr)
        sys.stderr.flush()
    print(built.environment.path)


def _lines(built: Build) -> Iterator[str]:
    environment = built.environment
    derivation = environment.derivation
    verb = "built" if built.realisation.is_new else "is built already"
    yield f"{environment.name}: {verb} for {derivation.platform}, " + ", ".join(
        [
            count(len(derivation.artifacts), "artifact"),
            format_bytes(environment.size_bytes),
            f"generation {built.generation.number} of profile `{built.generation.profile}`",
        ]
    )
    yield f"  tree     sha256:{environment.tree_sha256}"
    yield f"  content  sha256:{environment.content_sha256}"
    notes = [*_not_hermetic(environment), *_scripted(built), *built.realisation.notes]
    for note in notes:
        yield f"note: {note}"


def _not_hermetic(environment: Environment) -> Iterator[str]:
    host = environment.derivation.interpreter
    if host is not None:
        yield (
            f"not hermetic: it runs on this machine's Python {host.version}, {host.executable} "
            f"(sha256:{host.sha256[:12]}…)"
        )


def _scripted(built: Build) -> Iterator[str]:
    """Say of an environment that was there that scripts have run in it; a new one has notes."""
    scripts = built.environment.derivation.link_scripts
    if scripts and not built.realisation.is_new:
        yield f"post-link scripts were allowed when it was built: {', '.join(scripts)}"


def describe(built: Build) -> dict[str, object]:
    """Return a build as plain data."""
    return {
        **describe_environment(built.environment),
        "is_new": built.realisation.is_new,
        "notes": list(built.realisation.notes),
        "profile": built.generation.profile,
        "generation": built.generation.number,
    }


def describe_environment(environment: Environment) -> dict[str, object]:
    """Return an environment as plain data."""
    import msgspec

    return {
        "name": environment.name,
        "path": environment.path,
        "platform": environment.derivation.platform,
        "tree_sha256": environment.tree_sha256,
        "content_sha256": environment.content_sha256,
        "size_bytes": environment.size_bytes,
        "built_at": environment.built_at,
        "is_hermetic": environment.derivation.is_hermetic,
        "link_scripts": list(environment.derivation.link_scripts),
        "interpreter": msgspec.to_builtins(environment.derivation.interpreter),
        "artifacts": len(environment.derivation.artifacts),
    }


def _tell_check(
    environment: Environment, differences: Sequence[EntryDifference], *, as_json: bool
) -> int:
    from envlock.cli.progress import clear_line

    clear_line()
    if as_json:
        import msgspec

        from envlock.formats.canonical import format_canonical

        found = {"differences": msgspec.to_builtins(differences)}
        print(format_canonical({**describe_environment(environment), **found}))
    elif differences:
        print(f"{environment.name}: a second build differs in {count(len(differences), 'place')}")
        for difference in differences[:_SHOWN]:
            print(f"  {difference}")
        if len(differences) > _SHOWN:
            print(f"  and {len(differences) - _SHOWN} more")
    else:
        print(f"{environment.name}: a second build is the same, file by file")
    return ExitCode.NO if differences else ExitCode.YES
