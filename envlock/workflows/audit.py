"""The story of `audit`: find the files, read them, see what lies beside them, judge."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from envlock.audit.engine import Ruling, judge
from envlock.audit.rule import Case
from envlock.errors import EnvlockError
from envlock.formats.readers.registry import read, recognise
from envlock.model.finding import AuditPolicy, AuditReport, Judged, Severity, Unreadable
from envlock.model.reading import FileKind, Reading
from envlock.model.stack import AuditLevel
from envlock.workflows.audit_news import read_news
from envlock.workflows.audit_policy import Policies
from envlock.workflows.audit_prefix import reading_of
from envlock.workflows.audit_sights import Around, Asked, Seen, look_around, look_into
from envlock.workflows.audit_stack import is_ours
from envlock.workflows.audit_targets import Target, find_targets, read_target
from envlock.workflows.audit_tools import AuditTools


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """What is to be audited, and how."""

    paths: tuple[str, ...]
    ruling: Ruling
    policy: AuditPolicy
    """What the command line says; it goes before what the project says."""
    policy_file: str | None = None
    """The file whose policy holds for everything; None for each file's own."""
    prefix: str | None = None
    """The environment that was installed from the locks."""
    advisories: tuple[str, ...] = ()
    """Files of known vulnerabilities."""
    kind: FileKind | None = None
    """The format of the files, where the user names it."""
    level: AuditLevel = AuditLevel.LOCK
    """Where no policy says how deep to look."""
    fail_on: Severity = Severity.WARNING


def audit(request: AuditRequest, tools: AuditTools) -> AuditReport:
    """Judge everything that the paths mean.

    A file of which nothing can be read is told among the others. Raises `InputFileError` for a
    folder without any file that could be audited and for a policy at fault, and `HistoryError` for
    a revision or a path of one that git does not know.
    """
    policies = Policies(
        workspace=tools.workspace,
        tree=tools.tree,
        rules=tools.rules,
        paths=request.paths,
        named=request.policy_file,
    )
    around = Around(
        installed=tools.environments.read(request.prefix) if request.prefix else None,
        news=read_news(tools.index_status, request.advisories, tools.workspace),
    )
    judged: list[Judged] = []
    unreadable: list[Unreadable] = []
    levels = [request.policy.level or request.level]
    for target in find_targets(request.paths, tools):
        policy = policies.policy_for(target.path, target.label, request.policy)
        levels.append(policy.level or request.level)
        try:
            found = _judge_target(target, request, policy, around, tools)
            judged.append(replace(found, fail_on=policy.fail_on))
        except EnvlockError as error:
            unreadable.append(
                Unreadable(file=target.label, problem=error.message, hints=error.hints)
            )
    return AuditReport(
        judged=tuple(judged),
        asked=max(levels, key=lambda level: level.rank),
        fail_on=request.policy.fail_on or request.fail_on,
        unreadable=tuple(unreadable),
        notices=policies.notices(judged, request.ruling.today),
    )


def _judge_target(
    target: Target,
    request: AuditRequest,
    policy: AuditPolicy,
    around: Around,
    tools: AuditTools,
) -> Judged:
    if target.is_environment:
        installed = tools.environments.read(target.path)
        seen = look_into(installed, policy, around.news)
        return _judge(reading_of(installed), seen, request, tools)
    content = read_target(target, tools)
    kind = request.kind or recognise(content, target.path)
    reading = read(content, target.label, kind)
    level = policy.level or request.level
    asked = Asked(policy=policy, level=level, around=around)
    seen = look_around(target, reading, content, asked, tools)
    found = _judge(reading, seen, request, tools)
    is_short = is_ours(reading) and found.level.rank < level.rank
    return replace(found, short_of=level) if is_short else found


def _judge(reading: Reading, seen: Seen, request: AuditRequest, tools: AuditTools) -> Judged:
    case = Case(reading=reading, sights=seen.sights, policy=seen.policy, stack=seen.stack)
    return judge(case, tools.rules, request.ruling)
