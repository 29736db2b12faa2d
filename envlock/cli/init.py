"""`envlock init`: a commented stack, from options or by asking."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError

if TYPE_CHECKING:
    import argparse

    from envlock.formats.stack_template import StackChoices
    from envlock.model.host import Host
    from envlock.workflows.frontier import FrontierRow

Refusal = Callable[[str], "str | None"]
"""Says what is wrong with an answer, None when it will do."""

_NEWEST_LINE = "12.9"
"""What init offers first: PyTorch, JAX and the toolkit are all there for it."""


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "init",
        help="write a commented stack file",
        description="Write PATH, a commented stack. What no option says is asked on a terminal, "
        "and takes its default elsewhere or with --yes. An existing file is never overwritten.",
    )
    parser.add_argument(
        "path", metavar="PATH", help="the file to write, such as stacks/vision.toml"
    )
    parser.add_argument("--name", help="the stack's name (default: the file's)")
    parser.add_argument("--description", default="")
    parser.add_argument("--platform", action="append", help="a platform; may be given again")
    parser.add_argument("--channel", action="append", help="a channel; may be given again")
    parser.add_argument("--python", help="its version, such as 3.12")
    parser.add_argument(
        "--framework", action="append", help="pytorch, tensorflow, jax or none, with =VERSION"
    )
    parser.add_argument("--cuda", help="the CUDA line, such as 12.9, or none for a CPU stack")
    parser.add_argument("--cudnn", help="a version range for cuDNN")
    parser.add_argument("--compute", help="GPUs by compute capability, such as 7.5,8.0,9.0")
    parser.add_argument("--driver", help="the oldest driver of the fleet, such as 535")
    parser.add_argument(
        "--for-host",
        nargs="?",
        const="",
        metavar="FILE",
        help="fit this machine, or a recorded one: its driver, its GPUs and, where an index pin "
        "lies beside PATH, the newest framework that runs on them (see `envlock frontier`)",
    )
    parser.add_argument("--dependency", action="append", default=[], help="may be given again")
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing, take the defaults")


def run(arguments: argparse.Namespace) -> int:
    """Ask what is open, write the stack, say what comes next."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.init import init_stack, refuse_existing

    refuse_existing(arguments.path, DiskWorkspace())
    if arguments.for_host is not None:
        _fit_host(arguments)
    asks = sys.stdin.isatty() and not arguments.yes
    choices = _choose(arguments, _ask if asks else _take_default)
    stack = init_stack(choices, arguments.path, DiskWorkspace())
    print(arguments.path)
    from envlock.cli.wiring import pins_beside

    joins = (
        f"hint: or `envlock index join {arguments.path}` takes the pin that lies beside it\n"
        if pins_beside(arguments.path).kept()
        else ""
    )
    sys.stderr.write(
        f"wrote {arguments.path} ({stack.name})\n\n"
        f"hint: `envlock index pin {arguments.path}` asks the channels once, "
        f"then `envlock solve {arguments.path}`\n{joins}"
    )
    return 0


def _fit_host(arguments: argparse.Namespace) -> None:
    """Fill in what a machine says and no option does."""
    from envlock.cli.doctor import observed_host
    from envlock.workflows.init import defaults_for

    host = observed_host(arguments.for_host or None)
    on_gpu = bool(host.gpus and host.driver) and arguments.cuda != "none"
    found = defaults_for(host, _best_row(host, arguments) if on_gpu else None)
    if found.cuda == "none":
        print(f"note: {host.name} has no GPU that can be used: a stack for CPUs", file=sys.stderr)
    arguments.platform = arguments.platform or [found.platform.value]
    arguments.cuda = arguments.cuda or found.cuda
    if arguments.cuda != "none":
        arguments.compute = arguments.compute or ",".join(found.compute)
        arguments.driver = arguments.driver or found.driver
    arguments.python = arguments.python or found.python
    if found.framework and not (arguments.framework and "=" in arguments.framework[0]):
        arguments.framework = [found.framework]
    arguments.channel = arguments.channel or list(found.channels) or None


def _best_row(host: Host, arguments: argparse.Namespace) -> FrontierRow | None:
    """Return the newest row that agrees with the options; None where no pin lies beside."""
    from envlock.cli.frontier import search
    from envlock.errors import PinError

    wanted = (arguments.framework or ["pytorch"])[0].lower().partition("=")
    if wanted[0] == "none":
        return None
    try:
        frontier = search(host, None, [wanted[0]], arguments, beside=arguments.path)
    except PinError:
        print(
            f"note: no index pin lies beside {arguments.path}: the driver and the GPUs are taken "
            "from the machine, the framework's version is not",
            file=sys.stderr,
        )
        return None
    for row in frontier.rows:
        item = row.combination
        agrees = (
            (arguments.cuda in (None, str(item.line)))
            and (arguments.python in (None, item.python))
            and item.version.startswith(wanted[2].lstrip("="))
        )
        if agrees:
            return row
    print(
        f"note: nothing in the index pin runs on {host.name} as the options say; only the driver "
        "and the GPUs are taken from it",
        file=sys.stderr,
    )
    return None


def _ask(question: str, default: str, refuse: Refusal) -> str:
    """Ask until the answer will do; what is wrong with one is said at once."""
    while True:
        print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        answer = line.strip() or default
        problem = refuse(answer)
        if problem is None or not line:  # at the end of the input the stack's reader will judge
            return answer
        print(f"  {problem}", file=sys.stderr)


def _take_default(question: str, default: str, refuse: Refusal) -> str:
    del question, refuse
    return default


def _refuse_by(pattern: str, expected: str) -> Refusal:
    def refuse(answer: str) -> str | None:
        return None if re.fullmatch(pattern, answer) else f"expected {expected}"

    return refuse


def _refuse_platforms(answer: str) -> str | None:
    from envlock.model.platform import Platform

    unknown = [name for name in _words(answer) if name not in list(Platform)]
    return f"expected some of {', '.join(Platform)}" if unknown or not _words(answer) else None


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _choose(arguments: argparse.Namespace, answer: Any) -> StackChoices:
    from pathlib import PurePath

    from envlock.formats.stack_template import StackChoices

    name = arguments.name or answer("name", PurePath(arguments.path).stem, _NAME)
    framework, _, version = (
        _only(arguments.framework)
        or answer("framework (pytorch, tensorflow, jax, none)", "pytorch", _FRAMEWORK).lower()
    ).partition("=")
    cuda = arguments.cuda or answer("CUDA line, or none for CPU only", _NEWEST_LINE, _LINE)
    on_gpu = cuda != "none"
    driver = arguments.driver or (
        answer("oldest driver of your fleet, or none", "none", _DRIVER) if on_gpu else "none"
    )
    platforms = arguments.platform or _words(
        answer("platforms, with spaces between", "linux-64", _refuse_platforms)
    )
    return StackChoices(
        name=name,
        description=arguments.description,
        platforms=tuple(map(_platform, platforms)),
        channels=tuple(arguments.channel or ["conda-forge"]),
        python=arguments.python or answer("Python", "3.12", _PYTHON),
        framework=None if framework == "none" else framework,
        framework_version=version.lstrip("=") or "*",
        cuda=cuda if on_gpu else None,
        cudnn=arguments.cudnn,
        compute=tuple(_words(arguments.compute)) if arguments.compute else (),
        driver=None if driver == "none" else driver,
        dependencies=tuple(arguments.dependency),
    )


def _only(frameworks: list[str] | None) -> str | None:
    """Return the one framework that was given; two are for the stack's file."""
    if frameworks and len(frameworks) > 1:
        raise EnvlockError(
            f"--framework: expected one, found {', '.join(frameworks)}\nNothing was written.",
            hints=[f"begin with {frameworks[0]}, then `envlock add STACK {frameworks[1]}`"],
        )
    return frameworks[0] if frameworks else None


def _platform(text: str) -> Any:
    from envlock.cli.solve import parse_platform

    return parse_platform(text)


_NAME = _refuse_by(r"[a-z0-9][a-z0-9._-]*", "lower-case letters, digits, `.`, `_` and `-`")
_FRAMEWORK = _refuse_by(
    r"(?i:pytorch|tensorflow|jax|none)(=.*)?", "pytorch, tensorflow, jax or none, with =VERSION"
)
_LINE = _refuse_by(r"\d+\.\d+|none", "a line such as 12.9, or none")
_DRIVER = _refuse_by(r"\d{3}[\d.]*|none", "a driver such as 535 or 535.183.06, or none")
_PYTHON = _refuse_by(r"\d[\w.*]*", "a version such as 3.12")
