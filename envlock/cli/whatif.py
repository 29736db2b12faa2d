"""`envlock whatif`: committed locks on hardware that is not there yet, with the deciding fact."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.fit_render import (
    OBSERVED,
    describe_candidate,
    describe_judgement,
    describe_verdict,
    evidence_of,
    fact_of,
    remedy,
    render_host,
    told_source,
    wrap,
)
from envlock.cli.table import emit
from envlock.errors import EnvlockError, ExitCode
from envlock.model.verdict import Fit

if TYPE_CHECKING:
    import argparse

    from envlock.model.host import Host
    from envlock.model.verdict import Judgement, Verdict
    from envlock.workflows.whatif import Candidate, Wish

    Judged = Sequence[tuple[Candidate, Verdict]]

_NEEDS = 3
"""How many needs of something that runs are printed."""


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "whatif",
        help="say whether locks would run on hardware that you do not have yet",
        description="Judge each LOCK, or stack, on a machine that you describe: from the tables "
        "alone, without a network and without that machine, and with the fact that decides.",
        epilog="Exit status: 0 when all of them run, 1 when one is refused (with --strict also "
        "when one is not known). A GPU that is named without a driver gets the newest one.",
    )
    parser.add_argument(
        "locks", nargs="*", metavar="LOCK", help="a lock or a stack (default: ./stacks/*.toml)"
    )
    add_machine_options(parser)
    parser.add_argument("--glibc", metavar="VERSION", help="its glibc, such as 2.28")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--windows", action="store_true", help="it runs Windows")
    kind.add_argument("--wsl", action="store_true", help="it runs Linux inside of Windows")
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 also when a verdict is not known"
    )
    parser.add_argument("--all", action="store_true", help="print every need, not the deciding one")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a machine; `frontier` has them, too."""
    parser.add_argument(
        "--driver", metavar="VERSION", help="its NVIDIA driver, such as 580 or 580.65.06"
    )
    parser.add_argument(
        "--gpu",
        action="append",
        default=[],
        metavar="NAME",
        help="a GPU, such as B200, or its compute capability, 10.0; may be given again",
    )
    parser.add_argument("--platform", help="its platform (default: that of such GPUs)")
    parser.add_argument(
        "--host", metavar="FILE", help="begin with a recorded machine; other options change it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge every lock on one machine."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.doctor import found_stacks
    from envlock.workflows.whatif import judge_candidate, read_candidate, suit

    host = described_host(arguments)
    paths = arguments.locks or found_stacks()
    if not paths:
        raise EnvlockError(
            "envlock whatif: expected a lock or a stack, found none",
            hints=["name one: `envlock whatif --driver 580 --gpu B200 LOCK`"],
        )
    judged = []
    for path in paths:
        candidate = read_candidate(path, DiskWorkspace())
        workload = candidate.workloads.get(host.platform)
        machine = host if arguments.host else suit(host, workload)
        judged.append((candidate, judge_candidate(candidate, machine)))
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(host, judged))])
    else:
        emit(render(host, judged, every=arguments.all))
        if not (host.gpus or arguments.host):
            print(
                "note: no GPU was named; each is judged on the GPUs that it declares and that the "
                "driver drives",
                file=sys.stderr,
            )
    fits = {verdict.fit for _, verdict in judged}
    refused = Fit.REFUSED in fits or (arguments.strict and Fit.UNKNOWN in fits)
    return ExitCode.NO if refused else ExitCode.YES


def described_host(arguments: argparse.Namespace) -> Host:
    """Return the machine that the options describe; raises `EnvlockError` when they do not."""
    from envlock.cli.doctor import observed_host
    from envlock.workflows.whatif import imagine_host

    wish = _wish(arguments)
    base = observed_host(arguments.host) if arguments.host else None
    if base is None and not (wish.driver or wish.gpus):
        raise EnvlockError(
            "which machine? none is described",
            hints=["name it: `--driver 580 --gpu B200`, or a recorded one with `--host FILE`"],
        )
    return imagine_host(wish, base)


def _wish(arguments: argparse.Namespace) -> Wish:
    from envlock.cli.solve import parse_platform
    from envlock.model.host import Numbering
    from envlock.model.platform import Platform
    from envlock.workflows.whatif import Wish

    windows, wsl = getattr(arguments, "windows", False), getattr(arguments, "wsl", False)
    platform = parse_platform(arguments.platform) if arguments.platform else None
    usual = Platform.WIN_64 if windows else Platform.LINUX_64 if wsl else None
    if platform and usual and platform is not usual:
        option = "--windows" if windows else "--wsl"
        raise EnvlockError(f"{option} is {usual}, and --platform says {platform}")
    on_windows = windows or wsl or platform is Platform.WIN_64
    return Wish(
        driver=arguments.driver,
        gpus=tuple(name.strip() for text in arguments.gpu for name in text.split(",")),
        glibc=getattr(arguments, "glibc", None),
        platform=platform or usual,
        numbering=Numbering.WINDOWS if on_windows else None,
        wsl=wsl,
    )


# --- for people -----------------------------------------------------------------------------------


def render(host: Host, judged: Judged, *, every: bool) -> Iterator[str]:
    """Yield the machine, then each verdict with its fact and where that stands."""
    yield from render_host(host)
    for candidate, verdict in judged:
        yield ""
        yield from wrap(f"{verdict.fit}: {candidate.name} ({candidate.read})", hang="  ")
        if verdict.fit is Fit.RUNS and not every and not candidate.needs_gpu(verdict.platform):
            yield "  it needs no GPU"
        else:
            yield from _explain(verdict, every=every)


def _explain(verdict: Verdict, *, every: bool) -> Iterator[str]:
    """Yield the need that decides with its source; of what runs, every need in short."""
    deciding = [verdict.deciding] if verdict.deciding else []
    in_short = verdict.fit is Fit.RUNS and not every
    needs = list(verdict.judgements) if every else _telling(verdict) if in_short else deciding
    for judgement in needs[:_NEEDS] if in_short else needs:
        yield from _need(judgement, in_short=in_short)
    if in_short and len(needs) > _NEEDS:
        yield f"  and {len(needs) - _NEEDS} more, all met (--all lists them)"
    if change := remedy(verdict):
        yield from wrap(f"would do: {change}", indent="  ", hang="    ")


def _telling(verdict: Verdict) -> list[Judgement]:
    """Return the needs that rest on a table; where none does, those that were simply seen."""
    tabled = [
        item
        for item in verdict.judgements
        if (evidence := evidence_of(item)) and evidence.row != OBSERVED
    ]
    return tabled or list(verdict.judgements)


def _need(judgement: Judgement, *, in_short: bool) -> Iterator[str]:
    evidence = evidence_of(judgement)
    if in_short and evidence:
        fact = f"{judgement.subject}: {fact_of(judgement)} [{evidence.row}, {evidence.confidence}]"
        yield from wrap(fact, indent="  ", hang="    ")
        return
    coverage = describe_judgement(judgement)["coverage"]
    said = f"{judgement.subject}, {coverage}: {fact_of(judgement)}"
    yield from wrap(said, indent="  ", hang="    ")
    if evidence:
        yield from wrap(f"({told_source(evidence)})", indent="    ", hang="      ")


# --- for programs ---------------------------------------------------------------------------------


def describe(host: Host, judged: Judged) -> Mapping[str, object]:
    """Return the verdicts as plain data."""
    from envlock.formats.host import describe_host

    return {
        "host": describe_host(host),
        "verdicts": [
            {**describe_candidate(candidate), "verdict": describe_verdict(verdict)}
            for candidate, verdict in judged
        ],
    }
