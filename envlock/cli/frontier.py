"""`envlock frontier`: the newest framework, CUDA and Python that this machine can run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.fit_render import (
    describe_verdict,
    render_host,
    render_reasons,
    screen_width,
)
from envlock.cli.table import count, emit, format_table
from envlock.errors import ExitCode
from envlock.model.verdict import Covered, Fit, Verdict

if TYPE_CHECKING:
    import argparse

    from envlock.model.host import Host
    from envlock.workflows.frontier import Combination, Frontier, FrontierRow

_DIGEST_DIGITS = 12
_VERIFIED = "verified"
_PART = re.compile(r"_?py3\d+_?h[0-9a-f]{7}_\d+$")


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.cli.whatif import add_machine_options

    parser = subparsers.add_parser(
        "frontier",
        help="list the newest frameworks that a machine can run",
        description="Look into an index pin for the newest combinations of framework, CUDA and "
        "Python that this machine, or one that you describe, can run. Each row was solved from "
        "the pin: `envlock init --for-host` writes the first as a stack.",
        epilog="Exit status: 0 when there is one, 1 when there is none. Only conda packages are "
        "looked at. Nothing is written and the network is not used.",
    )
    add_machine_options(parser)
    parser.add_argument(
        "--framework",
        action="append",
        metavar="NAME",
        help="only this framework; may be given again (default: all that envlock knows)",
    )
    parser.add_argument(
        "--pin-of",
        metavar="STACK",
        help="look into the pin of this stack (default: the newest pin in ./stacks/pins)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Find the frontier of one machine."""
    host = _host(arguments)
    frontier = search(host, arguments.pin_of, arguments.framework, arguments)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(frontier))])
    else:
        emit(render(frontier))
        if not arguments.quiet:
            _talk(frontier)
    return ExitCode.YES if frontier.rows else ExitCode.NO


def search(
    host: Host,
    pin_of: str | None,
    frameworks: Sequence[str] | None,
    arguments: argparse.Namespace,
    *,
    beside: str = "stacks/any.toml",
) -> Frontier:
    """Look into the pin of a stack, or the newest of a folder; `init` does so, too."""
    from envlock.cli.progress import clear_line
    from envlock.cli.wiring import load_stack, make_reporter, make_solver, pins_beside
    from envlock.compat.frameworks import known_frameworks
    from envlock.workflows.frontier import FrontierTools, choose_pin, find_frontier
    from envlock.workflows.solve import assigned_pin

    pins = pins_beside(pin_of or beside)
    digest = assigned_pin(load_stack(pin_of), pin_of, pins) if pin_of else choose_pin(pins)
    tools = FrontierTools(solver=make_solver(), pins=pins, reporter=make_reporter(arguments))
    frontier = find_frontier(host, digest, frameworks or known_frameworks(), tools)
    clear_line()
    return frontier


def _host(arguments: argparse.Namespace) -> Host:
    from envlock.cli.doctor import observed_host
    from envlock.cli.whatif import described_host

    if arguments.driver or arguments.gpu or arguments.host or arguments.platform:
        return described_host(arguments)
    return observed_host(None)


def _talk(frontier: Frontier) -> None:
    tried = f"{count(frontier.tried, 'solve')} from pin {frontier.digest[:_DIGEST_DIGITS]}…"
    unsolved = f", {len(frontier.unsolved)} without an answer" if frontier.unsolved else ""
    cut = "; older ones were not looked at" if frontier.is_cut else ""
    print(
        f"note: {tried} ({frontier.pin.origin}, {frontier.pin.as_of}){unsolved}{cut}",
        file=sys.stderr,
    )
    if frontier.rows:
        print("\nhint: `envlock init PATH --for-host` writes the first as a stack", file=sys.stderr)


# --- for people -----------------------------------------------------------------------------------


def render(frontier: Frontier) -> Iterator[str]:
    """Yield the machine, the rows, and what the machine cannot run."""
    yield from render_host(frontier.host)
    yield ""
    if frontier.rows:
        head = ("framework", "CUDA", "Python", "driver", "kernels", "build")
        rows = [head, *_rows(frontier.rows)]
        yield from format_table(rows, indent="  ", cut=5, width=screen_width())
        yield from _open_questions(frontier.rows)
    else:
        yield "nothing in the pin runs on it"
    yield from _refused(frontier.refused)


def _rows(rows: Sequence[FrontierRow]) -> Iterator[Sequence[str]]:
    """Yield one line for each framework version and CUDA line, with all its Pythons."""
    merged: dict[tuple[str, str, str], list[FrontierRow]] = {}
    for row in rows:
        item = row.combination
        key = (item.framework, item.version, str(item.line))
        merged.setdefault(key, []).append(row)
    for (framework, version, line), same in merged.items():
        pythons = ", ".join(row.combination.python for row in same)
        floor = f"{same[0].driver_floor}+" if same[0].driver_floor else "?"
        builds = ", ".join(dict.fromkeys(_kind(row.build) for row in same))
        yield (f"{framework} {version}", line, pythons, floor, _kernels(same), builds)


def _kernels(rows: Sequence[FrontierRow]) -> str:
    """Say how sure it is that every GPU finds code: the least sure one counts."""
    found = [
        judgement.coverage
        for row in rows
        for judgement in row.verdict.judgements
        if judgement.subject.startswith("GPU")
    ]
    if not all(isinstance(item, Covered) for item in found):
        return "not known"
    sure = all(item.evidence and item.evidence.confidence == _VERIFIED for item in found)
    return "yes" if sure else "recalled"


def _open_questions(rows: Sequence[FrontierRow]) -> Iterator[str]:
    """Say what is not known of a row."""
    unknown = [row for row in rows if row.verdict.fit is not Fit.RUNS]
    if unknown:
        yield ""
        yield "not known:"
        yield from render_reasons(
            (f"{row.combination.framework} {row.combination.version}", row.verdict)
            for row in unknown
        )


def _kind(build: str) -> str:
    """Return a build without its Python, hash and number, where conda-forge wrote it."""
    return _PART.sub("", build)


def _refused(refused: Sequence[tuple[Combination, Verdict]]) -> Iterator[str]:
    if refused:
        named = {
            f"{item.framework} on CUDA {item.line.major}": verdict for item, verdict in refused
        }
        yield ""
        yield "does not run on it:"
        yield from render_reasons(named.items())


# --- for programs ---------------------------------------------------------------------------------


def describe(frontier: Frontier) -> Mapping[str, object]:
    """Return a frontier as plain data."""
    from envlock.formats.host import describe_host

    return {
        "host": describe_host(frontier.host),
        "pin": frontier.digest,
        "pin_origin": frontier.pin.origin.value,
        "pin_as_of": frontier.pin.as_of,
        "solves": frontier.tried,
        "is_cut": frontier.is_cut,
        "rows": [_describe(row) for row in frontier.rows],
        "unsolved": [_describe_combination(item) for item in frontier.unsolved],
        "refused": [
            {**_describe_combination(item), "verdict": describe_verdict(verdict)}
            for item, verdict in frontier.refused
        ],
    }


def _describe(row: FrontierRow) -> Mapping[str, object]:
    return {
        **_describe_combination(row.combination),
        "build": row.build,
        "packages": row.packages,
        "driver_floor": row.driver_floor,
        "channels": list(row.choices.channels),
        "verdict": describe_verdict(row.verdict),
    }


def _describe_combination(item: Combination) -> Mapping[str, object]:
    return {
        "framework": item.framework,
        "version": item.version,
        "cuda": str(item.line),
        "built_for": str(item.built_for),
        "python": item.python,
        "channel": item.channel,
    }
