"""Look at what lies beside a file, as far as an audit was asked to; the rest is blind."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.model.finding import AuditPolicy
from envlock.model.reading import FileKind, Reading
from envlock.model.sight import NOTHING_SEEN, Sight, Sights
from envlock.model.stack import AuditLevel, Stack
from envlock.workflows.audit_receipts import see_receipts
from envlock.workflows.audit_resolve import NOT_SOLVED_AGAIN, Again, resolve_again
from envlock.workflows.audit_stack import StackSeen, completed, is_ours, see_altered, see_stack
from envlock.workflows.audit_targets import Target
from envlock.workflows.audit_tools import AuditTools


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A file's surroundings."""

    sights: Sights
    policy: AuditPolicy
    """With what the stack says of its machines."""
    stack: Stack | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How far to look."""

    policy: AuditPolicy
    level: AuditLevel = AuditLevel.LOCK


def look_around(
    target: Target, reading: Reading, content: bytes, asked: Asked, tools: AuditTools
) -> Seen:
    """Return all that is seen of a file; what cannot be looked at is blind with its reason."""
    beside = see_stack(target, reading, tools)
    policy = completed(asked.policy, beside.stack)
    blind = {**NOTHING_SEEN.blind, **_why_blind(policy, beside, reading)}
    receipts = see_receipts(target, reading, content, tools)
    blind[Sight.RECEIPT] = receipts.blind
    resolved = Again(blind=_shallow(reading, AuditLevel.RESOLVE))
    if asked.level.rank >= AuditLevel.RESOLVE.rank:
        resolved = resolve_again(reading, content, beside, tools)
    blind[Sight.RESOLVE] = resolved.blind
    seen = Sights(
        blind={sight: why for sight, why in blind.items() if why},
        stale=beside.stale,
        altered=see_altered(reading, content),
        unsolvable=beside.unsolvable or resolved.unsolvable,
        receipts=receipts.receipts,
        demands_signature=bool(tools.keys),
        resolved=resolved.differences,
    )
    return Seen(sights=seen, policy=policy, stack=beside.stack)


def _shallow(reading: Reading, level: AuditLevel) -> str:
    return f"`--level {level.value}` does it" if is_ours(reading) else NOT_SOLVED_AGAIN


def _why_blind(policy: AuditPolicy, beside: StackSeen, reading: Reading) -> dict[Sight, str]:
    """Return why something was not looked at; empty text where it was."""
    is_stack = reading.kind is FileKind.STACK
    licenses = policy.allowed_licenses or policy.denied_licenses
    return {
        Sight.STACK: "" if is_stack else beside.blind,
        Sight.FLEET: "" if policy.driver else "nobody said it: `--driver 535`",
        Sight.GPUS: "" if policy.compute else "nobody said which: `--gpu H100`",
        Sight.GLIBC: "" if policy.glibc else "nobody said it: `--glibc 2.28`",
        Sight.LICENSES: "" if licenses else "there is none",
    }
