"""`envlock verify`: train in an environment, and leave a receipt."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.backends.files import is_file
from envlock.cli.ending import ended_in_order
from envlock.cli.store_wiring import add_build_options
from envlock.errors import EnvlockError, ExitCode
from envlock.model.outcome import Level, WantedDevice
from envlock.model.probe import Control

if TYPE_CHECKING:
    import argparse

    from envlock.backends.disk_store import DiskStore
    from envlock.model.host import Host
    from envlock.model.receipt import Receipt
    from envlock.model.stack import Stack
    from envlock.ports.store import Needs
    from envlock.workflows.verify import Target, VerifyRequest, VerifyTools

_NOT_RUN = "not-run"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="train in an environment and leave a receipt",
        usage="envlock verify [LOCK] [options]",
        description="Build LOCK's environment if it is not there, hash every file of it, hold the "
        "machine against the driver floor, and let the environment's own Python compute and train: "
        "PyTorch, TensorFlow, JAX, whichever it has. Each check has passed, has failed, or was not "
        "run and why. The receipt of it all is written beside the lock.",
        epilog="Exit status: 0 all that was asked for has passed; 1 a check failed; 2 the lock or "
        "an option is at fault; 4 what the environment is for was not seen to work (no GPU, no "
        "framework), or the network or the disk failed.",
    )
    parser.add_argument(
        "lock", metavar="LOCK", nargs="?", help="a lock, or the stack that it lies beside"
    )
    _add_questions(parser)
    _add_results(parser)
    parser.add_argument(
        "--prefix",
        metavar="DIR",
        help="verify an environment that envlock did not build, by its folder; `--python EXE` "
        "without LOCK does it by its Python",
    )
    add_build_options(parser)


def _add_questions(parser: Any) -> None:
    parser.add_argument(
        "--level",
        choices=[each.value for each in Level],
        help="smoke: seconds; train: numbers, gradients, two networks (default, where the stack's "
        "[verify] says nothing); full: every precision, recurrent network, transformer, a second "
        "run, rates, several GPUs",
    )
    parser.add_argument(
        "--device",
        choices=[each.value for each in WantedDevice],
        default=WantedDevice.AUTO,
        help="auto: the GPU when the lock is for one (default)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="what nobody knows of driver or GPU is a failure"
    )
    parser.add_argument(
        "--fail-on", choices=[_NOT_RUN], help="exit 1 also when a check was not run"
    )
    parser.add_argument(
        "--control",
        action="append",
        choices=[each.value for each in Control],
        default=[],
        dest="controls",
        help="do this wrong on purpose, and see that it is found; may be repeated",
    )
    parser.add_argument("--compile", action="store_true", help="try the framework's compiler, too")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is random")
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="on the CPU (default: all of them)"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="end a framework's probe after that"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        default="",
        help="train on CIFAR-10, unpacked for Python in DIR (default: the stack's artifact "
        "cifar-10-python.tar.gz where it has one, else generated pictures)",
    )


def _add_results(parser: Any) -> None:
    parser.add_argument(
        "--receipt", metavar="FILE", help="write the receipt there (default: beside the lock)"
    )
    parser.add_argument("--no-receipt", action="store_true", help="write none")
    parser.add_argument("--sign", metavar="KEY", help="sign it with this ed25519 key (PEM)")
    parser.add_argument("--html", metavar="FILE", help="write a report to read in a browser")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML, for CI")
    parser.add_argument("--tensorboard", metavar="DIR", help="write event files for TensorBoard")
    parser.add_argument("--json", action="store_true", help="print the receipt on stdout")


@ended_in_order()
def run(arguments: argparse.Namespace) -> int:
    """Verify one environment."""
    from envlock.cli.progress import clear_line
    from envlock.cli.store_wiring import open_store
    from envlock.cli.verify_results import load_signing_key, refuse_places, tell, write_results
    from envlock.workflows.verify import verify

    _refuse_contradictions(arguments)
    refuse_places(arguments)
    key = load_signing_key(arguments)
    stack = _stack(arguments)
    if stack is not None:
        _fill_in(arguments, stack)
    request, tools = _request(arguments), make_verify_tools(arguments)
    if arguments.lock is None:
        target = _foreign(arguments)
        receipt = verify(target, request, tools)
    else:
        store = open_store()
        with store.needs() as needs, ExitStack() as until_then:
            target = _of_lock(arguments, store, needs, tools.host)
            if stack is not None and not request.data_folder:
                request = replace(request, data_folder=_data(stack, store, arguments, until_then))
            receipt = verify(target, request, tools)
    clear_line()
    tell(receipt, arguments)
    write_results(receipt, target, key, arguments)
    return _status(receipt, fails_on_not_run=arguments.fail_on == _NOT_RUN)


def _stack(arguments: argparse.Namespace) -> Stack | None:
    """Return the stack that was named; None where a lock was, or no file at all.

    Whether the stack is locked is told first, and by whoever reads the lock.
    """
    from envlock.cli.wiring import load_stack
    from envlock.model.lock import lock_path

    path = arguments.lock or ""
    is_locked = path.endswith(".toml") and is_file(path) and is_file(lock_path(path))
    return load_stack(path) if is_locked else None


def _fill_in(arguments: argparse.Namespace, stack: Stack) -> None:
    """Let a stack's `[verify]` say what the command line does not."""
    arguments.level = arguments.level or stack.verify.level
    if arguments.timeout is None:
        arguments.timeout = stack.verify.timeout_seconds


def _data(
    stack: Stack, store: DiskStore, arguments: argparse.Namespace, until_then: ExitStack
) -> str:
    """Return where the CIFAR-10 of a stack's artifacts lies, unpacked until a moment; or nothing.

    Raises as fetching an archive does, and `ArchiveError` for one that holds something else.
    """
    from envlock.backends.training_data import CIFAR_ARCHIVE, unpack_cifar
    from envlock.cli.store_wiring import make_build_tools
    from envlock.store.wanted import file_name_of
    from envlock.workflows.artifacts import fetch_artifacts

    named = [
        each for each in stack.artifacts if CIFAR_ARCHIVE in (each.name, file_name_of(each.url))
    ]
    if not named or arguments.level == Level.SMOKE:
        return ""
    tools = make_build_tools(store, arguments)
    fetch_artifacts(named[:1], tools)
    folder = until_then.enter_context(tempfile.TemporaryDirectory(prefix="envlock-data-"))
    return str(unpack_cifar(Path(tools.artifacts.path_of(named[0].sha256)), Path(folder)))


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    if arguments.lock is None and not (arguments.prefix or arguments.python):
        raise EnvlockError(
            "verify what? expected LOCK, `--prefix DIR` or `--python EXE`, found none of them",
            hints=["`envlock verify stacks/torch-cu121.toml`"],
        )
    if arguments.lock is not None and arguments.prefix:
        raise EnvlockError(
            "--prefix names an environment that envlock did not build, and LOCK one that it does",
            hints=["leave one of them away"],
        )
    if arguments.lock is None and arguments.python == "host":
        raise EnvlockError(
            "`--python host` says how to build a lock, and no LOCK was named",
            hints=["name the lock, or name a Python by its path: `--python /path/bin/python`"],
        )
    if arguments.prefix and arguments.python:
        raise EnvlockError(
            "--prefix and --python each name an environment, and one is verified at a time",
            hints=["leave one of them away: `--prefix DIR` takes DIR/bin/python"],
        )
    for option, value, least in (
        ("--seed", arguments.seed, 0),
        ("--threads", arguments.threads, 0),
        ("--timeout", arguments.timeout, 1),
    ):
        if value is not None and not least <= value < 2**31:
            raise EnvlockError(f"{option}: expected a number from {least} on, found {value}")
    if arguments.data and not any(map(is_file, _first_batches(arguments.data))):
        raise EnvlockError(
            f"--data: expected a folder with CIFAR-10, found none at {arguments.data}",
            hints=["unpack `cifar-10-python.tar.gz` there, or leave --data away"],
        )


def _first_batches(folder: str) -> tuple[Path, Path]:
    """Return where the first batch may lie: in the folder, or in the one that the archive has."""
    return Path(folder, "data_batch_1"), Path(folder, "cifar-10-batches-py", "data_batch_1")


def _request(arguments: argparse.Namespace) -> VerifyRequest:
    from envlock.workflows.verify import VerifyRequest

    return VerifyRequest(
        level=Level(arguments.level or Level.TRAIN),
        device=WantedDevice(arguments.device),
        controls=tuple(dict.fromkeys(map(Control, arguments.controls))),
        is_compiled=arguments.compile,
        is_strict=arguments.strict,
        seed=arguments.seed,
        threads=arguments.threads,
        data_folder=os.path.realpath(arguments.data) if arguments.data else "",
    )


def make_verify_tools(arguments: argparse.Namespace) -> VerifyTools:
    """Return what a verification acts through."""
    from envlock import __version__
    from envlock.backends.host import MachineProbe
    from envlock.backends.probe_runner import ChildRunner, Limits
    from envlock.cli.verify_progress import LossMeter, SilentLossMeter
    from envlock.cli.wiring import make_reporter, utc_now
    from envlock.workflows.verify import VerifyTools

    return VerifyTools(
        runner=ChildRunner(os.environ, Limits(seconds=arguments.timeout)),
        listener=SilentLossMeter() if arguments.quiet else LossMeter(),
        reporter=make_reporter(arguments),
        host=MachineProbe().observe(),
        cpus=os.cpu_count() or 1,
        library_path=os.environ.get("LD_LIBRARY_PATH", ""),
        envlock_version=__version__,
        now=utc_now,
        seconds=time.monotonic,
    )


def _of_lock(arguments: argparse.Namespace, store: DiskStore, needs: Needs, host: Host) -> Target:
    from envlock.backends.store_keeping import DiskKeeping
    from envlock.cli.store_wiring import make_build_tools, open_profiles, read_request
    from envlock.workflows.verify_lock import LockTools, lock_target

    tools = LockTools(
        build=make_build_tools(store, arguments),
        keeping=DiskKeeping(store, open_profiles(store)),
        host=host,
    )
    return lock_target(read_request(arguments), tools, needs)


def _foreign(arguments: argparse.Namespace) -> Target:
    """Return an environment by its folder or its Python; the name tells no folder of a person."""
    from envlock.workflows.verify_lock import foreign_target

    if not arguments.prefix:
        python = Path(arguments.python).absolute()
        return foreign_target(python.parent.parent.name or python.name, str(python), None)
    prefix = Path(os.path.realpath(arguments.prefix))
    python = prefix / "bin" / "python"
    if not is_file(python):
        raise EnvlockError(
            f"--prefix: expected an environment, found no {python}\nNothing was verified.",
            hints=["name the folder that holds `bin/python`, or its Python: `--python EXE`"],
        )
    return foreign_target(prefix.name, str(python), str(prefix))


def _status(receipt: Receipt, *, fails_on_not_run: bool) -> int:
    from envlock.model.receipt import Verdict

    match receipt.verdict:
        case Verdict.FAILED:
            return ExitCode.NO
        case Verdict.INCOMPLETE:
            return ExitCode.WORLD
        case Verdict.PASSED:
            return ExitCode.NO if fails_on_not_run and receipt.not_run else ExitCode.YES
