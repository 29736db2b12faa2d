"""What an audit has seen beside the file itself, and what it could not see.

A rule reads observations; it never looks for itself. Each kind of observation that was not made
stands in `Sights.blind` with its reason, and every rule that needs it is reported as not applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from envlock.model.installed import FileDrift


class Sight(StrEnum):
    """The kinds of observations that a rule can need."""

    STACK = "the stack"
    """Freshness against the stack that a lock of ours was solved from."""
    FLEET = "the fleet's driver"
    GPUS = "the declared GPUs"
    GLIBC = "the fleet's glibc"
    LICENSES = "a licence policy"
    RECEIPT = "receipts"
    PREFIX = "an installed environment"
    INDEX = "the package indexes"
    """Whether files are still there, and whether they were yanked: needs the network."""
    ADVISORIES = "known vulnerabilities"
    RESOLVE = "a second solve"
    REBUILD = "a second build"
    PROOF = "a second verification"


class ReceiptSeen(Struct, frozen=True, kw_only=True):
    """A receipt that lies beside a lock."""

    file: str
    problem: str = ""
    """Why it cannot be read as a receipt; everything else is empty then."""
    lock_sha256: str = ""
    is_of_lock: bool = False
    """Whether it names the lock that it lies beside, byte for byte but for line ends."""
    content_sha256: str = ""
    platform: str = ""
    verdict: str = ""
    """`passed`, `failed`, `incomplete`, as the receipt says."""
    failed: tuple[str, ...] = ()
    """The names of the checks that failed."""
    device: str = ""
    verified_at: str = ""
    claimed: tuple[str, ...] = ()
    """The key ids of the signatures that it carries; empty where it is unsigned."""
    signers: tuple[str, ...] = ()
    """Those that the auditor trusts and whose signature holds."""
    trusted: bool = False
    """Whether a key that the auditor trusts has signed it."""
    is_forged: bool = False
    """Whether it carries a trusted key's id over a signature that does not hold."""


class Difference(Struct, frozen=True, kw_only=True):
    """Something that came out otherwise the second time, or lies otherwise than it was sealed."""

    subject: str
    """A package, a file, a check."""
    field: str
    """What of it: `version`, `url`, `content`."""
    was: str
    now: str
    platform: str = ""


class Advisory(Struct, frozen=True, kw_only=True):
    """A known vulnerability of a version that a file names."""

    id: str
    """`GHSA-…`, `PYSEC-…`, `CVE-…`."""
    package: str
    """As the file names it."""
    version: str
    summary: str
    fixed: tuple[str, ...] = ()
    """Versions that have it no more."""
    aliases: tuple[str, ...] = ()
    severity: str = ""


class Withdrawn(Struct, frozen=True, kw_only=True):
    """A file that an index no longer offers, or advises against."""

    package: str
    file: str
    problem: str
    """In words: `was yanked: broken metadata`, `is gone`."""
    is_gone: bool = False


class Sights(Struct, frozen=True, kw_only=True):
    """All that was seen of one file; what is in `blind` was not looked at."""

    blind: Mapping[Sight, str]
    """Why each kind of observation was not made."""
    stale: tuple[str, ...] = ()
    """Why a lock is not what its stack says, in words; empty where it is fresh."""
    altered: tuple[str, ...] = ()
    """Which part of a lock of ours is not what its own digests say, in words."""
    unsolvable: tuple[str, ...] = ()
    """Why nobody can solve a lock of ours again, in words: no pin, a damaged one."""
    locked_by: str = ""
    """The lock that lies beside a wish list and is made of it; empty where there is none."""
    receipts: tuple[ReceiptSeen, ...] = ()
    demands_signature: bool = False
    """Whether the auditor named keys, one of which must have signed."""
    prefix: str = ""
    """The folder of the installed environment that was looked at."""
    drift: tuple[Difference, ...] = ()
    """How an installed environment differs from the lock, package by package."""
    files: tuple[FileDrift, ...] = ()
    """How its files differ from what its packages installed."""
    unrecorded: tuple[str, ...] = ()
    """Packages of it that list no files."""
    bad_records: tuple[str, ...] = ()
    """Records of it that cannot be read, in words."""
    advisories: tuple[Advisory, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    unasked: str = ""
    """Why indexes were not asked about every package; empty where they were."""
    resolved: tuple[Difference, ...] = ()
    rebuilt: tuple[Difference, ...] = ()
    proven: tuple[Difference, ...] = ()


NOTHING_SEEN = Sights(blind=dict.fromkeys(Sight, "it was not looked at"))
"""The file alone."""
