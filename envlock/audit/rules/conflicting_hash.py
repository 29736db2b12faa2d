"""EL108: one file with two digests, or one build at two addresses for one environment.

Two mirrors may serve one package: that is EL109's, as long as the digests agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.audit.addresses import file_name
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FoundPackage, Origin


def _find(case: Case) -> Iterable[Hit]:
    yield from _one_address(case)
    yield from _one_build(case)


def _one_address(case: Case) -> Iterator[Hit]:
    seen: dict[tuple[str, str], str] = {}
    for package in case.reading.packages:
        for origin in package.origins:
            conflict = _conflict(seen, origin)
            if conflict:
                name, first, second = conflict
                yield Hit(
                    message=f"`{file_name(origin.address)}` has two {name} digests, "
                    f"`{first[:12]}…` and `{second[:12]}…`: at most one of them fits.",
                    line=origin.line or package.line,
                    subject=package.name,
                    together="{count} packages have two digests for one file: {subjects}. At "
                    "most one of them fits.",
                )


def _conflict(seen: dict[tuple[str, str], str], origin: Origin) -> tuple[str, str, str] | None:
    """Return the strongest digest of a file that differs from what was seen of it before."""
    address = origin.address.partition("#")[0]
    found = None
    for name, digest in sorted(origin.hashes.items()):
        first = seen.setdefault((address, name), digest.lower())
        if address and first != digest.lower():
            found = (name, first, digest.lower())
    return found


def _one_build(case: Case) -> Iterator[Hit]:
    """Yield builds that one platform of one environment would take from two addresses."""
    seen: dict[tuple[str, ...], Origin] = {}
    for package in case.reading.packages:
        if package.ecosystem is not Ecosystem.CONDA or len(package.origins) != 1:
            continue
        origin = package.origins[0]
        for key in _slots(package):
            first = seen.setdefault(key, origin)
            if _differ(first, origin):
                yield Hit(
                    message=f"`{package.name} {package.version}` comes from two addresses with "
                    f"other bytes, `{first.address}` and `{origin.address}`: which one is "
                    "installed is chance.",
                    line=origin.line or package.line,
                    subject=package.name,
                    severity=Severity.WARNING,
                    together="{count} packages come from two addresses with other bytes: "
                    "{subjects}. Which one is installed is chance.",
                )
                break


def _slots(package: FoundPackage) -> Iterator[tuple[str, ...]]:
    for platform in package.platforms or ("",):
        for environment in package.environments or ("",):
            yield (
                package.name,
                package.version or "",
                package.build or file_name(package.origins[0].address),
                package.subdir,
                platform,
                environment,
            )


def _differ(first: Origin, second: Origin) -> bool:
    common = {*first.hashes} & {*second.hashes}
    if first.address == second.address or file_name(first.address) != file_name(second.address):
        return False
    return any(first.hashes[name].lower() != second.hashes[name].lower() for name in common)


RULE = Rule(
    code="EL108",
    name="conflicting-hash",
    title="files with two digests",
    reason="Two digests for one file mean that it was exchanged, or that the lock was merged by "
    "hand: one of the two installs fails, or installs something else.",
    remedy="find out which file is the right one, and write the lock again with its tool.",
    severity=Severity.ERROR,
    find=_find,
)
