"""Look at what lies beside a file, as far as an audit was asked to; the rest is blind."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.model.finding import AuditPolicy
from envlock.model.reading import FileKind, Reading
from envlock.model.sight import NOTHING_SEEN, Sight, Sights
from envlock.model.stack import Stack
from envlock.workflows.audit_stack import StackSeen, completed, see_altered, see_stack
from envlock.workflows.audit_targets import Target
from envlock.workflows.audit_tools import AuditTools


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A file's surroundings."""

    sights: Sights
    policy: AuditPolicy
    """With what the stack says of its machines."""
    stack: Stack | None


def look_around(
    target: Target, reading: Reading, content: bytes, policy: AuditPolicy, tools: AuditTools
) -> Seen:
    """Return all that is seen of a file; what cannot be looked at is blind with its reason."""
    beside = see_stack(target, reading, tools)
    policy = completed(policy, beside.stack)
    blind = {**NOTHING_SEEN.blind, **_why_blind(policy, beside, reading)}
    seen = Sights(
        blind={sight: why for sight, why in blind.items() if why},
        stale=beside.stale,
        altered=see_altered(reading, content),
        unsolvable=beside.unsolvable,
    )
    return Seen(sights=seen, policy=policy, stack=beside.stack)


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
