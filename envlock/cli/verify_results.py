"""What a verification leaves: the receipt, and the reports that were asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.backends.files import DiskWorkspace, is_folder
from envlock.cli.places import refuse_files
from envlock.errors import EnvlockError, WorldError

if TYPE_CHECKING:
    import argparse

    from envlock.model.receipt import Receipt
    from envlock.ports.signing import SigningKey
    from envlock.workflows.verify import Target


def load_signing_key(arguments: argparse.Namespace) -> SigningKey | None:
    """Return the key to sign with: a wrong one is told before anything is built."""
    if not arguments.sign:
        return None
    from envlock.backends.signing import load_private_key

    return load_private_key(arguments.sign)


def refuse_places(arguments: argparse.Namespace) -> None:
    """Raise `EnvlockError` for a place that nothing can be written to, before anything is run."""
    _refuse_no_receipt(arguments)
    read = [(option, path) for option, path in _given(arguments) if path]
    refuse_files(list(_written_files(arguments)), read, "Nothing was verified.")
    events = arguments.tensorboard
    if events and os.path.lexists(events) and not is_folder(events):
        raise EnvlockError(
            f"--tensorboard: expected a folder, found a file: {events}\nNothing was verified.",
            hints=["name a folder; it is made when there is none"],
        )


def _refuse_no_receipt(arguments: argparse.Namespace) -> None:
    for option in ("receipt", "sign"):
        if arguments.no_receipt and getattr(arguments, option):
            raise EnvlockError(
                f"--no-receipt writes no receipt, and --{option} wants one",
                hints=["leave one of them away"],
            )
    if arguments.sign and _receipt_path(arguments) is None:
        raise EnvlockError(
            "--sign: there is no receipt to sign: without LOCK one is written only where it is "
            "asked for",
            hints=["say where: `--receipt FILE`"],
        )


def _given(arguments: argparse.Namespace) -> Iterator[tuple[str, str | None]]:
    """Yield the files that are read, which nothing is written over."""
    from envlock.model.lock import lock_of

    yield "LOCK", arguments.lock and lock_of(arguments.lock)
    yield "LOCK", arguments.lock
    yield "--sign", arguments.sign


def _written_files(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield the files that are to be written, each with the option that says so."""
    receipt = _receipt_path(arguments)
    if arguments.receipt or (receipt and is_folder(Path(receipt).parent)):
        yield "--receipt", str(receipt)  # of a lock that is nowhere, its reader tells
    for option in ("html", "junit"):
        if getattr(arguments, option):
            yield f"--{option}", getattr(arguments, option)


def write_results(
    receipt: Receipt, target: Target, key: SigningKey | None, arguments: argparse.Namespace
) -> None:
    """Write the receipt beside the lock or where it was asked for, and the reports.

    A receipt that shows this lock training on a GPU is not replaced by one that shows less, unless
    its file was named.
    """
    for line in _written(receipt, target, key, arguments):
        if not arguments.quiet:
            print(line, file=sys.stderr)


def _written(
    receipt: Receipt, target: Target, key: SigningKey | None, arguments: argparse.Namespace
) -> Iterator[str]:
    workspace = DiskWorkspace()
    path = _receipt_path(arguments)
    if path is not None and not arguments.receipt and _shows_more(path, receipt, workspace):
        yield (
            f"note: {path} stays: it shows this lock training on a GPU, and this run shows less; "
            "write the new one with --receipt FILE"
        )
    elif path is not None:
        workspace.write_bytes(path, _content(receipt, path, key))
        told = f"signed with {key.keyid}" if key else "self-reported, unsigned"
        yield f"receipt: {path} ({told})"
    if arguments.junit:
        from envlock.formats.junit import format_junit

        workspace.write_bytes(arguments.junit, format_junit(receipt).encode())
        yield f"JUnit XML: {arguments.junit}"
    if arguments.html:
        from envlock.formats.html_report import format_html

        workspace.write_bytes(
            arguments.html, format_html(receipt, target.packages, target.fit).encode()
        )
        yield f"report: {arguments.html}"
    if arguments.tensorboard:
        from envlock.formats.tensorboard import events_name, format_events

        now = time.time()
        make_folder(arguments.tensorboard)
        events = str(Path(arguments.tensorboard, events_name(now)))
        workspace.write_bytes(events, format_events(receipt, now))
        yield f"TensorBoard: {events}"


def make_folder(path: str) -> None:
    """Make a folder where there is none. Raises `WorldError`."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorldError(f"{path}: no folder can be made there: {error.strerror}") from error


def _receipt_path(arguments: argparse.Namespace) -> str | None:
    from envlock.model.lock import lock_of
    from envlock.model.receipt import receipt_path

    if arguments.no_receipt:
        return None
    if arguments.receipt:
        return str(arguments.receipt)
    return receipt_path(lock_of(arguments.lock)) if arguments.lock else None


def _content(receipt: Receipt, path: str, key: SigningKey | None) -> bytes:
    from envlock.formats.receipt import format_receipt

    statement = format_receipt(receipt)
    if key is None:
        return statement
    from envlock.workflows.receipts import ReceiptFile, sign

    file = ReceiptFile(path=path, receipt=receipt, statement=statement, envelope=None)
    return sign(file, key)


def _shows_more(path: str, receipt: Receipt, workspace: DiskWorkspace) -> bool:
    """Say whether the receipt that lies there shows more of the same lock than a new one does."""
    from envlock.workflows.receipts import load_receipt

    if not workspace.exists(path):
        return False
    try:
        old = load_receipt(path, workspace).receipt
    except EnvlockError:  # what cannot be read shows nothing
        return False
    same_lock = old.subject.lock_sha256 == receipt.subject.lock_sha256
    return same_lock and _has_trained_on_gpu(old) and not _has_trained_on_gpu(receipt)


def _has_trained_on_gpu(receipt: Receipt) -> bool:
    from envlock.model.outcome import Obligation, Passed
    from envlock.model.receipt import Verdict

    return receipt.verdict is Verdict.PASSED and any(
        check.on_gpu
        and check.obligation is Obligation.TRAINING
        and isinstance(check.outcome, Passed)
        for check in receipt.checks
    )


def tell(receipt: Receipt, arguments: argparse.Namespace) -> None:
    """Print the checks, or the receipt."""
    if arguments.json:
        from envlock.formats.receipt import format_receipt

        print(format_receipt(receipt).decode().rstrip("\n"))
        return
    from envlock.cli.verify_render import render_receipt, verdict_line

    lines = [verdict_line(receipt)] if arguments.quiet else render_receipt(receipt)
    for line in lines:
        print(line)
