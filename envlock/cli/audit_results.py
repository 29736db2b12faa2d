"""What an audit leaves: the reports that were asked for, and the baseline."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.backends.files import DiskWorkspace, is_file
from envlock.cli.places import refuse_files
from envlock.errors import EnvlockError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from envlock.model.finding import AuditReport, Known, RuleText

_FORMS = ("sarif", "markdown", "junit", "html")


def add_result_options(parser: Any) -> None:
    """Describe the options that say what an audit leaves."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0, for code scanning")
    parser.add_argument(
        "--suppressed",
        action="store_true",
        help="in SARIF also what may pass, marked as suppressed (GitHub shows such as open)",
    )
    parser.add_argument(
        "--markdown", metavar="FILE", help="write Markdown, for a comment or a CI step's summary"
    )
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML, for CI")
    parser.add_argument("--html", metavar="FILE", help="write a page to read in a browser")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdict alone")
    parser.add_argument(
        "--baseline", metavar="FILE", help="let pass what this file knows; see --write-baseline"
    )
    parser.add_argument(
        "--write-baseline",
        action="store_true",
        help="write what is found now to the file of --baseline, and let it pass from now on",
    )


def refuse_results(arguments: argparse.Namespace) -> None:
    """Raise `EnvlockError` for results that nothing can be written to, before anything is read."""
    if arguments.write_baseline and not arguments.baseline:
        raise EnvlockError(
            "--write-baseline: no file was named to write to",
            hints=["name one: `--baseline .envlock-baseline.json --write-baseline`"],
        )
    for form in _FORMS:
        if getattr(arguments, form) == "":
            raise EnvlockError(f"--{form}: expected a file, found an empty text")
    if arguments.suppressed and not arguments.sarif:
        raise EnvlockError(
            "--suppressed says what SARIF holds, and none is written",
            hints=["say where: `--sarif FILE`"],
        )
    read = [("PATH", path) for path in arguments.paths if is_file(path)]
    read.append(("--policy", arguments.policy))
    if not arguments.write_baseline:
        read.append(("--baseline", arguments.baseline))
    refuse_files(
        _written(arguments),
        [(option, path) for option, path in read if path],
        "Nothing was audited.",
    )


def refuse_audited(report: AuditReport, arguments: argparse.Namespace) -> None:
    """Raise `EnvlockError` where a result would take the place of a file that was audited."""
    files = [each.file for each in report.judged]
    files += [each.file for each in report.unreadable]
    audited = set(map(os.path.realpath, files))
    for option, path in _written(arguments):
        if os.path.realpath(path) in audited:
            raise EnvlockError(
                f"{option}: {path} is one of the files that were audited\nNothing was written.",
                hints=["name another file"],
            )


def _written(arguments: argparse.Namespace) -> Sequence[tuple[str, str]]:
    """Return the options that name a file to be written, with the file."""
    written = [(f"--{form}", getattr(arguments, form)) for form in _FORMS]
    if arguments.write_baseline:
        written.append(("--baseline", arguments.baseline))
    return [(option, path) for option, path in written if path]


def write_results(
    report: AuditReport, rules: Sequence[RuleText], arguments: argparse.Namespace
) -> None:
    """Write the reports that were asked for."""
    workspace = DiskWorkspace()
    for form in _FORMS:
        path = getattr(arguments, form)
        if path:
            text = _writers(arguments)[form](report, rules)
            workspace.write_bytes(path, text.encode())
            _tell(f"{form}: {path}", arguments)


def _writers(
    arguments: argparse.Namespace,
) -> Mapping[str, Callable[[AuditReport, Sequence[RuleText]], str]]:
    from envlock import __version__
    from envlock.formats.audit_html import format_audit_html
    from envlock.formats.audit_junit import format_audit_junit
    from envlock.formats.audit_markdown import format_audit_markdown
    from envlock.formats.sarif import format_sarif

    def sarif(report: AuditReport, rules: Sequence[RuleText]) -> str:
        return format_sarif(
            report,
            rules,
            version=__version__,
            names=project_names(report),
            with_ignored=arguments.suppressed,
        )

    def html(report: AuditReport, rules: Sequence[RuleText]) -> str:
        return format_audit_html(report, rules, version=__version__)

    return {
        "sarif": sarif,
        "markdown": format_audit_markdown,
        "junit": format_audit_junit,
        "html": html,
    }


def project_names(report: AuditReport) -> Mapping[str, str]:
    """Return the path of each file from the root of its project on, as code scanning needs it.

    The root is the folder with `.git` around the current one, else the current one. What is read
    from the history is named by its path there.
    """
    here = Path.cwd()
    root = next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
    files = [each.file for each in report.judged]
    files += [each.file for each in report.unreadable]
    return {file: _from(root, file) for file in files}


def _from(folder: Path, file: str) -> str:
    _, colon, inner = file.partition(":")
    if colon and not os.path.lexists(file):  # REVISION:PATH
        return inner
    return Path(os.path.relpath(file, folder)).as_posix()


def read_known(arguments: argparse.Namespace) -> Sequence[Known]:
    """Return what the baseline knows; nothing for one that is to be written for the first time.

    Raises `EnvlockError` for one that is not there, `InputFileError` for one at fault.
    """
    from envlock.formats.audit_baseline import LARGEST_BYTES, read_baseline

    path = arguments.baseline
    if not path or (arguments.write_baseline and not is_file(path)):
        return ()
    if not os.path.lexists(path):
        raise EnvlockError(
            f"--baseline {path}: there is no such file",
            hints=[f"write it once: `--baseline {path} --write-baseline`, and commit it"],
        )
    workspace = DiskWorkspace()
    return read_baseline(workspace.read_bytes(path, limit_bytes=LARGEST_BYTES), path)


def identities(known: Sequence[Known], arguments: argparse.Namespace) -> frozenset[Any]:
    """Return known findings as the engine tells them apart, by each way to name their file."""
    return frozenset(
        (each.rule, file, each.subject, each.message)
        for each in known
        for file in _spellings(each.file, _folder(arguments))
    )


def _folder(arguments: argparse.Namespace) -> Path:
    return Path(arguments.baseline).resolve().parent


def _spellings(file: str, folder: Path) -> Sequence[str]:
    """Return how a command line may name a file of a baseline."""
    absolute = os.path.normpath(folder / file)
    relative = Path(os.path.relpath(absolute)).as_posix()
    return (Path(absolute).as_posix(), relative, f"./{relative}", file)


def with_baseline(
    report: AuditReport, known: Sequence[Known], arguments: argparse.Namespace
) -> AuditReport:
    """Return a report that tells what the baseline did, and write that when it was asked for.

    A baseline is not written where a file could not be read: what is known of it would be lost.
    """
    from envlock.formats.audit_baseline import format_baseline
    from envlock.workflows.audit_baseline import known_findings, let_known_pass, use_of

    if not arguments.baseline:
        return report
    folder = _folder(arguments)
    files = [each.file for each in report.judged]
    names = {file: _from(folder, file) for file in files}
    if not arguments.write_baseline:
        return use_of(report, arguments.baseline, known, names)
    if report.unreadable:
        _tell(f"baseline: {arguments.baseline} was not written: not every file was read", arguments)
        return report
    DiskWorkspace().write_bytes(arguments.baseline, format_baseline(known_findings(report, names)))
    _tell(f"baseline: {arguments.baseline}", arguments)
    return let_known_pass(report, arguments.baseline)


def _tell(line: str, arguments: argparse.Namespace) -> None:
    if not arguments.quiet:
        print(line, file=sys.stderr)
