"""EL101: nothing says which bytes a package is.

In a lock each package without a hash is told. In a wish list a hash makes sense only for what has
a version (EL201 tells the rest), and one cause leaves all of them out: told once for a file. But
where some rows of a requirements file have hashes and others not, pip refuses it all:
https://pip.pypa.io/en/stable/topics/secure-installs/
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.addresses import file_name, is_path, parse_address
from envlock.audit.rule import LOCKS, WISHES, Case, Hit, Rule
from envlock.audit.wishes import is_pinned
from envlock.audit.wording import count, some
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FileKind, FoundPackage, Origin, OriginKind

_FILES = (OriginKind.CONDA, OriginKind.WHEEL, OriginKind.SDIST, OriginKind.OTHER)


def _find(case: Case) -> Iterable[Hit]:
    if case.reading.kind.is_lock:
        return _of_lock(case)
    return _of_wishes(case)


def _of_lock(case: Case) -> Iterable[Hit]:
    for package in case.reading.packages:
        if package.name.startswith("__"):
            continue  # a property of the machine, which EL104 tells
        files = [item for item in package.origins if item.kind in _FILES]
        bare = [item for item in files if not item.hashes]
        if not bare:
            continue
        what = (
            f"`{file_name(bare[0].address)}` has no hash"
            if len(files) == 1
            else f"{len(bare)} of the {len(files)} files of `{package.name}` "
            f"{'has' if len(bare) == 1 else 'have'} no hash"
        )
        yield Hit(
            message=f"{what}: whatever is served under its address is installed as "
            f"`{package.name}`.",
            line=bare[0].line or package.line,
            subject=package.name,
            together="{count} packages have no hash: {subjects}. Whatever is served under their "
            "addresses is installed.",
        )


_BY_HASH = (Ecosystem.CONDA, Ecosystem.PYPI)
"""Their installers can check a hash; apt's index is signed, and images have digests (EL203)."""


def _of_wishes(case: Case) -> Iterable[Hit]:
    rows = [item for item in case.reading.packages if item.ecosystem in _BY_HASH]
    hashed = [item for item in rows if _has_hash(item)]
    bare = [item for item in rows if not _has_hash(item) and _could_have(item)]
    if hashed and case.reading.kind is FileKind.REQUIREMENTS:
        for package in bare:
            yield Hit(
                message=f"`{package.name}` has no hash while other rows have: pip then refuses "
                "the whole file.",
                line=package.line,
                subject=package.name,
                remedy=_COMPILE,
                together="{count} packages have no hash while other rows have: {subjects}. pip "
                "then refuses the whole file.",
            )
    elif bare:
        names = some(item.name for item in bare)
        yield Hit(
            message=f"{count(len(bare), 'package')} of this file "
            f"{'has' if len(bare) == 1 else 'have'} a version and no hash ({names}): nothing "
            "says whether tomorrow's files are the same ones.",
            line=bare[0].line,
            remedy=_REMEDIES[case.reading.kind],
            severity=Severity.WARNING,
        )


def _has_hash(package: FoundPackage) -> bool:
    return any(item.hashes for item in package.origins)


def _could_have(package: FoundPackage) -> bool:
    return is_pinned(package) and not any(
        item.kind in (OriginKind.GIT, OriginKind.FOLDER) or _is_on_disk(item)
        for item in package.origins
    )


def _is_on_disk(origin: Origin) -> bool:
    return bool(origin.address) and is_path(parse_address(origin.address))


_COMPILE = (
    "write the hashes of all rows: `uv pip compile --generate-hashes` or `pip-compile "
    "--generate-hashes`, and install with `pip install --require-hashes -r FILE`."
)
_REMEDIES = {
    FileKind.REQUIREMENTS: _COMPILE,
    FileKind.ENVIRONMENT: "an environment file cannot hold hashes: draft a stack with `envlock "
    "import FILE`, lock it with `envlock solve`, and install from the lock.",
    FileKind.DOCKERFILE: "install from a lock or from a requirements file with hashes: `COPY` it "
    "and `RUN pip install --require-hashes -r requirements.txt`.",
}

RULE = Rule(
    code="EL101",
    name="missing-hash",
    title="files without a hash",
    reason="Without a hash nobody can tell whether the file that is downloaded tomorrow is the "
    "one that was locked.",
    remedy="lock it again with a tool that writes SHA-256 for every file, or let `envlock audit "
    "--fix` take the hash from an index pin.",
    severity=Severity.ERROR,
    find=_find,
    is_met_by_lock=True,
    kinds=LOCKS | WISHES,
)
