"""What a rule is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from msgspec import Struct

from envlock.audit.as_lock import as_lock
from envlock.audit.environments import Environment, environments
from envlock.model.finding import AuditPolicy, RuleText, Severity
from envlock.model.lock import Lock
from envlock.model.reading import FileKind, Reading
from envlock.model.sight import Sight, Sights
from envlock.model.stack import Stack

ANY_KIND = frozenset(FileKind)
LOCKS = frozenset(kind for kind in FileKind if kind.is_lock)
WISHES = ANY_KIND - LOCKS - {FileKind.STACK}
"""The files that people install from though they say not exactly what; a stack is locked first."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that a rule may know of one file."""

    reading: Reading
    sights: Sights
    policy: AuditPolicy
    stack: Stack | None = None
    """The stack that the lock belongs to, where there is one."""

    @property
    def stack_file(self) -> str:
        """The stack's file, for remedies; `STACK` where there is none."""
        return self.stack.python.where.file if self.stack else "STACK"

    @cached_property
    def lock(self) -> Lock:
        """The conda and PyPI packages as a lock, for the rules that compat and solve have."""
        return as_lock(self.reading)

    @cached_property
    def environments(self) -> tuple[Environment, ...]:
        """The same packages by environment and platform: packages meet only there."""
        return environments(self.reading)


class Hit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule found; the engine adds whose rule it was and in which file."""

    message: str
    line: int = 0
    subject: str = ""
    remedy: str = ""
    """Where it is more exact than the rule's own."""
    severity: Severity | None = None
    """Where it differs from the rule's own."""
    together: str = ""
    """How to tell many such hits as one: `{count} packages have no version: {subjects}.`

    Hits of a rule with the same sentence here, severity and remedy become one finding where they
    are more than a few; so a rule tells each package, and nobody has to read a thousand lines.
    Exceptions of a policy are taken out before.
    """


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: why it is there, what to do about what it finds, and how it finds it."""

    code: str
    name: str
    title: str
    """What it looks for, in a few words: `packages without a hash`."""
    reason: str
    """Why that matters, in one or two sentences."""
    remedy: str
    severity: Severity
    find: Callable[[Case], Iterable[Hit]]
    kinds: frozenset[FileKind] = ANY_KIND
    needs: tuple[Sight, ...] = ()
    """Without one of these it is not applied, and that is told."""
    is_met_by_lock: bool = False
    """Whether a lock that was made of the file says what the file leaves open: then nobody need
    install from the file, and what is found in it is a note."""

    @property
    def text(self) -> RuleText:
        """What it says of itself."""
        return RuleText(
            code=self.code,
            name=self.name,
            title=self.title,
            reason=self.reason,
            remedy=self.remedy,
            severity=self.severity,
        )
