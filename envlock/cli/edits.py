"""What `add`, `remove` and `pin` share: their options, and how an edit is told."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from envlock.workflows.edit import EditedStack


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every edit has."""
    parser.add_argument("--platform", help="edit [target.PLATFORM] instead of the whole stack")
    parser.add_argument("--pypi", action="store_true", help="edit [pypi-dependencies]")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of the edit workflows."""
    return {"pypi": arguments.pypi, "platform": arguments.platform}


def tell(edited: EditedStack, arguments: argparse.Namespace) -> int:
    """Print what an edit changed; returns the exit status."""
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        changes = [
            {"key": item.key, "before": item.before, "after": item.after} for item in edited.changes
        ]
        print(format_canonical({"stack": edited.path, "changes": changes}))
        return 0
    for item in edited.changes:
        print(f"{item.key}: {_show(item.before)} -> {_show(item.after)}")
    if edited.changes:
        print(f"\nhint: `envlock solve {edited.path}` locks it anew", file=sys.stderr)
    else:
        print(f"{edited.path} says so already; nothing was written", file=sys.stderr)
    return 0


def _show(value: object) -> str:
    return "not there" if value is None else json.dumps(value, ensure_ascii=False)
