"""What an audit says: findings, what was not looked at, and the verdict over both."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from envlock.model.stack import AuditLevel


class Severity(StrEnum):
    """How much a finding matters, by default; a policy may say otherwise."""

    ERROR = "error"
    """It cannot be rebuilt, or would not run, or lets a stranger in."""
    WARNING = "warning"
    """It may not be rebuilt one day, or on another machine."""
    NOTE = "note"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return (Severity.ERROR, Severity.WARNING, Severity.NOTE).index(self)


class RuleText(Struct, frozen=True, kw_only=True):
    """What a rule says of itself to people."""

    code: str
    name: str
    title: str
    reason: str
    remedy: str
    severity: Severity


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a rule found in one place."""

    code: str
    """Stable: `EL101`."""
    name: str
    """The rule's name, stable too: `missing-hash`."""
    severity: Severity
    file: str
    line: int = 0
    """1-based; 0 where it is about the whole file."""
    subject: str = ""
    """The package, key or address that it is about; with code and file it tells findings apart."""
    message: str
    """What is there and why it matters, with names and numbers, in one or two sentences."""
    remedy: str
    """What to do about it."""
    subjects: tuple[str, ...] = ()
    """All that it is about, where it tells of many at once; `subject` is empty then."""

    @property
    def order(self) -> tuple[str, int, str, str, str]:
        """The place first, so that a report reads like the file."""
        return (self.file, self.line, self.code, self.subject, self.message)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What stays the same when lines move: for baselines."""
        return (self.code, self.file, self.subject, self.message)


class Ignored(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finding that a policy or a baseline lets pass, and why."""

    finding: Finding
    reason: str


class Unlooked(Struct, frozen=True, kw_only=True):
    """Something that was not looked at."""

    what: str
    reason: str


class Ignore(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exception of a policy."""

    rule: str
    """A code or a name."""
    reason: str
    package: str = ""
    """Only findings about this subject; empty means all."""
    file: str = ""
    """Only findings in files that this pattern fits (`docker/*`); empty means all."""
    expires: str = ""
    """The last day, `2027-01-31`, that it holds; empty means always."""
    where: str = ""
    """The place in the file that says it."""


class AuditPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a project asks of its audits: `[audit]` of a stack, or `[tool.envlock.audit]`."""

    file: str = ""
    """The file that says it; empty for what the command line says."""
    level: AuditLevel | None = None
    fail_on: Severity | None = None
    severities: Mapping[str, Severity | None] = {}
    """By code or name; None switches the rule off."""
    ignores: tuple[Ignore, ...] = ()
    allowed_licenses: tuple[str, ...] = ()
    """SPDX identifiers; empty allows all that is not denied."""
    denied_licenses: tuple[str, ...] = ()
    driver: str | None = None
    """The oldest driver of the fleet; a stack's `[fleet]` says it, too."""
    glibc: str | None = None
    compute: tuple[str, ...] = ()
    """The GPUs that must run it, by compute capability."""


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about the audit's own settings that a person should know."""

    where: str
    """The place in the file that says it."""
    said: str
    remedy: str


IN_BASELINE = "in the baseline"
"""Why a known finding may pass."""


class Judged(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, judged."""

    file: str
    kind: str
    """The format, with its version: `pixi 6`."""
    packages: int
    findings: tuple[Finding, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unlooked: tuple[Unlooked, ...] = ()
    level: AuditLevel = AuditLevel.LOCK
    """The deepest level that was reached."""
    short_of: AuditLevel | None = None
    """The level that was asked for, where it was not reached though envlock wrote the lock."""
    fail_on: Severity | None = None
    """What its policy says; None where that is the report's to say."""
    applied: tuple[str, ...] = ()
    """The codes of the rules that looked at it."""
    unapplied: Mapping[str, str] = {}
    """Why the others of its format did not, by code."""


class Unreadable(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of which nothing could be read."""

    file: str
    problem: str
    hints: tuple[str, ...] = ()


class Known(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finding that a baseline knows; without its line, so that it does not move."""

    rule: str
    """The code."""
    file: str
    """From the baseline's folder on, with forward slashes."""
    subject: str = ""
    message: str

    @property
    def order(self) -> tuple[str, str, str, str]:
        """The file first, as in a report."""
        return (self.file, self.rule, self.subject, self.message)


class BaselineUse(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a baseline did for an audit."""

    file: str
    known: int
    """How many findings it let pass."""
    gone: tuple[Known, ...] = ()
    """What it knows of the audited files and was not found any more."""


class AuditReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that one audit says."""

    judged: tuple[Judged, ...]
    asked: AuditLevel
    """The level that was asked for; what each file reached is in `judged`."""
    fail_on: Severity = Severity.WARNING
    unreadable: tuple[Unreadable, ...] = ()
    notices: tuple[Notice, ...] = ()
    baseline: BaselineUse | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, file by file."""
        return tuple(finding for item in self.judged for finding in item.findings)

    @property
    def is_clean(self) -> bool:
        """Whether no finding is as bad as the threshold."""
        return not any(map(self.fails, self.judged))

    @property
    def short(self) -> tuple[Judged, ...]:
        """The files that did not reach the level that was asked for."""
        return tuple(each for each in self.judged if each.short_of is not None)

    def fails(self, judged: Judged) -> bool:
        """Say whether a file has a finding as bad as the threshold that holds for it."""
        return any(self.counts(finding, judged) for finding in judged.findings)

    def counts(self, finding: Finding, judged: Judged) -> bool:
        """Say whether a finding is as bad as the threshold that holds for its file."""
        return finding.severity.rank <= (judged.fail_on or self.fail_on).rank

    @property
    def level(self) -> AuditLevel | None:
        """The level that every file reached; None where none could be read."""
        reached = (item.level for item in self.judged)
        return min(reached, key=lambda level: level.rank, default=None)
