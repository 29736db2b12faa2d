"""`envlock unpack`: what was packed, verified and put in its place."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count, emit
from envlock.errors import BundleError, EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.backends.bundle_reader import BundleReader
    from envlock.backends.bundle_unpack import Place
    from envlock.model.stack import Artifact

_DIGEST = re.compile(r"[0-9a-f]{64}")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "unpack",
        help="verify what was packed, and put it in its place",
        description="Read FILE once and verify every byte of it, then again and put it in its "
        "place: archives into the store, the lock with its stack and pins into a folder. Nothing "
        "is written before all is verified, and nothing that lies there is overwritten. Prints the "
        "lock's path; `envlock build --offline` makes the environment.",
        epilog="Exit status: 0 unpacked, 2 when the bundle is not whole or something else lies "
        "there, 4 when the disk refuses.",
    )
    parser.add_argument("file", metavar="FILE", help="a bundle of `envlock pack`")
    parser.add_argument(
        "--to", metavar="DIR", default=".", help="the folder for the lock (default: this one)"
    )
    parser.add_argument(
        "--sha256",
        metavar="DIGEST",
        help="refuse any bundle but the one of which `pack` printed this digest",
    )
    parser.add_argument(
        "--check", action="store_true", help="verify it to its last byte, and write nothing"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Unpack a bundle."""
    from envlock.backends.bundle_reader import open_bundle
    from envlock.backends.bundle_unpack import Place
    from envlock.backends.pins import cache_folder
    from envlock.workflows.bundles import lacks_artifacts

    if arguments.sha256 is not None and not _DIGEST.fullmatch(arguments.sha256):
        raise EnvlockError(
            f"--sha256: expected 64 lower-case hex digits, found {arguments.sha256[:80]!a}"
        )
    place = Place(Path(arguments.to).absolute(), cache_folder(os.environ, Path.home))
    with contextlib.closing(open_bundle(Path(arguments.file))) as reader:
        if arguments.sha256 not in (None, reader.sha256):
            raise BundleError(
                f"{arguments.file}: is another bundle\n"
                f"  expected a manifest of sha256: {arguments.sha256}\n"
                f"  found a manifest of sha256:    {reader.sha256}\n"
                "Nothing was unpacked; the store is unchanged.",
                hints=["is it the one that was packed last? `envlock pack` prints its digest"],
            )
        stack = _verify(reader, place, arguments)
        new = None if arguments.check else _unpack(reader, place, stack, arguments)
    _tell(reader, place, new, arguments, lacks=lacks_artifacts(reader.bundle, stack))
    return ExitCode.YES


def _verify(reader: BundleReader, place: Place, arguments: argparse.Namespace) -> bytes | None:
    """Read a bundle to its end and write nothing; returns its stack, where it has one."""
    from envlock.backends.bundle_unpack import read_lock, verify_rest
    from envlock.backends.bundle_writer import bundle_bytes
    from envlock.cli.progress import ByteMeter, clear_line
    from envlock.workflows.bundles import check_artifacts, check_lock

    check_lock(reader.bundle, read_lock(reader))
    if not arguments.check:
        place.check(reader.bundle)
    meter = ByteMeter("verifying", bundle_bytes(reader.bundle), is_quiet=arguments.quiet)
    stack = verify_rest(reader, meter.heed)
    check_artifacts(reader.bundle, stack)
    clear_line()
    return stack


def _unpack(
    reader: BundleReader, place: Place, stack: bytes | None, arguments: argparse.Namespace
) -> int:
    """Put a verified bundle in its place; returns how many archives the store had not."""
    from envlock.backends.bundle_unpack import put_in_place
    from envlock.backends.bundle_writer import bundle_bytes
    from envlock.cli.progress import ByteMeter, clear_line
    from envlock.cli.store_wiring import open_store
    from envlock.workflows.bundles import check_artifacts

    artifacts = check_artifacts(reader.bundle, stack)
    store = open_store()
    with store.needs() as needs:
        meter = ByteMeter("unpacking", bundle_bytes(reader.bundle), is_quiet=arguments.quiet)
        new = put_in_place(reader, place, store, needs, meter.heed)
        if artifacts:
            _show(artifacts, reader, place, store, needs)
    clear_line()
    return new


def _show(
    artifacts: tuple[Artifact, ...], reader: BundleReader, place: Place, store: Any, needs: Any
) -> None:
    """Let the store know the stack, so that what it names beside is kept."""
    from envlock.model.lock import stack_of
    from envlock.store.data_set import data_key

    files = {each.name: each.sha256 for each in artifacts}
    needs.add([data_key(files)])
    store.show_artifacts(files)
    store.know_stack(str(place.folder / stack_of(reader.bundle.lock).partition("/")[2]))


def _tell(
    reader: BundleReader,
    place: Place,
    new: int | None,
    arguments: argparse.Namespace,
    *,
    lacks: bool,
) -> None:
    """Say what was unpacked; `new` is None where it was only verified.

    `lacks` is whether its stack names artifacts that it does not carry.
    """
    from envlock.cli.pack import describe_bundle, summary

    bundle = reader.bundle
    lock = place.path_of(bundle.members[0])
    shown = os.path.relpath(lock) if arguments.to == "." else str(Path(arguments.to) / lock.name)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        placed = {} if new is None else {"lock": shown, "new": new}
        emit([format_canonical({**placed, **describe_bundle(bundle, reader.sha256)})])
        return
    if new is None:
        what = f"{', '.join(bundle.platforms)}, {summary(bundle)}"
        emit([f"{bundle.name}: whole; {what}", f"  sha256 of its manifest: {reader.sha256}"])
        return
    more = " --no-artifacts" if lacks else ""
    if not arguments.quiet:
        if lacks:
            print("note: the artifacts that its stack names are not in it", file=sys.stderr)
        print(
            f"{bundle.name}: unpacked for {', '.join(bundle.platforms)}, {summary(bundle)}; "
            f"{count(new, 'file')} new in the store\n"
            f"build it: `envlock build {shown} --offline{more}`; until then `envlock gc` lets its "
            "archives go",
            file=sys.stderr,
        )
    emit([shown])
