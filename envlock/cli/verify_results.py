"""What a verification leaves: the receipt, and the reports that were asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envlock.backends.files import DiskWorkspace

if TYPE_CHECKING:
    import argparse

    from envlock.model.receipt import Receipt
    from envlock.workflows.verify import Target


def write_results(receipt: Receipt, target: Target, arguments: argparse.Namespace) -> None:
    """Write the receipt beside the lock, or where it was asked for."""
    from envlock.formats.receipt import format_receipt

    workspace = DiskWorkspace()
    path = _receipt_path(arguments)
    if path is not None:
        content = format_receipt(receipt)
        workspace.write_bytes(path, content)
        print(f"receipt: {path} (self-reported, unsigned)", file=sys.stderr)


def _receipt_path(arguments: argparse.Namespace) -> str | None:
    from envlock.model.lock import lock_of
    from envlock.model.receipt import receipt_path

    if arguments.no_receipt:
        return None
    if arguments.receipt:
        return str(arguments.receipt)
    return receipt_path(lock_of(arguments.lock)) if arguments.lock else None


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
