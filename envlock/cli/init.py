"""`envlock init`: a commented stack, from options or by asking."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from envlock.formats.stack_template import StackChoices

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
    parser.add_argument("--framework", help="pytorch, tensorflow, jax or none, with =VERSION")
    parser.add_argument("--cuda", help="the CUDA line, such as 12.9, or none for a CPU stack")
    parser.add_argument("--cudnn", help="a version range for cuDNN")
    parser.add_argument("--compute", help="GPUs by compute capability, such as 7.5,8.0,9.0")
    parser.add_argument("--driver", help="the oldest driver of the fleet, such as 535")
    parser.add_argument("--dependency", action="append", default=[], help="may be given again")
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing, take the defaults")


def run(arguments: argparse.Namespace) -> int:
    """Ask what is open, write the stack, say what comes next."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.init import init_stack

    asks = sys.stdin.isatty() and not arguments.yes
    choices = _choose(arguments, _ask if asks else _take_default)
    stack = init_stack(choices, arguments.path, DiskWorkspace())
    print(arguments.path)
    print(
        f"wrote {arguments.path} ({stack.name})\n\n"
        f"hint: `envlock index pin {arguments.path}` asks the channels once, "
        f"then `envlock solve {arguments.path}`",
        file=sys.stderr,
    )
    return 0


def _ask(question: str, default: str) -> str:
    print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default


def _take_default(question: str, default: str) -> str:
    del question
    return default


def _choose(arguments: argparse.Namespace, answer: Any) -> StackChoices:
    from pathlib import PurePath

    from envlock.formats.stack_template import StackChoices

    name = arguments.name or answer("name", PurePath(arguments.path).stem)
    framework, _, version = (
        arguments.framework or answer("framework (pytorch, tensorflow, jax, none)", "pytorch")
    ).partition("=")
    cuda = arguments.cuda or answer("CUDA line, or none for CPU only", _NEWEST_LINE)
    on_gpu = cuda != "none"
    driver = arguments.driver or (
        answer("oldest driver of your fleet, or none", "none") if on_gpu else "none"
    )
    platforms = arguments.platform or answer("platforms", "linux-64").replace(",", " ").split()
    return StackChoices(
        name=name,
        description=arguments.description,
        platforms=tuple(map(_platform, platforms)),
        channels=tuple(arguments.channel or ["conda-forge"]),
        python=arguments.python or answer("Python", "3.12"),
        framework=None if framework == "none" else framework,
        framework_version=version.lstrip("=") or "*",
        cuda=cuda if on_gpu else None,
        cudnn=arguments.cudnn,
        compute=tuple(arguments.compute.replace(",", " ").split()) if arguments.compute else (),
        driver=None if driver == "none" else driver,
        dependencies=tuple(arguments.dependency),
    )


def _platform(text: str) -> Any:
    from envlock.cli.solve import parse_platform

    return parse_platform(text)
