"""`envlock artifacts`: the files that a stack names beside its environment, weights and data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.store_wiring import add_fetch_options, make_build_tools, open_store
from envlock.cli.table import emit, format_bytes, format_table
from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from envlock.backends.disk_store import DiskStore
    from envlock.model.stack import Artifact

_STACK = "the stack whose [[artifacts]] are meant, or its lock"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "artifacts",
        help="fetch and find the weights and data that a stack names",
        description="A stack's [[artifacts]] are files such as weights and data sets: a name, an "
        "address and a SHA-256. They lie beside environments and are part of no key. `build`, "
        "`run`, `shell` and `activate` fetch them, too, and show them as $ENVLOCK_ARTIFACTS/NAME. "
        "They stay for as long as a generation, or a stack that they were fetched for, names them.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    fetch = actions.add_parser(
        "fetch",
        help="bring them here, every file held against its SHA-256",
        description="Fetch what is not here, go on with what came in part, hold every file against "
        "its SHA-256, and print the folder that shows them. The store knows the stack from then "
        "on: its artifacts are not collected while its file is there and names them.",
        epilog="Exit status: 0 all here, 2 when the stack or a file is at fault, 4 when the "
        "network or the disk is.",
    )
    fetch.set_defaults(action=_fetch)
    fetch.add_argument("lock", metavar="STACK", help=_STACK)
    fetch.add_argument("names", metavar="NAME", nargs="*", help="only these")
    add_fetch_options(fetch)
    fetch.add_argument(
        "--recheck", action="store_true", help="hash those anew that are here, and fetch if need be"
    )
    listing = actions.add_parser("list", help="say which there are, and which are here")
    listing.set_defaults(action=_list)
    listing.add_argument("lock", metavar="STACK", help=_STACK)
    path = actions.add_parser(
        "path",
        help="print where one lies",
        epilog="Exit status: 0 here, 1 when it is not here.",
    )
    path.set_defaults(action=_path)
    path.add_argument("lock", metavar="STACK", help=_STACK)
    path.add_argument("name", metavar="NAME", nargs="?", help="one of them; without: their folder")
    forget = actions.add_parser(
        "forget",
        help="let the store no longer keep them for a stack",
        description="Let the store forget the stack: what no generation names of its artifacts "
        "goes with the next `envlock gc`. The stack itself is left alone.",
    )
    forget.set_defaults(action=_forget)
    forget.add_argument("lock", metavar="STACK", help=_STACK)
    for each in (fetch, listing, path, forget):
        each.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    return int(arguments.action(arguments))


def _read(arguments: argparse.Namespace) -> tuple[str, tuple[Artifact, ...]]:
    """Return a stack's path and its artifacts. Raises `EnvlockError` where it has none."""
    from envlock.cli.wiring import load_stack
    from envlock.model.lock import stack_of

    path = stack_of(arguments.lock)
    artifacts = load_stack(path).artifacts
    if not artifacts:
        raise EnvlockError(
            f"{path}: expected [[artifacts]], found none",
            hints=["write them into the stack: name, url and sha256"],
        )
    return path, artifacts


def _fetch(arguments: argparse.Namespace) -> int:
    from envlock.cli.progress import clear_line
    from envlock.workflows.artifacts import choose_artifacts, fetch_artifacts, show_artifacts

    path, artifacts = _read(arguments)
    chosen = choose_artifacts(artifacts, arguments.names, path)
    store = open_store()
    tools = make_build_tools(store, arguments)
    with store.needs() as needs:
        key = show_artifacts(artifacts, tools, needs)
        store.know_stack(str(Path(path).absolute()))
        fetch_artifacts(chosen, tools, recheck=arguments.recheck)
    clear_line()
    if arguments.json:
        _print_json(store, key, chosen)
    else:
        emit([str(store.data.path(key))])
    return ExitCode.YES


def _list(arguments: argparse.Namespace) -> int:
    from envlock.store.data_set import data_key

    _, artifacts = _read(arguments)
    store = open_store()
    if arguments.json:
        _print_json(store, data_key({each.name: each.sha256 for each in artifacts}), artifacts)
        return ExitCode.YES
    rows = [
        (each.name, _size(store, each), f"sha256:{each.sha256[:12]}…", each.url)
        for each in artifacts
    ]
    emit(format_table([("name", "here", "", "address"), *rows], right=(1,)))
    return ExitCode.YES


def _size(store: DiskStore, artifact: Artifact) -> str:
    if not store.artifacts.has(artifact.sha256):
        return "-"
    return format_bytes(store.artifacts.path_of(artifact.sha256).stat().st_size)


def _path(arguments: argparse.Namespace) -> int:
    from envlock.store.data_set import data_key
    from envlock.workflows.artifacts import choose_artifacts

    path, artifacts = _read(arguments)
    chosen = choose_artifacts(artifacts, [arguments.name] if arguments.name else [], path)
    store = open_store()
    key = data_key({each.name: each.sha256 for each in artifacts})
    folder = store.data.path(key)
    missing = [each.name for each in chosen if not (folder / each.name).is_file()]
    if missing:
        raise _NotHereError(
            f"{', '.join(missing)}: not here",
            hints=[f"fetch it: `envlock artifacts fetch {path}`"],
        )
    if arguments.json:
        _print_json(store, key, chosen)
    else:
        emit([str(folder / arguments.name if arguments.name else folder)])
    return ExitCode.YES


class _NotHereError(EnvlockError):
    """An artifact was not fetched yet."""

    exit_code = ExitCode.NO


def _forget(arguments: argparse.Namespace) -> int:
    from envlock.model.lock import stack_of

    path = str(Path(stack_of(arguments.lock)).absolute())
    was_known = open_store().forget_stack(path)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical({"stack": path, "was_known": was_known})])
    else:
        emit([f"{path}: {'forgotten' if was_known else 'it was not known'}"])
    return ExitCode.YES


def _print_json(store: DiskStore, key: str, artifacts: Sequence[Artifact]) -> None:
    from envlock.formats.canonical import format_canonical

    folder = store.data.path(key)
    rows = [
        {
            "name": each.name,
            "sha256": each.sha256,
            "url": each.url,
            "is_here": store.artifacts.has(each.sha256),
            "path": str(folder / each.name),
        }
        for each in artifacts
    ]
    emit([format_canonical({"folder": str(folder), "artifacts": rows})])
