"""`envlock import`: draft a stack from a file of any tool, and say what was guessed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode
from envlock.model.draft import Keep
from envlock.model.reading import FileKind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from envlock.workflows.importing import Imported

_STDOUT = "-"


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.formats.readers.registry import READABLE

    parser = subparsers.add_parser(
        "import",
        help="draft a stack from the lock or the wish list of any tool",
        description="Read FILE (a lock of conda-lock, pixi, uv, poetry or pip, an explicit list, "
        "requirements, environment.yml or a Dockerfile) and draft a commented stack from it. Each "
        "value says where it is from or that it was guessed; what a stack cannot say is listed in "
        "the stack and on stderr.",
        epilog="Exit status: 0 drafted, 2 a file that cannot be read or an option at fault.",
    )
    parser.add_argument("file", metavar="FILE", help="a lock, a wish list or a Dockerfile")
    parser.add_argument(
        "-o",
        "--output",
        metavar="STACK",
        default=_STDOUT,
        help="the stack file to write, such as stacks/vision.toml (default: print it)",
    )
    parser.add_argument("--name", help="the stack's name (default: that of the stack file)")
    parser.add_argument(
        "--as",
        dest="kind",
        choices=[each.value for each in READABLE if each is not FileKind.STACK],
        help="the format of FILE (default: told by its name and content)",
    )
    parser.add_argument(
        "--keep",
        choices=[each.value for each in Keep],
        help="how much stays of an exact version 2.4.1: exact (2.4.1), minor (2.4.*) or any "
        "(default: minor; a lock of envlock's keeps the wishes that it was solved from)",
    )
    parser.add_argument("--force", action="store_true", help="write over a stack that exists")
    parser.add_argument("--json", action="store_true", help="print the decisions on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Draft, write or print, and say what is left out."""
    from envlock.backends.files import DiskWorkspace
    from envlock.cli.table import emit
    from envlock.solve.drafting.stack import Asked
    from envlock.workflows.importing import import_file, write_draft

    path = arguments.output
    if path != _STDOUT and not path.endswith(".toml"):
        raise EnvlockError(
            f"-o: expected the name of a stack file, which ends in `.toml`, found `{path}`\n"
            "Nothing was written."
        )
    asked = Asked(
        name=arguments.name or _stem(path),
        keep=Keep(arguments.keep) if arguments.keep else None,
        pythons=_pythons(path),
    )
    workspace = DiskWorkspace()
    kind = FileKind(arguments.kind) if arguments.kind else None
    imported = import_file(arguments.file, asked, workspace, kind)
    if path != _STDOUT:
        write_draft(imported, path, workspace, force=arguments.force)
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(_fields(imported, path))])
    else:
        emit(imported.text.splitlines() if path == _STDOUT else [path])
    if not arguments.quiet:
        sys.stderr.write(_talk(imported, path))
    return ExitCode.YES


def _stem(path: str) -> str | None:
    from pathlib import PurePath

    return None if path == _STDOUT else PurePath(path).stem


def _pythons(path: str) -> tuple[str, ...]:
    """Return the Pythons of the one pin beside the stack to be; none where there is no such pin."""
    from envlock.cli.wiring import pins_beside
    from envlock.errors import PinError
    from envlock.formats.index_pin import python_series

    pins = pins_beside("stack.toml" if path == _STDOUT else path)
    kept = pins.kept()
    if len(kept) != 1:
        return ()
    try:
        return python_series(pins.repodata(kept[0]).values())
    except PinError:
        return ()


def _fields(imported: Imported, path: str) -> Mapping[str, object]:
    from envlock.formats.secrets import redact
    from envlock.formats.stack_words import format_key

    draft = imported.draft
    return {
        "file": draft.file,
        "format": draft.kind,
        "stack": None if path == _STDOUT else path,
        "text": imported.text,
        "decisions": [
            {
                "key": format_key(item.path),
                "value": item.value,
                "reason": redact(item.reason),
                "guessed": item.is_guess,
            }
            for item in draft.decisions
        ],
        "left_out": [
            {"what": redact(item.what), "reason": redact(item.reason), "line": item.line}
            for item in draft.left_out
        ],
    }


def _talk(imported: Imported, path: str) -> str:
    from envlock.cli.table import count
    from envlock.formats.stack_draft import describe_decision, describe_left_out
    from envlock.formats.stack_words import format_key

    draft = imported.draft
    lines = [f"left out: {line}" for line in describe_left_out(draft)]
    lines += [f"{format_key(item.path)}: {describe_decision(item)}" for item in draft.guesses]
    lines.append(
        f"{count(len(draft.decisions), 'value')}, {len(draft.guesses)} of them guessed; "
        f"{count(len(draft.left_out), 'thing')} left out"
    )
    lines.append(f"\nhint: read it, then {_next_steps(imported, path)}")
    return "\n".join(lines) + "\n"


def _next_steps(imported: Imported, path: str) -> str:
    """Return the commands that lock the stack; the pin that lies beside it will do."""
    stack = "STACK" if path == _STDOUT else path
    has_pin = path != _STDOUT and _has_pin(path)
    commands = [f"`envlock index {'join' if has_pin else 'pin'} {stack}`"]
    if imported.takes_pypi:
        commands.append(f"`envlock index record {stack}`")
    return f"{', '.join(commands)} and `envlock solve {stack}`"


def _has_pin(path: str) -> bool:
    from envlock.cli.wiring import pins_beside

    return len(pins_beside(path).kept()) == 1
