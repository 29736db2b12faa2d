"""`envlock pack`: all that a lock takes to be built, in one file."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.store_wiring import (
    add_fetch_options,
    make_build_tools,
    open_store,
    this_platform,
)
from envlock.cli.table import count, emit, format_bytes
from envlock.errors import BundleError, ExitCode
from envlock.model.platform import Platform

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from envlock.backends.bundle_writer import Source
    from envlock.model.bundle import Bundle, Member
    from envlock.ports.store import Needs
    from envlock.workflows.build import BuildTools

_STATE = "No bundle was written."


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "pack",
        help="write all that a lock takes to be built into one file",
        description="Write LOCK, its stack, its index pin and every archive that it names into one "
        "file, from which `envlock unpack` and `envlock build --offline` make the same environment "
        "on a machine without a network. The same input gives the same bytes. The file is a plain "
        "tar; the digest that is printed stands for every byte of it.",
        epilog="Exit status: 0 written, 2 when the lock or an archive is at fault, 4 when the "
        "network or the disk is.",
    )
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the bundle")
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        choices=[each.value for each in Platform],
        help="pack for this platform (default: this machine's); may be repeated",
    )
    parser.add_argument(
        "--artifacts", action="store_true", help="pack the stack's [[artifacts]], too"
    )
    own = parser.add_mutually_exclusive_group()
    own.add_argument(
        "--with-envlock",
        action="store_true",
        help="pack envlock itself, and what pip fetches for it for this version of Python",
    )
    own.add_argument(
        "--envlock-wheels",
        metavar="DIR",
        help="pack envlock itself, and the wheels in DIR that it needs",
    )
    add_fetch_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Write a bundle."""
    from envlock.backends.bundle_writer import bundle_bytes, write_bundle
    from envlock.cli.places import refuse_files
    from envlock.cli.progress import ByteMeter, clear_line
    from envlock.model.lock import lock_of

    lock = lock_of(arguments.lock)
    refuse_files([("--output", arguments.output)], [("LOCK", lock)], _STATE)
    store = open_store()
    tools = make_build_tools(store, arguments)
    with store.needs() as needs, ExitStack() as until_then:
        packing = _Packing(lock, arguments, tools, needs)
        packing.add_packages()
        packing.add_stack()
        if arguments.artifacts:
            packing.add_artifacts()
        packing.add_pins()
        if arguments.with_envlock or arguments.envlock_wheels:
            packing.add_envlock(until_then)
        bundle = packing.bundle()
        meter = ByteMeter("packing", bundle_bytes(bundle), is_quiet=arguments.quiet)
        digest = write_bundle(Path(arguments.output), bundle, packing.sources, meter.heed)
    clear_line()
    _tell(arguments, bundle, digest, packing.notes)
    return ExitCode.YES


class _Packing:
    """What goes into a bundle, as it is gathered, and what a person should know of it."""

    def __init__(
        self, lock: str, arguments: argparse.Namespace, tools: BuildTools, needs: Needs
    ) -> None:
        from envlock.model.lock import stack_of
        from envlock.workflows.build import read_lock_bytes, read_stack_lock
        from envlock.workflows.bundles import load_of, platforms_to_pack

        content = read_lock_bytes(lock, tools.workspace)
        locked = read_stack_lock(content, lock)
        here = Platform(arguments.platform[0]) if arguments.platform else this_platform()
        self.load = load_of(locked, platforms_to_pack(locked, arguments.platform, here))
        self.sources: dict[str, Source] = {}
        self.notes: list[str] = []
        self._members: list[Member] = []
        self._arguments, self._tools, self._needs = arguments, tools, needs
        self._stack = stack_of(lock)
        self._lock = f"stack/{Path(lock).name}"
        self._pin = self._recording = ""
        self._add(self._lock, content)

    def _add(self, path: str, source: Source, digest: str | None = None) -> None:
        from envlock.backends.bundle_writer import describe

        self._members.append(describe(path, source, digest))
        self.sources[path] = source

    def _add_kept(self, folder: str, digests: Iterable[str]) -> None:
        for digest in sorted(digests):
            place = Path(self._tools.artifacts.path_of(digest))
            self._add(f"{folder}/{digest}", place, digest)

    def add_packages(self) -> None:
        """Add the archives, those fetched that are not here."""
        from envlock.workflows.build import fetch

        packages = self.load.packages
        self._needs.add(each.sha256 for each in packages)
        has = self._tools.artifacts.has
        fetch([each for each in packages if not has(each.sha256)], self._tools)
        self._add_kept("packages", {each.sha256 for each in packages})

    def add_stack(self) -> None:
        """Add the stack, where there is one."""
        from envlock.formats.stack_toml import LARGEST_BYTES

        if self._tools.workspace.exists(self._stack):
            content = self._tools.workspace.read_bytes(self._stack, limit_bytes=LARGEST_BYTES)
            self._add(f"stack/{Path(self._stack).name}", content)
            if b"[[artifacts]]" in content and not self._arguments.artifacts:
                self.notes.append("its stack's artifacts are left out: `--artifacts` packs them")
        else:
            self.notes.append(f"there is no {self._stack}: the bundle has no stack")

    def add_artifacts(self) -> None:
        """Add what the stack names beside, fetched if it is not here."""
        from envlock.cli.wiring import load_stack
        from envlock.workflows.artifacts import bring_artifacts

        artifacts = load_stack(self._stack).artifacts
        bring_artifacts(artifacts, self._tools, self._needs)
        self._add_kept("artifacts", {each.sha256 for each in artifacts})

    def add_pins(self) -> None:
        """Add what the lock was solved from, where it lies beside."""
        from envlock.backends.files import is_file
        from envlock.cli.wiring import pins_beside, recordings_beside

        pins, recordings = pins_beside(self._stack), recordings_beside(self._stack)
        pin, recording = self.load.pin, self.load.recording
        if pin and is_file(pins.manifest(pin)):
            self._pin = pin
            for place, file in pins.files(pin).items():
                self._add(f"stack/{place}", file)
        elif pin:
            self.notes.append(_lacking("index pin", pin))
        if recording and is_file(recordings.path_of(recording)):
            self._recording = recording
            file = recordings.file(recording)
            self._add(f"stack/pins/pypi/{file.name}", file)
        elif recording:
            self.notes.append(_lacking("recording of the package index", recording))

    def add_envlock(self, until_then: ExitStack) -> None:
        """Add envlock's own wheel and those that it needs."""
        from envlock.backends.envlock_wheels import download_wheels, own_wheel, wheels_in

        folder = Path(self._arguments.envlock_wheels or "")
        if self._arguments.with_envlock:
            folder = Path(until_then.enter_context(tempfile.TemporaryDirectory(prefix="envlock-")))
            self._tools.reporter.step("fetching what envlock needs")
            download_wheels(folder, self.load.platforms, this_platform())
            self.notes.append(
                "what envlock needs was fetched by pip, the newest that fits: packed again later "
                "it may be other wheels; `--envlock-wheels DIR` packs the same each time"
            )
        name, content = own_wheel()
        self._add(f"envlock-wheels/{name}", content)
        for file_name, path in wheels_in(folder).items():
            self._add(f"envlock-wheels/{file_name}", path)

    def bundle(self) -> Bundle:
        """Return the manifest of what was added. Raises `BundleError` for a name it cannot have."""
        from envlock.formats.bundle import check_members, order_members
        from envlock.model.bundle import BUNDLE_VERSION, Bundle

        try:
            bundle = Bundle(
                version=BUNDLE_VERSION,
                name=self.load.name,
                lock=self._lock,
                pin=self._pin,
                recording=self._recording,
                platforms=tuple(each.value for each in self.load.platforms),
                members=order_members(self._members, self._lock),
            )
            check_members(bundle)
        except ValueError as error:
            raise BundleError(
                f"{self._lock}: cannot be packed: {error}\n{_STATE}",
                hints=["give the file a plain name, such as `torch.conda-lock.yml`"],
            ) from None
        return bundle


def _lacking(what: str, digest: str) -> str:
    return (
        f"the {what} {digest[:12]}… that the lock was solved from is not beside it: the bundle can "
        "be built, and not solved again"
    )


def _tell(arguments: argparse.Namespace, bundle: Bundle, digest: str, notes: Sequence[str]) -> None:
    from envlock.backends.bundle_writer import bundle_bytes

    if not arguments.quiet:
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical({"file": arguments.output, **describe_bundle(bundle, digest)})])
        return
    if not arguments.quiet:
        size = format_bytes(bundle_bytes(bundle))
        print(
            f"{bundle.name}: packed for {', '.join(bundle.platforms)}, {summary(bundle)}, {size}\n"
            f"  sha256 of its manifest: {digest}",
            file=sys.stderr,
        )
    emit([arguments.output])


def summary(bundle: Bundle) -> str:
    """Return what a bundle has, counted."""
    artifacts, wheels = bundle.within("artifacts"), bundle.within("envlock-wheels")
    return ", ".join(
        [
            count(len(bundle.within("packages")), "archive"),
            *([count(len(artifacts), "artifact")] if artifacts else []),
            *(["its index pin"] if bundle.pin else []),
            *(["its recording of the package index"] if bundle.recording else []),
            *([f"envlock in {count(len(wheels), 'wheel')}"] if wheels else []),
        ]
    )


def describe_bundle(bundle: Bundle, digest: str) -> dict[str, object]:
    """Return a bundle as plain data."""
    return {
        "name": bundle.name,
        "platforms": list(bundle.platforms),
        "manifest_sha256": digest,
        "pin": bundle.pin,
        "recording": bundle.recording,
        "packages": len(bundle.within("packages")),
        "artifacts": len(bundle.within("artifacts")),
        "envlock_wheels": len(bundle.within("envlock-wheels")),
        "size_bytes": sum(each.size_bytes for each in bundle.members),
    }
