"""Look at what lies beside a file, as far as an audit was asked to; the rest is blind."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from envlock.model.finding import AuditPolicy
from envlock.model.installed import Installed
from envlock.model.reading import FileKind, Reading
from envlock.model.sight import NOTHING_SEEN, Difference, Sight, Sights
from envlock.model.stack import AuditLevel, Stack
from envlock.workflows.audit_news import NO_NEWS, News, NewsSeen, hear
from envlock.workflows.audit_prefix import (
    compare_packages,
    hashes_of_lock,
    optional_of_lock,
    reading_of,
    wanted_of_lock,
    wanted_of_store,
)
from envlock.workflows.audit_receipts import see_receipts
from envlock.workflows.audit_stack import (
    NOT_SOLVED_AGAIN,
    Again,
    StackSeen,
    completed,
    is_ours,
    see_altered,
    see_stack,
)
from envlock.workflows.audit_targets import Target, lock_beside
from envlock.workflows.audit_tools import AuditTools


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A file's surroundings."""

    sights: Sights
    policy: AuditPolicy
    """With what the stack says of its machines."""
    stack: Stack | None


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is read once, for every file of an audit."""

    installed: Installed | None = None
    """The environment that was installed from the locks, where the user named one."""
    news: News = NO_NEWS


NOTHING_AROUND = Around()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How far to look."""

    policy: AuditPolicy
    level: AuditLevel = AuditLevel.LOCK
    around: Around = NOTHING_AROUND


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
        from envlock.workflows.audit_resolve import (  # noqa: PLC0415 - most audits solve nothing
            resolve_again,
        )

        resolved = resolve_again(reading, content, beside, tools)
    blind[Sight.RESOLVE] = resolved.blind
    rebuilt, proven = _look_deeper(target, reading, content, asked, resolved, tools)
    blind |= {Sight.REBUILD: rebuilt.blind, Sight.PROOF: proven.blind}
    seen = Sights(
        blind={sight: why for sight, why in blind.items() if why},
        stale=beside.stale,
        altered=see_altered(reading, content),
        unsolvable=beside.unsolvable or resolved.unsolvable,
        locked_by=lock_beside(target, reading.kind, tools),
        receipts=receipts.receipts,
        demands_signature=bool(tools.keys),
        resolved=resolved.differences,
        rebuilt=rebuilt.differences,
        proven=proven.differences,
    )
    seen = _hold_prefix(seen, reading, asked.around.installed)
    seen = _add_news(seen, hear(reading, asked.around.news))
    return Seen(sights=seen, policy=policy, stack=beside.stack)


def _look_deeper(  # noqa: PLR0913, PLR0917 - the last step of one look
    target: Target,
    reading: Reading,
    content: bytes,
    asked: Asked,
    resolved: Again,
    tools: AuditTools,
) -> tuple[Again, Again]:
    """Build and verify again, as far as was asked; a level counts with those before it only."""
    rebuilt, proven = (
        Again(blind=_shallow(reading, level)) for level in (AuditLevel.BUILD, AuditLevel.PROVE)
    )
    if asked.level.rank < AuditLevel.BUILD.rank:
        return rebuilt, proven
    if resolved.blind:
        before = Again(blind="the level `resolve`, which comes before it, was not reached")
        return before, before
    from envlock.workflows.audit_again import (  # noqa: PLC0415 - most audits build nothing
        build_again,
        prove_again,
    )

    with tools.deep(target.path) as deep:
        rebuilt = build_again(target, content, deep, tools)
        if asked.level is AuditLevel.PROVE:
            proven = Again(blind="the level `build`, which comes before it, was not reached")
            if not rebuilt.blind:
                proven = prove_again(target, content, deep, tools)
    return rebuilt, proven


def _hold_prefix(seen: Sights, reading: Reading, installed: Installed | None) -> Sights:
    """Add how an environment differs from a lock; without one the reason stays as it is."""
    if installed is None or reading.kind in (FileKind.STACK, FileKind.DOCKERFILE):
        return seen
    wanted = wanted_of_lock(reading, installed.platform)
    if not wanted:
        why = f"the lock has no packages for {installed.platform}, which {installed.path} is of"
        return replace(seen, blind={**seen.blind, Sight.PREFIX: why})
    drift = compare_packages(
        installed,
        wanted,
        optional=optional_of_lock(reading),
        admitted=hashes_of_lock(reading),
    )
    if not reading.kind.is_lock:  # what its packages brought along is not in it
        drift = tuple(item for item in drift if item.field != "extra")
    return _with_prefix(seen, installed, drift)


def _with_prefix(seen: Sights, installed: Installed, drift: tuple[Difference, ...]) -> Sights:
    return replace(
        seen,
        blind={sight: why for sight, why in seen.blind.items() if sight is not Sight.PREFIX},
        prefix=installed.path,
        drift=drift,
        files=installed.drift,
        unrecorded=tuple(item.name for item in installed.packages if item.files is None),
        bad_records=installed.faults,
    )


def _add_news(seen: Sights, news: NewsSeen) -> Sights:
    whys = {Sight.INDEX: news.blind_index, Sight.ADVISORIES: news.blind_advisories}
    blind = {**seen.blind, **whys}
    return replace(
        seen,
        blind={sight: why for sight, why in blind.items() if why},
        withdrawn=news.withdrawn,
        unasked=news.unasked,
        advisories=news.advisories,
    )


def look_into(installed: Installed, policy: AuditPolicy, news: News) -> Seen:
    """Return what is seen of an environment itself, held against what the store made it of."""
    nothing = "an installed environment has none"
    blind = {
        **NOTHING_SEEN.blind,
        **_why_machines(policy),
        Sight.STACK: nothing,
        Sight.RECEIPT: nothing,
        Sight.RESOLVE: NOT_SOLVED_AGAIN,
        Sight.REBUILD: _NOT_BEFORE,
        Sight.PROOF: _NOT_BEFORE,
    }
    seen = Sights(blind={sight: why for sight, why in blind.items() if why})
    wanted = wanted_of_store(installed)
    drift = compare_packages(installed, wanted) if wanted else ()
    seen = _with_prefix(seen, installed, drift)
    seen = _add_news(seen, hear(reading_of(installed), news))
    return Seen(sights=seen, policy=policy, stack=None)


_NOT_BEFORE = "only after a second solve"


def _shallow(reading: Reading, level: AuditLevel) -> str:
    if is_ours(reading):
        return f"`--level {level.value}` does it"
    return NOT_SOLVED_AGAIN if level is AuditLevel.RESOLVE else _NOT_BEFORE


def _why_blind(policy: AuditPolicy, beside: StackSeen, reading: Reading) -> dict[Sight, str]:
    """Return why something was not looked at; empty text where it was."""
    is_stack = reading.kind is FileKind.STACK
    return {
        Sight.STACK: "" if is_stack else beside.blind,
        Sight.PREFIX: "nobody named one: `--prefix DIR`",
        **_why_machines(policy),
    }


def _why_machines(policy: AuditPolicy) -> dict[Sight, str]:
    licenses = policy.allowed_licenses or policy.denied_licenses
    return {
        Sight.FLEET: "" if policy.driver else "nobody said it: `--driver 535`",
        Sight.GPUS: "" if policy.compute else "nobody said which: `--gpu H100`",
        Sight.GLIBC: "" if policy.glibc else "nobody said it: `--glibc 2.28`",
        Sight.LICENSES: "" if licenses else "there is none",
    }
