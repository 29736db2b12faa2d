"""EL102: digests that can be forged, and digests that are none.

MD5 and SHA-1 collide at will (RFC 6151; https://shattered.io): they find a broken download, not an
exchanged one. A digest of a wrong length or with other signs than hexadecimal ones fits no file.
`conda list --explicit` writes MD5 unless it is asked otherwise:
https://docs.conda.io/projects/conda/en/stable/commands/list.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.audit.addresses import file_name
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind, FoundPackage, Origin

_LENGTHS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "blake2b": 128,
}
_WEAK = frozenset({"md5", "sha1"})
_WORDS = {"md5": "MD5", "sha1": "SHA-1"}
_HEX = re.compile(r"[0-9a-fA-F]*")


def _find(case: Case) -> Iterable[Hit]:
    remedy = _EXPLICIT if case.reading.kind is FileKind.EXPLICIT else ""
    for package in case.reading.packages:
        for origin in package.origins:
            yield from _malformed(package, origin)
        weak = [item for item in package.origins if item.hashes and _WEAK.issuperset(item.hashes)]
        if weak:
            yield _weak(package, weak, remedy)


def _malformed(package: FoundPackage, origin: Origin) -> Iterable[Hit]:
    for name, digest in origin.hashes.items():
        expected = _LENGTHS.get(name)
        problem = ""
        if not _HEX.fullmatch(digest):
            problem = "has signs in it that are not hexadecimal"
        elif expected is not None and len(digest) != expected:
            problem = f"has {len(digest)} digits where {expected} are right"
        if problem:
            yield Hit(
                message=f"the {name} of `{_name(package, origin)}` {problem}: no file can fit it.",
                line=origin.line or package.line,
                subject=package.name,
                remedy="write the lock again with its tool; a digest is never typed by hand.",
                severity=Severity.ERROR,
                together="{count} packages have a digest that no file can fit: {subjects}.",
            )


def _weak(package: FoundPackage, weak: list[Origin], remedy: str) -> Hit:
    kinds = " and ".join(_WORDS[name] for name in sorted({*weak[0].hashes}))
    return Hit(
        message=f"`{_name(package, weak[0])}` has only an {kinds} digest, which another file can "
        "be made to have.",
        line=weak[0].line or package.line,
        subject=package.name,
        remedy=remedy,
        together=f"{{count}} packages have only an {kinds} digest, which another file can be "
        "made to have: {subjects}.",
    )


def _name(package: FoundPackage, origin: Origin) -> str:
    return file_name(origin.address) or package.name


_EXPLICIT = (
    "write the list again with `conda list --explicit --sha256`, or lock the environment with "
    "`envlock import` and `envlock solve`."
)

RULE = Rule(
    code="EL102",
    name="weak-hash",
    title="digests that are weak or malformed",
    reason="MD5 and SHA-1 can be forged: they find a broken download, not an exchanged one.",
    remedy="lock it again with a tool that writes SHA-256, or let `envlock audit --fix` take it "
    "from an index pin.",
    severity=Severity.WARNING,
    find=_find,
)
