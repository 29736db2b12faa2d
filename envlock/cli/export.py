"""`envlock export`: a lock for another builder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.table import count
from envlock.errors import ExitCode
from envlock.model.platform import Platform

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.export import Export


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "export",
        help="write a lock for another builder: real Nix",
        description="Write what another builder needs to make a lock's environment.",
    )
    formats = parser.add_subparsers(required=True, metavar="FORMAT")
    _add_nix(formats)


def _add_nix(formats: Any) -> None:
    parser = formats.add_parser(
        "nix",
        help="the JSON that this repository's flake builds an environment from",
        description="Fetch what LOCK names, every file held against its SHA-256, and write the "
        "JSON that `lib.fromLock` of envlock's flake.nix reads. The same lock gives the same "
        "bytes. Nix builds the platforms linux-64 and linux-aarch64; the others are left out, and "
        "it is said.",
        epilog="Exit status: 0 written, 2 when the lock or an archive is at fault, 4 when the "
        "network or the disk is.",
    )
    parser.set_defaults(action=_export_nix)
    parser.add_argument("lock", metavar="LOCK", help="a lock, or the stack that it lies beside")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there (default: stdout)")
    parser.add_argument(
        "--artifacts",
        metavar="DIR",
        help="copy the artifacts there under the names that Nix knows them by: "
        "`nix-store --add-fixed sha256 DIR/*` puts them into its store, and nothing is downloaded",
    )
    parser.add_argument(
        "--platform",
        choices=[each.value for each in Platform],
        action="append",
        default=[],
        help="export this platform only; may be repeated (default: all that Nix builds)",
    )
    parser.add_argument(
        "--jobs", type=int, default=8, metavar="N", help="downloads at once (default: 8)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="use only what the store and local folders hold"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")


def run(arguments: argparse.Namespace) -> int:
    """Write the format that was asked for."""
    return int(arguments.action(arguments))


def _export_nix(arguments: argparse.Namespace) -> int:
    from envlock.backends.conda_measure import CondaMeasure
    from envlock.cli.store_wiring import make_build_tools, open_store
    from envlock.model.lock import lock_of
    from envlock.workflows.export import ExportTools, export_nix

    store = open_store()
    tools = make_build_tools(store, arguments)
    with store.needs() as needs:
        exported = export_nix(
            lock_of(arguments.lock),
            [Platform(name) for name in arguments.platform],
            ExportTools(
                workspace=tools.workspace,
                artifacts=tools.artifacts,
                measure=CondaMeasure(tools.artifacts.path_of),
                reporter=tools.reporter,
                progress=tools.progress,
                needs=needs,
            ),
        )
        if arguments.artifacts:
            _copy(exported, Path(arguments.artifacts), tools.artifacts.path_of)
    if arguments.output:
        tools.workspace.write_bytes(arguments.output, exported.content)
    _tell(exported, arguments)
    return ExitCode.YES


def _copy(exported: Export, folder: Path, path_of: Any) -> None:
    from envlock.backends.artifact_copies import copy_artifacts
    from envlock.formats.nix import store_name

    files = {store_name(item.file_name): path_of(item.sha256) for item in exported.artifacts}
    copy_artifacts(files, folder)


def _tell(exported: Export, arguments: argparse.Namespace) -> None:
    from envlock.cli.progress import clear_line

    clear_line()
    if not arguments.quiet:
        for name, reason in exported.left_out.items():
            print(f"note: {name} is left out: {reason}", file=sys.stderr)
        if arguments.output:
            what = count(len(exported.artifacts), "artifact")
            print(f"{arguments.output}: written, {what}", file=sys.stderr)
        if arguments.artifacts:
            place = Path(arguments.artifacts) / "*"
            print(
                f"put them into the Nix store: nix-store --add-fixed sha256 {place}",
                file=sys.stderr,
            )
    if not arguments.output:
        sys.stdout.flush()
        sys.stdout.buffer.write(exported.content)
        sys.stdout.flush()
