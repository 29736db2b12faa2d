"""`envlock audit`: judge the lock files of any tool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from envlock.cli.audit_fix import add_fix_options, fix_files, refuse_fix_options
from envlock.cli.audit_results import (
    add_result_options,
    identities,
    read_known,
    refuse_audited,
    refuse_results,
    with_baseline,
    write_results,
)
from envlock.cli.table import printable
from envlock.errors import EnvlockError, ExitCode
from envlock.model.finding import AuditPolicy, Severity
from envlock.model.reading import FileKind
from envlock.model.stack import AuditLevel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from envlock.model.finding import AuditReport, Known
    from envlock.workflows.audit import AuditRequest


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    from envlock.cli.audit_wiring import (
        add_beside_options,
        add_depth_options,
        add_machine_options,
    )
    from envlock.formats.readers.registry import READABLE

    parser = subparsers.add_parser(
        "audit",
        help="judge the lock files of any tool, and say what to do about them",
        description="Read each PATH (a file, a project's folder, either in a revision of git, as "
        "HEAD~3:stacks, or an environment that is installed) and say what in it cannot be "
        "rebuilt, would not run, or lets a stranger in: locks of envlock, conda-lock, pixi, uv, "
        "poetry and pip (pylock.toml), explicit lists, requirements, environment.yml and "
        "Dockerfiles. A stack means its lock. Each finding has a code, a place, a reason and a "
        "remedy.",
        epilog="Exit status: 0 clean, 1 findings at or above --fail-on, 2 a file that cannot be "
        "read or an option at fault, 4 a lock of envlock that did not reach the --level asked for.",
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="a file, a folder, an environment, REVISION:PATH"
    )
    parser.add_argument(
        "--as",
        dest="kind",
        choices=[each.value for each in READABLE],
        help="the format of PATH (default: told by its name and content)",
    )
    parser.add_argument(
        "--fail-on",
        choices=[each.value for each in Severity],
        help="exit 1 for findings as bad as this or worse (default: the policy's, or warning)",
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="the TOML file whose [audit] or [tool.envlock.audit] holds for every PATH (default: "
        "that of a lock's stack, or of the nearest pyproject.toml that has one)",
    )
    add_depth_options(parser)
    add_beside_options(parser)
    add_machine_options(parser)
    add_result_options(parser)
    add_fix_options(parser)
    parser.add_argument("--rules", action="store_true", help="list the rules instead")
    parser.add_argument(
        "--explain", metavar="RULE", help="tell of a rule, by its code or name, why and what to do"
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit what was named."""
    from envlock.audit.rules import all_rules
    from envlock.cli.audit_render import render
    from envlock.cli.audit_wiring import make_audit_tools
    from envlock.cli.table import emit
    from envlock.formats.audit_json import format_audit_json
    from envlock.workflows.audit import audit

    if arguments.rules or arguments.explain is not None:
        if arguments.paths:
            told = "--rules" if arguments.rules else "--explain"
            raise EnvlockError(
                f"{told}: expected no PATH beside it, found {printable(arguments.paths[0])}",
                hints=["`envlock audit PATH` audits; one rule is explained at a time"],
            )
        emit(_about_rules(arguments))
        return ExitCode.YES
    if not arguments.paths:
        raise EnvlockError(
            "audit what? expected PATH, found none",
            hints=["`envlock audit .` looks through the project in this folder"],
        )
    if "" in arguments.paths:
        raise EnvlockError("PATH: expected a path, found an empty text")
    refuse_results(arguments)
    refuse_fix_options(arguments)
    known = read_known(arguments)
    tools = make_audit_tools(arguments)
    if arguments.fix and (stopped := fix_files(arguments, tools)) is not None:
        return stopped
    report = audit(_request(arguments, known), tools)
    if report.asked is not AuditLevel.LOCK:
        from envlock.cli.progress import clear_line

        clear_line()
    refuse_audited(report, arguments)
    report = with_baseline(report, known, arguments)
    texts = [rule.text for rule in all_rules()]
    emit(
        [format_audit_json(report, texts)]
        if arguments.json
        else render(report, is_quiet=arguments.quiet)
    )
    write_results(report, texts, arguments)
    return _status(report)


def _about_rules(arguments: argparse.Namespace) -> Iterator[str]:
    from envlock.audit.rules import all_rules
    from envlock.cli.audit_render import render_rule, render_rules
    from envlock.formats.audit_json import format_rules_json
    from envlock.formats.stack_words import closest, quote

    texts = [rule.text for rule in all_rules()]
    word = arguments.explain
    if word is not None:
        lower = {name.lower(): rule for rule in texts for name in (rule.code, rule.name)}
        if word.lower() not in lower:
            near = closest(word, lower)
            named = lower[near].code if near else ""
            hint = f"did you mean `{named}`?" if near else "`envlock audit --rules` lists them"
            raise EnvlockError(f"there is no rule {quote(word)}", hints=[hint])
        texts = [lower[word.lower()]]
    if arguments.json:
        yield format_rules_json(texts)
    elif word is None:
        yield from render_rules(texts)
    else:
        yield from render_rule(texts[0])


def _status(report: AuditReport) -> ExitCode:
    if report.unreadable:
        return ExitCode.INPUT
    if not report.is_clean:
        return ExitCode.NO
    return ExitCode.WORLD if report.short else ExitCode.YES


def _request(arguments: argparse.Namespace, known: Sequence[Known]) -> AuditRequest:
    from envlock.audit.engine import Ruling
    from envlock.cli.audit_wiring import read_machines
    from envlock.workflows.audit import AuditRequest

    return AuditRequest(
        paths=tuple(arguments.paths),
        ruling=Ruling(
            today=datetime.now(tz=UTC).date().isoformat(), baseline=identities(known, arguments)
        ),
        policy=read_machines(arguments, _given(arguments)),
        policy_file=arguments.policy,
        prefix=arguments.prefix,
        advisories=tuple(arguments.osv),
        kind=FileKind(arguments.kind) if arguments.kind else None,
    )


def _given(arguments: argparse.Namespace) -> AuditPolicy:
    """Return what the command line says; it goes before what a project says."""
    return AuditPolicy(
        fail_on=Severity(arguments.fail_on) if arguments.fail_on else None,
        level=AuditLevel(arguments.level) if arguments.level else None,
    )
