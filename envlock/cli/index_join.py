"""`envlock index join`: let stacks solve from a pin that lies there already, without a network."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse

    from envlock.backends.pins import DiskPins

_SHOWN_DIGITS = 12


def add_action(actions: Any) -> None:
    """Describe the command line."""
    parser = actions.add_parser(
        "join",
        help="solve from a pin that is there already",
        description="Enter a pin that lies beside the stacks for them in pins.toml. The network is "
        "not used; what the pin was never asked for is told when a stack is solved.",
    )
    parser.set_defaults(action=_join)
    parser.add_argument("stacks", nargs="+", metavar="STACK", help="stack files of one folder")
    parser.add_argument(
        "--pin",
        metavar="STACK|DIGEST",
        help="the pin of this stack, or the first digits of a digest; not needed for one alone",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def _join(arguments: argparse.Namespace) -> int:
    from envlock.cli.index import load_stacks

    stacks, pins = load_stacks(arguments.stacks)
    digest = _digest(arguments.pin, pins)
    pins.read(digest)
    pins.assign_all((stack.name for stack in stacks), digest)
    if not arguments.quiet:
        names = ", ".join(stack.name for stack in stacks)
        sys.stderr.write(f"{names}: solve from the pin {digest[:_SHOWN_DIGITS]} now\n")
    print(digest)
    return ExitCode.YES


def _digest(text: str | None, pins: DiskPins) -> str:
    """Return the digest that is meant, of a pin of this folder."""
    from envlock.cli.wiring import load_stack
    from envlock.workflows.index import shared_digest

    if text and text.endswith(".toml"):
        return shared_digest([load_stack(text)], pins)
    wanted = (text or "").removeprefix("sha256:").lower()
    found = [digest for digest in pins.kept() if digest.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(digest[:_SHOWN_DIGITS] for digest in pins.kept()) or "none"
    which = f"several pins begin with `{wanted}`" if found and wanted else "which pin is meant?"
    if not found:
        which = f"no pin begins with `{wanted}`" if wanted else "there is no pin to join"
    raise EnvlockError(
        f"{pins.folder}: {which}; there: {there}",
        hints=["name it: `--pin` with a stack that solves from it, or the digits of its digest"],
    )
