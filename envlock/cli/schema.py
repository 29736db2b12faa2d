"""`envlock schema`: the JSON Schema of the stack file, for editors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    subparsers.add_parser(
        "schema",
        help="print the JSON Schema of the stack file",
        description="Print the JSON Schema of the stack file on stdout. Editors with a TOML "
        "language server check and complete stacks with it.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    from envlock.formats.stack_schema import json_schema

    del arguments
    sys.stdout.write(json_schema().decode())
    return 0
