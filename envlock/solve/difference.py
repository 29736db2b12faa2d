"""Two locks -> what differs between them, as a value. What it looks like is for others to say.

Packages are matched by manager, name and platform. A lock can hold one name twice on a platform
(a merge that kept both sides does that); then equal entries cancel out, and what is left is paired
in the order of the versions.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cmp_to_key
from itertools import zip_longest

from envlock.formats.canonical import format_canonical
from envlock.formats.channel import channel_name, channel_url
from envlock.formats.conda_lock import BODY_DIGEST, FACT_PREFIX, HEAD_DIGEST
from envlock.model.lock import Lock, LockedPackage
from envlock.solve.freshness import INPUTS


class Direction(StrEnum):
    """Which way a version went."""

    UP = "up"
    DOWN = "down"
    UNSURE = "version"
    """The two are not the same text, and nothing is known about their order."""


class Aspect(StrEnum):
    """One way in which a package that stands in both locks can differ."""

    VERSION = "version"
    BUILD = "build"
    CHANNEL = "channel"
    FILE = "file"
    """Same build, another archive: `.conda` for `.tar.bz2`, or another address below a channel."""
    HASH = "hash"
    DEPENDENCIES = "dependencies"
    """Same archive, other requirements: the channel's metadata was patched in between."""
    CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What the address of a locked package says."""

    channel: str
    """The channel's short name or public address, `pypi`, or the host of a foreign file."""
    subdir: str
    """Empty for what is not a conda package."""
    file_name: str
    build: str
    """Empty where there is none."""


_ENDINGS = (".conda", ".tar.bz2")
_ESCAPE = re.compile("(?:%[0-9A-Fa-f]{2})+")
_HOST = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^/@]*@)?([^/:?#]+)", re.IGNORECASE)


def parse_archive(package: LockedPackage) -> Archive:
    """Read a package's address; credentials in it are left out of the result."""
    place = re.split("[?#]", package.url, maxsplit=1)[0].rstrip("/")
    base, _, file_name = place.rpartition("/")
    if package.manager == "pip":
        return Archive(channel=_owner(package.url), subdir="", file_name=file_name, build="")
    address, _, subdir = base.rpartition("/")
    file_name = _ESCAPE.sub(_unescape, file_name)
    return Archive(
        channel=channel_name(channel_url(address)) if "://" in address else "unknown",
        subdir=subdir,
        file_name=file_name,
        build=_build(package, file_name),
    )


def _unescape(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("%", "")).decode("utf-8", "replace")


def _build(package: LockedPackage, file_name: str) -> str:
    stem = next((file_name.removesuffix(end) for end in _ENDINGS if file_name.endswith(end)), "")
    start = f"{package.name}-{package.version}-"
    return stem.removeprefix(start) if stem.startswith(start) else stem.rpartition("-")[2]


_BUILD_HASH = re.compile(r"(?:np\d+)?(?:py|pl)?[\d.]*h[0-9a-f]{7,}$")
_EVERYWHERE = re.compile(r"(?:(?:py|cp)?[\d.]*|(?:linux|win|osx)\w*\d\w*|cpython|default)")


def build_variant(package: LockedPackage) -> str:
    """Return what makes a build different in kind: `cuda12.1_cudnn9.1.0`, `cpu_generic`, `nompi`.

    Left out are the recipe's hash and number, the platform and the Python it is for.
    """
    tokens = [_BUILD_HASH.sub("", token) for token in parse_archive(package).build.split("_")]
    return "_".join(token for token in tokens if not _EVERYWHERE.fullmatch(token))


def _owner(url: str) -> str:
    match = _HOST.match(url)
    if match is None:
        return "file" if url.startswith(("/", ".", "file:")) else "unknown"
    scheme, host = match.groups()
    return f"{scheme}://{host}" if "+" in scheme else host


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """One package that is not the same in both locks; None on the side that lacks it."""

    before: LockedPackage | None
    after: LockedPackage | None

    @property
    def either(self) -> LockedPackage:
        """The entry after, or before where there is none after."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change has a side")
        return found

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """What differs between two entries, the weightiest first; empty when one is missing."""
        if self.before is None or self.after is None:
            return ()
        sides = _aspects_of(self.before), _aspects_of(self.after)
        return tuple(item for item in Aspect if sides[0][item] != sides[1][item])

    @property
    def kind(self) -> str:
        """`added`, `removed`, a direction where the version moved, else the first aspect."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        if self.before.version != self.after.version:
            return compare_versions(self.before.version, self.after.version).value
        return self.aspects[0].value


KINDS = (
    "added",
    "removed",
    *(item.value for item in Direction),
    *(item.value for item in Aspect if item is not Aspect.VERSION),
)
"""Every kind of a change, in the order in which people ask."""


def _aspects_of(package: LockedPackage) -> Mapping[Aspect, object]:
    archive = parse_archive(package)
    return {
        Aspect.VERSION: package.version,
        Aspect.BUILD: archive.build,
        Aspect.CHANNEL: archive.channel,
        Aspect.FILE: (archive.subdir, archive.file_name, package.url),
        Aspect.HASH: (package.md5, package.sha256),
        Aspect.DEPENDENCIES: dict(package.dependencies),
        Aspect.CATEGORY: package.category,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadChange:
    """One entry of the heads that is not the same; None on the side that lacks it."""

    key: str
    """`pin`, `linux-64/cudnn`, `channels`, or a key of the stack such as `inputs: gpu.cuda`."""
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What it takes to come from one lock to the other."""

    head: tuple[HeadChange, ...]
    platforms: Mapping[str, tuple[PackageChange, ...]]
    """Every platform that was compared; empty where its packages are the same."""

    @property
    def packages_are_equal(self) -> bool:
        """Whether both locks install the same files."""
        return not any(self.platforms.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, in the packages or in the heads."""
        return self.packages_are_equal and not self.head


def compare_locks(before: Lock, after: Lock, platforms: Sequence[str] = ()) -> Difference:
    """Compare two locks, on all platforms of either or only on those named."""
    wanted = tuple(platforms) or platforms_of(before, after)
    return Difference(
        head=tuple(_compare_heads(before, after, wanted)),
        platforms={
            platform: tuple(
                _compare_packages(before.packages_on(platform), after.packages_on(platform))
            )
            for platform in wanted
        },
    )


def platforms_of(*locks: Lock) -> tuple[str, ...]:
    """Return the platforms that locks name in their heads or hold packages for, sorted."""
    named = {platform for lock in locks for platform in lock.head.platforms}
    return tuple(sorted(named | {item.platform for lock in locks for item in lock.packages}))


def _compare_packages(
    before: Iterable[LockedPackage], after: Iterable[LockedPackage]
) -> Iterable[PackageChange]:
    old, new = _by_name(before), _by_name(after)
    for key in sorted({*old, *new}):
        left, right = _without_equals(old.get(key, ()), new.get(key, ()))
        for one, other in zip_longest(left, right):
            yield PackageChange(before=one, after=other)


def _by_name(packages: Iterable[LockedPackage]) -> Mapping[tuple[str, str], list[LockedPackage]]:
    found: dict[tuple[str, str], list[LockedPackage]] = {}
    for package in packages:
        found.setdefault((package.name, package.manager), []).append(package)
    return found


def _without_equals(
    before: Sequence[LockedPackage], after: Sequence[LockedPackage]
) -> tuple[list[LockedPackage], list[LockedPackage]]:
    if len(before) == len(after) == 1 and before[0] == after[0]:
        return [], []
    left, right = ({_identity(item): item for item in side} for side in (before, after))
    counts = [Counter(map(_identity, side)) for side in (before, after)]
    return (
        [
            left[key]
            for key in sorted((counts[0] - counts[1]).elements(), key=cmp_to_key(_in_order))
        ],
        [
            right[key]
            for key in sorted((counts[1] - counts[0]).elements(), key=cmp_to_key(_in_order))
        ],
    )


_Identity = tuple[str, ...]


def _identity(package: LockedPackage) -> _Identity:
    return (
        package.version,
        package.url,
        package.md5 or "",
        package.sha256 or "",
        format_canonical(dict(package.dependencies)),
        package.category,
    )


def _in_order(one: _Identity, other: _Identity) -> int:
    return _order(one[0], other[0]) or (one > other) - (one < other)


def _compare_heads(before: Lock, after: Lock, platforms: Sequence[str]) -> Iterable[HeadChange]:
    with_inputs = INPUTS in before.head.facts or INPUTS in after.head.facts
    old = _entries(before, platforms, hashes=not with_inputs)
    new = _entries(after, platforms, hashes=not with_inputs)
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield HeadChange(key=key, before=old.get(key), after=new.get(key))


def _entries(lock: Lock, platforms: Sequence[str], *, hashes: bool) -> Mapping[str, str]:
    head = lock.head
    others = set(platforms_of(lock)) - set(platforms)
    told = {
        key.removeprefix(FACT_PREFIX): value
        for key, value in head.facts.items()
        if key not in (INPUTS, BODY_DIGEST, HEAD_DIGEST)
        and key.removeprefix(FACT_PREFIX).partition("/")[0] not in others
    }
    lists = {
        "channels": [channel_name(channel_url(channel)) for channel in head.channels],
        "platforms": sorted(platform for platform in head.platforms if platform not in others),
        "sources": list(head.sources),
    }
    asked = {f"content_hash: {key}": head.content_hash[key] for key in head.content_hash}
    return {
        **{key: ", ".join(items) for key, items in lists.items() if items},
        **{
            f"inputs: {key}": value
            for key, value in _inputs(head.facts.get(INPUTS)).items()
            if not any(key.startswith(f"target.{platform}.") for platform in others)
        },
        **({key: asked[key] for key in asked if key.split()[-1] not in others} if hashes else {}),
        **told,
    }


def _inputs(text: str | None) -> Mapping[str, str]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return {"(damaged)": text or ""}
    return {key: format_canonical(item) for key, item in value.items()}


_PARTS = re.compile(r"[._-]")
_RUNS = re.compile(r"\d+|[^\d]+")
_ORDERED = re.compile(r"(?:\d+!)?[0-9a-z][0-9a-z._-]*(?:\+[0-9a-z._-]+)?")
_Rank = tuple[int, int, str]

_DEVELOPMENT, _WORD, _NUMBER, _POST = range(4)
_ZERO: _Rank = (_NUMBER, 0, "")
"""What a shorter version has where a longer one goes on, so `1` is `1.0` and follows `1rc`."""
_MAX_DIGITS = 4_000
"""Longer numbers are refused by `int`; no version comes near."""


def compare_versions(before: str, after: str) -> Direction:
    """Say which way a version went, in conda's order: `1.0dev < 1.0rc1 < 1.0 < 1.0.post1 < 1.1`.

    For showing up and down only; a solver's own order decides what fits. `UNSURE` when a version's
    form is not one that has an order, or when both mean the same.
    """
    sign = _order(before, after)
    if sign == 0 or not all(_ORDERED.fullmatch(text.lower()) for text in (before, after)):
        return Direction.UNSURE
    return Direction.UP if sign < 0 else Direction.DOWN


def _order(one: str, other: str) -> int:
    """Return less than 0, 0 or more as for `functools.cmp_to_key`."""
    for left, right in zip(_sections(one), _sections(other), strict=True):
        for parts in zip_longest(left, right, fillvalue=(_ZERO,)):
            for here, there in zip_longest(*parts, fillvalue=_ZERO):
                if here != there:
                    return -1 if here < there else 1
    return 0


def _sections(version: str) -> tuple[list[list[_Rank]], ...]:
    """Split a version into epoch, version and local version, each into parts, these into runs."""
    epoch, found, rest = version.lower().partition("!")
    main, _, local = (rest if found else epoch).partition("+")
    texts = (epoch if found else "0", main, local)
    return tuple([_ranks(part) for part in _PARTS.split(text)] for text in texts)


def _ranks(part: str) -> list[_Rank]:
    runs = _RUNS.findall(part)
    lead = [] if runs and runs[0].isdecimal() else [_ZERO]
    return [*lead, *map(_rank, runs)]


def _rank(run: str) -> _Rank:
    if run.isdecimal():
        return (_NUMBER, int(run[:_MAX_DIGITS]), "")
    return {"dev": (_DEVELOPMENT, 0, ""), "post": (_POST, 0, "")}.get(run, (_WORD, 0, run))
