"""`envlock doctor`: this machine, what is wrong with it, and what runs here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.fit_render import (
    describe_candidate,
    describe_verdict,
    render_host,
    render_reasons,
    wrap,
)
from envlock.cli.table import emit, printable
from envlock.errors import ExitCode
from envlock.model.verdict import Fit

if TYPE_CHECKING:
    import argparse

    from envlock.model.host import Host
    from envlock.workflows.doctor import Examination, Examined

_STACKS = "stacks"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="look at this machine and say what runs here",
        description="Look at this machine: driver, GPUs, libraries and what is wrong with them. "
        "Then say which stacks run here and what the others lack: those that are named, or "
        f"those in ./{_STACKS}. A stack that has a lock is judged by the lock.",
        epilog="Exit status: 0 also without a GPU; 1 when a STACK that was named does not run "
        "here; 4 with --need-gpu when no GPU can be used. --json prints a `host` that --host "
        "reads on any machine; it holds no serial numbers and no names of machines or people.",
    )
    parser.add_argument(
        "stacks", nargs="*", metavar="STACK", help="a stack or a lock (default: ./stacks/*.toml)"
    )
    parser.add_argument(
        "--host", metavar="FILE", help="judge a recorded machine instead of this one"
    )
    parser.add_argument(
        "--need-gpu", action="store_true", help="exit 4 when there is no GPU that can be used"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Examine one machine."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.doctor import examine

    host = observed_host(arguments.host)
    asked = bool(arguments.stacks)
    paths = arguments.stacks or found_stacks()
    examination = examine(host, paths, DiskWorkspace(), asked=asked)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(examination))])
    else:
        emit(render(examination))
        if not paths:
            print(
                f"note: there is no {_STACKS}/*.toml here; name a stack or a lock to judge it",
                file=sys.stderr,
            )
    if arguments.need_gpu and not examination.has_usable_gpu:
        print("error: no GPU can be used on this machine", file=sys.stderr)
        return ExitCode.WORLD
    refused = any(item.fit is Fit.REFUSED or examination.waits(item) for item in examination.stacks)
    return ExitCode.NO if asked and refused else ExitCode.YES


def observed_host(recorded: str | None) -> Host:
    """Return a recorded machine, or this one."""
    if recorded is not None:
        from envlock.backends.files import DiskWorkspace
        from envlock.workflows.whatif import read_recorded_host

        return read_recorded_host(recorded, DiskWorkspace())
    from envlock.backends.host import MachineProbe

    return MachineProbe().observe()


def found_stacks() -> list[str]:
    """Return the stacks of the current folder, by name."""
    from pathlib import Path

    return sorted(path.as_posix() for path in Path(_STACKS).glob("*.toml"))


# --- for people -----------------------------------------------------------------------------------


def render(examination: Examination) -> Iterator[str]:
    """Yield the machine, then the stacks: what runs, what does not and why, what is open."""
    yield from render_host(examination.host)
    runs = [item for item in examination.stacks if item.fit is Fit.RUNS]
    waits = [item for item in runs if examination.waits(item)]
    now = [item for item in runs if item not in waits]
    for found, heading in ((now, "runs here:"), (waits, "runs here once that is mended:")):
        if found:
            yield ""
            yield heading
            yield from wrap(", ".join(map(_name, found)), indent="  ")
    for fit, heading in ((Fit.REFUSED, "does not run here:"), (Fit.UNKNOWN, "not known:")):
        others = [item for item in examination.stacks if item.fit is fit]
        if others:
            yield ""
            yield heading
            yield from _explained(others)


def _explained(stacks: Sequence[Examined]) -> Iterator[str]:
    yield from render_reasons((_name(item), item.verdict) for item in stacks if item.verdict)
    for item in stacks:
        if item.verdict is None:
            yield from wrap(_name(item), indent="  ")
            yield from wrap(item.unread, indent="    ", hang="      ")


def _name(item: Examined) -> str:
    return printable(item.candidate.name if item.candidate else item.path)


# --- for programs ---------------------------------------------------------------------------------


def describe(examination: Examination) -> Mapping[str, object]:
    """Return an examination as plain data."""
    from envlock.formats.host import describe_host

    return {
        "host": describe_host(examination.host),
        "has_usable_gpu": examination.has_usable_gpu,
        "stacks": [_describe(examination, item) for item in examination.stacks],
    }


def _describe(examination: Examination, item: Examined) -> Mapping[str, object]:
    if item.candidate is None or item.verdict is None:
        return {"path": item.path, "fault": item.unread}
    return {
        **describe_candidate(item.candidate),
        "verdict": describe_verdict(item.verdict),
        "waits_for_the_machine": examination.waits(item),
    }
