"""`envlock bisect`: which package makes the difference between two locks."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.cli.ending import ended_in_order
from envlock.cli.store_wiring import add_making_options, make_build_tools, open_store, this_platform
from envlock.errors import EnvlockError, ExitCode
from envlock.model.bisect import Measure
from envlock.model.outcome import WantedDevice

if TYPE_CHECKING:
    import argparse

    from envlock.backends.disk_store import DiskStore
    from envlock.workflows.bisect import Bisection, BisectRequest, BisectTools, Check
    from envlock.workflows.compare import Side

_LIMIT_SECONDS = 3600.0
_LONGEST_SECONDS = 2**31
_MEASURES = tuple(each.value for each in Measure)


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "bisect",
        help="name the package that makes the difference between two locks",
        usage="envlock bisect GOOD BAD --check WHAT [options]",
        description="Walk the package differences from GOOD to BAD through environments that fit, "
        "build the one in the middle, check it, and halve what is left: log2(n) + 2 environments "
        "find one package among n. Packages that must change together are named together. GOOD "
        "and BAD are what `envlock diff` takes: a lock, a stack that a lock lies beside, "
        "REVISION:path in git, or a bare REVISION of the other side's file. What was seen is "
        "written down: the same question goes on where it was interrupted.",
        epilog="Exit status: 0 found; 1 nothing to find: GOOD is not good, BAD is not bad, or they "
        "install the same; 2 a lock or an option is at fault; 3 no environment between the last "
        "good and the first bad one can be told; 4 the network, the disk or the machine failed.",
    )
    parser.add_argument("good", metavar="GOOD", help="such as HEAD~3:stacks/a.conda-lock.yml")
    parser.add_argument("bad", metavar="BAD", help="such as stacks/a.toml")
    parser.add_argument(
        "--check",
        required=True,
        metavar="WHAT",
        help="`loss`, `accuracy` or `speed`: verify's trainings beside GOOD's own; or a command, "
        "run in each environment as `envlock run` does: 0 is good, 125 cannot tell, else bad",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="end a command (default: 3600, then it is bad) or a framework's probe after that",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="how much worse is still good: of the way that GOOD's loss came (0.1), in points of "
        "accuracy (0.05), of GOOD's examples a second (0.2)",
    )
    parser.add_argument(
        "--framework",
        action="append",
        default=[],
        dest="frameworks",
        help="train only with this one; may be repeated",
    )
    parser.add_argument(
        "--device",
        choices=[each.value for each in WantedDevice],
        default=WantedDevice.AUTO,
        help="where trainings run; auto: on the GPU when GOOD is for one (default)",
    )
    parser.add_argument("--restart", action="store_true", help="look at everything again")
    add_making_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


@ended_in_order()
def run(arguments: argparse.Namespace) -> int:
    """Find what makes the difference."""
    from envlock.cli.bisect_render import describe, render
    from envlock.cli.progress import clear_line
    from envlock.workflows.bisect import bisect

    request = _request(arguments)
    store = open_store()
    arguments.lock = request.good.path
    with store.needs() as needs:
        found = bisect(request, _tools(store, arguments), needs)
    clear_line()
    sides = request.good.label, request.bad.label
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        print(format_canonical(describe(found, sides)))
    else:
        from envlock.cli.table import emit

        emit(render(found, sides))
    return _status(found)


def _status(found: Bisection) -> int:
    from envlock.solve.culprits import Answer

    if found.search is None:
        return ExitCode.NO
    match found.search.answer:
        case Answer.FOUND:
            return ExitCode.YES
        case Answer.GOOD_IS_NOT_GOOD | Answer.BAD_IS_NOT_BAD:
            return ExitCode.NO
        case Answer.UNRESOLVED:
            return ExitCode.NO_SOLUTION


def _request(arguments: argparse.Namespace) -> BisectRequest:
    from envlock.backends.files import DiskWorkspace
    from envlock.backends.git import GitHistory
    from envlock.cli.wiring import pins_beside, recordings_beside
    from envlock.workflows.bisect import BisectRequest
    from envlock.workflows.compare import CompareTools, find_sides

    tools = CompareTools(
        workspace=DiskWorkspace(),
        history=GitHistory(),
        pins_beside=pins_beside,
        recordings_beside=recordings_beside,
    )
    _refuse_odd_numbers(arguments)
    good, bad = find_sides(arguments.good, arguments.bad, tools)
    return BisectRequest(
        good=good,
        bad=bad,
        check=_check(arguments, good),
        platform=this_platform(),
        python=arguments.python,
        is_fresh=arguments.restart,
    )


def _refuse_odd_numbers(arguments: argparse.Namespace) -> None:
    limit, tolerance = arguments.timeout, arguments.tolerance
    if limit is not None and not 0 < limit < _LONGEST_SECONDS:
        raise EnvlockError(f"--timeout: expected seconds above 0, found {limit:g}")
    if tolerance is not None and not 0 <= tolerance <= 1:
        raise EnvlockError(f"--tolerance: expected a number from 0 to 1, found {tolerance:g}")


def _check(arguments: argparse.Namespace, good: Side) -> Check:
    from envlock.workflows.bisect import CommandCheck

    if arguments.check in _MEASURES:
        return _training(arguments, good)
    if arguments.tolerance is not None or arguments.frameworks:
        raise EnvlockError(
            "--tolerance and --framework are for trainings, and --check names a command",
            hints=[f"trainings are `--check {'`, `--check '.join(_MEASURES)}`"],
        )
    try:
        words = tuple(shlex.split(arguments.check))
    except ValueError as error:
        raise EnvlockError(
            f"--check: the command cannot be read: {str(error).lower()}: {arguments.check}",
            hints=["quote it as for a shell: `--check 'python train.py --epochs 1'`"],
        ) from None
    if not words:
        raise EnvlockError(
            f"--check: expected {', '.join(_MEASURES)} or a command, found nothing",
            hints=["`--check 'python train.py'`"],
        )
    return CommandCheck(words=words, limit_seconds=arguments.timeout or _LIMIT_SECONDS)


def _training(arguments: argparse.Namespace, good: Side) -> Check:
    from envlock.backends.host import MachineProbe
    from envlock.compat.frameworks import known_frameworks
    from envlock.verify.regression import TOLERANCES
    from envlock.workflows.bisect import TrainingCheck, device_of

    for name in arguments.frameworks:
        if name not in known_frameworks():
            known = ", ".join(known_frameworks())
            raise EnvlockError(f"--framework: expected one of {known}, found `{name}`")
    measure = Measure(arguments.check)
    tolerance = arguments.tolerance
    return TrainingCheck(
        measure=measure,
        tolerance=TOLERANCES[measure] if tolerance is None else tolerance,
        device=device_of(arguments.device, good, this_platform(), MachineProbe().observe()),
        frameworks=tuple(dict.fromkeys(arguments.frameworks)),
    )


def _tools(store: DiskStore, arguments: argparse.Namespace) -> BisectTools:
    from envlock.backends.command_run import ChildCommands
    from envlock.backends.notebook import DiskNotebook
    from envlock.backends.probe_runner import ChildRunner, Limits
    from envlock.backends.rattler_specs import RattlerSpecs
    from envlock.cli.verify_progress import LossMeter, SilentLossMeter
    from envlock.cli.wiring import pins_beside
    from envlock.workflows.bisect import BisectTools

    return BisectTools(
        build=make_build_tools(store, arguments),
        specs=RattlerSpecs(),
        commands=ChildCommands(os.environ),
        runner=ChildRunner(os.environ, Limits(seconds=arguments.timeout)),
        listener=SilentLossMeter() if arguments.quiet else LossMeter(),
        notebook=DiskNotebook(Path(store.layout.root) / "bisect"),
        pins_beside=pins_beside,
        seconds=time.monotonic,
    )
