"""`envlock receipt`: read what a verification leaves, hold it against something, sign it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.cli.table import emit, printable, terminal_width
from envlock.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.model.store import Environment

_FILE_HELP = "a receipt, or the lock or stack that it lies beside"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "receipt",
        help="show, check and sign what a verification leaves",
        description="A receipt says what was verified, where, and what came of it. It is an "
        "in-toto Statement with the test-result predicate, and lies beside its lock as "
        "NAME.receipt.json; signed, it is a DSSE envelope around that statement.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_show(actions)
    _add_check(actions)
    _add_sign(actions)
    _add_keygen(actions)


def _add_show(actions: Any) -> None:
    parser = actions.add_parser(
        "show",
        help="print a receipt",
        description="Print what a receipt says. A receipt that was altered is not shown; whether "
        "a signature fits is for `envlock receipt check`.",
    )
    parser.set_defaults(action=_show)
    parser.add_argument("file", metavar="FILE", help=_FILE_HELP)
    parser.add_argument("--html", metavar="OUT", help="write it as a page for a browser instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_check(actions: Any) -> None:
    parser = actions.add_parser(
        "check",
        help="say whether a receipt is whole, and is what it is held against",
        description="Say whether a receipt is whole and unaltered, and whether it belongs to a "
        "lock, to an environment of the store, and to somebody whose key you trust. Given a lock "
        "or a stack as FILE, the receipt beside it is held against that lock. A receipt without a "
        "signature is self-reported: anybody can write one.",
        epilog="Exit status: 0 it holds, 1 it does not, and why.",
    )
    parser.set_defaults(action=_check)
    parser.add_argument("file", metavar="FILE", help=_FILE_HELP)
    parser.add_argument("--lock", metavar="LOCK", help="the lock that it must be of, or its stack")
    parser.add_argument(
        "--key",
        metavar="PUB",
        action="append",
        default=[],
        help="a public key that you trust: one of them must have signed; may be repeated",
    )
    parser.add_argument(
        "--env",
        metavar="NAME",
        help="an environment of the store that it must be of: a lock, a profile, `profile@3`",
    )
    parser.add_argument("--passed", action="store_true", help="demand that its verdict is `passed`")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_sign(actions: Any) -> None:
    parser = actions.add_parser(
        "sign",
        help="sign a receipt with a private key",
        description="Sign a receipt with an ed25519 key: the file becomes a DSSE envelope that "
        "holds the receipt and the signature, unless --output names another. A receipt that was "
        "altered is not signed. One that is signed already gets one signature more.",
    )
    parser.set_defaults(action=_sign)
    parser.add_argument("file", metavar="FILE", help=_FILE_HELP)
    parser.add_argument("--key", metavar="PRIV", required=True, help="the private key's file")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the envelope there")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_keygen(actions: Any) -> None:
    parser = actions.add_parser(
        "keygen",
        help="make a key to sign receipts with",
        description="Make an ed25519 key: the private half at PATH, which only you can read, and "
        "the public half at PATH.pub, which you hand to those who check. No file is written over.",
    )
    parser.set_defaults(action=_keygen)
    parser.add_argument("path", metavar="PATH", help="where the private half is to lie")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    return int(arguments.action(arguments))


def _show(arguments: argparse.Namespace) -> int:
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.receipt_render import describe_file, render_file
    from envlock.workflows.receipts import load_receipt, receipt_of

    file = load_receipt(receipt_of(arguments.file), DiskWorkspace())
    if arguments.html:
        from envlock.formats.html_report import format_html

        DiskWorkspace().write_bytes(arguments.html, format_html(file.receipt).encode())
    if arguments.json:
        _print_json(describe_file(file))
    elif arguments.html:
        emit([printable(arguments.html)])
    else:
        emit(render_file(file, width=terminal_width()))
    return ExitCode.YES


def _check(arguments: argparse.Namespace) -> int:
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.receipt_render import describe_holding, render_holding
    from envlock.workflows.receipts import Demands, check_receipt, means_lock, receipt_of

    keys: tuple[Any, ...] = ()
    if arguments.key:
        from envlock.backends.signing import load_public_key

        keys = tuple(load_public_key(each) for each in arguments.key)
    beside = arguments.file if means_lock(arguments.file) else None
    demands = Demands(
        lock=arguments.lock or beside,
        keys=keys,
        environment=_find(arguments) if arguments.env else None,
        must_pass=arguments.passed,
    )
    holding = check_receipt(receipt_of(arguments.file), demands, DiskWorkspace())
    if arguments.json:
        _print_json(describe_holding(holding))
    else:
        emit(render_holding(holding))
    return ExitCode.YES if holding.holds else ExitCode.NO


def _find(arguments: argparse.Namespace) -> Environment:
    from envlock.cli.care_wiring import make_closure_tools
    from envlock.errors import StoreError
    from envlock.workflows.closures import find_environment

    found = find_environment(arguments.env, make_closure_tools(arguments))
    if found is None:
        raise StoreError(
            f"{arguments.env}: is not built, so no receipt can be held against it",
            hints=[f"`envlock build {arguments.env}` builds it"],
        )
    return found


def _sign(arguments: argparse.Namespace) -> int:
    from envlock.backends.files import DiskWorkspace
    from envlock.backends.signing import load_private_key
    from envlock.workflows.receipts import load_receipt, receipt_of, sign

    workspace = DiskWorkspace()
    key = load_private_key(arguments.key)
    file = load_receipt(receipt_of(arguments.file), workspace)
    output = arguments.output or file.path
    workspace.write_bytes(output, sign(file, key))
    if arguments.json:
        _print_json({"path": output, "keyid": key.keyid})
    else:
        emit([printable(f"signed {output} with {key.keyid}")])
    return ExitCode.YES


def _keygen(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from envlock.backends.signing import make_key

    public, keyid = make_key(Path(arguments.path))
    if arguments.json:
        _print_json({"private": arguments.path, "public": str(public), "keyid": keyid})
        return ExitCode.YES
    emit([printable(f"{public}")])
    print(
        printable(f"wrote {arguments.path}, keep it to yourself: whoever has it can sign as you"),
        file=sys.stderr,
    )
    print(f"key id {keyid}", file=sys.stderr)
    return ExitCode.YES


def _print_json(told: object) -> None:
    from envlock.formats.canonical import format_canonical

    emit([format_canonical(told)])
