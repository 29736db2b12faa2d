"""The story of `audit`: find the files, read them, see what lies beside them, judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envlock.audit.engine import Ruling, judge
from envlock.audit.rule import Case, Rule
from envlock.errors import EnvlockError, Fault, InputFileError
from envlock.formats.readers.registry import read, recognise_name
from envlock.model.finding import AuditPolicy, AuditReport, Judged, Severity, Unreadable
from envlock.model.lock import LOCK_LIMIT_BYTES
from envlock.model.reading import FileKind
from envlock.model.sight import NOTHING_SEEN
from envlock.model.stack import AuditLevel
from envlock.ports.tree import Tree
from envlock.ports.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class AuditTools:
    """What an audit acts through."""

    workspace: Workspace
    tree: Tree
    rules: Sequence[Rule]


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """What is to be audited, and how."""

    paths: tuple[str, ...]
    ruling: Ruling
    policy: AuditPolicy
    kind: FileKind | None = None
    """The format of the files, where the user names it."""
    level: AuditLevel = AuditLevel.LOCK
    fail_on: Severity = Severity.WARNING


def audit(request: AuditRequest, tools: AuditTools) -> AuditReport:
    """Judge every file that the paths mean.

    A file of which nothing can be read is told among the others. Raises `InputFileError` for a path
    that is not there, and for a folder without any file that could be audited.
    """
    judged: list[Judged] = []
    unreadable: list[Unreadable] = []
    for file in dict.fromkeys(_files(request.paths, tools)):
        try:
            judged.append(_judge_file(file, request, tools))
        except EnvlockError as error:
            unreadable.append(Unreadable(file=file, problem=error.message, hints=error.hints))
    return AuditReport(
        judged=tuple(judged),
        asked=request.level,
        fail_on=request.policy.fail_on or request.fail_on,
        unreadable=tuple(unreadable),
    )


def _files(paths: Iterable[str], tools: AuditTools) -> Iterable[str]:
    for path in paths:
        if not tools.tree.is_folder(path):
            yield path
            continue
        found = [name for name in tools.tree.files_below(path) if recognise_name(name)]
        if not found:
            problem = "no file in this folder has the name of a lock, a wish list or a Dockerfile"
            hint = "name the file itself"
            raise InputFileError([Fault(where=path, problem=problem, hint=hint)])
        yield from found


def _judge_file(file: str, request: AuditRequest, tools: AuditTools) -> Judged:
    content = tools.workspace.read_bytes(file, limit_bytes=LOCK_LIMIT_BYTES)
    reading = read(content, file, request.kind)
    case = Case(reading=reading, sights=NOTHING_SEEN, policy=request.policy)
    return judge(case, tools.rules, request.ruling)
